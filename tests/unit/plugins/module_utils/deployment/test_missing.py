# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification misses, and which cluster is whose."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.missing import by_compute, missing
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

COMPUTES = [{"host": "vc1-a", "vcenter": "vc1", "cluster": {"cluster_name": "a"}}, {"host": "vc1-b", "vcenter": "vc1", "cluster": {"cluster_name": "b"}}]
NODE = {
    "host": "vc1-a",
    "found": True,
    "service": {"state": "up", "status": "enabled", "updated_at": "2025-11-21T10:00:00.000000", "disabled_reason": None},
    "hypervisor": {"hypervisor_hostname": "domain-c1.x"},
    "resource_provider": {"inventories": {"VCPU": {"total": 8}, "MEMORY_MB": {"total": 1024}, "DISK_GB": {"total": 10}}},
}
HYPERVISORS = {"vc1-a": {"hypervisor_hostname": "domain-c1.x", "totals": {"vcpus": 8, "memory_mb": 1024, "disk_gb": 10}}}
REPORTED = 1763719200  # the second of updated_at


def found(change=None, **given):
    """Returns what is missing of a healthy nova-compute. :arg change: ``(path, value)`` in what Nova says of it."""
    node = copy.deepcopy(NODE)
    if change:
        *path, last = change[0].split(".")
        place = node
        for key in path:
            place = place[key]
        place[last] = change[1]
    given = {"nodes": {"compute_nodes": [node]}, "hypervisors": HYPERVISORS, "started": {}, "states": [], "rpc": [], **given}
    return missing(computes=COMPUTES[:1], **given)


def test_nothing():
    """A nova-compute that is well misses nothing, also where nothing is known to compare it with."""
    assert found() == found(hypervisors={}) == found(nodes=None) == found(started={"vc1-a": REPORTED}) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("found", False), "Nova has no service of this name"),
        (("service.state", "down"), "its service is down"),
        (("service.status", "disabled"), "its service is disabled (no reason given)"),
        (("hypervisor", None), "Nova lists no hypervisor"),
        (("hypervisor.hypervisor_hostname", "domain-c2.x"), "its hypervisor is domain-c2.x, and the cluster is domain-c1.x"),
        (("resource_provider", None), "Placement has no VCPU"),
        (("resource_provider.inventories.VCPU.total", 4), "Placement has 4 VCPU, and vCenter has 8"),
        (("resource_provider.inventories.DISK_GB", None), "Placement has no DISK_GB"),
    ],
)
def test_one_thing(change, said):
    """Each thing is said of its nova-compute, the first that explains the others."""
    assert found(change)[0].startswith(f"vc1-a: {said}")


def test_rollout_leaves_disabled_services():
    assert found(("service.status", "disabled"), rollout=True) == []


def test_report_before_the_start():
    """A service stays up in Nova for a minute after its process ended."""
    assert found(started={"vc1-a": REPORTED + 1}) == ["vc1-a: it has not reported since its last start"]


def test_units():
    """What a unit and a call by RPC say."""
    states = [{"item": "vc1-a", "rc": 3, "stdout": "failed"}]
    assert found(states=states) == ["vc1-a: its unit is failed, so that another process reports under its name"]
    assert found(rpc=[{"item": "vc1-a", "rc": 1, "stdout": "", "stderr": "x"}, {"item": "vc1-b"}]) == ["vc1-a: x", "vc1-b: no answer by RPC"]


def test_openstack_down():
    assert found(nodes={"msg": "refused"}) == ["vc1-a: OpenStack could not be asked: refused"]


def hypervisor(name):
    """Returns what hypervisor_info says of a cluster."""
    return {"cluster_name": name, "path": f"/dc/host/{name}", "moid": f"domain-{name}"}


def test_by_name():
    """Whatever the order of the answer; of each vCenter its own."""
    other = {"host": "vc2-a", "vcenter": "vc2", "cluster": {"cluster_name": "a"}}
    results = [
        {"__nova_vcdriver_name": "vc1", "hypervisors": [hypervisor("b"), hypervisor("a")]},
        {"__nova_vcdriver_name": "vc2", "hypervisors": [{**hypervisor("a"), "moid": "other"}]},
    ]
    told = by_compute(results, [*COMPUTES, other])
    assert {host: one["moid"] for host, one in told.items()} == {"vc1-a": "domain-a", "vc1-b": "domain-b", "vc2-a": "other"}


def test_cluster_is_not_told():
    with pytest.raises(NovaVmwareError) as raised:
        by_compute([{"__nova_vcdriver_name": "vc1", "hypervisors": [hypervisor("a")]}], COMPUTES)
    assert raised.value.code == "HYPERVISOR_NOT_REPORTED"
