# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our pure rules against the code of the installed Nova, not against a copy of it."""

from __future__ import annotations

import contextlib
import re
from types import SimpleNamespace
from unittest import mock

import nova.conf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nova import exception, objects
from nova.compute.api import API
from nova.objects import fields
from nova.virt.vmwareapi import constants, driver, ds_util, imagecache, images, vm_util, vmops
from oslo_utils import timeutils
from oslo_vmware.objects import datastore as ds_obj

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import Hypervisor
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache, datastore
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory

CONF = nova.conf.CONF
ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
objects.register_all()
CONF([], project="nova", default_config_files=[])


@pytest.fixture
def conf():
    """Sets options of nova.conf for one test."""
    set_ones = []

    def set_option(name, value, group=None):
        CONF.set_override(name, value, group)
        set_ones.append((name, group))

    yield set_option
    for name, group in set_ones:
        CONF.clear_override(name, group)


@pytest.mark.parametrize("cache_prefix", [None, "", "vc1", "vc1-"])
@pytest.mark.parametrize("remove_unused", [True, False])
@pytest.mark.parametrize("subdirectory_name", ["_base", "images"])
def test_base_folder(conf, cache_prefix, remove_unused, subdirectory_name):
    conf("cache_prefix", cache_prefix, "vmware")
    conf("remove_unused_base_images", remove_unused, "image_cache")
    conf("subdirectory_name", subdirectory_name, "image_cache")
    conf("my_ip", "192.0.2.7")
    expected = vmops.VMwareVMOps._get_base_folder(SimpleNamespace())
    assert cache.base_folder(cache_prefix, subdirectory_name, remove_unused, "192.0.2.7") == expected


def test_our_defaults_are_novas():
    assert CONF.image_cache.subdirectory_name == "_base"
    assert CONF.image_cache.remove_unused_base_images is True
    assert CONF.vmware.cache_prefix is None


@given(st.integers(0, 5 << 30), st.integers(0, 6))
def test_smallest_flavor(size, min_disk):
    """The flavors that Nova takes for an image begin where we say."""
    image = nova_image.Image(ID, "name", "active", size, "vmdk", "bare", "sha512", "00", {}, min_disk)

    def takes(root_gb):
        try:
            API._validate_flavor_image_nostatus(
                None, {"id": ID, "size": size, "min_disk": min_disk, "min_ram": 0, "properties": {}},
                objects.Flavor(memory_mb=512, root_gb=root_gb, vcpus=1, extra_specs={}), None,
            )  # fmt: skip
        except (exception.FlavorDiskSmallerThanImage, exception.FlavorDiskSmallerThanMinDisk):
            return False
        return True

    assert [root_gb for root_gb in range(1, 8) if takes(root_gb)] == list(range(image.smallest_root_gb, 8))


@pytest.mark.parametrize("name, found", [("a%2fb%255c", True), ("a/b%5c", False), ("/dc1/host/a%2fb%255c", False), ("domain-c7", False)])
def test_cluster_name(name, found):
    """Nova compares names as vSphere writes them, and takes neither a path nor a managed object id."""
    cluster = SimpleNamespace(obj="domain-c7", propSet=[SimpleNamespace(val="a%2fb%255c")])
    with mock.patch.object(vm_util, "get_all_cluster_mors", return_value=[cluster]):
        assert (vm_util.get_cluster_ref_by_name(None, name) == "domain-c7") is found


@pytest.mark.parametrize("disk_format", ["vmdk", "iso"])
def test_image_path(disk_format):
    folder = imagecache.ImageCacheManager(None, "vc1_base")
    info = vmops.VirtualMachineInstanceConfigInfo(
        SimpleNamespace(flavor=SimpleNamespace(root_gb=1), image_ref=ID),
        images.VMwareImage(image_id=ID, file_type=disk_format),
        ds_obj.Datastore(ref="ref", name="ds"), None, folder,
    )  # fmt: skip
    ours = f"[ds] {cache.base_folder('vc1')}/{ID}/{cache.image_file(ID, disk_format)}"
    assert str(info.cache_image_path) == ours
    assert str(info.cache_image_folder) == ours.rpartition("/")[0]


