# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disks/vmdk.py on files that qemu-img made, and on what can be wrong with them."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import vmdk

CAPACITY = 8 << 20


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A disk of 8 MiB with data at both ends, as each kind of VMDK."""
    assert shutil.which("qemu-img"), "qemu-img is needed: apt-get install qemu-utils"
    folder = tmp_path_factory.mktemp("vmdk")
    raw = folder / "disk.raw"
    noise = random.Random(1)
    raw.write_bytes(noise.randbytes(1 << 20) + bytes(CAPACITY - (2 << 20)) + noise.randbytes(1 << 20))
    for kind in ("monolithicSparse", "streamOptimized"):
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", f"subformat={kind}", raw, folder / kind], check=True)
    return {
        "sparse": (folder / "monolithicSparse").read_bytes(),
        "streamOptimized": (folder / "streamOptimized").read_bytes(),
        "flat": raw.read_bytes(),
    }


def inspect(kind, data):
    return vmdk.inspect(kind, len(data), lambda offset, length: data[offset : offset + length])


@pytest.mark.parametrize("kind", ["sparse", "streamOptimized", "flat"])
def test_whole(files, kind):
    disk = inspect(kind, files[kind])
    assert disk.kind == kind
    assert disk.capacity_bytes == CAPACITY


def test_empty_disk(tmp_path):
    path = tmp_path / "empty.vmdk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vmdk", path, "1G"], check=True)
    assert inspect("sparse", path.read_bytes()).capacity_bytes == 1 << 30


@pytest.mark.parametrize("kind", ["sparse", "streamOptimized"])
@pytest.mark.parametrize("left", [0.001, 0.02, 0.5, 0.95])  # qemu-img puts up to 64 KiB of nothing behind the last grain
def test_truncated(files, kind, left):
    data = files[kind][: int(len(files[kind]) * left)]
    with pytest.raises(vmdk.VmdkError) as caught:
        inspect(kind, data)
    assert caught.value.code in ("VMDK_TRUNCATED", "IMAGE_CONTENT")


def test_streamed_file_without_its_end(files):
    """A header that says "the directory is at the end" needs a footer there."""
    data = bytearray(files["streamOptimized"])
    struct.pack_into("<Q", data, 56, 0xFFFFFFFFFFFFFFFF)
    with pytest.raises(vmdk.VmdkError) as caught:
        inspect("streamOptimized", bytes(data))
    assert caught.value.code == "VMDK_TRUNCATED"


def test_streamed_file_with_its_end(files):
    """As VMware's own tools write it: header without a directory, footer with it, end-of-stream marker."""
    data = bytearray(files["streamOptimized"])
    footer = bytes(data[:512])
    struct.pack_into("<Q", data, 56, 0xFFFFFFFFFFFFFFFF)
    assert inspect("streamOptimized", bytes(data) + footer + bytes(512)).capacity_bytes == CAPACITY


@pytest.mark.parametrize(
    "kind, other, code",
    [
        ("sparse", "streamOptimized", "IMAGE_DISK_TYPE_DIFFERS"),
        ("streamOptimized", "sparse", "IMAGE_DISK_TYPE_DIFFERS"),
        ("flat", "sparse", "IMAGE_CONTENT"),
        ("iso", "sparse", "IMAGE_CONTENT"),
        ("sparse", "flat", "IMAGE_CONTENT"),
    ],
)
def test_another_kind_than_promised(files, kind, other, code):
    with pytest.raises(vmdk.VmdkError) as caught:
        inspect(kind, files[other])
    assert caught.value.code == code


@pytest.mark.parametrize("magic", [b"QFI\xfb", b"conectix", b"vhdxfile", b"# Disk DescriptorFile"])
def test_flat_is_another_format(magic):
    with pytest.raises(vmdk.VmdkError) as caught:
        inspect("flat", magic.ljust(1024, b"\0"))
    assert caught.value.code == "IMAGE_CONTENT"


@pytest.mark.parametrize(
    "old, new, code",
    [
        (b"parentCID=ffffffff", b"parentCID=12345678", "VMDK_HAS_PARENT"),
        (b'SPARSE "', b'FLAT "', "VMDK_EXTENTS"),
        (b'SPARSE "monolithicSparse"', b'SPARSE "../../etc/passwd"', "VMDK_EXTENTS"),
        (b'SPARSE "monolithicSparse"', b'SPARSE "/dev/disks/naa.1"', "VMDK_EXTENTS"),
        (b'SPARSE "monolithicSparse"', b'VMFSRDM "monolithicSpars"', "VMDK_EXTENTS"),
        (b'SPARSE "monolithicSparse"', b'SPARSE "a"\nRW 9 SPARSE "b"', "VMDK_EXTENTS"),
        (b"RW 16384", b"RW 99999", "VMDK_DAMAGED"),
    ],
)
def test_descriptor_reaches_out(files, old, new, code):
    data = files["sparse"]
    assert old in data
    at = data.index(old)
    end = data.index(b"\0", at)
    text = data[at:end].replace(old, new, 1)
    data = data[:at] + text.ljust(end - at + 64, b"\0") + data[end + 64 :]
    with pytest.raises(vmdk.VmdkError) as caught:
        inspect("sparse", data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "offset, form, value, code",
    [
        (12, "<Q", 0, "VMDK_DAMAGED"),  # capacity
        (20, "<Q", 100, "VMDK_DAMAGED"),  # grain size is no power of two
        (44, "<I", 7, "VMDK_DAMAGED"),  # entries of a grain table
        (56, "<Q", 1 << 40, "VMDK_TRUNCATED"),  # the grain directory lies beyond the file
        (36, "<Q", 1 << 30, "VMDK_DESCRIPTOR"),  # the descriptor is absurdly long
        (12, "<Q", 1 << 50, "VMDK_DAMAGED"),
    ],
)
def test_header_makes_no_sense(files, offset, form, value, code):
    data = bytearray(files["sparse"])
    struct.pack_into(form, data, offset, value)
    with pytest.raises(vmdk.VmdkError) as caught:
        inspect("sparse", bytes(data))
    assert caught.value.code == code
