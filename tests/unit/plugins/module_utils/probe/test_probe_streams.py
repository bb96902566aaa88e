# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""probe/streams.py: each layout is a good disk, and differs from the others in one thing."""

from __future__ import annotations

import random
import struct
import subprocess

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import grains
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import streams

CAPACITY = 4 << 20
GRAINS = {0: random.Random(1).randbytes(streams.GRAIN), 5: b"x" * streams.GRAIN, 63: random.Random(2).randbytes(streams.GRAIN)}
ODD = {**GRAINS, 64: b"end" * 300}
FILES = {
    "stream": (streams.stream(CAPACITY, GRAINS), streams.flat(CAPACITY, GRAINS)),
    "version 1": (streams.stream(CAPACITY, GRAINS, version=1), streams.flat(CAPACITY, GRAINS)),
    "no footer": (streams.stream(CAPACITY, GRAINS, footer=False), streams.flat(CAPACITY, GRAINS)),
    "odd": (streams.stream(CAPACITY + 1024, ODD), streams.flat(CAPACITY + 1024, ODD)),
    "sparse": (streams.sparse(CAPACITY, GRAINS), streams.flat(CAPACITY, GRAINS)),
}


@pytest.mark.parametrize("name", FILES)
def test_qemu_reads_it(name, tmp_path):
    file, flat = FILES[name]
    (tmp_path / "disk.vmdk").write_bytes(file)
    subprocess.run(["qemu-img", "convert", "-f", "vmdk", "-O", "raw", tmp_path / "disk.vmdk", tmp_path / "raw"], check=True)
    assert (tmp_path / "raw").read_bytes() == flat


def test_good_stream_is_whole():
    file, _flat = FILES["stream"]
    assert b"".join(grains.checked(iter([file]), len(GRAINS))) == file


def test_each_differs_in_one_thing():
    good = FILES["stream"][0]
    assert good[4:8] == struct.pack("<I", 3) and FILES["version 1"][0][4:8] == struct.pack("<I", 1)
    assert good[56:64] == b"\xff" * 8 and FILES["no footer"][0][56:64] != b"\xff" * 8
    assert not good[-512:].strip(b"\0") and FILES["no footer"][0][-512:].strip(b"\0")
    sectors = struct.unpack("<Q", FILES["odd"][0][12:20])[0]
    assert sectors % 128 and not struct.unpack("<Q", good[12:20])[0] % 128
    assert all(len(file) % 512 == 0 for file, _flat in FILES.values())
