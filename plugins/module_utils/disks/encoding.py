# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a streamOptimized VMDK of a flat disk while its bytes flow, and the flat disk of that again. Memory is flat at any size.

Format: VMware "Virtual Disk Format 5.0", stream-optimized compressed sparse extents, as VMware's exports have it: markers, tables behind their
grains, a footer and an end-of-stream marker. The descriptor's words are those of VMware's open-vmdk (vmdk/sparse.c, makeDiskDescriptorFile).
A grain of zeros is left out. The others are stored, not compressed: deflate at its fastest level would be slower than most networks. What a
stored grain takes (129 sectors) is also what deflate makes of random data, and what open-vmdk's reader has room for (sparse.c, SparsePread).
"""

from __future__ import annotations

import hashlib
import struct
import zlib

SECTOR = 512  # bytes
GRAIN = 128 * SECTOR
ENTRIES = 512  # of a grain table
_TABLE_SECTORS = ENTRIES * 4 // SECTOR
_OVERHEAD = 128  # sectors before the first grain; header and descriptor are in them
_DESCRIPTOR_SECTORS = 20
_GD_AT_END = 0xFFFFFFFFFFFFFFFF
VERSION = 3  # as open-vmdk writes it; ESXi refuses a stream of an older one ("sparse VMDK version too old", glennmatthews/cot issue 65)
_FLAGS = 1 | 1 << 16 | 1 << 17  # the newline test is valid, grains are compressed, markers are in the stream
_HEADER = struct.Struct("<IIIQQQQIQQQB4sH433x")
_GRAIN_MARKER = struct.Struct("<QI")
_MARKER = struct.Struct("<QII496x")  # sectors that follow, 0, type
_GRAIN_TABLE, _GRAIN_DIRECTORY, _FOOTER = 1, 2, 3
_STORED = 65535  # bytes that one stored block of deflate holds at the most
_PAGE = 4096
_ZEROS = bytes(1 << 20)


def content_id(identity):
    """Returns a disk's ``CID`` and ``ddb.longContentID`` in hexadecimal.

    vSphere may take two disks with one content id for the same (VirtualMachineRelocateSpec, moveAllDiskBackingsAndAllowSharing). As in
    open-vmdk the long one ends in the short one, which is neither ffffffff (no parent) nor fffffffe.

    :arg identity: text that names the disk's content, for example the image's id.
    """
    digest = hashlib.sha256(identity.encode()).digest()
    cid = 1 + int.from_bytes(digest[:8], "big") % 0xFFFFFFFD
    return f"{cid:08x}", f"{digest[8:20].hex()}{cid:08x}"


def grain_sectors(length):
    """Returns the sectors that a grain takes with its marker: ``length`` is the bytes of its compressed data."""
    return -(-(_GRAIN_MARKER.size + length) // SECTOR)


def size(area, written, tables):
    """Returns the bytes of a file that :class:`Layout` makes.

    :arg area: sectors of all grains, as :func:`grain_sectors` gives them. :arg written: grain tables that are in it. :arg tables: entries of its directory.
    """
    directory = 1 + -(-tables * 4 // SECTOR)
    return (_OVERHEAD + area + written * (1 + _TABLE_SECTORS) + directory + 3) * SECTOR  # 3: footer marker, footer, end of stream


class Layout:
    """Lays compressed grains out as a streamOptimized VMDK.

    :arg capacity_bytes: bytes of the disk; the header has them rounded up to whole grains, as the format wants it.
    :arg identity: as :func:`content_id` takes it.
    :arg grain: bytes of a grain. :arg adapter: ``ddb.adapterType``.
    :arg keep: numbers of the tables that are written also where no grain is in them.
    """

    def __init__(self, capacity_bytes, identity, grain=GRAIN, adapter="lsilogic", keep=frozenset()):
        self._grain_sectors = grain // SECTOR
        self._grains = -(-capacity_bytes // grain)
        self._identity = identity
        self._adapter = adapter
        self._keep = keep
        self._sector = _OVERHEAD  # where the next thing goes
        self._directory = []
        self._table = [0] * ENTRIES
        self._used = False  # the table names a grain

    @property
    def written(self):
        """Bytes that were given so far."""
        return self._sector * SECTOR

    def start(self):
        """Returns the header and the descriptor."""
        head = self._header(_GD_AT_END) + self._descriptor()
        return head.ljust(_OVERHEAD * SECTOR, b"\0")

    def add(self, number, body, pieces):
        """Adds a grain.

        :arg number: higher than that of the last one. :arg body: its bytes as a zlib stream. :arg pieces: a list; what is to be sent on is added to it.
        """
        while len(self._directory) < number // ENTRIES:
            self._close_table(pieces)
        length = _GRAIN_MARKER.size + len(body)
        padding = -length % SECTOR
        pieces += (_GRAIN_MARKER.pack(number * self._grain_sectors, len(body)), body, _ZEROS[:padding])
        self._table[number % ENTRIES] = self._sector
        self._used = True
        self._sector += (length + padding) // SECTOR

    def finish(self, pieces):
        """Adds what comes behind the last grain: tables, directory, footer, end-of-stream marker."""
        while len(self._directory) * ENTRIES < self._grains:
            self._close_table(pieces)
        directory = struct.pack(f"<{len(self._directory)}I", *self._directory)
        at = self._special(_GRAIN_DIRECTORY, directory, pieces)
        self._special(_FOOTER, self._header(at), pieces)
        pieces.append(bytes(SECTOR))  # the end-of-stream marker
        self._sector += 1

    def _close_table(self, pieces):
        at = 0  # a table without grains is left out
        if self._used or len(self._directory) in self._keep:
            at = self._special(_GRAIN_TABLE, struct.pack(f"<{ENTRIES}I", *self._table), pieces)
        self._directory.append(at)
        self._table = [0] * ENTRIES
        self._used = False

    def _special(self, kind, data, pieces):
        """Adds a marker and what it announces. Gives the sector of the latter."""
        data += bytes(-len(data) % SECTOR)
        pieces += (_MARKER.pack(len(data) // SECTOR, 0, kind), data)
        at = self._sector + 1
        self._sector = at + len(data) // SECTOR
        return at

    def _header(self, directory):
        return _HEADER.pack(
            0x564D444B, VERSION, _FLAGS, self._grains * self._grain_sectors, self._grain_sectors, 1, _DESCRIPTOR_SECTORS, ENTRIES, 0, directory,
            _OVERHEAD, 0, b"\n \r\n", 1,
        )  # fmt: skip

    def _descriptor(self):
        sectors = self._grains * self._grain_sectors
        # 255 heads and 63 sectors are right for anything above 4 GiB and ignored by guests of today.
        cylinders = min(65535, -(-sectors // (255 * 63)))
        cid, long_id = content_id(self._identity)
        # 4 are tools that the guest manages itself (open-vm-tools), 2147483647 is what open-vmdk writes for their version.
        return (
            f'# Disk DescriptorFile\nversion=1\nencoding="UTF-8"\nCID={cid}\nparentCID=ffffffff\ncreateType="streamOptimized"\n\n'
            f'# Extent description\nRW {sectors} SPARSE "disk.vmdk"\n\n# The Disk Data Base\n#DDB\n\n'
            f'ddb.longContentID = "{long_id}"\nddb.virtualHWVersion = "4"\nddb.geometry.cylinders = "{cylinders}"\n'
            f'ddb.geometry.heads = "255"\nddb.geometry.sectors = "63"\nddb.adapterType = "{self._adapter}"\n'
            'ddb.toolsInstallType = "4"\nddb.toolsVersion = "2147483647"\n'
        ).encode()


class Encoder:
    """Takes the bytes of a flat disk in order and gives those of the streamOptimized one.

    :arg length: bytes of the flat disk. :arg identity: as :func:`content_id` takes it.
    """

    def __init__(self, length, identity):
        self._layout = Layout(length, identity)
        self._length = length
        self._grain = 0  # number of the next grain
        self._rest = b""  # bytes that do not make a whole grain yet

    @property
    def taken(self):
        """Bytes of the flat disk that are in what was given so far."""
        return min(self._grain * GRAIN, self._length)

    @property
    def rest(self):
        """Bytes after :attr:`taken` that were fed and wait for the rest of their grain."""
        return self._rest

    def start(self):
        """Returns the header and the descriptor."""
        return self._layout.start()

    def feed(self, data):
        """Takes bytes. Gives a list of pieces to be sent on, often empty."""
        if self._rest:
            data = self._rest + data
        pieces = []
        at = 0
        while len(data) - at >= GRAIN:
            self._add(data[at : at + GRAIN] if len(data) > GRAIN else data, pieces)
            at += GRAIN
        self._rest = data[at:]
        return pieces

    def finish(self):
        """Takes the end of the disk. Gives the last pieces: the last grain, the tables, the footer."""
        pieces = []
        if self._rest:
            self._add(self._rest.ljust(GRAIN, b"\0"), pieces)
            self._rest = b""
        self._layout.finish(pieces)
        return pieces

    def _add(self, grain, pieces):
        if not _ZEROS.startswith(grain):
            self._layout.add(self._grain, _pack(grain), pieces)
        self._grain += 1


def _pack(grain):
    """Returns a zlib stream of a grain's bytes: stored, or deflated at level 1 where a quarter of its pages or more are zeros."""
    holes = sum(grain.startswith(_ZEROS[:_PAGE], at) for at in range(0, GRAIN, _PAGE))
    if holes * 4 >= GRAIN // _PAGE:
        return zlib.compress(grain, 1)
    return stored(grain)


