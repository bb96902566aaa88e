# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a streamOptimized VMDK of a flat disk while its bytes flow, and the flat disk of that again. Memory is flat at any size.

Format: VMware "Virtual Disk Format 5.0", stream-optimized compressed sparse extents. A grain of zeros is left out. The others are stored,
not compressed: deflate at its fastest level would be slower than most networks. What a stored grain takes (129 sectors) is also what
deflate makes of random data, and what VMware's own reader has room for (open-vmdk, sparse.c).
"""

from __future__ import annotations

import struct
import zlib

SECTOR = 512  # bytes
GRAIN = 128 * SECTOR
_ENTRIES = 512  # of a grain table
_OVERHEAD = 128  # sectors before the first grain; header and descriptor are in them
_DESCRIPTOR_SECTORS = 20
_GD_AT_END = 0xFFFFFFFFFFFFFFFF
_VERSION = 3  # as VMware's open-vmdk writes it; qemu-img writes 1
_FLAGS = 1 | 1 << 16 | 1 << 17  # the newline test is valid, grains are compressed, markers are in the stream
_HEADER = struct.Struct("<IIIQQQQIQQQB4sH433x")
_GRAIN_MARKER = struct.Struct("<QI")
_MARKER = struct.Struct("<QII496x")  # sectors that follow, 0, type
_GRAIN_TABLE, _GRAIN_DIRECTORY, _FOOTER = 1, 2, 3
_PAGE = 4096
_ZEROS = bytes(1 << 20)


class Encoder:
    """Takes the bytes of a flat disk in order and gives those of the streamOptimized one.

    :arg capacity_bytes: bytes of the flat disk; a multiple of 512.
    """

    def __init__(self, capacity_bytes):
        self._capacity = capacity_bytes
        self._sector = _OVERHEAD  # where the next thing goes
        self._directory = []
        self._table = []
        self._grain = 0  # number of the next grain
        self._rest = b""  # bytes that do not make a whole grain yet

    @property
    def taken(self):
        """Bytes of the flat disk that are in what was given so far."""
        return min(self._grain * GRAIN, self._capacity)

    @property
    def rest(self):
        """Bytes after :attr:`taken` that were fed and wait for the rest of their grain."""
        return self._rest

    def start(self):
        """Gives the header and the descriptor."""
        head = self._header(_GD_AT_END) + self._descriptor()
        return head.ljust(_OVERHEAD * SECTOR, b"\0")

    def feed(self, data):
        """Takes bytes. Gives a list of pieces to be sent on, often empty."""
        if self._rest:
            data = self._rest + data
        pieces = []
        at = 0
        while len(data) - at >= GRAIN:
            if not self._grain % _ENTRIES and self._grain:
                self._close_table(pieces)
            self._add(data[at : at + GRAIN] if len(data) > GRAIN else data, pieces)
            at += GRAIN
        self._rest = data[at:]
        return pieces

    def finish(self):
        """Takes the end of the disk. Gives the last pieces: the last grain, the tables, the footer."""
        pieces = []
        if self._rest:
            if not self._grain % _ENTRIES and self._grain:
                self._close_table(pieces)
            # The last grain may be a short one. It goes out whole: every reader takes that.
            self._add(self._rest.ljust(GRAIN, b"\0"), pieces)
            self._rest = b""
        self._close_table(pieces)
        directory = struct.pack(f"<{len(self._directory)}I", *self._directory)
        at = self._special(_GRAIN_DIRECTORY, directory, pieces)
        self._special(_FOOTER, self._header(at), pieces)
        pieces.append(bytes(SECTOR))  # the end-of-stream marker
        return pieces

    def _add(self, grain, pieces):
        if _ZEROS.startswith(grain):
            self._table.append(0)
        else:
            body = _pack(grain)
            size = _GRAIN_MARKER.size + len(body)
            padding = -size % SECTOR
            pieces += (_GRAIN_MARKER.pack(self._grain * (GRAIN // SECTOR), len(body)), body, bytes(padding))
            self._table.append(self._sector)
            self._sector += (size + padding) // SECTOR
        self._grain += 1

    def _close_table(self, pieces):
        at = 0  # a table without grains is left out
        if any(self._table):
            self._table += [0] * (_ENTRIES - len(self._table))
            at = self._special(_GRAIN_TABLE, struct.pack(f"<{_ENTRIES}I", *self._table), pieces)
        self._directory.append(at)
        self._table = []

    def _special(self, kind, data, pieces):
        """Adds a marker and what it announces. Gives the sector of the latter."""
        data += bytes(-len(data) % SECTOR)
        pieces += (_MARKER.pack(len(data) // SECTOR, 0, kind), data)
        at = self._sector + 1
        self._sector = at + len(data) // SECTOR
        return at

    def _header(self, directory):
        return _HEADER.pack(
            0x564D444B, _VERSION, _FLAGS, self._capacity // SECTOR, GRAIN // SECTOR, 1, _DESCRIPTOR_SECTORS, _ENTRIES, 0, directory,
            _OVERHEAD, 0, b"\n \r\n", 1,
        )  # fmt: skip

    def _descriptor(self):
        sectors = self._capacity // SECTOR
        # 255 heads and 63 sectors are right for anything above 4 GiB and ignored by guests of today.
        cylinders = min(65535, -(-sectors // (255 * 63)))
        return (
            "# Disk DescriptorFile\nversion=1\nCID=4e6f7661\nparentCID=ffffffff\ncreateType=\"streamOptimized\"\n\n"
            f'# Extent description\nRW {sectors} SPARSE "disk.vmdk"\n\n# The Disk Data Base\n#DDB\n\n'
            f'ddb.virtualHWVersion = "4"\nddb.geometry.cylinders = "{cylinders}"\nddb.geometry.heads = "255"\n'
            'ddb.geometry.sectors = "63"\nddb.adapterType = "lsilogic"\n'
        ).encode()


def _pack(grain):
    """Gives a zlib stream of a grain's bytes: stored, or deflated at level 1 where a quarter of its pages or more are zeros."""
    holes = sum(grain.startswith(_ZEROS[:_PAGE], at) for at in range(0, GRAIN, _PAGE))
    if holes * 4 >= GRAIN // _PAGE:
        return zlib.compress(grain, 1)
    # RFC 1950 and 1951: two stored blocks, since one holds 65,535 bytes at the most. zlib's level 0 gives the same, six times slower.
    return b"".join(
        (b"x\x01\0\xff\xff\0\0", grain[:-1], b"\1\1\0\xfe\xff", grain[-1:], zlib.adler32(grain).to_bytes(4, "big"))
    )


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
