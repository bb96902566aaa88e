# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as the VCDriver sees it, and clusters that are not there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import vc
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import HypervisorError, Wish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory

GIB = 1 << 30
CENTER = inventory.Datacenter("datacenter-2", "dc1", "dc1", "group-v3")


def host(moid, state="connected", maintenance=False, threads=32, gib=128):
    return inventory.Host(moid, f"esxi-{moid}", state, maintenance, 16, threads, gib * GIB)


def datastore(moid, type_="VMFS", free=400, **mounts):
    return inventory.Datastore(moid, f"nova-{moid}", type_, True, "normal", 500 * GIB, free * GIB, mounts, None)


def cluster(letter, drs=True):
    return inventory.Cluster(
        f"domain-{letter}", letter, f"/dc1/host/{letter}", CENTER, f"resgroup-{letter}", ("h1", "h2"), ("a", "b", "unseen"), drs, "manual", True, True
    )


STORES = {"a": datastore("a"), "b": datastore("b", "vsan")}


@pytest.fixture
def session(monkeypatch):
    """A vCenter with two clusters."""
    asked = []
    monkeypatch.setattr(vc.inventory, "clusters", lambda _session: [cluster("b"), cluster("a", drs=False)])
    monkeypatch.setattr(
        vc.inventory, "hosts_and_datastores", lambda _session, there, tell: asked.append(([one.name for one in there], tell)) or ({"h1": host("h1")}, STORES)
    )
    return SimpleNamespace(server="vc:443", about=SimpleNamespace(instanceUuid="uuid"), asked=asked)


def test_all_by_path(session):
    found = vc.read(session, [], tell=False)
    assert [(one.name, one.node_name) for one in found] == [("a", "domain-a.uuid"), ("b", "domain-b.uuid")]
    assert session.asked == [(["a", "b"], False)]
    assert all(one.datastore_regex is None for one in found)


def test_those_asked_for_in_their_order(session):
    """What is missing is an error in its place; the others are read together."""
    found = vc.read(session, [Wish("cluster_name", "b", "^nova-a"), Wish("cluster_name", "no"), Wish("cluster_name", "a")])
    assert [getattr(one, "name", None) for one in found] == ["b", None, "a"]
    assert isinstance(found[1], HypervisorError) and found[1].code == "CLUSTER_NOT_FOUND"
    assert session.asked == [(["b", "a"], True)]


def test_each_datastore_has_its_verdict(session):
    (found,) = vc.read(session, [Wish("cluster_name", "b", "^nova-a")])
    assert [(store.moid, refusal is None) for store, refusal in found.verdicts] == [("a", True), ("b", False)]
    assert [one.moid for one in found.hosts] == ["h1"]


def test_a_cluster_without_drs_wants_a_host(session):
    one, other = vc.read(session, [])
    assert one.import_needs_host == "The cluster a has no DRS" and other.import_needs_host is None
