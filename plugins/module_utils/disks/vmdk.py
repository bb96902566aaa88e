# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into a VMDK before a byte of it goes out.

Format: VMware "Virtual Disk Format 5.0" (hosted sparse extents, stream-optimized extents, the text descriptor). Nova's driver
never inspects the content, so a file that names other files or that ends in the middle would reach the datastore.
"""

from __future__ import annotations

import contextlib
import re
import struct
from dataclasses import dataclass, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

SECTOR = 512
_MAGIC = 0x564D444B  # "KDMV"
_HEADER = struct.Struct("<IIIQQQQIQQQB4sH")  # SparseExtentHeader without its padding
_NEWLINES = b"\n \r\n"  # at a place of their own in the header: a transfer in text mode would change them
_NEWLINE_TEST = 1  # header flags: the bytes above are there,
_COMPRESSED = 1 << 16  # grains are compressed,
_MARKERS = 1 << 17  # and each stands behind a marker
GD_AT_END = 0xFFFFFFFFFFFFFFFF
_MAX_GRAIN = 2048  # sectors; the usual tools write 128
_MAX_TABLES = 512 << 20  # bytes of grain tables: enough for 8 TiB in grains of 64 KiB
_PIECE = 8 << 20  # bytes of grain tables that are read at once
_MAX_READS = 64  # of grain tables that do not lie side by side
_MAX_DESCRIPTOR = 1 << 20  # bytes
_MAX_CAPACITY = (62 << 40) // SECTOR  # sectors; vSphere's largest disk has 62 TiB
# (offset, magic, name)
_OTHER_FORMATS = (
    (0, b"QFI\xfb", "qcow2"),
    (0, b"QED\0", "qed"),
    (0, b"conectix", "vhd"),
    (0, b"vhdxfile", "vhdx"),
    (64, b"\x7f\x10\xda\xbe", "vdi"),
    (0, b"WithoutFreeSpace", "a Parallels disk"),
    (0, b"WithouFreSpacExt", "a Parallels disk"),
    (0, b"KDMV", "a sparse or streamOptimized VMDK"),
    (0, b"COWD", "a VMDK of an ESXi snapshot"),
    (0, b"# Disk DescriptorFile", "a VMDK descriptor without its data"),
    (257, b"ustar", "a tar archive, maybe an ova"),
    (0, b"\x1f\x8b\x08", "compressed with gzip"),
    (0, b"\xfd7zXZ\0", "compressed with xz"),
    (0, b"BZh", "compressed with bzip2"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (0, b"PK\x03\x04", "a zip archive"),
)
_VOLUME = 16 * 2048  # where an iso's volume descriptors begin (ECMA-119, 6.2.1), bytes
_PAD = 150 * 2048  # bytes that mkisofs counts but that some tools cut off
_TEXT = frozenset(range(32, 127)) | frozenset(b"\t\r\n")


class VmdkError(NovaVmwareError):
    """The file is not the disk that the image's properties promise."""


@contextlib.contextmanager
def naming(image):
    """Names the image (:class:`nova.image.Image`) in what its content raises."""
    try:
        yield
    except VmdkError as error:
        raise type(error)(error.code, f"Image {image.name} ({image.id}): {error.what}", error.hint, error.details) from error


@dataclass(frozen=True)
class Disk:
    """What a VMDK says of itself. ``capacity_bytes`` is what the guest sees, ``data_bytes`` what a thin disk of it takes at most.

    ``grains`` is how many grains its tables name; None where they were not read (:mod:`grains` sees them pass then). ``grain_bytes`` is what each
    holds; of a disk without grains, the usual. ``stream`` is a :class:`Stream` of a streamOptimized file, else None.
    """

    kind: str
    capacity_bytes: int
    create_type: str | None
    data_bytes: int = 0
    grains: int | None = None
    grain_bytes: int = 128 * SECTOR
    stream: object = None


@dataclass(frozen=True)
class Stream:
    """How a streamOptimized file is laid out, and what must be known to lay it out anew (:mod:`relay`).

    ``footer``: its tables lie behind the grains, and it has a footer and an end-of-stream marker. ``area`` are the sectors of its grains with
    their markers, or None where reading would not end. ``short`` are the sectors of the grain at the end of a disk that is not made of
    whole grains, 0 where there is none. ``tables`` are the numbers of the grain tables that name grains, or that may.
    """

    version: int
    footer: bool
    capacity: int  # sectors
    grain_size: int  # sectors
    area: int | None = 0
    short: int = 0
    tables: frozenset = frozenset()


