# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes small VMDKs and isos byte by byte, so that each field can be wrong. Layouts: VMware "Virtual Disk Format 5.0"."""

from __future__ import annotations

import random
import struct
import zlib

SECTOR = 512
GRAIN = 128 * SECTOR
ENTRIES = 512
AT_END = (1 << 64) - 1
HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
FIELDS = (
    "magic", "version", "flags", "capacity", "grain", "descriptor_offset", "descriptor_size", "entries", "redundant", "directory",
    "overhead", "dirty", "newlines", "compression",
)  # fmt: skip
# Four grains, of which the second is a hole.
RAW = random.Random(3).randbytes(GRAIN) + bytes(GRAIN) + b"nova" * (GRAIN // 4) + random.Random(4).randbytes(GRAIN)


def descriptor(create_type, sectors=len(RAW) // SECTOR, extent=None, parent="ffffffff", more="", adapter="lsilogic"):
    """Gives the text of a descriptor. ``extent`` replaces the line of the extent, ``more`` is added to the header's lines."""
    extent = f'RW {sectors} SPARSE "disk.vmdk"' if extent is None else extent
    return (
        f'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID={parent}\ncreateType="{create_type}"\n{more}\n'
        f'# Extent description\n{extent}\n\n# The Disk Data Base\n#DDB\n\nddb.adapterType = "{adapter}"\n'
    ).encode()


def pad(data, unit=SECTOR):
    """Fills up with zeros to a multiple of unit bytes."""
    return data + bytes(-len(data) % unit)


def header(**fields):
    """Gives the sector of a header; fields are those of the format, with what qemu-img and VMware write."""
    values = {
        "magic": b"KDMV", "version": 1, "flags": 3, "capacity": len(RAW) // SECTOR, "grain": 128, "descriptor_offset": 1,
        "descriptor_size": 20, "entries": ENTRIES, "redundant": 0, "directory": 21, "overhead": 128, "dirty": 0, "newlines": b"\n \r\n",
        "compression": 0, **fields,
    }  # fmt: skip
    return pad(HEADER.pack(*(values[name] for name in FIELDS)))


def table(entries):
    """Gives a grain table."""
    return struct.pack(f"<{ENTRIES}I", *entries, *([0] * (ENTRIES - len(entries))))


def sparse(text=None, tables=(22,), places=(128, 0, 256, 384), raw=RAW, **fields):
    """A monolithicSparse disk: directory (``tables``) and one table (``places``) in front, then the grains that are no holes."""
    text = descriptor("monolithicSparse") if text is None else text
    front = header(**fields) + text.ljust(20 * SECTOR, b"\0") + pad(struct.pack(f"<{len(tables)}I", *tables)) + table(places)
    grains = [raw[at : at + GRAIN] for at in range(0, len(raw), GRAIN)]
    return front.ljust(GRAIN, b"\0") + b"".join(grain for grain in grains if any(grain))


def grain(address, raw):
    """A compressed grain with its marker; address in sectors."""
    return packed(address, zlib.compress(raw))


def packed(address, data):
    """A grain with this compressed data."""
    return pad(struct.pack("<QI", address, len(data)) + data)


def marker(kind, sectors=0):
    """A marker of metadata."""
    return pad(struct.pack("<QII", sectors, 0, kind))


GOOD_GRAINS = tuple(grain(at // SECTOR, RAW[at : at + GRAIN]) for at in (0, 2 * GRAIN, 3 * GRAIN))


def streamed(text=None, grains=GOOD_GRAINS, numbers=(0, 2, 3), footer=None, end=True, middle=b"", **fields):
    """A streamOptimized disk as VMware's tools write it: grains, their table, the directory, a footer, the end.

    ``numbers`` are the grains' places in the table, ``footer`` are fields that differ there,
    ``middle`` comes between grains and table.
    """
    text = descriptor("streamOptimized") if text is None else text
    fields = {"version": 3, "flags": 3 | 1 << 16 | 1 << 17, "compression": 1, "directory": AT_END, **fields}
    data = (header(**fields) + text).ljust(128 * SECTOR, b"\0")
    entries = [0] * ENTRIES
    for number, one in zip(numbers, grains):
        entries[number] = len(data) // SECTOR
        data += one
    data += middle
    data += marker(1, 4)
    at = len(data) // SECTOR
    data += table(entries) + marker(2, 1)
    directory = len(data) // SECTOR
    data += pad(struct.pack("<I", at))
    if end:
        data += marker(3, 1) + header(**{**fields, "directory": directory, **(footer or {})}) + marker(0)
    return data


def iso(sectors=None, magic=b"\x01CD001\x01"):
    """An iso of 64 KiB with only its primary volume descriptor."""
    data = bytearray(32 * 2048)
    sectors = len(data) // 2048 if sectors is None else sectors
    data[16 * 2048 : 16 * 2048 + len(magic)] = magic
    struct.pack_into("<I", data, 16 * 2048 + 80, sectors)
    struct.pack_into("<H", data, 16 * 2048 + 128, 2048)
    return bytes(data)
