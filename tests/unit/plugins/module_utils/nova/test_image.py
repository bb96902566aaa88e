# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova/image.py: what is refused, and why."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova.image import Image, from_document, refusals

GOOD = {
    "id": "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11", "name": "one", "status": "active", "size": 1048576, "disk_format": "vmdk",
    "container_format": "bare", "os_hash_algo": "sha512", "os_hash_value": "00", "properties": {},
}  # fmt: skip


def image(properties=None, **changes):
    return Image(**{**GOOD, **changes, "properties": properties or {}})


@pytest.mark.parametrize(
    "code, changes",
    [
        ("IMAGE_NOT_ACTIVE", {"status": "queued"}),
        ("IMAGE_DISK_FORMAT", {"disk_format": "qcow2"}),
        ("IMAGE_DISK_FORMAT", {"disk_format": None}),
        ("IMAGE_CONTAINER_FORMAT", {"container_format": "docker"}),
        ("IMAGE_CONTAINER_FORMAT", {"container_format": "ova", "disk_format": "iso"}),
        ("IMAGE_DISK_TYPE", {"container_format": "ova", "properties": {"hw_disk_type": "sparse"}}),
        ("IMAGE_DISK_TYPE", {"properties": {"hw_disk_type": "Sparse"}}),
        ("IMAGE_EMPTY", {"size": 0}),
        ("IMAGE_SIZE", {"size": 1000}),
        ("IMAGE_OS_DISTRO", {"properties": {"os_distro": "ubuntu"}}),
        ("IMAGE_OS_DISTRO", {"properties": {"os_distro": "ubuntu", "vmware_ostype": "ubuntu64Guest"}}),
        ("IMAGE_SCSI_MODEL", {"properties": {"hw_disk_bus": "scsi"}}),
        ("IMAGE_SCSI_MODEL", {"properties": {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"}}),
        ("IMAGE_CONFIG_DRIVE", {"properties": {"img_config_drive": "mandatory"}}),
    ],
)
def test_refused(code, changes):
    (refusal,) = refusals(image(**changes))
    assert refusal.code == code
    assert GOOD["id"] in refusal.what and refusal.hint


@pytest.mark.parametrize("status, words", [("queued", "Upload its data"), ("deactivated", "reactivate"), ("saving", "under way"), ("new one", "Wait")])
def test_what_to_do_about_a_status(status, words):
    (refusal,) = refusals(image(status=status))
    assert refusal.code == "IMAGE_NOT_ACTIVE" and words in refusal.hint


@pytest.mark.parametrize(
    "given, code",
    [
        ({"os_hash_algo": "sha512", "os_hash_value": None, "checksum": "0" * 32}, "IMAGE_NO_HASH"),
        ({"os_hash_algo": "shake_128", "os_hash_value": "00"}, "IMAGE_HASH_ALGORITHM"),
        ({"os_hash_algo": "whirlpool-2", "os_hash_value": "00"}, "IMAGE_HASH_ALGORITHM"),
        ({"os_hash_algo": None, "os_hash_value": "00"}, "IMAGE_NO_HASH"),
    ],
)
def test_hashes_that_tell_nothing(given, code):
    document = {"id": GOOD["id"], "name": "one", "status": "active", "size": 1048576, "disk_format": "vmdk", "container_format": "bare", **given}
    (refusal,) = refusals(from_document(document))
    assert refusal.code == code and (given["os_hash_algo"] or "no hash") in refusal.what


@pytest.mark.parametrize(
    "kind, changes",
    [
        ("flat", {}),
        ("flat", {"properties": {"vmware_disktype": "thin"}}),
        ("sparse", {"properties": {"hw_disk_type": "sparse"}, "size": 1000}),
        ("streamOptimized", {"properties": {"vmware_disktype": "streamOptimized"}}),
        ("iso", {"disk_format": "iso", "size": 1000}),
        ("flat", {"properties": {"os_distro": "otherGuest64"}}),
        ("flat", {"properties": {"hw_disk_bus": "scsi", "hw_scsi_model": "vmpvscsi"}}),
    ],
)
def test_accepted(kind, changes):
    one = image(**changes)
    assert refusals(one) == []
    assert one.kind == kind


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("name", ["img_linked_clone", "vmware_linked_clone"])
@pytest.mark.parametrize(
    "value, linked",
    [*((value, True) for value in ("1", "t", "True", " on ", "y", "yes")), *((value, False) for value in ("0", "false", "off", "no", "perhaps", ""))],
)
def test_what_an_image_says_of_linked_clones_wins(name, value, linked, default):
    """Under its name of today and its older one; what oslo.utils does not know is no."""
    assert image({name: value}).linked_clone(default) is linked


def test_linked_clones_of_images_that_say_nothing():
    assert [image().linked_clone(), image().linked_clone(False), image(disk_format="iso").linked_clone()] == [True, False, False]
