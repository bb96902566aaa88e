# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into a VMDK before a byte of it goes out.

Format: VMware "Virtual Disk Format 5.0" (hosted sparse extents, stream-optimized extents, the text descriptor). Nova's driver
never inspects the content, so a file that names other files or that ends in the middle would reach the datastore.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

SECTOR = 512
_MAGIC = 0x564D444B  # "KDMV"
_HEADER = struct.Struct("<IIIQQQQIQQQ")  # magic .. overHead; 5 more fields follow that decide nothing here
_COMPRESSED = 1 << 16  # header flag: grains are compressed
_GD_AT_END = 0xFFFFFFFFFFFFFFFF
_MAX_TABLES = 64 << 20  # bytes of grain tables that we read: enough for 8 TiB in grains of 64 KiB
_OTHER_FORMATS = {
    b"QFI\xfb": "qcow2",
    b"conectix": "vhd",
    b"vhdxfile": "vhdx",
    b"KDMV": "a sparse or streamOptimized VMDK",
    b"# Disk DescriptorFile": "a VMDK descriptor without its data",
}


class VmdkError(NovaVmwareError):
    """The file is not the disk that the image's properties promise."""


@dataclass(frozen=True)
class Disk:
    """What a VMDK says of itself. ``capacity_bytes`` is what the guest sees, ``data_bytes`` what a thin disk of it takes."""

    kind: str
    capacity_bytes: int
    create_type: str | None
    data_bytes: int = 0


def inspect(kind, size, read):
    """Checks that a file is a whole disk of the kind that Nova will take it for.

    :arg kind: ``flat``, ``sparse``, ``streamOptimized`` or ``iso`` (:attr:`nova.image.Image.kind`).
    :arg size: bytes of the file.
    :arg read: a function ``(offset, length) -> bytes``.
    :returns: a :class:`Disk`.
    :raises VmdkError: what is wrong, and what to do.
    """
    if kind in ("flat", "iso"):
        return _raw(kind, size, read(0, SECTOR))
    return _sparse(kind, size, read)


def _raw(kind, size, head):
    for magic, name in _OTHER_FORMATS.items():
        if head.startswith(magic):
            raise VmdkError(
                "IMAGE_CONTENT",
                f"The image's properties say that it is {'an iso' if kind == 'iso' else 'a flat disk'}, but the file is {name}.",
                "Set disk_format and hw_disk_type to what it is, or upload the right file.",
            )
    return Disk(kind, size, None, size)


def _sparse(kind, size, read):
    head = read(0, SECTOR)
    if len(head) < SECTOR or struct.unpack_from("<I", head)[0] != _MAGIC:
        raise VmdkError(
            "IMAGE_CONTENT",
            f"The image's properties say that it is a {kind} VMDK, but the file has no sparse extent header.",
            "Set hw_disk_type to what the file is (a raw disk is preallocated), or upload the right file.",
        )
    header = _parse_header(head)
    found = "streamOptimized" if header.flags & _COMPRESSED else "sparse"
    if found != kind:
        raise VmdkError(
            "IMAGE_DISK_TYPE_DIFFERS",
            f"The image's hw_disk_type is {kind}, but the file is {found}.",
            f"Set hw_disk_type to {found}.",
        )
    descriptor = _read_descriptor(header, read, size)
    create_type = _check_descriptor(descriptor, header)
    capacity = header.capacity * SECTOR
    if header.directory_offset == _GD_AT_END:
        header = _footer(size, read)
    grains = _check_grains(header, size, read)
    return Disk(found, capacity, create_type, min(grains * header.grain_size * SECTOR, capacity))


@dataclass(frozen=True)
class _Header:
    flags: int
    capacity: int  # sectors
    grain_size: int  # sectors
    descriptor_offset: int  # sectors
    descriptor_size: int  # sectors
    entries: int  # of a grain table
    directory_offset: int  # sectors
    overhead: int  # sectors


def _parse_header(data):
    magic, _version, flags, capacity, grain, at, length, entries, _rgd, directory, overhead = _HEADER.unpack_from(data)
    header = _Header(flags, capacity, grain, at, length, entries, directory, overhead)
    if magic != _MAGIC:
        raise VmdkError("VMDK_DAMAGED", "The VMDK has no header where one must be.", "Upload it again.")
    if not capacity or grain < 8 or grain & (grain - 1) or entries != 512:
        raise VmdkError(
            "VMDK_DAMAGED",
            f"The VMDK's header makes no sense: capacity {capacity} and grain {grain} sectors, {entries} entries a grain table.",
            "Make the file again, for example with qemu-img convert.",
        )
    return header


def _read_descriptor(header, read, size):
    offset, length = header.descriptor_offset * SECTOR, header.descriptor_size * SECTOR
    if not length:
        return ""
    if length > 1 << 20 or offset + length > size:
        raise VmdkError("VMDK_TRUNCATED", "The VMDK ends inside its descriptor.", "It was cut short: upload it again.")
    return read(offset, length).split(b"\0", 1)[0].decode("utf-8", "replace")


