# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cache/locations.py: a shared datastore is used through a cluster that can."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import locations
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import vc
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.inventory import Cluster, Datacenter, Datastore, Host

DATACENTER = Datacenter("datacenter-1", "dc1", "yard/dc1", "group-v1")


def host(name, state="connected", maintenance=False):
    return Host(f"host-{name}", name, state, maintenance, 1, 1, 1)


def hypervisor(name, *hosts, drs=True, mounts=None):
    """A cluster whose hosts all mount one datastore for writing, unless told otherwise."""
    mounts = {one.moid: True for one in hosts} if mounts is None else mounts
    datastore = Datastore("datastore-1", "shared", "VMFS", True, None, 1, 1, mounts, None)
    cluster = Cluster(
        moid=f"domain-{name}", name=name, path=f"/dc1/host/{name}", datacenter=DATACENTER, resource_pool=f"pool-{name}",
        hosts=tuple(one.moid for one in hosts), datastores=("datastore-1",),
        drs_enabled=drs, drs_behavior=None, ha_enabled=True, ha_admission_control=True,
    )  # fmt: skip
    return vc.hypervisor(cluster, None, {one.moid: one for one in hosts}, {datastore.moid: datastore}, "uuid")


OUT, GONE, FINE, ALSO = host("out", maintenance=True), host("gone", "notResponding"), host("fine"), host("also")


@pytest.mark.parametrize(
    "clusters, pool, import_host",
    [
        ([hypervisor("a", FINE), hypervisor("b", ALSO)], "pool-a", None),
        ([hypervisor("a", OUT), hypervisor("b", ALSO)], "pool-b", None),
        ([hypervisor("a", GONE, OUT), hypervisor("b", OUT, drs=False)], "pool-a", None),
        ([hypervisor("a", FINE, mounts={"host-fine": False}), hypervisor("b", ALSO)], "pool-b", None),
        ([hypervisor("a", FINE, drs=False), hypervisor("b", ALSO)], "pool-b", None),
        ([hypervisor("a", OUT), hypervisor("b", ALSO, drs=False)], "pool-b", "host-also"),
        ([hypervisor("a", OUT, FINE, drs=False)], "pool-a", "host-fine"),
    ],
)
def test_imports_go_through_a_cluster_with_a_usable_host(clusters, pool, import_host):
    (found,) = locations(clusters, "vc1_base").values()
    assert (found.imports.resource_pool, found.imports.host) == (pool, import_host)
    assert found.hypervisors == tuple(one.name for one in clusters)
    writers = {moid for one in clusters for datastore in one.usable for moid, writable in datastore.mounts.items() if writable}
    assert set(found.hosts) == {name for name in ("fine", "also") if f"host-{name}" in writers}
    assert bool(found.imports.why) == bool(import_host)
    assert (found.place.datacenter_path, found.imports.vm_folder) == ("yard/dc1", "group-v1")


def test_one_storage_of_two_datacenters_comes_once():
    """The datastore with most hosts stands for both. Without a URL each is a storage of its own."""
    first, second = hypervisor("a", OUT), hypervisor("b", FINE, ALSO)
    url = "ds:///vmfs/volumes/5f1/"
    for url, moids in ((url, ["datastore-2"]), ("", ["datastore-1", "datastore-2"])):
        both = []
        for number, one in enumerate((first, second), 1):
            ((datastore, refusal),) = one.verdicts
            both.append(replace(one, verdicts=((replace(datastore, moid=f"datastore-{number}", url=url), refusal),)))
        found = locations(both, "vc1_base")
        assert list(found) == moids
        assert found["datastore-2"].hypervisors == (("a", "b") if url else ("b",))
