# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hypervisor as the module hypervisor_info tells it."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import hypervisor_info, vc
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory

GIB = 1 << 30
CENTER = inventory.Datacenter("datacenter-2", "dc1", "dc1", "group-v3")


def host(moid, state="connected", maintenance=False, threads=32, gib=128):
    return inventory.Host(moid, f"esxi-{moid}", state, maintenance, 16, threads, gib * GIB)


def datastore(moid, type_="VMFS", free=400, **mounts):
    return inventory.Datastore(moid, f"nova-{moid}", type_, True, "normal", 500 * GIB, free * GIB, mounts, None)


def described(*stores, regex=None, loads=None):
    cluster = inventory.Cluster(
        "domain-a", "a", "/dc1/host/a", CENTER, "resgroup-a", ("h1",), tuple(store.moid for store in stores), True, "manual", False, True
    )
    one = vc.hypervisor(cluster, regex, {"h1": host("h1")}, {store.moid: store for store in stores}, "uuid")
    return hypervisor_info.describe(one, loads or {})


def test_a_cluster():
    found = described(datastore("a", h1=True, other=True))
    assert (found["cluster_name"], found["hypervisor_hostname"], found["datacenter"]) == ("a", "domain-a.uuid", {"name": "dc1", "moid": "datacenter-2"})
    assert (found["drs"], found["ha"]) == ({"enabled": True, "behavior": "manual"}, {"enabled": False, "admission_control": True})
    assert found["datastores"][0]["mounted_hosts"] == ["esxi-h1"]
    assert found["totals"]["vcpus"] == 32 and found["totals"]["disk_gb"] == 500


@pytest.mark.parametrize(
    "stores, regex, best, reason",
    [
        ((), None, None, "no datastore is usable"),
        ((datastore("a"),), "^other", None, "no datastore is usable"),
        ((datastore("a"), datastore("b")), "nova-b", "nova-b", "it is the only usable datastore"),
        ((datastore("a", free=1), datastore("b", free=9)), None, "nova-b", "it has the most free space (9 GiB) of 2 usable datastores"),
    ],
)
def test_the_datastore_that_nova_would_choose(stores, regex, best, reason):
    found = described(*stores, regex=regex)
    assert (found["datastore"], found["datastore_reason"]) == (best, reason)


def test_a_host_and_its_load():
    (idle,) = described()["hosts"]
    assert (idle["memory_mb"], idle["threads"], idle["configured"]["vms"]) == (131072, 32, 0)
    (busy,) = described(loads={"h1": inventory.Load(vms=2, vcpus=4, memory_mb=8192, memory_reserved_mb=1024, cpu_reserved_mhz=5)})["hosts"]
    assert busy["configured"] == {"vms": 2, "vcpus": 4, "memory_mb": 8192} and busy["reserved"] == {"memory_mb": 1024, "cpu_mhz": 5}