_EXTENT = re.compile(r'^(?:RW|RDONLY|NOACCESS)\s+(\d+)\s+(\w+)(?:\s+"([^"]*)")?', re.MULTILINE)


def _check_descriptor(text, header):
    """Refuses a disk that needs, or reaches for, any other file. Gives createType or None."""
    values = {
        name.strip().lower(): value.strip().strip('"')
        for name, equals, value in (line.partition("=") for line in text.splitlines())
        if equals
    }
    parent = values.get("parentcid", "ffffffff").lower()
    if parent != "ffffffff" or "parentfilenamehint" in values:
        raise VmdkError(
            "VMDK_HAS_PARENT",
            f"The VMDK is a child of another disk (parentCID {parent}, {values.get('parentfilenamehint', 'no name')}).",
            "Flatten it, for example with qemu-img convert.",
        )
    extents = _EXTENT.findall(text)
    if len(extents) > 1:
        raise VmdkError("VMDK_EXTENTS", f"The VMDK is spread over {len(extents)} files.", "Make one file of it with qemu-img convert.")
    for sectors, kind, name in extents:
        if kind.upper() != "SPARSE" or "/" in name or "\\" in name or ".." in name:
            raise VmdkError(
                "VMDK_EXTENTS",
                f"The VMDK's descriptor points to {kind} {name!r}, outside the file itself.",
                "Do not use this file: make a new one with qemu-img convert.",
            )
        if int(sectors) > header.capacity:
            raise VmdkError(
                "VMDK_DAMAGED", f"The VMDK's descriptor says {sectors} sectors, its header {header.capacity}.", "Make the file again."
            )
    return values.get("createtype")


def _check_grains(header, size, read):
    """Every grain table and every grain that it names must lie inside the file. Gives the number of grains with data."""
    grains = -(-header.capacity // header.grain_size)
    tables = -(-grains // header.entries)
    if tables * header.entries * 4 > _MAX_TABLES:
        raise VmdkError("VMDK_TOO_LARGE", f"The VMDK's capacity of {header.capacity} sectors is beyond what is supported.")

    def words(sector, count, what):
        if sector * SECTOR + count * 4 > size:
            raise _truncated(f"{what} lies at byte {sector * SECTOR}", size)
        return struct.unpack(f"<{count}I", read(sector * SECTOR, count * 4))

    directory = words(header.directory_offset, tables, "its grain directory")
    present = [sector for sector in directory if sector]
    if not present:
        return 0
    # The tables lie side by side in what the usual tools write: one read for all of them.
    first, last = min(present), max(present)
    table_sectors = header.entries * 4 // SECTOR
    span = (last - first + table_sectors) * SECTOR
    if (last + table_sectors) * SECTOR > size:
        raise _truncated(f"a grain table lies at byte {last * SECTOR}", size)
    if span > _MAX_TABLES:
        raise VmdkError("VMDK_DAMAGED", "The VMDK's grain tables are scattered over the file.", "Make it again with qemu-img convert.")
    data = read(first * SECTOR, span)
    highest = filled = 0
    for sector in present:
        entries = struct.unpack_from(f"<{header.entries}I", data, (sector - first) * SECTOR)
        highest = max(highest, *entries)
        filled += sum(entry > 1 for entry in entries)  # 0 is a hole, 1 a grain of zeros
    if not filled:
        return 0
    at = highest * SECTOR
    if header.flags & _COMPRESSED:
        # A compressed grain says its length itself: 8 bytes of address, then 4 of length.
        marker = read(at, 12) if at + 12 <= size else b""
        end = at + 12 + struct.unpack_from("<I", marker, 8)[0] if len(marker) == 12 else size + 1
    else:
        # The last grain of a disk may be shorter than a grain where the capacity is no multiple of it.
        end = at + (header.capacity % header.grain_size or header.grain_size) * SECTOR
    if end > size:
        raise _truncated(f"a grain lies at byte {at}", size)
    return filled


def _footer(size, read):
    """A file that was written as a stream ends with a copy of the header and an end-of-stream marker of one sector of zeros."""
    tail = read(size - 2 * SECTOR, 2 * SECTOR) if size >= 3 * SECTOR else b""
    if len(tail) < 2 * SECTOR or tail[SECTOR:] != bytes(SECTOR) or struct.unpack_from("<I", tail)[0] != _MAGIC:
        raise _truncated("the footer and the end-of-stream marker are missing", size)
    return _parse_header(tail)


def _truncated(evidence, size):
    return VmdkError(
        "VMDK_TRUNCATED",
        f"The VMDK is cut short: {evidence}, the file has {size} bytes.",
        "Upload the whole file to Glance as a new image.",
    )