def inspect(kind, size, read):
    """Checks that a file is a whole disk of the kind that Nova will take it for.

    :arg kind: ``flat``, ``sparse``, ``streamOptimized`` or ``iso`` (:attr:`nova.image.Image.kind`).
    :arg size: bytes of the file.
    :arg read: a function ``(offset, length) -> bytes``.
    :returns: a :class:`Disk`.
    :raises VmdkError: what is wrong, and what to do.
    """
    if kind == "iso":
        return _iso(size, read)
    if kind == "flat":
        _refuse_other(kind, read(0, SECTOR))
        return Disk(kind, size, None, size)
    return _sparse(kind, size, read)


def _refuse_other(kind, head):
    name = next((name for offset, magic, name in _OTHER_FORMATS if head[offset:].startswith(magic)), None)
    if name is None and head and set(head) <= _TEXT:
        name = "text"
    if name is not None:
        raise VmdkError(
            "IMAGE_CONTENT",
            f"The image's properties say that it is {'an iso' if kind == 'iso' else 'a flat disk'}, but the file is {name}.",
            "Set disk_format and hw_disk_type to what it is, or upload the right file.",
        )


def _iso(size, read):
    _refuse_other("iso", read(0, SECTOR))
    volume = read(_VOLUME, 2048) if size >= _VOLUME + 2048 else b""
    # ECMA-119 8.4 and, for discs without ISO 9660, ECMA-167 2/9.1.2.
    if volume[1:6] not in (b"CD001", b"BEA01"):
        raise VmdkError(
            "IMAGE_CONTENT",
            "The image's disk_format is iso, but the file has no ISO 9660 or UDF volume.",
            "Set disk_format to what it is, or upload the right file.",
        )
    if volume[:6] == b"\x01CD001":
        sectors, block = (struct.unpack_from("<I", volume, 80)[0], struct.unpack_from("<H", volume, 128)[0])
        if sectors * block > size + _PAD:
            raise VmdkError(
                "ISO_TRUNCATED",
                f"The iso is cut short: its volume has {sectors * block} bytes, the file {size}.",
                "Upload the whole file to Glance as a new image.",
            )
    return Disk("iso", size, None, size)


def _sparse(kind, size, read):
    head = read(0, SECTOR)
    if len(head) < SECTOR or struct.unpack_from("<I", head)[0] != _MAGIC:
        raise VmdkError(
            "IMAGE_CONTENT",
            f"The image's properties say that it is a {kind} VMDK, but the file has no sparse extent header.",
            "Set hw_disk_type to what the file is (a raw disk is preallocated), or upload the right file.",
        )
    header = parse_header(head)
    found = "streamOptimized" if header.flags & _COMPRESSED else "sparse"
    if found != kind:
        raise VmdkError(
            "IMAGE_DISK_TYPE_DIFFERS",
            f"The image's hw_disk_type is {kind}, but the file is {found}.",
            f"Set hw_disk_type to {found}.",
        )
    descriptor = _read_descriptor(header, read, size)
    create_type = _check_descriptor(descriptor, header, kind)
    capacity = header.capacity * SECTOR
    footer = header.directory_offset == GD_AT_END
    if footer:
        header = _footer(header, size, read)
    grains, stream = _check_grains(header, size, read)
    data = capacity if grains is None else min(grains * header.grain_size * SECTOR, capacity)
    return Disk(found, capacity, create_type, data, grains, header.grain_size * SECTOR, stream and replace(stream, footer=footer))


@dataclass(frozen=True)
class Header:
    """The header of a sparse extent. ``overhead`` is where the grains begin."""

    version: int
    flags: int
    capacity: int  # sectors
    grain_size: int  # sectors
    descriptor_offset: int  # sectors
    descriptor_size: int  # sectors
    entries: int  # of a grain table
    directory_offset: int  # sectors
    overhead: int  # sectors


