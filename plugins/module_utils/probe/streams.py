# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny disks in the two sparse formats of VMware, in every layout that is to be tried. Pure.

Format: VMware "Virtual Disk Format 5.0". ``disks/encoding.py`` makes the layout that this collection sends; those here differ from it in one thing
each, so that a refusal tells its reason.
"""

from __future__ import annotations

import struct
import zlib

SECTOR = 512  # bytes
GRAIN = 128 * SECTOR
_ENTRIES = 512  # of a grain table
_OVERHEAD = 128  # sectors before the first grain
_GD_AT_END = 0xFFFFFFFFFFFFFFFF
_HEADER = struct.Struct("<IIIQQQQIQQQB4sH433x")
_STREAM_FLAGS = 1 | 1 << 16 | 1 << 17  # the newline test is valid, grains are compressed, markers are in the stream
_GRAIN_MARKER = struct.Struct("<QI")
_MARKER = struct.Struct("<QII496x")  # sectors that follow, 0, type
_GRAIN_TABLE, _GRAIN_DIRECTORY, _FOOTER = 1, 2, 3


def flat(capacity, grains):
    """Returns what a guest reads of a disk.

    :arg capacity: bytes. :arg grains: ``{number of a grain: its bytes}``; the others are zeros.
    """
    disk = bytearray(capacity)
    for number, data in grains.items():
        disk[number * GRAIN : number * GRAIN + len(data)] = data
    return bytes(disk[:capacity])


def stream(capacity, grains, version=3, footer=True):
    """Returns a streamOptimized file of a disk with at most 512 grains.

    :arg version: of the header; VMware writes 3, QEMU before 2.5.1 wrote 1 (block/vmdk.c, vmdk_init_extent).
    :arg footer: False puts the tables before the grains and ends after the last one, as qemu-img does (block/vmdk.c, vmdk_create_extent).
    """
    table = [0] * _ENTRIES
    body = bytearray()
    for number, data in sorted(grains.items()):
        table[number] = _OVERHEAD + len(body) // SECTOR
        packed = zlib.compress(data.ljust(GRAIN, b"\0"))
        body += _GRAIN_MARKER.pack(number * (GRAIN // SECTOR), len(packed)) + packed
        body += bytes(-len(body) % SECTOR)
    tables = struct.pack(f"<{_ENTRIES}I", *table)
    if not footer:
        directory = 1 + 20  # after the header and the descriptor
        head = _header(capacity, version, _STREAM_FLAGS, directory, 1) + _descriptor(capacity, "streamOptimized")
        head = head.ljust(directory * SECTOR, b"\0") + struct.pack("<I", directory + 1).ljust(SECTOR, b"\0") + tables
        return head.ljust(_OVERHEAD * SECTOR, b"\0") + bytes(body)
    at = _OVERHEAD + len(body) // SECTOR  # the table's marker
    body += _MARKER.pack(len(tables) // SECTOR, 0, _GRAIN_TABLE) + tables
    body += _MARKER.pack(1, 0, _GRAIN_DIRECTORY) + struct.pack("<I", at + 1).ljust(SECTOR, b"\0")
    directory = _OVERHEAD + len(body) // SECTOR - 1
    body += _MARKER.pack(1, 0, _FOOTER) + _header(capacity, version, _STREAM_FLAGS, directory, 1) + bytes(SECTOR)
    head = _header(capacity, version, _STREAM_FLAGS, _GD_AT_END, 1) + _descriptor(capacity, "streamOptimized")
    return head.ljust(_OVERHEAD * SECTOR, b"\0") + bytes(body)


def sparse(capacity, grains):
    """Returns a hosted sparse file (monolithicSparse) of a disk with at most 512 grains."""
    table = [0] * _ENTRIES
    body = bytearray()
    for number, data in sorted(grains.items()):
        table[number] = _OVERHEAD + len(body) // SECTOR
        body += data.ljust(GRAIN, b"\0")
    directory = 1 + 20
    head = _header(capacity, 1, 1, directory, 0) + _descriptor(capacity, "monolithicSparse")
    head = head.ljust(directory * SECTOR, b"\0") + struct.pack("<I", directory + 1).ljust(SECTOR, b"\0") + struct.pack(f"<{_ENTRIES}I", *table)
    return head.ljust(_OVERHEAD * SECTOR, b"\0") + bytes(body)


def _header(capacity, version, flags, directory, compression):
    return _HEADER.pack(0x564D444B, version, flags, capacity // SECTOR, GRAIN // SECTOR, 1, 20, _ENTRIES, 0, directory, _OVERHEAD, 0, b"\n \r\n", compression)


def _descriptor(capacity, kind):
    return (
        f'# Disk DescriptorFile\nversion=1\nCID=70726f62\nparentCID=ffffffff\ncreateType="{kind}"\n\n'
        f'# Extent description\nRW {capacity // SECTOR} SPARSE "disk.vmdk"\n\n# The Disk Data Base\n#DDB\n\n'
        'ddb.virtualHWVersion = "4"\nddb.geometry.cylinders = "1"\nddb.geometry.heads = "255"\n'
        'ddb.geometry.sectors = "63"\nddb.adapterType = "lsilogic"\n'
    ).encode()
