# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every image of tests/support/bad_images.py gives its error, and those that only look odd give none."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

import disks  # noqa: E402
from bad_images import BAD, GOOD  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import grains, vmdk  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image  # noqa: E402

DOCUMENT = {
    "id": "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11", "name": "bad", "status": "active", "disk_format": "vmdk", "container_format": "bare",
    "os_hash_algo": "sha512", "os_hash_value": "00",
}  # fmt: skip
CHUNKS = (1 << 20, 1000, 512)  # bytes


def judge(kind, data, size=1 << 20):
    """Does with a file what a seed does."""
    disk = vmdk.inspect(kind, len(data), lambda offset, length: data[offset : offset + length])
    if kind == "streamOptimized":
        sent = b""
        for chunk in grains.checked((data[at : at + size] for at in range(0, len(data), size)), disk.grains):
            sent += chunk
            if len(sent) == len(data):
                assert sent == data
    return disk


def test_names_are_unique():
    assert len({one.name for one in BAD}) == len(BAD) > 90


@pytest.mark.parametrize("bad", BAD, ids=lambda one: one.name)
def test_bad(bad):
    document = {**DOCUMENT, "size": len(bad.data), **bad.properties}
    image = nova_image.from_document(document)
    found = nova_image.refusals(image)
    if bad.seen == "properties" or found:
        assert [one.code for one in found] == [bad.code]
        assert bad.text in found[0].what and found[0].hint
        return
    with pytest.raises(NovaVmwareError) as caught:
        vmdk.inspect(image.kind, image.size, lambda offset, length: bad.data[offset : offset + length])
        assert bad.seen == "flow", "its places are right"
        judge(image.kind, bad.data)
    assert caught.value.code == bad.code
    assert bad.text in caught.value.what and caught.value.hint


@pytest.mark.parametrize("bad", [one for one in BAD if one.seen == "flow"], ids=lambda one: one.name)
@pytest.mark.parametrize("size", CHUNKS)
def test_the_end_is_never_handed_on(bad, size):
    """A receiver that counts bytes must not complete a wrong file, however it is cut into chunks."""
    sent = 0
    with pytest.raises(vmdk.VmdkError):
        for chunk in grains.checked(bad.data[at : at + size] for at in range(0, len(bad.data), size)):
            sent += len(chunk)
    assert sent < len(bad.data)


@pytest.mark.parametrize("number", range(len(GOOD)))
@pytest.mark.parametrize("size", CHUNKS)
def test_good(number, size):
    kind, data = GOOD[number]
    assert judge(kind, data, size).kind == kind


def test_a_whole_stream_passes_unchanged():
    data = dict(GOOD)["streamOptimized"]
    for size in CHUNKS:
        assert b"".join(grains.checked(data[at : at + size] for at in range(0, len(data), size))) == data


def test_no_hash():
    assert [one.code for one in nova_image.refusals(nova_image.from_document({**DOCUMENT, "size": 1024, "os_hash_algo": None, "os_hash_value": None}))] == [
        "IMAGE_NO_HASH"
    ]
    old = nova_image.from_document({**DOCUMENT, "size": 1024, "os_hash_algo": None, "os_hash_value": None, "checksum": "0" * 32})
    assert nova_image.refusals(old) == [] and (old.os_hash_algo, old.os_hash_value) == ("md5", "0" * 32)
    (found,) = nova_image.refusals(nova_image.from_document({**DOCUMENT, "size": 1024, "os_hash_algo": "sha9"}))
    assert found.code == "IMAGE_HASH_ALGORITHM"


def test_tables_among_the_grains():
    """VMware's own tools write each table behind its grains, so that they lie all over the file: then they are judged as they pass."""
    count = 70
    capacity = count * disks.ENTRIES * 128

    def exported(off=None):
        fields = {"version": 3, "flags": 3 | 1 << 16 | 1 << 17, "compression": 1, "capacity": capacity}
        data = (disks.header(**fields, directory=disks.AT_END) + disks.descriptor("streamOptimized", capacity)).ljust(128 * 512, b"\0")
        tables = []
        for number in range(count):
            at = len(data) // 512
            data += disks.grain(number * disks.ENTRIES * 128, disks.RAW[: disks.GRAIN]) + disks.marker(1, 4)
            tables.append(len(data) // 512)
            data += disks.table([at + (number == off)])
        data += disks.marker(2, 1)
        directory = len(data) // 512
        return data + disks.pad(struct.pack(f"<{count}I", *tables)) + disks.marker(3, 1) + disks.header(**fields, directory=directory) + disks.marker(0)

    disk = judge("streamOptimized", exported())
    assert (disk.grains, disk.capacity_bytes) == (None, capacity * 512)
    with pytest.raises(vmdk.VmdkError, match="a grain table names sector"):
        judge("streamOptimized", exported(off=50))
    with pytest.raises(vmdk.VmdkError, match="footer"):
        judge("streamOptimized", exported()[:-1024])
