# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up second driver: one class and one registration, and all else works with its hypervisors."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import locations
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import account, gather, judge, openstack
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import vcenter as doctor_vcenter
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import Facts, Vcenter
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.table import RULES
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import hypervisor_info, registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import Driver, Hypervisor, HypervisorError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, inventory
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

GIB = 1 << 30
IMAGE = {
    "id": "7f6c2f9e-0b1d-4a57-9d2b-3c1f5a7e9b10", "name": "rescue", "status": "active", "size": GIB, "disk_format": "iso", "container_format": "bare",
    "os_hash_algo": "sha512", "os_hash_value": "00",
}  # fmt: skip
ISO = bytes(32769) + b"CD001"  # the volume descriptor
OPTIONS = {
    "cache_prefix": "esx1", "subdirectory_name": "_base", "remove_unused_base_images": False, "my_ip": None, "openstack": None, "state": "present",
    "images": ["rescue"], "linked_clone_sizes": [], "flavors": [], "use_linked_clone": True, "update_min_disk": False, "copies_per_datastore": 2,
    "copies_per_host": 4, "pulls_at_once": 1, "bandwidth_limit": None, "upload_through": "auto", "host_trust": None, "encoding": "auto",
    "transfer_timeout": None,
    "verify": "size", "hypervisors": [{"esxi_host": "esxi-1", "datastore_regex": None}],
}  # fmt: skip


class MadeUp:
    """A lone ESXi host is a hypervisor."""

    NAME, KEY, KIND, PRIVILEGES = "made_up", "esxi_host", "ESXi host", {"datastore": {"Datastore.Browse": "the cache"}, "network": {"Network.Assign": "it"}}
    COMPUTE_DRIVER = "made.Up"

    @staticmethod
    def refusal(session):
        return HypervisorError("NOT_A_HOST", "It is none.") if session.about.apiType == "VirtualCenter" else None

    @staticmethod
    def read(session, wishes, tell=True, for_nova=False):
        datacenter = inventory.Datacenter("ha-datacenter", "ha-datacenter", "ha-datacenter", "ha-folder-vm")
        host = inventory.Host("ha-host", "esxi-1", "connected", False, 16, 32, 128 * GIB)
        store = inventory.Datastore("ds-1", "local", "VMFS", True, "normal", 500 * GIB, 400 * GIB, {"ha-host": True}, None)
        return [
            Hypervisor(
                key="esxi_host", kind="ESXi host", name="esxi-1", moid="ha-host", path="/ha-datacenter/host/esxi-1", node_name="esxi-1",
                datacenter=datacenter, resource_pool="ha-root-pool", hosts=(host,), verdicts=((store, None),), ways=("server",),
            )
        ]  # fmt: skip

    @staticmethod
    def networks(session, hypervisors):
        return {vim.Network("network-1"): "VM Network"}


class Session(contextlib.AbstractContextManager):
    """A session with an ESXi host."""

    about = SimpleNamespace(apiType="HostAgent", name="VMware ESXi", fullName="VMware ESXi 8.0.3", version="8.0.3", apiVersion="8.0.3.0", instanceUuid=None)
    hostname, port, server, host_trust = "esxi-1", 443, "esxi-1:443", "ca"

    def __init__(self):
        self.warnings = []

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        """Nothing is open."""


@pytest.fixture(autouse=True)
def session(monkeypatch):
    """The one registration; a login gives the session."""
    monkeypatch.setattr(registry, "DRIVERS", (*registry.DRIVERS, MadeUp))
    session = Session()
    monkeypatch.setattr(registry, "from_params", lambda _params: session)
    return session


def test_it_is_a_driver():
    assert isinstance(MadeUp, Driver)


def test_where_an_image_goes(session):
    (one,) = registry.read(session, registry.wanted(OPTIONS["hypervisors"]))
    (location,) = locations([one], "esx1_base").values()
    assert (location.hypervisors, location.hosts) == (("esxi-1",), ("esxi-1",))
    assert (location.imports.resource_pool, location.imports.vm_folder, location.imports.host) == ("ha-root-pool", "ha-folder-vm", None)
    (way,) = location.ways(session, "esx1_base/x")
    assert (way.hostname, way.ticket, "dcPath=ha-datacenter" in way.url) == ("esxi-1", False, True)


@pytest.mark.parametrize("hypervisors", [OPTIONS["hypervisors"], None])
def test_what_is_told_of_it(monkeypatch, hypervisors):
    """Also where none was asked for: the drivers that the server is for give all that they have."""
    monkeypatch.setattr(inventory, "loads", lambda _session, moids: {moid: inventory.Load(vms=2) for moid in moids})
    (told,) = hypervisor_info.run({"hypervisors": hypervisors}, False)["hypervisors"]
    assert (told["esxi_host"], told["hypervisor_hostname"], told["datastore"]) == ("esxi-1", "esxi-1", "local")
    assert told["hosts"][0]["configured"]["vms"] == 2
    assert told["totals"] == {
        "vcpus": 32, "memory_mb": 128 * 1024, "max_unit_vcpus": 32, "max_unit_memory_mb": 128 * 1024, "disk_gb": 500, "hosts_counted": 1,
    }  # fmt: skip
    assert not {"cluster_name", "drs", "ha"} & told.keys()


