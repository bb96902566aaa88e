# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disks/encoding.py: qemu-img reads what it writes, the project's own inspection does, and it reads it back itself."""

from __future__ import annotations

import io
import random
import re
import shutil
import subprocess
import tracemalloc
import zlib

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding, vmdk

NOISE = random.Random(3)
MIB = 1 << 20


def disk(capacity, *spans):
    """Gives a disk with noise at ``(offset, length)``."""
    data = bytearray(capacity)
    for at, length in spans:
        data[at : at + length] = NOISE.randbytes(length)
    return bytes(data)


def encoded(data, chunk=MIB):
    encoder = encoding.Encoder(len(data), "an image")
    pieces = [encoder.start()]
    for at in range(0, len(data), chunk):
        pieces += encoder.feed(data[at : at + chunk])
    return b"".join(pieces + encoder.finish())


DISKS = {
    "empty": disk(2 * MIB),
    "full": disk(3 * MIB, (0, 3 * MIB)),
    "one byte in a grain": disk(MIB, (70000, 1)),
    "not a whole grain": disk(MIB + 1024, (MIB, 1024)),
    "small": disk(1024, (512, 100)),
    # A grain table covers 32 MiB: the second has nothing, the third begins and ends in the middle.
    "tables": disk(70 * MIB, (0, 4096), (5 * MIB, 100000), (32 * MIB - 70000, 70000), (65 * MIB, MIB), (70 * MIB - 5, 5)),
    "exactly one table": disk(32 * MIB, (32 * MIB - 512, 512)),
}


@pytest.mark.parametrize("name", DISKS)
@pytest.mark.parametrize("chunk", [MIB, 100_001])
def test_round_trip(name, chunk, tmp_path):
    data = DISKS[name]
    stream = encoded(data, chunk)
    assert len(stream) % 512 == 0
    found = vmdk.inspect("streamOptimized", len(stream), lambda offset, length: stream[offset : offset + length])
    capacity = -(-len(data) // encoding.GRAIN) * encoding.GRAIN  # the format wants whole grains
    assert (found.capacity_bytes, found.create_type) == (capacity, "streamOptimized")
    assert b"".join(encoding.decode(io.BytesIO(stream), len(data))) == data
    assert shutil.which("qemu-img"), "the tests need qemu-img"
    (tmp_path / "disk.vmdk").write_bytes(stream)
    subprocess.run(["qemu-img", "check", "-q", tmp_path / "disk.vmdk"], check=True)
    subprocess.run(["qemu-img", "convert", "-f", "vmdk", "-O", "raw", tmp_path / "disk.vmdk", tmp_path / "raw"], check=True)
    assert (tmp_path / "raw").read_bytes() == data.ljust(capacity, b"\0")


def test_size():
    """A tenth of a disk in use is not much more than a tenth on the wire."""
    data = disk(64 * MIB, (0, 6 * MIB))
    assert 6 * MIB < len(encoded(data)) < 6 * MIB * 1.1


def test_a_grain_with_holes_is_compressed():
    assert len(encoded(disk(64 * MIB, *((at * 65536, 4096) for at in range(1000))))) < 1000 * 10000


def test_the_beginning_alone_can_be_read_back():
    """As when there turns out to be too much in a disk: what was encoded and what waits are the disk's beginning."""
    data = DISKS["tables"]
    for taken in (100_000, 6 * MIB + 7, 33 * MIB, 66 * MIB + 1):
        encoder = encoding.Encoder(len(data), "an image")
        pieces = [encoder.start()] + encoder.feed(data[:taken])
        begin = b"".join(encoding.decode(io.BytesIO(b"".join(pieces)), encoder.taken)) + encoder.rest
        assert begin == data[:taken]


def test_each_image_has_a_content_id_of_its_own():
    """As open-vmdk writes it: the long one ends in the short one, which is none of the two that mean something else."""
    texts = {name: encoding.Encoder(MIB, name).start()[512:].split(b"\0")[0].decode() for name in ("a", "b")}
    cids = {name: re.search(r"^CID=([0-9a-f]{8})$", text, re.MULTILINE)[1] for name, text in texts.items()}
    longs = {name: re.search(r'^ddb.longContentID = "([0-9a-f]{32})"$', text, re.MULTILINE)[1] for name, text in texts.items()}
    assert cids["a"] != cids["b"] and longs["a"][:24] != longs["b"][:24]
    for name, text in texts.items():
        assert longs[name].endswith(cids[name])
        assert 'encoding="UTF-8"' in text and 'ddb.toolsInstallType = "4"' in text and 'ddb.toolsVersion = "2147483647"' in text
    some = {encoding.content_id(str(number))[0] for number in range(1000)}
    assert len(some) == 1000 and not some & {"00000000", "ffffffff", "fffffffe"}


@pytest.mark.parametrize("length", [1, 512, 65535, 65536, 65537, 1 << 20])
def test_stored(length):
    data = NOISE.randbytes(length)
    body = encoding.stored(data)
    assert zlib.decompress(body) == data and len(body) == encoding.stored_length(length)


def test_memory_is_flat():
    def peak(mib):
        encoder = encoding.Encoder(mib * MIB, "an image")
        chunk = NOISE.randbytes(MIB)
        tracemalloc.start()
        for _number in range(mib):
            encoder.feed(chunk)
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(256) < peak(32) + 100_000
