# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A streamOptimized file is judged while it flows: good ones pass untouched, each kind of damage is found before the last byte is handed on."""

from __future__ import annotations

import random
import struct

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding, grains
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.vmdk import SECTOR, VmdkError

GRAIN = 128 * SECTOR
DISK = random.Random(3).randbytes(GRAIN) + bytes(GRAIN) + random.Random(4).randbytes(2 * GRAIN)  # four grains, of which one is a hole


def stream():
    """Gives the disk as this collection sends one."""
    encoder = encoding.Encoder(len(DISK), "test")
    return b"".join([encoder.start(), *encoder.feed(DISK), *encoder.finish()])


def parts(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def markers(data):
    """Gives ``(place, address, bytes)`` of each grain."""
    overhead = struct.unpack_from("<Q", data, 64)[0] * SECTOR
    at, found = overhead, []
    while at < len(data):
        value, size, kind = struct.unpack_from("<QII", data, at)
        if size:
            found.append((at, value, size))
            at += -(-(12 + size) // SECTOR) * SECTOR
        elif kind == 0:
            break
        else:
            at += (1 + value) * SECTOR
    return found


def changed(data, at, new):
    return data[:at] + new + data[at + len(new) :]


@pytest.mark.parametrize("size", [77, SECTOR, 1 << 16, 1 << 24])
def test_a_good_file_passes_untouched(size):
    seen = {}
    data = stream()
    assert b"".join(grains.checked(iter(parts(data, size)), 3, seen.__setitem__)) == data
    assert {number: bytes(found) for number, found in seen.items()} == {number: DISK[number * GRAIN : (number + 1) * GRAIN] for number in (0, 2, 3)}


def error_of(data, count=None):
    """Gives the error, and how much was handed on before."""
    passed = b""
    with pytest.raises(VmdkError) as caught:
        for chunk in grains.checked(iter(parts(data, 4096)), count):
            passed += chunk
    assert len(passed) < len(data)
    return caught.value


@pytest.mark.parametrize("left", [100, SECTOR, 5000, GRAIN + 3 * SECTOR])
def test_a_file_that_is_cut(left):
    assert error_of(stream()[:left]).code == "VMDK_TRUNCATED"
    assert error_of(stream()[: -1 * SECTOR]).code == "VMDK_TRUNCATED"


def test_nothing_comes_behind_the_end():
    error = error_of(stream() + b"more" + bytes(SECTOR - 4))
    assert (error.code, "behind the end-of-stream marker" in error.what) == ("VMDK_DAMAGED", True)


@pytest.mark.parametrize(
    "address, text",
    [(64, "a grain is for sector 64 of 512"), (512, "a grain is for sector 512 of 512"), (0, "comes after that for 0"), (128, "a grain table names sector")],
)
def test_a_grain_in_a_wrong_place(address, text):
    data = stream()
    at, _address, _size = markers(data)[1]
    assert text in error_of(changed(data, at, struct.pack("<Q", address))).what


def test_a_grain_with_other_bytes():
    data = stream()
    at, _address, size = markers(data)[0]
    assert "the grain for sector 0" in error_of(changed(data, at + 12 + size // 2, bytes(64))).what


def test_a_grain_that_is_too_long():
    data = stream()
    at = markers(data)[0][0]
    assert "a grain of 65536 bytes takes 99999 bytes" in error_of(changed(data, at + 8, struct.pack("<I", 99999))).what


def test_the_number_of_grains():
    assert "its tables name 4 grains, and it has 3" in error_of(stream(), 4).what