def stored(data):
    """Returns a zlib stream of bytes that are stored. zlib's level 0 gives the same, six times slower.

    RFC 1950 and 1951: blocks of 65,535 bytes at the most, each with its length and the complement of that.
    """
    pieces = [b"x\x01"]
    for at in range(0, len(data), _STORED):
        length = min(_STORED, len(data) - at)
        pieces += (struct.pack("<BHH", at + length == len(data), length, length ^ 0xFFFF), data[at : at + length])
    return b"".join((*pieces, zlib.adler32(data).to_bytes(4, "big")))


def stored_length(length):
    """Returns the bytes of what :func:`stored` makes of so many."""
    return 2 + -(-length // _STORED) * 5 + length + 4


def decode(file, length):
    """Yields the flat disk's bytes again, from what an :class:`Encoder` gave.

    :arg file: a file object at its start.
    :arg length: bytes of the flat disk to give: its capacity, or :attr:`Encoder.taken` where the rest was not encoded.
    """
    file.seek(_OVERHEAD * SECTOR)
    at = 0
    while at < length:
        head = file.read(_GRAIN_MARKER.size)
        sector, size = _GRAIN_MARKER.unpack(head) if len(head) == _GRAIN_MARKER.size else (0, None)
        if size == 0:  # a table, of which `sector` are left; the directory and the footer come after the last grain
            (kind,) = struct.unpack("<I", file.read(4))
            if kind == _GRAIN_TABLE:
                file.seek(SECTOR - _GRAIN_MARKER.size - 4 + sector * SECTOR, 1)
                continue
        begin = sector * SECTOR if size else length
        while at < begin:
            yield _ZEROS[: min(len(_ZEROS), begin - at)]
            at += min(len(_ZEROS), begin - at)
        if at < length:
            grain = zlib.decompress(file.read(size))[: length - at]
            file.seek(-(_GRAIN_MARKER.size + size) % SECTOR, 1)
            yield grain
            at += len(grain)
