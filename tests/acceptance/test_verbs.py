# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Day 2: each verb's playbook on real services, in check mode, for real and again, and what it refuses. The tests go on from each other's state.

Rotation, upgrade and what a removal leaves are molecule scenarios as well.
"""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml
from conftest import LAB, ROOT, recap
from day2 import A, B, changed_tasks, changes, checked, kill, on_host, play, started, twice, variables
from labctl import base, simulator

pytestmark = pytest.mark.usefixtures("demo")


def account(name, password):
    """Makes an account of the simulated vCenter, changes its password, or removes it."""
    simulator.ask(base.sockets() / "vcenter.sock", "POST", "/do", {"account": {"username": name, "password": password}})


@pytest.fixture(scope="module")
def vcenter(lab):
    return lab.variables["nova_vcdriver_vcenters"][0]


def test_change_certificate(lab, vcenter, tmp_path):
    """First a file with the old CA and another one. A file without the vCenter's CA is refused before anything changes."""
    other = tmp_path / "other.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Another CA", "-days", "30",
         "-keyout", tmp_path / "other.key", "-out", other], check=True, capture_output=True,
    )  # fmt: skip
    options = ("-e", f"nova_vcdriver_only={A}")
    before = started(lab)
    play("change_certificate", *options, *variables(tmp_path, nova_vcdriver_vcenters=[{**vcenter, "ca_file": str(other)}]), code=2)
    assert started(lab) == before
    both = tmp_path / "both.pem"
    both.write_text((LAB / "tls/ca.pem").read_text(encoding="utf-8") + other.read_text(encoding="utf-8"), encoding="utf-8")
    twice(lab, "change_certificate", *options, *variables(tmp_path, nova_vcdriver_vcenters=[{**vcenter, "ca_file": str(both)}]))
    assert on_host(lab, "grep -c BEGIN /etc/nova/vmware/*/ca.pem").split() == [
        f"/etc/nova/vmware/{A}/ca.pem:2", f"/etc/nova/vmware/{B}/ca.pem:1",
    ]  # fmt: skip
    play("change_certificate", *options)


def certificates(lab):
    """Gives how many certificates are in the ca.pem of each nova-compute."""
    return [int(count) for count in on_host(lab, f"cd /etc/nova/vmware; cat {A}/ca.pem | grep -c BEGIN; cat {B}/ca.pem | grep -c BEGIN").split()]


def test_a_killed_rollout_is_put_back(lab, vcenter, tmp_path):
    """SIGKILL between the files of a nova-compute and its restart: the report of drift knows, and site.yml with the old inventory puts back what was
    there, and keeps nothing that a later rollout could go back to."""
    both = tmp_path / "both.pem"
    both.write_text((LAB / "tls/ca.pem").read_text(encoding="utf-8") * 2, encoding="utf-8")
    options = variables(tmp_path, nova_vcdriver_vcenters=[{**vcenter, "ca_file": str(both)}], nova_vcdriver_only=[A])
    before = started(lab)
    kill("change_certificate", *options, at="See how old its files are")
    assert certificates(lab) == [2, 1]
    assert started(lab) == before
    report = tmp_path / "drift.json"
    play("report_drift", *options, "-e", f"nova_vcdriver_drift_file={report}", code=2)
    found = {(item["host"], item["what"]) for item in json.loads(report.read_text(encoding="utf-8"))["compute-1"]}
    assert found == {(A, "rollout"), (A, "process")}
    play("site", "-e", f"nova_vcdriver_only={A}", "--tags", "nova_vcdriver_configure,nova_vcdriver_service,nova_vcdriver_verify")
    assert certificates(lab) == [1, 1]
    assert "kept" not in on_host(lab, "ls /etc/nova/vmware")
    after = started(lab)
    assert after[0] != before[0] and after[1] == before[1]


