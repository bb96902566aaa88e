# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disks/relay.py: whatever a streamOptimized file looks like, what goes out is laid out as ESXi wants it.

It holds the same, and has the size that was announced.
"""

from __future__ import annotations

import dataclasses
import io
import random
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

import disks  # noqa: E402
from disks import GRAIN, RAW, SECTOR, descriptor, grain, marker, streamed  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding, grains, relay, vmdk  # noqa: E402

MIB = 1 << 20


def inspected(data):
    return vmdk.inspect("streamOptimized", len(data), lambda offset, length: data[offset : offset + length])


def laid(data, chunk=100_001):
    found = inspected(data)
    chunks = (data[at : at + chunk] for at in range(0, len(data), chunk))
    new = b"".join(relay.lay(grains.checked(chunks, found.grains), found.stream, "an image"))
    return new, relay.size(found.stream)


def content(data, capacity):
    """Gives what a guest reads, after the file was found to be as it must."""
    found = inspected(data)
    assert found.stream.version == 3 and found.stream.footer and found.capacity_bytes % found.grain_bytes == 0
    assert not relay.is_needed(found.stream)
    b"".join(grains.checked([data], found.grains))
    return b"".join(encoding.decode(io.BytesIO(data), found.capacity_bytes))[:capacity] if found.grain_bytes == GRAIN else None


def qemu(folder, data, options="", version=None):
    """Gives the streamOptimized file that qemu-img makes of a raw disk: tables in front, neither footer nor end-of-stream marker."""
    (folder / "raw").write_bytes(data)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", f"subformat=streamOptimized{options}", folder / "raw", folder / "disk"], check=True)
    made = bytearray((folder / "disk").read_bytes())
    if version:
        made[4:8] = version.to_bytes(4, "little")  # as qemu-img before 2.5.1 (block/vmdk.c, vmdk_init_extent)
    return bytes(made)


def some(capacity, *places):
    data = bytearray(capacity)
    for at, length in places:
        data[at : at + length] = random.Random(at).randbytes(length)
    return bytes(data)


DISKS = {
    "small": some(MIB, (0, 70000)),
    "empty": bytes(MIB),
    "several tables": some(100 * MIB, (0, 4096), (31 * MIB, 2 * MIB), (99 * MIB, MIB)),
    "odd": some(MIB + 1536, (0, 3000), (MIB, 1536)),
    "odd, with a hole at its end": some(MIB + 1536, (0, 3000)),
}


@pytest.mark.parametrize("name", DISKS)
@pytest.mark.parametrize("version", [None, 1])
def test_what_qemu_img_writes(tmp_path, name, version):
    raw = DISKS[name]
    old = qemu(tmp_path, raw, version=version)
    assert relay.is_needed(inspected(old).stream)
    new, size = laid(old)
    assert len(new) == size
    assert content(new, len(raw)) == raw
    (tmp_path / "new").write_bytes(new)
    subprocess.run(["qemu-img", "convert", "-f", "vmdk", "-O", "raw", tmp_path / "new", tmp_path / "back"], check=True)
    assert (tmp_path / "back").read_bytes().rstrip(b"\0") == raw.rstrip(b"\0")
    if not len(raw) % GRAIN and any(raw):  # the grains are those of the old file
        first = old.index(b"\x78", vmdk.parse_header(old).overhead * SECTOR)
        assert old[first - 12 : first + 500] in new


SECTORS = len(RAW) // SECTOR
ODD = descriptor("streamOptimized", SECTORS - 8)


@pytest.mark.parametrize(
    "old, needed",
    [
        (streamed(), False),
        (streamed(version=1), True),
        (streamed(version=2, grains=(), numbers=()), True),
        (streamed(ODD, capacity=SECTORS - 8), True),
        (streamed(ODD, capacity=SECTORS - 8, grains=disks.GOOD_GRAINS[:2], numbers=(0, 2)), True),
        # What qemu-img and others write: the last grain unpacks to what the disk has of it.
        (streamed(ODD, capacity=SECTORS - 8, grains=[*disks.GOOD_GRAINS[:2], grain(384, RAW[3 * GRAIN : -8 * SECTOR])]), True),
    ],
)
def test_streams(old, needed):
    capacity = inspected(old).capacity_bytes
    assert relay.is_needed(inspected(old).stream) is needed
    new, size = laid(old)
    assert len(new) == size
    before = b"".join(encoding.decode(io.BytesIO(old), capacity))
    assert content(new, capacity) == before
    tail = b"".join(encoding.decode(io.BytesIO(new), inspected(new).capacity_bytes))[capacity:]
    assert not any(tail) or capacity % GRAIN and not needed or tail == RAW[capacity:]


def test_tables_among_the_grains():
    """A file of an export: a table behind the grains of each 32 MiB, too many to be read all."""
    raw = {number: random.Random(number).randbytes(GRAIN) for number in range(0, 100 * 512, 512)}
    layout = encoding.Layout(100 * 512 * GRAIN, "another image")
    pieces = [layout.start()]
    for number, data in raw.items():
        layout.add(number, encoding.stored(data), pieces)
    layout.finish(pieces)
    old = bytearray(b"".join(pieces))
    old[4:8] = old[-1020:-1016] = (1).to_bytes(4, "little")
    found = inspected(bytes(old))
    assert found.grains is None and len(found.stream.tables) == 100
    new, size = laid(bytes(old))
    assert len(new) == size and not relay.is_needed(inspected(new).stream)
    b"".join(grains.checked([new], 100))


def test_what_the_tables_do_not_tell():
    """VMware's progress markers are left out, so the size is another one: an upload with the one that was announced must not end well."""
    first, *others = disks.GOOD_GRAINS
    old = streamed(version=1, grains=[first + marker(4, 2) + bytes(2 * SECTOR), *others])
    new, size = laid(old)
    assert len(new) < size
    assert content(new, len(RAW)) == RAW
    found = inspected(old)
    for wanted in (size, len(new) - SECTOR, SECTOR):
        pieces = relay.lay([old], found.stream, "an image", wanted)
        given = 0
        with pytest.raises(relay.SizeDiffersError):
            for piece in pieces:
                given += len(piece)
        assert given < len(new)
    assert relay.size(dataclasses.replace(found.stream, area=-1)) is None


def test_a_file_that_is_cut(tmp_path):
    old = qemu(tmp_path, DISKS["several tables"])
    found = inspected(old)
    with pytest.raises(vmdk.VmdkError) as caught:
        b"".join(relay.lay(grains.checked([old[: len(old) // 2]], found.grains), found.stream, "an image"))
    assert caught.value.code == "VMDK_TRUNCATED"
