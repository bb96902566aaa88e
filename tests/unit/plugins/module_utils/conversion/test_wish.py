# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conversion/wish.py: what is asked for, and what makes two conversions the same."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import wish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image

SOURCE = {
    "id": "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11", "name": "fedora", "visibility": "public", "os_hash_value": "0f2c", "status": "active", "disk_format": "qcow2",
    "min_ram": 0,
}  # fmt: skip


def params(**more):
    return {
        "name": None, "disk_type": "streamOptimized", "adapter_type": None, "os_distro": None, "min_disk": None, "firmware": None,
        "visibility": None, "properties": None, "keep_properties": True, **more,
    }  # fmt: skip


def document(asked, disk, **more):
    """The image that Glance has after a conversion."""
    return {
        "id": "new", "visibility": asked.visibility, "min_disk": disk, "min_ram": 0, **asked.properties,
        wish.SOURCE: wish.note(asked.content, 5 * wish.GIB), **more,
    }  # fmt: skip


def test_defaults_come_from_the_source():
    asked = wish.wish(params(), SOURCE)
    assert (asked.name, asked.visibility, asked.min_disk) == ("fedora-vmdk", "public", None)
    assert asked.properties == {"hw_disk_type": "streamOptimized", "hw_disk_bus": "scsi", "hw_scsi_model": "lsilogic"}


def test_options_win():
    asked = wish.wish(params(name="mine", visibility="private", min_disk=7), SOURCE)
    assert (asked.name, asked.visibility, asked.min_disk) == ("mine", "private", 7)


def test_properties():
    found = wish.properties(params(
        adapter_type="ide", os_distro="ubuntu64Guest", firmware="uefi",
        properties={"hw_vif_model": "VirtualVmxnet3", "img_linked_clone": True, "hw_video_ram": 16, "old": None},
    ), SOURCE)  # fmt: skip
    assert found == {
        "hw_disk_type": "streamOptimized", "hw_disk_bus": "ide", "hw_scsi_model": None, "os_distro": "ubuntu64Guest",
        "hw_firmware_type": "uefi", "hw_vif_model": "VirtualVmxnet3", "img_linked_clone": "true", "hw_video_ram": "16", "old": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["hw_disk_type", "hw_scsi_model", "os_distro", "name", "visibility", wish.SOURCE, "os_glance_x"])
def test_reserved_properties(name):
    with pytest.raises(NovaVmwareError) as caught:
        wish.properties(params(properties={name: "x"}), SOURCE)
    assert caught.value.code == "PROPERTY_RESERVED"


@pytest.mark.parametrize("adapter", wish.ADAPTERS)
def test_adapters_are_what_nova_makes_of_the_properties(adapter):
    """The descriptor names the adapter that Nova's driver would write there."""
    properties = wish.properties(params(adapter_type=adapter), SOURCE)
    image = nova_image.Image("", "", "active", 1024, "vmdk", "bare", "sha512", "00", properties)
    assert image.adapter_type.lower() == wish.ADAPTERS[adapter]
    assert nova_image.refusals(image) == []


@pytest.mark.parametrize(
    "first, second, same",
    [
        ({"adapter_type": "lsilogic"}, {"adapter_type": "vmpvscsi"}, True),  # one descriptor
        ({"adapter_type": "lsilogic"}, {"adapter_type": "ide"}, False),
        ({"disk_type": "preallocated"}, {"disk_type": "preallocated", "adapter_type": "ide"}, True),  # no descriptor
        ({"disk_type": "sparse"}, {"disk_type": "streamOptimized"}, False),
        ({}, {"os_distro": "ubuntu64Guest", "min_disk": 9, "firmware": "uefi", "properties": {"a": "b"}}, True),
    ],
)
def test_content(first, second, same):
    assert (wish.wish(params(**first), SOURCE).content == wish.wish(params(**second), SOURCE).content) is same


def test_content_knows_the_bytes_of_the_source():
    assert wish.wish(params(), SOURCE).content != wish.wish(params(), {**SOURCE, "os_hash_value": "1e"}).content


def test_note_can_be_read():
    asked = wish.wish(params(), SOURCE)
    assert wish.read_note(document(asked, 5)) == (asked.content, 5 * wish.GIB)


@pytest.mark.parametrize("text", [None, "", "x", "[]", "{}", "1"])
def test_a_note_that_is_not_ours(text):
    assert wish.read_note({} if text is None else {wish.SOURCE: text}) == (None, None)


