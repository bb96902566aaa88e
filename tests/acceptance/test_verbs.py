# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Day 2: each verb's playbook on real services, its second run, and what it refuses. The tests go on from each other's state."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import socket
import subprocess

import pytest
from conftest import LAB, ROOT, recap
from labctl import base

pytestmark = pytest.mark.usefixtures("demo")

A, B = "vc1-cluster-a", "vc1-cluster-b"


def play(verb, *options, code=0):
    """Runs a verb's playbook on the lab. Gives its output; fails the test unless it ends with that exit code."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(LAB / "ansible.cfg"), "NO_COLOR": "1"}
    done = subprocess.run(
        [LAB / "venv/bin/ansible-playbook", f"playbooks/{verb}.yml", *options], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=900, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    with open(LAB / "log" / "verbs.log", "a", encoding="utf-8") as log:
        log.write(f"$ ansible-playbook playbooks/{verb}.yml {' '.join(options)}\n{output}\n")
    for line in [f"$ {verb} {' '.join(options)}", *output[output.find("PLAY RECAP") :].splitlines()]:
        print(line)
    assert done.returncode == code, output[-6000:]
    return output


def changes(output):
    """Gives how much a playbook changed."""
    return sum(counts["changed"] for counts in recap(output).values())


def twice(verb, *options):
    """Runs a verb's playbook, and once more, which must change nothing. Gives the first output."""
    first = play(verb, *options)
    assert changes(first) > 0
    assert changes(play(verb, *options)) == 0
    return first


def variables(tmp_path, **values):
    """Gives the option that sets variables from a file, as they may be secret."""
    path = tmp_path / "variables.json"
    base.write_private(path, json.dumps(values))
    return "-e", f"@{path}"


def account(name, password):
    """Makes an account of the simulated vCenter, changes its password, or removes it."""

    class Control(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(base.sockets() / "vcenter.sock"))

    connection = Control("vcsim")
    connection.request("POST", "/do", json.dumps({"account": {"username": name, "password": password}}))
    assert connection.getresponse().status == 204


def on_host(lab, command):
    """Runs a shell command on the compute host. Gives its output."""
    output = lab.ansible("ansible", "nova_vcdriver", "-m", "ansible.builtin.shell", "-a", command)
    return output.split(">>\n", 1)[1]


def started(lab):
    """Gives since when each nova-compute runs."""
    show = "systemctl show --value -p ExecMainStartTimestampMonotonic nova-vcdriver@"
    return on_host(lab, f"{show}{A} nova-vcdriver@{B}").split()


@pytest.fixture(scope="module")
def vcenter(lab):
    return lab.variables["nova_vcdriver_vcenters"][0]


def test_a_wrong_password_is_refused_before_anything_changes(lab, vcenter, tmp_path):
    before = started(lab)
    output = play("rotate_password", *variables(tmp_path, nova_vcdriver_vcenters=[{**vcenter, "host_password": "not-this-one"}]), code=2)
    assert "INVALID_LOGIN" in output
    assert recap(output)["compute-1"]["changed"] == 0
    assert started(lab) == before


def test_rotate_password(lab, vcenter, tmp_path):
    """A second account replaces the first one on one nova-compute after the other; then the first one is dropped, by the operator's tasks."""
    account("nova-2@vsphere.local", "second-secret")
    lab.module("vsphere_role", principal="nova-2@vsphere.local", datacenters=["dc1"], **lab.vcenter())
    marker = tmp_path / "retired"
    retire = tmp_path / "retire.yml"
    retire.write_text(
        "- name: Drop the account\n  ansible.builtin.copy:\n    content: '{{ nova_vcdriver_retired | to_json }}'\n"
        f"    dest: {marker}\n    mode: '0600'\n  delegate_to: localhost\n  become: false\n",
        encoding="utf-8",
    )
    new = {**vcenter, "host_username": "nova-2@vsphere.local", "host_password": "second-secret"}
    output = twice("rotate_password", *variables(tmp_path, nova_vcdriver_vcenters=[new], nova_vcdriver_retire_tasks=str(retire)))
    assert json.loads(marker.read_text(encoding="utf-8"))["host_username"] == vcenter["host_username"]
    assert "second-secret" not in output
    # The second one was restarted after the first one was verified.
    assert output.index(f"{A}: up, compute answered by RPC") < output.index(f"{B}: up, compute answered by RPC")
    account(vcenter["host_username"], "")
    # One account with a new password, and the way back to the inventory's.
    account(vcenter["host_username"], vcenter["host_password"])
    assert changes(play("rotate_password")) > 0


def test_change_certificate(lab, vcenter, tmp_path):
    """First a file with the old CA and another one. A file without the vCenter's CA is refused before anything changes."""
    other = tmp_path / "other.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Another CA", "-days", "30",
         "-keyout", tmp_path / "other.key", "-out", other], check=True, capture_output=True,
    )  # fmt: skip
    before = started(lab)
    play("change_certificate", *variables(tmp_path, nova_vcdriver_vcenters=[{**vcenter, "ca_file": str(other)}]), code=2)
    assert started(lab) == before
    both = tmp_path / "both.pem"
    both.write_text((LAB / "tls/ca.pem").read_text(encoding="utf-8") + other.read_text(encoding="utf-8"), encoding="utf-8")
    options = ("-e", f"nova_vcdriver_only={A}")
    twice("change_certificate", *options, *variables(tmp_path, nova_vcdriver_vcenters=[{**vcenter, "ca_file": str(both)}]))
    assert on_host(lab, "grep -c BEGIN /etc/nova/vcdriver/*/ca.pem").split() == [
        f"/etc/nova/vcdriver/{A}/ca.pem:2", f"/etc/nova/vcdriver/{B}/ca.pem:1",
    ]  # fmt: skip
    play("change_certificate")