def test_report_drift(lab, tmp_path):
    """Nothing on a host as it should be; else each difference, by its name."""
    report = tmp_path / "drift.json"
    options = ("-e", f"nova_vcdriver_drift_file={report}")
    play("report_drift", *options)
    assert json.loads(report.read_text(encoding="utf-8")) == {"compute-1": []}
    on_host(lab, f"echo '[DEFAULT]' >>/etc/nova/vmware/{B}/nova.conf; mkdir /etc/nova/vmware/vc1-gone; touch /etc/nova/vmware/vc1-gone/nova.conf")
    lab.module("compute_service", host=A, state="disabled", disabled_reason="by hand", openstack={"cloud": "lab"})
    before = on_host(lab, "sha256sum /etc/nova/vmware/*/*.conf")
    output = play("report_drift", *options, code=2)
    assert changes(output) == 0 or on_host(lab, "sha256sum /etc/nova/vmware/*/*.conf") == before
    found = {(item["host"], item["what"]) for item in json.loads(report.read_text(encoding="utf-8"))["compute-1"]}
    assert found == {(B, "nova.conf"), (B, "process"), ("vc1-gone", "deployed"), (A, "Nova and Placement")}
    on_host(lab, "rm -r /etc/nova/vmware/vc1-gone")
    lab.module("compute_service", host=A, state="enabled", openstack={"cloud": "lab"})
    play("site", "--tags", "nova_vcdriver_configure,nova_vcdriver_service,nova_vcdriver_verify")
    play("report_drift")


def test_drain_and_enable(lab):
    """Servers stay and are named; the scheduler is kept away."""
    output = twice(lab, "drain", "-e", f"nova_vcdriver_only={A}", "-e", "nova_vcdriver_drain_reason=test")
    assert re.search(rf"{A}: disabled \(test\), [1-9][0-9]* servers live there: demo-", output)
    (service,) = [one for one in lab.cloud.compute.services() if one.host == A]
    assert (service.status, service.disabled_reason) == ("disabled", "test")
    twice(lab, "enable", "-e", f"nova_vcdriver_only={A}")


def test_remove_cluster_refuses_while_servers_live_there(lab):
    assert "SERVICE_HAS_SERVERS" in checked(lab, "remove_cluster", "-e", f"nova_vcdriver_only={A}", code=2)
    before = started(lab)
    output = play("remove_cluster", "-e", f"nova_vcdriver_only={A}", code=2)
    assert "SERVICE_HAS_SERVERS" in output
    assert "demo-sparse-vc1-cluster-a" in output
    assert started(lab) == before
    play("enable", "-e", f"nova_vcdriver_only={A}")


def test_remove_and_add_cluster(lab):
    """Nothing of it is left in Nova, in Placement and on the host; added again it takes a server."""
    servers = list(lab.cloud.compute.servers(all_projects=True, compute_host=B))
    for server in servers:
        lab.cloud.compute.delete_server(server)
    for server in servers:
        lab.cloud.compute.wait_for_delete(server, interval=1, wait=120)
    (node,) = lab.module("compute_node_info", hosts=[B], openstack={"cloud": "lab"})["compute_nodes"]
    assert changes(play("remove_cluster", "-e", f"nova_vcdriver_only={B}")) > 0
    assert B not in {one.host for one in lab.cloud.compute.services()}
    assert node["resource_provider"]["uuid"] not in {one.id for one in lab.cloud.placement.resource_providers()}
    assert B not in on_host(lab, "ls /etc/nova/vmware /var/lib/nova /opt/nova-vmware/current; systemctl list-units --all 'nova-vmware@*'")
    before = started(lab)[0]
    canary = ("-e", "nova_vcdriver_canary=true", "-e", "nova_vcdriver_canary_image=demo-stream", "-e", "nova_vcdriver_canary_flavor=demo")
    output = twice(lab, "add_cluster", "-e", f"nova_vcdriver_only={B}", *canary)
    assert re.search(rf"{B}: ACTIVE after [0-9.]+ s on domain-", output)
    assert started(lab)[0] == before, "the other nova-compute was restarted"
    assert not [one.name for one in lab.cloud.compute.servers(all_projects=True) if one.name.startswith("canary-")]


