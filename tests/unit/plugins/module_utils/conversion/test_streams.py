# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conversion/streams.py: what qemu-img converts becomes a stream that ESXi takes, and qemu-img reads the same disk from it."""

from __future__ import annotations

import os
import random
import stat
import subprocess
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import qemu, streams
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import relay, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

MIB = 1 << 20


@pytest.fixture
def made(tmp_path):
    """A function that makes a stream of a disk of so many bytes as the module does. Gives the file and the disk."""

    def make(size):
        raw = bytearray(size)
        raw[: size // 3] = random.Random(1).randbytes(size // 3)
        raw[-700:] = random.Random(2).randbytes(700)
        (tmp_path / "raw").write_bytes(raw)
        qemu.convert(str(tmp_path / "raw"), "raw", str(tmp_path / "disk"), "streamOptimized", "ide")
        streams.lay_out(str(tmp_path / "disk"), "an image", "ide")
        return tmp_path / "disk", bytes(raw)

    return make


@pytest.mark.parametrize("size", [3 * MIB, 40 * MIB + 1024])
def test_esxi_takes_it_and_qemu_reads_it(made, tmp_path, size):
    path, raw = made(size)
    data = path.read_bytes()
    found = vmdk.inspect("streamOptimized", len(data), lambda offset, length: data[offset : offset + length])
    assert not relay.is_needed(found.stream) and found.capacity_bytes == -(-size // 65536) * 65536
    assert b'ddb.adapterType = "ide"' in data[512:2048]
    subprocess.run(["qemu-img", "convert", "-f", "vmdk", "-O", "raw", path, tmp_path / "back"], check=True)
    assert (tmp_path / "back").read_bytes() == raw.ljust(found.capacity_bytes, b"\0")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and sorted(one.name for one in tmp_path.iterdir()) == ["back", "disk", "raw"]


def test_no_room(made, monkeypatch):
    monkeypatch.setattr(streams.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    with pytest.raises(NovaVmwareError) as caught:
        made(MIB)
    assert caught.value.code == "WORK_DIR_FULL" and "1000 bytes free" in caught.value.what
