# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the same of every hypervisor: who counts, what it has, and where a disk is imported."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import Hypervisor, ImportPlace, Totals
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory

GIB = 1 << 30
CENTER = inventory.Datacenter("datacenter-2", "dc1", "dc1", "group-v3")


def host(moid, state="connected", maintenance=False, threads=32, gib=128):
    return inventory.Host(moid, f"esxi-{moid}", state, maintenance, 16, threads, gib * GIB)


def datastore(moid, type_="VMFS", free=400, **mounts):
    return inventory.Datastore(moid, f"nova-{moid}", type_, True, "normal", 500 * GIB, free * GIB, mounts, None)


def hypervisor(hosts=(), verdicts=(), **more):
    return Hypervisor("cluster_name", "cluster", "a", "domain-a", "/dc1/host/a", "domain-a.uuid", CENTER, "resgroup-a", tuple(hosts), tuple(verdicts), **more)


HOSTS = [host("h1"), host("h2", threads=64, gib=64), host("out", maintenance=True, threads=512), host("gone", "disconnected", gib=999)]


def test_totals_are_of_what_counts():
    one = hypervisor(HOSTS, [(datastore("a"), None), (datastore("b"), None), (datastore("c"), "is not accessible")])
    assert one.totals == Totals(96, 192 * 1024, 64, 128 * 1024, 1000, 2)
    assert [store.moid for store in one.usable] == ["a", "b"]


def test_without_hosts_all_is_zero():
    assert hypervisor(HOSTS[2:]).totals == Totals(0, 0, 0, 0, 0, 0)


def test_who_writes_to_a_datastore():
    """A host that mounts it for writing, counts, and is one of the hypervisor's."""
    assert hypervisor(HOSTS).writers(datastore("a", h1=True, h2=False, out=True, gone=True, other=True)) == {"h1": "esxi-h1"}


@pytest.mark.parametrize(
    "needs, mounts, named",
    [(None, {"h1": True}, None), ("It has no DRS", {"h1": True, "h2": True}, "h1"), ("It has no DRS", {"out": True}, None)],
)
def test_an_import_names_a_host_where_vsphere_picks_none(needs, mounts, named):
    place = hypervisor(HOSTS, import_needs_host=needs).import_place(datastore("a", **mounts))
    hosts = {moid: f"esxi-{moid}" for moid in mounts if moid != "out"}
    assert place == ImportPlace("resgroup-a", "group-v3", named, named and "It has no DRS, so the disk was to be made by its host esxi-h1.", hosts)