def test_log_rotation(lab):
    """A log of max_logfile_size_mb is put aside at the next line; no line is lost, and who may read the old file may read the new one."""
    folder = f"/var/log/nova/{A}"
    since = on_host(lab, f"truncate -s 100M {folder}/nova-compute.log; journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p'").strip()
    lab.module("compute_canary", host=A, image="demo-sparse", flavor="demo", openstack={"cloud": "lab"})
    journal = f"journalctl -u nova-vmware@{A} --after-cursor '{since}' -o cat --no-pager -q"
    # journald drops blanks at the end of a line.
    lost = f"sed 's/ *$//' {folder}/nova-compute.log | grep -vxFf - {folder}/journal | wc -l"
    lines = on_host(lab, f"{journal} >{folder}/journal; wc -l <{folder}/journal; {lost}; rm {folder}/journal").split()
    assert int(lines[0]) > 5 and lines[1] == "0", "lines of the journal, and how many of them are not in the new file"
    found = on_host(lab, f"cd {folder}; stat -c '%n %s %U %G %a' nova-compute.log nova-compute.log.1").split("\n")
    assert re.fullmatch(r"nova-compute.log [1-9][0-9]{2,6} nova adm 640", found[0])
    assert found[1] == "nova-compute.log.1 104857600 nova adm 640"
    on_host(lab, f"rm {folder}/nova-compute.log.1")


def test_cluster_settings(lab):
    """DRS that is off is a finding, unless the role is told to turn it on; then it does."""
    name = B.removeprefix("vc1-")
    lab.module("vsphere_cluster_settings", clusters=[name], drs={"enabled": False}, **lab.vcenter())
    assert "DRS_OFF: /dc1/host/cluster-b" in play("preflight", code=2)
    wish = ("-e", json.dumps({"nova_vcdriver_cluster_settings": {"drs": {}}}))
    assert "cluster settings" in play("report_drift", *wish, code=2)
    twice(lab, "site", *wish, "--tags", "nova_vcdriver_preflight,nova_vcdriver_cluster_settings")


def test_a_compute_host_that_is_down(lab, vcenter, tmp_path):
    """A rollout does not begin without it, and drops no account while it was left out. A drain needs no compute host."""
    down = {"ansible_host": "127.255.255.1", "ansible_port": 1, "nova_vcdriver_my_ip": "127.255.255.1"}
    down["nova_vcdriver_computes"] = [{"cluster_name": "cluster-z"}]
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"nova_vcdriver": {"hosts": {"compute-9": down}}}), encoding="utf-8")
    inventory = ("-i", str(tmp_path / "hosts.yml"), "-i", str(LAB / "inventory"))
    before = started(lab)
    output = play("change_certificate", *inventory, code=4)
    assert recap(output)["compute-1"]["changed"] == 0
    assert started(lab) == before
    new = {**vcenter, "host_username": "nova-3@vsphere.local", "host_password": "third-secret"}
    account("nova-3@vsphere.local", "third-secret")
    lab.module("vsphere_role", principal="nova-3@vsphere.local", datacenters=["dc1"], **lab.vcenter())
    output = checked(lab, "rotate_password", *inventory, "--limit", "compute-1", *variables(tmp_path, nova_vcdriver_vcenters=[new]))
    assert "is kept, since compute-9 was not in this run" in " ".join(output.split())
    assert "third-secret" not in output
    play("drain", *inventory, "-e", f"nova_vcdriver_only={A}")
    play("enable", *inventory, "-e", f"nova_vcdriver_only={A}")
    assert "Nothing was changed" in play("drain", "-e", f"nova_vcdriver_only={A},vc1-no-such", code=2)
    (service,) = [one for one in lab.cloud.compute.services() if one.host == A]
    assert service.status == "enabled"


def test_check_mode_of_an_upgrade(lab, tmp_path):
    """Other pins are another installation: it would be made, and the nova-compute moved to it and restarted."""
    pins = tmp_path / "pins.txt"
    pins.write_text((ROOT / "roles/nova_vcdriver/files/constraints-34.0.0.txt").read_text(encoding="utf-8") + "# other\n", encoding="utf-8")
    tasks = changed_tasks(checked(lab, "upgrade", "-e", f"nova_vcdriver_constraints={pins}", "-e", f"nova_vcdriver_only={A}"))
    assert [task for task, _host, _item in tasks] == [
        "Copy the pins", "Make the venv", "Install Nova with its VMware driver", "Mark the venv as complete",
        "Link each nova-compute to its Nova", "Restart each nova-compute that runs with older files",
    ]  # fmt: skip
