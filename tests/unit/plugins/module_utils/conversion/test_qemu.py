# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conversion/qemu.py: what is refused before qemu-img opens a file, and what its JSON tells."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import qemu
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova.image import Image


def image(disk_format, **properties):
    return Image("id", "name", "active", 1, disk_format, "bare", None, None, properties)


def qcow2(version=3, backing=0, crypt=0, features=0):
    head = bytearray(512)
    struct.pack_into(">4sIQ", head, 0, b"QFI\xfb", version, backing)
    struct.pack_into(">I", head, 32, crypt)
    struct.pack_into(">Q", head, 72, features)
    return bytes(head)


def vhd(kind):
    footer = bytearray(512)
    footer[:8] = b"conectix"
    struct.pack_into(">I", footer, 60, kind)
    return bytes(1024) + bytes(footer)


def judge(disk_format, data, **properties):
    qemu.judge_file(image(disk_format, **properties), len(data), lambda offset, length: data[offset : offset + length])


@pytest.mark.parametrize(
    "disk_format, data",
    [
        ("qcow2", qcow2()),
        ("qcow2", qcow2(version=2, features=4)),  # version 2 has no features: other data stands there
        ("raw", bytes(1024)),
        ("vmdk", bytes(1024)),  # without hw_disk_type it is a flat disk
        ("vhd", vhd(2)),
        ("vhd", vhd(3)),
        ("vhdx", b"vhdxfile" + bytes(504)),
        ("vdi", bytes(64) + b"\x7f\x10\xda\xbe" + bytes(444)),
    ],
)
def test_good_files(disk_format, data):
    judge(disk_format, data)


@pytest.mark.parametrize(
    "disk_format, data, code",
    [
        ("qcow2", qcow2(backing=512), "IMAGE_HAS_BACKING_FILE"),
        ("qcow2", qcow2(features=4), "IMAGE_HAS_DATA_FILE"),
        ("qcow2", qcow2(crypt=2), "IMAGE_ENCRYPTED"),
        ("qcow2", bytes(512), "IMAGE_CONTENT"),
        ("qcow2", b"QFI\xfb", "IMAGE_CONTENT"),
        ("raw", qcow2(), "IMAGE_CONTENT"),
        ("raw", b"# Disk DescriptorFile\n", "IMAGE_CONTENT"),
        ("vmdk", qcow2(), "IMAGE_CONTENT"),
        ("vhd", vhd(4), "IMAGE_HAS_BACKING_FILE"),
        ("vhd", bytes(1024), "IMAGE_CONTENT"),
        ("vhd", b"", "IMAGE_CONTENT"),
        ("vhdx", bytes(1024), "IMAGE_CONTENT"),
        ("vdi", bytes(1024), "IMAGE_CONTENT"),
    ],
)
def test_bad_files(disk_format, data, code):
    with pytest.raises(NovaVmwareError) as caught:
        judge(disk_format, data)
    assert caught.value.code == code


def test_a_vmdk_descriptor_never_reaches_qemu():
    with pytest.raises(NovaVmwareError) as caught:
        judge("vmdk", b'# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n'.ljust(1024), hw_disk_type="sparse")
    assert caught.value.code == "IMAGE_CONTENT"


@pytest.mark.parametrize(
    "disk_format, disk_type, driver",
    [("qcow2", None, "qcow2"), ("vhd", None, "vpc"), ("vmdk", "thin", "raw"), ("vmdk", None, "raw"), ("vmdk", "sparse", "vmdk")],
)
def test_the_driver_is_what_glance_says(disk_format, disk_type, driver):
    assert qemu.driver(image(disk_format, **({"hw_disk_type": disk_type} if disk_type else {}))) == driver


GOOD = {"format": "qcow2", "virtual-size": 1 << 30, "format-specific": {"type": "qcow2", "data": {"compat": "1.1", "corrupt": False}}}


@pytest.mark.parametrize("found", [GOOD, {"format": "qcow2", "virtual-size": 1 << 30}])
def test_good_info(found):
    assert qemu.judge_info(found, "qcow2") == 1 << 30


@pytest.mark.parametrize(
    "more, code",
    [
        ({"format": "raw"}, "IMAGE_CONTENT"),
        ({"backing-filename": "base.qcow2"}, "IMAGE_HAS_BACKING_FILE"),
        ({"full-backing-filename": "/base.qcow2"}, "IMAGE_HAS_BACKING_FILE"),
        ({"encrypted": True}, "IMAGE_ENCRYPTED"),
        ({"format-specific": {"data": {"encrypt": {"format": "luks"}}}}, "IMAGE_ENCRYPTED"),
        ({"format-specific": {"data": {"data-file": "/etc/shadow"}}}, "IMAGE_HAS_DATA_FILE"),
        ({"format-specific": {"data": {"corrupt": True}}}, "IMAGE_DAMAGED"),
        ({"dirty-flag": True}, "IMAGE_DAMAGED"),
        ({"virtual-size": 0}, "IMAGE_EMPTY"),
    ],
)
def test_bad_info(more, code):
    with pytest.raises(NovaVmwareError) as caught:
        qemu.judge_info({**GOOD, **more}, "qcow2")
    assert caught.value.code == code


def test_a_missing_qemu_img_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NovaVmwareError) as caught:
        qemu.program()
    assert caught.value.code == "QEMU_IMG_MISSING" and "qemu-utils" in caught.value.hint