def test_what_is_planned_for_it(monkeypatch):
    monkeypatch.setattr(connection, "connect", lambda _options: SimpleNamespace(image=None))
    monkeypatch.setattr(images, "find", lambda _glance, _name: IMAGE)
    monkeypatch.setattr(images, "read_range", lambda _glance, _id, first, length, _size: ISO.ljust(first + length, b"\0")[first : first + length])
    monkeypatch.setattr(files, "list_trees", lambda _session, folders, *_more: [None] * len(folders))
    monkeypatch.setattr(files, "open_disks", lambda _session, _folders, trees, _names: trees)
    result = image_cache.run(OPTIONS, True)
    assert result["changed"]
    assert result["datastores"][0]["hypervisors"] == ["esxi-1"]
    assert [(row["name"], row["action"]) for row in result["images"][0]["datastores"]] == [("local", "push")]


@pytest.mark.parametrize(
    "named",
    [
        {"name": "lone", "esxi_host": "esxi-1", "nova_conf": None},
        {"name": None, "nova_conf": "[DEFAULT]\nhost = lone\ncompute_driver = made.Up\n[vmware]\nesxi_host = esxi-1"},
    ],
)
def test_the_doctor_judges_it(session, named):
    """By the option's key or by its nova.conf, with the rules for any driver and without those for clusters."""
    (service,) = gather.given([{"cluster_name": None, "datastore_regex": "^nova-", "new": None, "compute_host": None, **named}])
    assert (service.name, service.driver, service.hypervisor_name) == ("lone", "made_up", "esxi-1")
    seen = doctor_vcenter.Seen(Vcenter("esxi-1:443", "8.0.3", None, None, "nova"), None, doctor_vcenter._hypervisors(session, [service]))
    service = gather.complete(service, seen, openstack.Known())
    assert service.hypervisor.name == "esxi-1"
    refused = tuple((datastore, "is refused") for datastore, _none in service.hypervisor.verdicts)
    service = replace(service, hypervisor=replace(service.hypervisor, verdicts=refused))
    result = judge.judge(Facts((service,), vcenter=seen.vcenter))
    seen_ids = {one["id"] for one in result["findings"]} | set(result["passed"])
    told_ids = seen_ids | {one["id"] for one in result["not_checked"]}
    of_clusters = {rule.id for rule in RULES if rule.driver == "vc"}
    assert {"DRS_OFF", "HA_OFF", "COMPUTE_DRIVER_WRONG"} <= of_clusters and not of_clusters & told_ids
    assert "NO_USABLE_DATASTORE" in {one["id"] for one in result["findings"]} and result["passed"]


def test_which_privileges_its_account_lacks(session, monkeypatch):
    """Its driver says where the networks are, and of the kinds of objects that it wants nothing on nothing is asked."""
    asked = []
    monkeypatch.setattr(account, "_lacking", lambda _session, _key, names, wanted: asked.append((sorted(names.values()), wanted)) or {})
    session.content = SimpleNamespace(rootFolder="root", sessionManager=SimpleNamespace(currentSession=SimpleNamespace(key="key")))
    session.managed = lambda kind, moid: (kind, moid)
    session.call = lambda _what, function: function()
    account.missing_privileges(session, MadeUp.read(session, []), {})
    assert (["network VM Network"], ["Network.Assign"]) in asked and (["datastore local"], ["Datastore.Browse"]) in asked
    assert (["the root folder"], []) in asked


def test_each_driver_reads_its_own(monkeypatch, session):
    """In the order asked for."""
    (vc,) = registry.DRIVERS[:1]
    monkeypatch.setattr(vc, "refusal", lambda _session: None)
    monkeypatch.setattr(vc, "read", lambda _session, wishes, **_how: [SimpleNamespace(name=wish.name, usable=[1], key=wish.key) for wish in wishes])
    wishes = registry.wanted([{"cluster_name": "a"}, {"esxi_host": "esxi-1"}, {"cluster_name": "b"}])
    found = registry.read(session, wishes)
    assert [one.name for one in found] == ["a", "esxi-1", "b"]
    needed = registry.privileges(found)
    assert needed["datastore"]["Datastore.Browse"] and needed["pool"] == privileges.PRIVILEGES["pool"]
    assert registry.privileges(found[1:2]) == MadeUp.PRIVILEGES


def test_a_server_that_only_one_is_for(session):
    """The other one says why it is not."""
    with pytest.raises(HypervisorError) as caught:
        registry.login({}, registry.wanted([{"cluster_name": "a"}]))
    assert caught.value.code == "NOT_A_VCENTER"
