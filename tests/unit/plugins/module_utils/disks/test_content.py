# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disks/content.py: a disk has one content in every format, and another one as soon as a byte differs."""

from __future__ import annotations

import random
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import content, encoding, grains, vmdk

GRAIN = content.GRAIN
# (bytes of the disk, places with noise); some ends are no whole grain
DISKS = st.tuples(
    st.integers(1, 10 * GRAIN // 512).map(lambda sectors: sectors * 512),
    st.lists(st.tuples(st.integers(0, 10 * GRAIN), st.integers(1, 2 * GRAIN)), max_size=4),
    st.integers(0, 1 << 30),
)


def made(shape):
    size, spans, seed = shape
    noise = random.Random(seed)
    data = bytearray(size)
    for at, length in spans:
        length = max(0, min(length, size - at))
        data[at : at + length] = noise.randbytes(length)
    return bytes(data)


def pieces(data, length):
    return [data[at : at + length] for at in range(0, len(data), length)]


def flat(data, capacity=None, chunk=100_001, grain=GRAIN):
    found = content.Content(len(data) if capacity is None else capacity, grain)
    assert b"".join(found.flat(iter(pieces(data, chunk)))) == data
    return found


def stream(data, chunk):
    encoder = encoding.Encoder(len(data), "an image")
    file = b"".join([encoder.start(), *encoder.feed(data), *encoder.finish()])
    disk = vmdk.inspect("streamOptimized", len(file), lambda at, length: file[at : at + length])
    found = content.Content(disk.capacity_bytes, disk.grain_bytes)
    assert b"".join(grains.checked(iter(pieces(file, chunk)), disk.grains, found.add)) == file
    return found


@settings(max_examples=100, deadline=None)
@given(DISKS, st.integers(1000, 300_000))
def test_a_stream_has_the_content_of_its_disk(shape, chunk):
    data = made(shape)
    assert stream(data, chunk) == flat(data.ljust(-(-len(data) // GRAIN) * GRAIN, b"\0"))


@settings(max_examples=100, deadline=None)
@given(DISKS, st.integers(1000, 300_000), st.integers(0, 2 << 20))
def test_what_is_behind_the_disk_and_how_it_is_cut_do_not_count(shape, chunk, more):
    data = made(shape)
    assert flat(data + bytes(range(256)) * (more // 256), len(data), chunk) == flat(data)


@settings(max_examples=100, deadline=None)
@given(DISKS, st.data())
def test_one_byte(shape, draw):
    data = bytearray(made(shape))
    before = flat(bytes(data))
    at = draw.draw(st.integers(0, len(data) - 1))
    data[at] ^= draw.draw(st.integers(1, 255))
    assert flat(bytes(data)) != before
    assert flat(bytes(data[:-512])) != before


def test_grains_that_changed_places():
    one, two = random.Random(1).randbytes(GRAIN), random.Random(2).randbytes(GRAIN)
    assert flat(one + two) != flat(two + one)


@pytest.mark.parametrize("seed", range(4))
def test_sparse_files_of_qemu(tmp_path, seed):
    """qemu-img writes grains in the order in which it meets them; what is written later lies behind, whatever its place."""
    noise = random.Random(seed)
    size = (40 << 20) + seed * 512
    raw, sparse = tmp_path / "raw", tmp_path / "sparse"
    data = bytearray(size)
    for _number in range(12):
        at = noise.randrange(size - 300_000)
        data[at : at + 200_000] = noise.randbytes(200_000)
    raw.write_bytes(data)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=monolithicSparse", raw, sparse], check=True)
    for at in (33 << 20, 1 << 20):
        subprocess.run(["qemu-io", "-f", "vmdk", "-c", f"write -P 7 {at} 70000", sparse], check=True, capture_output=True)
        data[at : at + 70000] = b"\7" * 70000
    file = sparse.read_bytes()

    def read(at, length):
        return file[at : at + length]

    disk = vmdk.inspect("sparse", len(file), read)
    places = vmdk.grain_places(read)
    assert len(places) == disk.grains and [place & 0xFFFFFFFF for place in places] != sorted(place & 0xFFFFFFFF for place in places)
    for chunk in (1 << 20, 77_777):
        found = content.Content(disk.capacity_bytes, disk.grain_bytes)
        assert b"".join(found.sparse(iter(pieces(file, chunk)), places)) == file
        assert found == flat(bytes(data))