def parse_header(data):
    """Reads and judges the header of a sparse extent, or its copy at the end of a stream.

    :arg data: its 512 bytes.
    :returns: a :class:`Header`.
    :raises VmdkError: ``VMDK_DAMAGED``.
    """
    (magic, version, flags, capacity, grain, at, length, entries, _rgd, directory, overhead, _dirty, newlines, compression) = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise VmdkError("VMDK_DAMAGED", "The VMDK has no header where one must be.", "Upload it again.")
    if version not in (1, 2, 3):
        raise VmdkError("VMDK_VERSION", f"The VMDK's header has version {version}; 1 to 3 are known.", "Make it anew with qemu-img convert.")
    if flags & _NEWLINE_TEST and newlines != _NEWLINES:
        raise VmdkError(
            "VMDK_DAMAGED",
            "The VMDK's line ends were changed: it was transferred as text.",
            "Transfer the file as binary data, and upload it again.",
        )
    wrong = not 0 < capacity <= _MAX_CAPACITY or not 8 <= grain <= _MAX_GRAIN or grain & (grain - 1) or entries != 512
    if wrong or (flags & _COMPRESSED and not (flags & _MARKERS and compression == 1)):
        raise VmdkError(
            "VMDK_DAMAGED",
            f"The VMDK's header makes no sense: capacity {capacity} and grain {grain} sectors, {entries} entries a grain table, "
            f"flags {flags:#x}, compression {compression}.",
            "Make the file again, for example with qemu-img convert.",
        )
    return Header(version, flags, capacity, grain, at, length, entries, directory, overhead)


def _read_descriptor(header, read, size):
    offset, length = header.descriptor_offset * SECTOR, header.descriptor_size * SECTOR
    if length > _MAX_DESCRIPTOR:
        raise _no_descriptor(f"is {length} bytes long")
    if not offset or not length:
        raise _no_descriptor("is missing")
    if offset + length > size:
        raise VmdkError("VMDK_TRUNCATED", "The VMDK ends inside its descriptor.", "It was cut short: upload it again.")
    text = read(offset, length).split(b"\0", 1)[0]
    # Names may be in any encoding that extends ASCII; control characters are in none.
    if not text.startswith(b"# Disk DescriptorFile") or any(byte < 32 and byte not in _TEXT for byte in text):
        raise _no_descriptor("is no text of the usual form")
    return text.decode("utf-8", "replace")


def _no_descriptor(what):
    return VmdkError("VMDK_DESCRIPTOR", f"The VMDK's descriptor {what}.", "Make the file again, for example with qemu-img convert.")


_EXTENT = re.compile(r'(?:RW|RDONLY|NOACCESS)\s+(\d+)\s+(\w+)(?:\s+"([^"]*)")?(?:\s+\d+)?\Z', re.IGNORECASE)
_VALUE = re.compile(r'([\w.]+)\s*=\s*"?(.*?)"?\Z')
_ONCE = ("createtype", "parentcid", "parentfilenamehint")  # who reads them may take the first or the last
_CREATE_TYPES = {"sparse": "monolithicSparse", "streamOptimized": "streamOptimized"}


def _read_lines(text):
    """Returns ``({name in lower case: value}, [(sectors, type, file)])`` of a descriptor."""
    values, extents = {}, []
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        extent, value = _EXTENT.match(line), _VALUE.match(line)
        if extent:
            extents.append((int(extent[1]), extent[2].upper(), extent[3] or ""))
        elif value is None or value[1].lower() in _ONCE and value[1].lower() in values:
            raise _no_descriptor(f"has a line that {'nobody understands' if value is None else 'says something twice'}: {line[:100]!r}")
        else:
            values[value[1].lower()] = value[2]
    return values, extents


