# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/inventory.py: names as vSphere writes them, and objects that the account may not read."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyVmomi import vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory


class Session:
    """A session with some objects. ``answer`` is what any read gives."""

    def __init__(self):
        self.warnings = []
        self.answer = []
        self.content = SimpleNamespace(rootFolder=vim.Folder("group-d1"))

    def managed(self, kind, moid):
        return getattr(vim, kind)(moid)

    def read(self, _what, _objects, _paths):
        return self.answer


def tree(**cluster):
    """A vCenter with one cluster in folders, with these properties."""
    root, yard, center, hosts = vim.Folder("group-d1"), vim.Folder("group-d2"), vim.Datacenter("datacenter-3"), vim.Folder("group-h4")
    shelf = vim.Folder("group-h5")
    return [
        (root, {"name": "Datacenters"}),
        (yard, {"name": "a%2fb", "parent": root}),
        (center, {"name": "dc 1", "parent": yard, "vmFolder": vim.Folder("group-v6")}),
        (hosts, {"name": "host", "parent": center}),
        (shelf, {"name": "shelf", "parent": hosts}),
        (vim.ClusterComputeResource("domain-c7"), {"parent": shelf, **cluster}),
    ]


WHOLE = {"name": "x%2fy%255c", "resourcePool": vim.ResourcePool("resgroup-8")}


def test_names_keep_their_spelling():
    session = Session()
    session.answer = tree(**WHOLE)
    (found,) = inventory.clusters(session)
    assert (found.name, found.path) == ("x%2fy%255c", "/a%2fb/dc 1/host/shelf/x%2fy%255c")
    folders = (("group-d2", "a%2fb"),)
    assert found.datacenter == inventory.Datacenter("datacenter-3", "dc 1", "a%2fb/dc 1", "group-v6", folders)
    assert session.warnings == []


@pytest.mark.parametrize("missing", ["name", "resourcePool", "datacenter"])
def test_clusters_that_may_not_be_read_are_named_once(missing):
    session = Session()
    session.answer = tree(**{name: value for name, value in WHOLE.items() if name != missing})
    if missing == "datacenter":
        session.answer[2][1].pop("name")
    for _time in range(2):
        assert inventory.clusters(session) == []
    (told,) = session.warnings
    assert "clusters domain-c7 are passed over" in told


def test_hosts_and_datastores_that_may_not_be_read_are_named_once():
    session = Session()
    browser = vim.host.DatastoreBrowser("browser-1")
    session.answer = [
        (vim.HostSystem("host-1"), {"name": "esxi-1", "runtime.connectionState": "connected", "runtime.inMaintenanceMode": False}),
        (vim.HostSystem("host-2"), {}),
        (vim.Datastore("datastore-3"), {"summary.name": "n", "summary.type": "VMFS", "summary.accessible": True, "browser": browser}),
        (vim.Datastore("datastore-4"), {}),
        (vim.Datastore("datastore-5"), {"summary.name": "half"}),
    ]
    chosen = [SimpleNamespace(hosts=("host-1", "host-2"), datastores=("datastore-3", "datastore-4", "datastore-5"))]
    hosts, datastores = inventory.hosts_and_datastores(session, chosen)
    assert (list(hosts), list(datastores)) == (["host-1"], ["datastore-3"])
    inventory.hosts_and_datastores(session, chosen)
    assert len(session.warnings) == 2
    assert "hosts host-2 are" in session.warnings[0] and "datastores datastore-4, datastore-5 are" in session.warnings[1]
    session.warnings.clear()
    inventory.hosts_and_datastores(session, chosen, tell=False)
    assert session.warnings == []


def test_vm_folders_of_all_datacenters_that_can_be_seen():
    session = Session()
    session.answer = [(vim.Datacenter("dc-2"), {"vmFolder": vim.Folder("group-v9")}), (vim.Datacenter("dc-1"), {"vmFolder": vim.Folder("group-v3")}),
                      (vim.Datacenter("dc-3"), {})]  # fmt: skip
    assert inventory.vm_folders(session) == ["group-v3", "group-v9"]