def test_extent_and_sized_copies():
    """``_update_image_size`` and ``_use_disk_image_as_linked_clone`` build the names in line: run them and look."""
    ops = mock.Mock()
    folder = imagecache.ImageCacheManager(None, "vc1_base")
    info = vmops.VirtualMachineInstanceConfigInfo(
        SimpleNamespace(flavor=SimpleNamespace(root_gb=20), image_ref=ID),
        images.VMwareImage(image_id=ID, file_type="vmdk", file_size=1),
        ds_obj.Datastore(ref="ref", name="ds"), mock.Mock(), folder, mock.Mock(),
    )  # fmt: skip
    with mock.patch.object(vmops.ds_util, "file_size") as file_size:
        file_size.return_value = 7
        vmops.VMwareVMOps._update_image_size(ops, info)
    assert file_size.call_args.args[-1] == cache.extent_file(ID)
    vmops.VMwareVMOps._use_disk_image_as_linked_clone(ops, "vm", info)
    assert ops._sized_image_exists.call_args.args[0].basename == cache.sized_file(ID, 20)
    assert cache.parse_sized_file(ID, cache.sized_file(ID, 20)) == 20


def test_age_marker():
    now = timeutils.utcnow()
    name = f"{imagecache.TIMESTAMP_PREFIX}{now.strftime(imagecache.TIMESTAMP_FORMAT)}"
    assert cache.parse_age_marker(name).replace(tzinfo=None) == now.replace(microsecond=0)


def test_datastore_types():
    assert datastore.SUPPORTED_TYPES == ds_util.ALL_SUPPORTED_DS_TYPES
    for disk_type in (*constants.SUPPORTED_FLAT_VARIANTS, "sparse", "streamOptimized"):
        assert datastore.allowed_types(disk_type) == ds_util.get_allowed_datastore_types(disk_type)


names = st.text("abn-0", min_size=1, max_size=6)
datastores = st.fixed_dictionaries(
    {
        "summary.name": names,
        "summary.type": st.sampled_from(["VMFS", "NFS", "NFS41", "vsan", "VVOL", "OTHER"]),
        "summary.accessible": st.booleans(),
        "summary.maintenanceMode": st.sampled_from([None, "normal", "enteringMaintenance", "inMaintenance"]),
        "summary.capacity": st.just(10**6),
        "summary.freeSpace": st.integers(0, 5),
    }
)


@settings(deadline=None)
@given(st.lists(datastores, max_size=6), st.sampled_from([None, "a", "^n", ".*-", "b$"]), st.sampled_from(["sparse", "streamOptimized"]))
def test_datastore_rule_and_choice(propsets, regex, disk_type):
    types = ds_util.get_allowed_datastore_types(disk_type)
    compiled = re.compile(regex) if regex else None
    contents = [
        SimpleNamespace(
            obj=number,
            propSet=[SimpleNamespace(name=name, val=value) for name, value in props.items() if value is not None],
        )
        for number, props in enumerate(propsets)
    ]
    theirs = ds_util._select_datastore(None, contents, None, compiled, None, types)
    usable = []
    for number, props in enumerate(propsets):
        refused = datastore.refusal(
            props["summary.name"], props["summary.type"], props["summary.accessible"], props["summary.maintenanceMode"],
            regex, datastore.allowed_types(disk_type),
        )  # fmt: skip
        props = {name: value for name, value in props.items() if value is not None}
        assert bool(ds_util._is_datastore_valid(props, compiled, types)) == (refused is None)
        if refused is None:
            usable.append(SimpleNamespace(number=number, free_bytes=props["summary.freeSpace"]))
    ours = datastore.pick(usable)
    assert (None if ours is None else ours.number) == (None if theirs is None else theirs.ref)