def test_a_failed_upgrade_stops_and_goes_back(lab, tmp_path):
    """The new release's nova-compute does not start: the first one goes back to the old release, the second one is never touched."""
    pins = tmp_path / "pins.txt"
    shipped = (ROOT / "roles/nova_vcdriver/files/constraints-34.0.0.txt").read_text(encoding="utf-8")
    pins.write_text(shipped + "# another release\n", encoding="utf-8")
    old = on_host(lab, f"readlink /opt/nova-vcdriver/current/{A}").strip()
    digest = hashlib.sha256(pins.read_bytes().rstrip()).hexdigest()[:8]
    new = f"/opt/nova-vcdriver/34.0.0-{digest}"
    # An installation whose Nova can judge a configuration and cannot run.
    on_host(
        lab,
        f"cp -a {old} {new} && printf '#!/bin/sh\\necho broken release >&2\\nexit 1\\n' >{new}/bin/nova-compute && cp -p {old}.txt {new}.txt",
    )
    before = started(lab)
    output = play("upgrade", "-e", f"nova_vcdriver_constraints={pins}", "-e", "nova_vcdriver_timeout=60", code=2)
    assert f"{A} did not come up with the change. It was put back, and runs again as before" in output
    assert "broken release" in output
    assert on_host(lab, f"readlink /opt/nova-vcdriver/current/{A} /opt/nova-vcdriver/current/{B}").split() == [old, old]
    assert started(lab)[1] == before[1]
    on_host(lab, f"rm -rf {new} {new}.txt")


def test_report_drift(lab, tmp_path):
    """Nothing on a host as it should be; else each difference, by its name."""
    report = tmp_path / "drift.json"
    options = ("-e", f"nova_vcdriver_drift_file={report}")
    play("report_drift", *options)
    assert json.loads(report.read_text(encoding="utf-8")) == {"compute-1": []}
    on_host(lab, f"echo '[DEFAULT]' >>/etc/nova/vcdriver/{B}/nova.conf; mkdir /etc/nova/vcdriver/vc1-gone; touch /etc/nova/vcdriver/vc1-gone/nova.conf")
    lab.module("compute_service", host=A, state="disabled", disabled_reason="by hand", openstack={"cloud": "lab"})
    before = on_host(lab, "sha256sum /etc/nova/vcdriver/*/*.conf")
    output = play("report_drift", *options, code=2)
    assert changes(output) == 0 or on_host(lab, "sha256sum /etc/nova/vcdriver/*/*.conf") == before
    found = {(item["host"], item["what"]) for item in json.loads(report.read_text(encoding="utf-8"))["compute-1"]}
    assert found == {(B, "nova.conf"), (B, "process"), ("vc1-gone", "deployed"), (A, "Nova and Placement")}
    on_host(lab, "rm -r /etc/nova/vcdriver/vc1-gone")
    lab.module("compute_service", host=A, state="enabled", openstack={"cloud": "lab"})
    play("site", "--tags", "nova_vcdriver_configure,nova_vcdriver_service,nova_vcdriver_verify")
    play("report_drift")


def test_drain_and_enable(lab):
    """Servers stay and are named; the scheduler is kept away."""
    output = twice("drain", "-e", f"nova_vcdriver_only={A}", "-e", "nova_vcdriver_drain_reason=test")
    assert re.search(rf"{A}: disabled \(test\), [1-9][0-9]* servers live there: demo-", output)
    (service,) = [one for one in lab.cloud.compute.services() if one.host == A]
    assert (service.status, service.disabled_reason) == ("disabled", "test")
    twice("enable", "-e", f"nova_vcdriver_only={A}")


def test_remove_cluster_refuses_while_servers_live_there(lab):
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
    twice("remove_cluster", "-e", f"nova_vcdriver_only={B}")
    assert B not in {one.host for one in lab.cloud.compute.services()}
    assert node["resource_provider"]["uuid"] not in {one.id for one in lab.cloud.placement.resource_providers()}
    assert B not in on_host(lab, "ls /etc/nova/vcdriver /var/lib/nova /opt/nova-vcdriver/current; systemctl list-units --all 'nova-vcdriver@*'")
    before = started(lab)[0]
    canary = ("-e", "nova_vcdriver_canary=true", "-e", "nova_vcdriver_canary_image=demo-stream", "-e", "nova_vcdriver_canary_flavor=demo")
    output = twice("add_cluster", "-e", f"nova_vcdriver_only={B}", *canary)
    assert re.search(rf"{B}: ACTIVE after [0-9.]+ s on domain-", output)
    assert started(lab)[0] == before, "the other nova-compute was restarted"
    assert not [one.name for one in lab.cloud.compute.servers(all_projects=True) if one.name.startswith("canary-")]