def _check_descriptor(text, header, kind):
    """Refuses a disk that needs, or reaches for, any other file. Gives createType."""
    values, extents = _read_lines(text)
    parent = values.get("parentcid", "ffffffff").lower()
    if parent != "ffffffff" or "parentfilenamehint" in values:
        raise VmdkError(
            "VMDK_HAS_PARENT",
            f"The VMDK is a child of another disk (parentCID {parent}, {values.get('parentfilenamehint', 'no name')}).",
            "Flatten it, for example with qemu-img convert.",
        )
    if len(extents) != 1:
        raise VmdkError("VMDK_EXTENTS", f"The VMDK is spread over {len(extents)} files.", "Make one file of it with qemu-img convert.")
    ((sectors, extent, name),) = extents
    name = values.get("changetrackpath", name)
    if extent != "SPARSE" or "/" in name or "\\" in name or ".." in name:
        raise VmdkError(
            "VMDK_EXTENTS",
            f"The VMDK's descriptor points to {extent} {name!r}, outside the file itself.",
            "Do not use this file: make a new one with qemu-img convert.",
        )
    if sectors != header.capacity:
        raise VmdkError("VMDK_DAMAGED", f"The VMDK's descriptor says {sectors} sectors, its header {header.capacity}.", "Make the file again.")
    create_type = values.get("createtype")
    if create_type != _CREATE_TYPES[kind]:
        raise VmdkError(
            "VMDK_DESCRIPTOR",
            f"The VMDK's createType is {create_type}, but its header is that of a {_CREATE_TYPES[kind]} disk.",
            "Make the file again, for example with qemu-img convert.",
        )
    return create_type