@pytest.mark.parametrize("capacity, gib", [(1, 1), (wish.GIB, 1), (wish.GIB + 1, 2)])
def test_min_disk(capacity, gib):
    assert wish.min_disk(capacity) == gib


def test_patch_of_an_image_that_is_right_is_empty():
    asked = wish.wish(params(), SOURCE)
    assert wish.patch(document(asked, 5, hw_vif_model="e1000"), asked, 5) == []


def test_patch():
    asked = wish.wish(params(os_distro="ubuntu64Guest", visibility="private", properties={"a/b": "c", "old": None}), SOURCE)
    have = document(wish.wish(params(adapter_type="buslogic"), SOURCE), 5, old="x")
    assert wish.patch(have, asked, 6) == [
        {"op": "replace", "path": "/hw_scsi_model", "value": "lsilogic"},
        {"op": "add", "path": "/os_distro", "value": "ubuntu64Guest"},
        {"op": "add", "path": "/a~1b", "value": "c"},
        {"op": "remove", "path": "/old"},
        {"op": "replace", "path": "/visibility", "value": "private"},
        {"op": "replace", "path": "/min_disk", "value": 6},
    ]


def test_state_shows_what_is_asked_for():
    asked = wish.wish(params(adapter_type="ide"), SOURCE)
    shown = wish.state(document(asked, 5, owner="x"), asked.properties)
    assert shown == {
        "source": asked.content, "hw_disk_type": "streamOptimized", "hw_disk_bus": "ide", "visibility": "public", "min_disk": 5,
    }  # fmt: skip


def test_properties_of_the_original_are_kept():
    """Those of an image for KVM that Nova's VMware driver takes, and none that is about the original alone."""
    for_kvm = {
        "hw_disk_bus": "virtio", "hw_vif_model": "virtio", "os_distro": "ubuntu", "img_hv_type": "kvm", "hypervisor_type": "qemu", "hw_firmware_type": "uefi",
        "os_version": "24.04", "hw_architecture": "x86_64", "img_config_drive": "mandatory", "img_signature": "c2ln", "owner_specified.openstack.sha256": "aa",
        "image_type": "snapshot", "base_image_ref": "b", "instance_uuid": "u", "owner_id": "o", "os_glance_importing_to_stores": "", "checksum": "aa",
        "team": "web", wish.SOURCE: "{}", "openstack_vmware_stream": "{}", "hw_scsi_model": "virtio-scsi",
    }  # fmt: skip
    asked = wish.wish(params(properties={"team": None}), {**SOURCE, **for_kvm, "min_ram": 512})
    assert asked.properties == {
        "hw_firmware_type": "uefi", "os_version": "24.04", "hw_architecture": "x86_64", "team": None,
        "hw_disk_type": "streamOptimized", "hw_disk_bus": "scsi", "hw_scsi_model": "lsilogic",
    }  # fmt: skip
    assert asked.min_ram == 512
    nothing = wish.wish(params(keep_properties=False), {**SOURCE, **for_kvm, "min_ram": 512})
    assert nothing.properties == wish.properties(params(), SOURCE) and nothing.min_ram is None


@pytest.mark.parametrize(
    "has, adapter",
    [
        ({"hw_disk_bus": "scsi", "hw_scsi_model": "vmpvscsi"}, "vmpvscsi"),
        ({"vmware_adaptertype": "lsiLogicsas"}, "lsisas1068"),
        ({"vmware_adaptertype": "ide"}, "ide"),
        ({"hw_disk_bus": "ide"}, "ide"),
        ({}, "lsilogic"),
    ],
)
def test_a_vmdk_keeps_its_adapter(has, adapter):
    source = {**SOURCE, **has, "disk_format": "vmdk", "hw_disk_type": "sparse", "os_distro": "ubuntu64Guest"}
    asked = wish.wish(params(), source)
    assert asked.content["adapter_type"] == wish.ADAPTERS[adapter] and asked.properties["os_distro"] == "ubuntu64Guest"
    assert asked.properties["hw_scsi_model"] == (None if adapter == "ide" else adapter)
    assert wish.wish(params(adapter_type="buslogic"), source).properties["hw_scsi_model"] == "buslogic"


def test_min_ram_follows_the_original():
    asked = wish.wish(params(), {**SOURCE, "min_ram": 512})
    assert wish.patch(document(asked, 5), asked, 5) == [{"op": "replace", "path": "/min_ram", "value": 512}]
    asked = wish.wish(params(keep_properties=False), {**SOURCE, "min_ram": 512})
    assert wish.patch(document(asked, 5), asked, 5) == []