def test_node_name():
    ours = datastore.node_name("domain-c26", "9d51f082")
    assert driver.VMwareVCDriver._create_nodename(SimpleNamespace(_vcenter_uuid="9d51f082"), "domain-c26") == ours


HOSTS = st.builds(
    inventory.Host, moid=st.just("host-1"), name=st.just("esxi-1"), connection_state=st.sampled_from(["connected", "disconnected", "notResponding"]),
    maintenance=st.booleans(), cores=st.just(1), threads=st.integers(0, 512), memory_bytes=st.integers(0, 1 << 44),
)  # fmt: skip


@given(st.lists(HOSTS, max_size=4))
def test_which_hosts_count(hosts):
    """And what they add up to."""
    objects_of_nova = [
        SimpleNamespace(
            propSet=[
                SimpleNamespace(name="summary.runtime", val=SimpleNamespace(inMaintenanceMode=one.maintenance, connectionState=one.connection_state)),
                SimpleNamespace(name="summary.hardware", val=SimpleNamespace(numCpuThreads=one.threads, memorySize=one.memory_bytes)),
                SimpleNamespace(name="summary.quickStats", val=SimpleNamespace(overallMemoryUsage=0)),
            ]
        )
        for one in hosts
    ]
    answers = {"get_object_properties_dict": {"host": mock.Mock()}, "get_properties_for_a_collection_of_objects": objects_of_nova}
    session = SimpleNamespace(vim=None, _call_method=lambda _module, method, *_args: answers[method])
    with mock.patch.object(vm_util.vutil, "WithRetrieval", lambda _vim, result: contextlib.nullcontext(result)):
        theirs = vm_util.get_stats_from_cluster(session, "cluster")
    ours = Hypervisor("", "", "", "", "", "", None, "", tuple(hosts), ()).totals
    assert (ours.vcpus, ours.max_unit_vcpus) == (theirs["cpu"]["vcpus"], theirs["cpu"]["max_vcpus_per_host"])
    assert (ours.memory_mb, ours.max_unit_memory_mb) == (theirs["mem"]["total"], theirs["mem"]["max_mem_mb_per_host"])


PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "hw_disk_type": st.sampled_from(sorted(nova_image.DISK_TYPES)),
        "vmware_disktype": st.sampled_from(sorted(nova_image.DISK_TYPES)),
        "hw_disk_bus": st.sampled_from(["ide", "scsi"]),
        "hw_scsi_model": st.sampled_from(["buslogic", "lsilogic", "lsisas1068", "vmpvscsi"]),
        "vmware_adaptertype": st.sampled_from(["ide", "busLogic", "lsiLogic", "lsiLogicsas", "paraVirtual"]),
        "os_distro": st.sampled_from(["ubuntu", "ubuntu64Guest"]),
        "vmware_ostype": st.sampled_from(["otherGuest64"]),
    },
)


@settings(deadline=None, max_examples=300)
@given(PROPERTIES)
def test_image_properties(properties):
    meta = objects.ImageMeta.from_dict({"id": ID, "name": "x", "size": 1024, "disk_format": "vmdk", "container_format": "bare", "properties": dict(properties)})
    with mock.patch.object(images, "get_vsphere_location", return_value=None):
        theirs = images.VMwareImage.from_image(None, ID, meta)
    ours = nova_image.Image(ID, "x", "active", 1024, "vmdk", "bare", None, None, properties)
    assert ours.disk_type == theirs.disk_type
    assert (ours.os_distro or constants.DEFAULT_OS_TYPE) == theirs.os_type
    refused = {refusal.code for refusal in nova_image.refusals(ours)}
    if theirs.adapter_type is None:
        assert "IMAGE_SCSI_MODEL" in refused
    else:
        assert ours.adapter_type == vm_util.get_vmdk_adapter_type(theirs.adapter_type)
        assert "IMAGE_SCSI_MODEL" not in refused


def test_flat_types():
    assert nova_image.FLAT_TYPES == frozenset(constants.SUPPORTED_FLAT_VARIANTS)