def _check_grains(header, size, read):
    """Every grain table and every grain that it names must lie inside the file.

    :returns: how many grains the tables name, or None where they lie scattered among the grains, as VMware's tools write them
        (:func:`grains.checked` looks at these as they pass); and the :class:`Stream` of a streamOptimized file, without its footer, or None.
    """
    grains = -(-header.capacity // header.grain_size)
    tables = -(-grains // header.entries)
    if tables * header.entries * 4 > _MAX_TABLES:
        raise VmdkError(
            "VMDK_TOO_LARGE",
            f"The VMDK's capacity of {header.capacity} sectors is beyond what is supported: its grain tables take more than {_MAX_TABLES} bytes.",
            "Make it with larger grains, or as a flat image.",
        )
    if header.directory_offset * SECTOR + tables * 4 > size:
        raise _truncated(f"its grain directory lies at byte {header.directory_offset * SECTOR}", size)
    directory = struct.unpack(f"<{tables}I", read(header.directory_offset * SECTOR, tables * 4))
    compressed = bool(header.flags & _COMPRESSED)
    stream = Stream(header.version, False, header.capacity, header.grain_size) if compressed else None
    present = sorted({sector for sector in directory if sector})
    if not present:
        return 0, stream
    table_sectors = header.entries * 4 // SECTOR
    if (present[-1] + table_sectors) * SECTOR > size:
        raise _truncated(f"a grain table lies at byte {present[-1] * SECTOR}", size)
    if len(present) != len(directory) - directory.count(0):
        raise VmdkError(
            "VMDK_DAMAGED",
            "Two entries of the VMDK's grain directory name one grain table.",
            "Make it again with qemu-img convert.",
        )
    runs = _side_by_side(present, table_sectors)
    numbers = {sector: number for number, sector in enumerate(directory) if sector}
    if len(runs) > _MAX_READS:
        if compressed:
            return None, replace(stream, tables=frozenset(numbers.values()), **_last_grain(header, size, read, directory, present))
        raise VmdkError("VMDK_DAMAGED", "The VMDK's grain tables are scattered over the file.", "Make it again with qemu-img convert.")
    count, lowest, highest, used = 0, size, 0, set()
    for first, sectors in runs:
        data = read(first * SECTOR, sectors * SECTOR)
        for at in range(0, len(data), header.entries * 4):
            entries = struct.unpack_from(f"<{header.entries}I", data, at)
            count += header.entries - entries.count(0) - entries.count(1)
            named = set(entries) - {0, 1}  # 0 is a hole, 1 a grain of zeros
            if named:
                lowest, highest = min(lowest, *named), max(highest, *named)
                used.add(numbers[first + at // SECTOR])
    if not count:
        return 0, stream
    if compressed:
        stream = replace(stream, tables=frozenset(used), **_area(header, size, read, highest, present))
    # The last grain of a disk may be shorter than a grain where the capacity is no multiple of it.
    elif (highest + (header.capacity % header.grain_size or header.grain_size)) * SECTOR > size:
        raise _truncated(f"a grain lies at byte {highest * SECTOR}", size)
    if lowest < header.overhead:
        raise VmdkError(
            "VMDK_DAMAGED",
            f"A grain of the VMDK lies at byte {lowest * SECTOR}, among its tables.",
            "Make it again with qemu-img convert.",
        )
    return count, stream


def _last_grain(header, size, read, directory, present):
    """As :func:`_area`, where not all tables are read: the grains of a stream ascend, so the last table with grains names the last one."""
    numbered = [sector for sector in directory if sector]
    for sector in numbered[: -_MAX_READS - 1 : -1]:
        highest = max(struct.unpack(f"<{header.entries}I", read(sector * SECTOR, header.entries * 4)))
        if highest > 1:
            return _area(header, size, read, highest, present)
    return {"area": None}


def _area(header, size, read, highest, tables):
    """Returns ``area`` and ``short`` of a :class:`Stream`.

    Grains lie side by side from the header's overhead on, but for tables among them, each behind a marker of a sector. What else lies there, as
    VMware's progress markers may, is not known here.

    :arg highest: the sector of the last grain. :arg tables: the sectors of all tables.
    """
    at = highest * SECTOR
    # A compressed grain says its length itself: 8 bytes of address, then 4 of length.
    marker = read(at, 12) if at + 12 <= size else b""
    address, length = struct.unpack("<QI", marker) if len(marker) == 12 else (0, size)
    if at + 12 + length > size:
        raise _truncated(f"a grain lies at byte {at}", size)
    last = -(-(12 + length) // SECTOR)
    among = sum(header.overhead <= sector < highest for sector in tables)
    area = highest + last - header.overhead - among * (1 + header.entries * 4 // SECTOR)
    return {"area": area, "short": last if address + header.grain_size > header.capacity else 0}


def grain_places(read):
    """Tells where the grains of a hosted sparse file lie, in the order of the file. It takes a file that :func:`inspect` found good.

    :arg read: a function ``(offset, length) -> bytes``.
    :returns: a list with ``sector of the file << 32 | number of the grain`` for each.
    """
    header = parse_header(read(0, SECTOR))
    count = -(-(-(-header.capacity // header.grain_size)) // header.entries)
    directory = struct.unpack(f"<{count}I", read(header.directory_offset * SECTOR, count * 4))
    tables = {sector: number for number, sector in enumerate(directory) if sector}
    table_sectors = header.entries * 4 // SECTOR
    found = []
    for first, sectors in _side_by_side(sorted(tables), table_sectors):
        data = read(first * SECTOR, sectors * SECTOR)
        for at in range(0, len(data), header.entries * 4):
            base = tables[first + at // SECTOR] * header.entries
            entries = struct.unpack_from(f"<{header.entries}I", data, at)
            found += [sector << 32 | base + index for index, sector in enumerate(entries) if sector > 1]
    return sorted(found)


def _side_by_side(tables, table_sectors):
    """Returns ``[(first sector, sectors)]`` of the runs of tables that one read gets, at most 8 MiB each."""
    runs = []
    for sector in tables:
        if runs and runs[-1][0] + runs[-1][1] == sector and (runs[-1][1] + table_sectors) * SECTOR <= _PIECE:
            runs[-1] = (runs[-1][0], runs[-1][1] + table_sectors)
        else:
            runs.append((sector, table_sectors))
    return runs


def _footer(header, size, read):
    """A file that was written as a stream ends with a copy of the header and an end-of-stream marker of one sector of zeros."""
    tail = read(size - 2 * SECTOR, 2 * SECTOR) if size >= 3 * SECTOR else b""
    if len(tail) < 2 * SECTOR or tail[SECTOR:] != bytes(SECTOR) or struct.unpack_from("<I", tail)[0] != _MAGIC:
        raise _truncated("the footer and the end-of-stream marker are missing", size)
    footer = parse_header(tail)
    if replace(footer, directory_offset=header.directory_offset) != header or footer.directory_offset == GD_AT_END:
        raise VmdkError("VMDK_DAMAGED", "The VMDK's footer is not the copy of its header.", "Make the file again, or export it again.")
    return footer


def _truncated(evidence, size):
    return VmdkError(
        "VMDK_TRUNCATED",
        f"The VMDK is cut short: {evidence}, the file has {size} bytes.",
        "Upload the whole file to Glance as a new image.",
    )
