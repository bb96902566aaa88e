# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, end to end on real services: two clusters become two hypervisors, and seeded images boot without Glance."""

from __future__ import annotations

import json
import subprocess

import pytest
from conftest import LAB, ROOT, recap

pytestmark = pytest.mark.usefixtures("demo")


def test_the_table_is_true(lab, demo):
    """What the demo printed is what Nova and Glance's request log say."""
    rows = [line.split() for line in demo.splitlines() if line.startswith("cluster-")]
    assert len(rows) >= 4
    assert {row[3] for row in rows} == {"ACTIVE"}
    assert {row[0] for row in rows} == {cluster["cluster_name"] for cluster in lab.variables["nova_vcdriver_computes"]}
    images = {image.name: image for image in lab.cloud.image.images()}
    reads = [line.split() for line in (LAB / "log" / "glance-access.log").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        # Every read of the image's data since the lab has its databases: a seeded image was read once, by us, to seed it. A look at its
        # tables, as check mode takes one, may have come before.
        image = images[row[1]]
        sent = sum(int(line[3]) for line in reads if line[:2] == ["GET", f"/v2/images/{image.id}/file"] and line[2] in ("200", "206"))
        assert image.size <= sent < 2 * image.size, row
        assert (row[2] == "yes") == (row[-1] == "0"), row
    servers = {server.name: server for server in lab.cloud.compute.servers()}
    hypervisors = lab.hypervisors()
    for cluster, image, *_rest in rows:
        host = f"{lab.variables['nova_vcdriver_vcenters'][0]['name']}-{cluster}"
        server = servers[f"{image}-{host}"]
        assert (server.status, server.hypervisor_hostname) == ("ACTIVE", hypervisors[host])


def test_nova_sees_a_cache_hit(lab):
    """Nova's own driver code, asked for each datastore that it could choose, would download none of the seeded images."""
    vcenter = dict(lab.variables["nova_vcdriver_vcenters"][0])
    documents = {image.name: image for image in lab.cloud.image.images()}
    seeded = {documents[name].id: documents[name].disk_format for name in lab.variables["image_seed_images"]}
    # Nova reads the size of the extent of a sparse image. That of a thin disk may be what is allocated, so it is seeded preallocated; on NFS every disk is
    # thin.
    sparse = documents["demo-sparse"].id
    never = "00000000-0000-4000-8000-000000000000"
    asked = {
        **{name: vcenter[name] for name in ("host_ip", "host_port", "host_username", "host_password", "ca_file")},
        "cache_prefix": vcenter["name"],
        "clusters": lab.variables["nova_vcdriver_computes"],
        "images": {**seeded, never: "vmdk"},
    }
    done = subprocess.run(
        [LAB / "openstack" / "bin" / "python", "-W", "ignore", ROOT / "tests" / "acceptance" / "nova_judge.py"],
        input=json.dumps(asked), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout)
    assert {cluster: sorted(found) for cluster, found in answer.items()} == {
        "cluster-a": ["nova-a1", "nova-a2", "nova-shared"], "cluster-b": ["nova-b1", "nova-shared"],
    }  # fmt: skip
    for found in answer.values():
        for datastore, sizes in found.items():
            assert sizes.pop(never) is None, "a judge that never says no is none"
            assert all(size is not None for size in sizes.values())
            assert sizes[sparse] == 1 << 30 or datastore == "nova-b1"


def test_second_run_changes_nothing(lab):
    output = lab.ansible("ansible-playbook", "playbooks/site.yml")
    for host, counts in recap(output).items():
        assert counts["changed"] == 0, host


@pytest.fixture(scope="module")
def checked(lab):
    """What a run in check mode prints that says all it can."""
    return lab.ansible("ansible-playbook", "playbooks/site.yml", "--check", "--diff", "-vvvv")


def test_check_mode_on_a_deployed_host(checked):
    for host, counts in recap(checked).items():
        assert counts["changed"] == 0, host
        assert counts["failed"] == 0, host


def test_nova_and_placement_say_what_vcenter_says(lab):
    nodes = {node["host"]: node for node in lab.module("compute_node_info", hosts=lab.hosts, openstack={"cloud": "lab"})["compute_nodes"]}
    clusters = [{key: cluster[key] for key in ("cluster_name", "datastore_regex")} for cluster in lab.variables["nova_vcdriver_computes"]]
    truth = lab.module("hypervisor_info", hypervisors=clusters, **lab.vcenter())["hypervisors"]
    assert len(truth) == 2
    for hypervisor, host in zip(truth, lab.hosts):
        node = nodes[host]
        assert (node["service"]["state"], node["service"]["status"]) == ("up", "enabled")
        assert node["hypervisor"]["hypervisor_hostname"] == hypervisor["hypervisor_hostname"]
        inventories, totals = node["resource_provider"]["inventories"], hypervisor["totals"]
        assert inventories["VCPU"]["total"] == totals["vcpus"]
        assert inventories["VCPU"]["max_unit"] == totals["max_unit_vcpus"]
        assert inventories["MEMORY_MB"]["total"] == totals["memory_mb"]
        assert inventories["MEMORY_MB"]["max_unit"] == totals["max_unit_memory_mb"]
        assert inventories["DISK_GB"]["total"] == totals["disk_gb"]


def test_an_image_in_use_is_not_removed(lab):
    """A server of the demo is a linked clone of this image."""
    clusters = [{"cluster_name": cluster["cluster_name"], "datastore_regex": cluster["datastore_regex"]}
                for cluster in lab.variables["nova_vcdriver_computes"]]  # fmt: skip
    options = {
        "images": ["demo-sparse"], "state": "absent", "hypervisors": clusters,
        "cache_prefix": lab.variables["nova_vcdriver_vcenters"][0]["name"], "openstack": {"cloud": "lab"}, **lab.vcenter(),
    }  # fmt: skip
    try:
        lab.module("image_cache", **options)
    except AssertionError as error:
        assert "IMAGE_IN_USE" in str(error)
    else:
        raise AssertionError("the image was removed under a server")


def _secrets(lab):
    """Passwords that the playbook handles."""
    vcenter, auth = lab.variables["nova_vcdriver_vcenters"][0], lab.variables["nova_vcdriver_auth"]
    return {vcenter["host_password"], auth["password"], lab.variables["nova_vcdriver_transport_url"].split(":")[2].split("@")[0]}


def test_no_secret_is_printed(lab, demo, checked):
    """Not by the demo, not by a run that says all it can, and not in the command line of any process."""
    texts = {"the demo": demo, "-vvvv": checked}
    texts["the process list"] = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert [name for name, text in texts.items() if any(secret in text for secret in _secrets(lab))] == []


def test_only_root_and_nova_can_read_a_secret_on_the_compute_host(lab):
    """One file a service, and neither the journal nor a log."""
    script = """
        set -eu
        words=/root/words.$$; trap 'rm -f $words' EXIT; umask 077; cat >$words
        echo "journal $(journalctl --no-pager | grep -c -F -f $words)"
        files=$(grep -r -l -I -s -F -f $words /etc /opt /var/log /var/lib/nova /var/tmp /run /tmp /root /home) || true
        for file in $files; do [ $file = $words ] || stat -c '%a %U:%G %n' $file; done
    """
    journal, *files = lab.shell(script, "\n".join(_secrets(lab))).splitlines()
    assert journal == "journal 0"
    assert sorted(files) == sorted(f"640 root:nova /etc/nova/vmware/{host}/secrets.conf" for host in lab.hosts)