def boots(name, value):
    """Says whether Nova takes a property and its driver and scheduler can do something with it."""
    try:
        meta = objects.ImageMeta.from_dict({"properties": {name: value}})
        if name == "hw_vif_model":
            vm_util.convert_vif_model(meta.properties.hw_vif_model)
        if name in ("img_hv_type", "hw_architecture"):
            supported = {text for row in SUPPORTED for text in row}
            return (
                fields.HVType.canonicalize(getattr(meta.properties, name)) in supported
                if name == "img_hv_type"
                else (fields.Architecture.canonicalize(getattr(meta.properties, name)) in supported)
            )
    except (ValueError, exception.Invalid):
        return False
    return True


# nova/virt/vmwareapi/host.py, update_status
SUPPORTED = [("i686", "vmware", "hvm"), ("x86_64", "vmware", "hvm")]
KNOWN = {
    "hw_firmware_type": [*fields.FirmwareType.ALL, "UEFI", "efi"],
    "hw_disk_bus": [*fields.DiskBus.ALL, "SCSI", "nvme"],
    "hw_vif_model": [*fields.VIFModel.ALL, *fields.VIFModel.LEGACY_VALUES, "VirtualVmxnet3", "E1000", "ne3"],
    "img_hv_type": [*fields.HVType.ALL, "VMware", "none"],
    "hw_architecture": [*fields.Architecture.ALL, "amd64", "i386", "i486", "i586", "X86_64", "vax2"],
}


@pytest.mark.parametrize("name", KNOWN)
def test_properties_that_take_few_values(name):
    for value in KNOWN[name]:
        ours = nova_image.Image(ID, "x", "active", 1024, "vmdk", "bare", "sha512", "00", {name: value})
        if value == "scsi":  # wants a model as well
            continue
        assert boots(name, value) == (nova_image.refusals(ours) == []), value


@pytest.mark.parametrize("use_linked_clone", [True, False])
@pytest.mark.parametrize("properties", [{}, *({name: value} for name in ("img_linked_clone", "vmware_linked_clone")
                                              for value in ("true", "True", "1", "yes", "false", "False", "0", "no"))])  # fmt: skip
def test_linked_clone(conf, use_linked_clone, properties):
    conf("use_linked_clone", use_linked_clone, "vmware")
    meta = objects.ImageMeta.from_dict({"id": ID, "disk_format": "vmdk", "size": 1024, "properties": properties})
    with mock.patch.object(images, "IMAGE_API") as api:
        api.get.return_value = {"id": ID, "disk_format": "vmdk", "container_format": "bare", "properties": properties}
        theirs = images.VMwareImage.from_image(None, ID, meta).linked_clone
    assert nova_image.from_document({"id": ID, "status": "active", "disk_format": "vmdk", **properties}).linked_clone(use_linked_clone) is theirs


@given(st.integers(1, 1 << 44), st.lists(st.integers(0, 20000)))
def test_linked_clone_sizes(capacity, wanted):
    """Those that we make are those that Nova leaves as they are or makes larger, to no less than the disk; it refuses the others."""
    sizes, too_small = cache.linked_clone_sizes(wanted, capacity)
    assert sorted({*sizes, *too_small}) == sorted(set(wanted) - {0})
    info = images.VMwareImage(image_id=ID, file_size=capacity, file_type="vmdk")
    for root_gb in {*sizes, *too_small}:
        instance = SimpleNamespace(uuid=ID, flavor=SimpleNamespace(root_gb=root_gb))
        extended = []
        ops = SimpleNamespace(_extend_virtual_disk=lambda _instance, size_in_kb, _path, _dc, found=extended: found.append(size_in_kb << 10))
        vmops.VMwareVMOps._extend_if_required(ops, SimpleNamespace(ref=None), info, instance, "path")
        assert bool(extended) == (root_gb in sizes and root_gb << 30 > capacity)
        assert extended in ([], [root_gb << 30])
