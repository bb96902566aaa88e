# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at each grain of a streamOptimized VMDK while the file flows past: :mod:`vmdk` reads only what tells the grains' places.

Format: VMware "Virtual Disk Format 5.0", "Stream-Optimized Compressed Sparse Extents". A receiver unpacks the grains in the order of
the stream, a copy by their tables, so both must say the same.
"""

from __future__ import annotations

import struct
import zlib

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.vmdk import GD_AT_END, SECTOR, VmdkError, parse_header

_MARKER = struct.Struct("<QII")  # address or sectors, bytes of data; without data: the type
_END, _TABLE = 0, 1  # the types that mean something here; others are skipped by their size (a directory, a footer, VMware's progress: 4)
_TRACKED = 1 << 20  # grains whose table has not come yet; beyond, tables are not compared


def checked(chunks, grains=None, seen=None):
    """Passes the chunks of a streamOptimized VMDK on, each once what is in it was found good; the last once the whole file was.

    It holds about two chunks. The cost is that of unpacking, zlib's few hundred MB of guest data a second.

    :arg chunks: an iterator over the file's bytes.
    :arg grains: how many grains the file must have, or None where that is not known.
    :arg seen: called with the number and the bytes of each grain.
    :raises VmdkError: ``VMDK_DAMAGED`` or ``VMDK_TRUNCATED``.
    """
    check = _Check(grains, seen)
    held = None
    for chunk in chunks:
        check.feed(chunk)
        if held is not None:
            yield held
        held = chunk
    check.finish()
    if held is not None:
        yield held


class Walk:
    """Finds the grains and the tables in the bytes of a streamOptimized VMDK while they flow. What they are is for a subclass to say."""

    def __init__(self):
        self._header = None
        self._at = 0  # byte in the file where the buffer begins
        self._buffer = b""
        self._skip = 0  # bytes before the next marker
        self._ended = False

    def feed(self, chunk):
        """Takes a further chunk.

        :raises VmdkError: ``VMDK_DAMAGED``.
        """
        self._buffer += chunk
        at = 0
        if self._header is None:
            if len(self._buffer) < SECTOR:
                return
            self._header = parse_header(self._buffer[:SECTOR])
            self._skip = self._header.overhead * SECTOR
        view = memoryview(self._buffer)
        while True:
            step = min(self._skip, len(view) - at)
            at += step
            self._skip -= step
            if self._skip:
                break
            if self._ended:
                if any(view[at:]):
                    raise self._damaged(at, "there are bytes behind the end-of-stream marker")
                at = len(view)
                break
            taken = self._marker(view, at)
            if not taken:
                break
            self._skip = taken
        rest = bytes(view[at:])
        view.release()
        self._buffer = rest
        self._at += at

    def finish(self):
        """Takes the end of the file.

        :raises VmdkError: ``VMDK_TRUNCATED``: it ended too early.
        """
        streamed = self._header is not None and self._header.directory_offset == GD_AT_END
        if self._header is None or self._skip or self._buffer or (streamed and not self._ended):
            raise VmdkError(
                "VMDK_TRUNCATED", f"The VMDK is cut short: it ends at byte {self._at} where more must come.",
                "Upload the whole file to Glance as a new image.",
            )  # fmt: skip

    def _marker(self, view, at):
        """Takes the marker at a place of the buffer and what belongs to it. Gives its bytes, or 0 where they are not all there yet."""
        if len(view) - at < _MARKER.size:
            return 0
        value, size, kind = _MARKER.unpack_from(view, at)
        if size:
            self._announced(at, value, size)
            if len(view) - at < 12 + size:
                return 0
            self._grain(at, value, view[at + 12 : at + 12 + size])
            return -(-(12 + size) // SECTOR) * SECTOR
        if kind == _END:
            if value:
                raise self._damaged(at, f"its end-of-stream marker announces {value} sectors")
            self._ended = True
            return SECTOR
        total = (1 + value) * SECTOR
        if kind == _TABLE and self._wants_table(at, value):
            if len(view) - at < total:
                return 0
            self._table(at, struct.unpack_from(f"<{self._header.entries}I", view, at + SECTOR))
        return total

    def _announced(self, at, address, size):
        """Looks at the marker of a grain, whose bytes may not be there yet."""

    def _grain(self, at, address, body):
        """Takes a grain: its sector on the disk and its compressed bytes."""

    def _wants_table(self, _at, _sectors):
        """Says whether :meth:`_table` is to be called."""
        return False

    def _table(self, at, entries):
        """Takes a grain table."""

    def _damaged(self, at, what):
        return VmdkError(
            "VMDK_DAMAGED", f"The VMDK is damaged at byte {self._at + at}: {what}.",
            "Make the file again, for example with qemu-img convert, and upload it as a new image.",
        )  # fmt: skip


class _Check(Walk):
    def __init__(self, grains, seen=None):
        super().__init__()
        self._expected = grains
        self._seen = seen
        self._last = -1  # address of the last grain
        self._count = 0
        self._open = {}  # {sector of a grain whose table has not come: its number}; None: not compared

    def finish(self):
        """Judges the file as a whole.

        :raises VmdkError: it ended too early, or its tables name other grains.
        """
        super().finish()
        if self._expected is not None and self._expected != self._count:
            raise self._damaged(0, f"its tables name {self._expected} grains, and it has {self._count}")
        if self._open and self._header.directory_offset == GD_AT_END:
            raise self._damaged(0, f"no table names its grain {min(self._open.values())}")

    def _announced(self, at, address, size):
        header = self._header
        grain = header.grain_size * SECTOR
        if address % header.grain_size or address >= header.capacity:
            raise self._damaged(at, f"a grain is for sector {address} of {header.capacity}")
        if address <= self._last:
            raise self._damaged(at, f"the grain for sector {address} comes after that for {self._last}")
        if size > grain + (grain >> 8) + 64:  # zlib makes data that can't be packed a little longer (zlib.h, compressBound)
            raise self._damaged(at, f"a grain of {grain} bytes takes {size} bytes")

    def _grain(self, at, address, body):
        header = self._header
        grain = header.grain_size * SECTOR
        unpack = zlib.decompressobj()
        try:
            data = unpack.decompress(body, grain + 1)
        except zlib.error as error:
            raise self._damaged(at, f"the grain for sector {address} can't be unpacked ({error})") from error
        if len(data) > grain:
            raise self._damaged(at, f"the grain for sector {address} unpacks to more than {grain} bytes")
        if not unpack.eof or len(data) < min(grain, (header.capacity - address) * SECTOR):
            raise self._damaged(at, f"the grain for sector {address} unpacks to {len(data)} bytes instead of {grain}")
        self._last = address
        self._count += 1
        if self._seen:
            self._seen(address // header.grain_size, data)
        # Only where the tables come behind the grains they are compared.
        if self._open is not None and header.directory_offset == GD_AT_END:
            self._open[(self._at + at) // SECTOR] = address // header.grain_size
            if len(self._open) > _TRACKED:
                self._open = None

    def _wants_table(self, at, sectors):
        if self._open is None or self._header.directory_offset != GD_AT_END:
            return False
        if sectors * SECTOR != self._header.entries * 4:
            raise self._damaged(at, f"a grain table has {sectors} sectors")
        return True

    def _table(self, at, entries):
        for index, sector in enumerate(entries):
            if sector <= 1:  # a hole, or a grain of zeros
                continue
            number = self._open.pop(sector, None)
            if number is None or number % len(entries) != index:
                raise self._damaged(at, f"a grain table names sector {sector}, where the grain is another one or none")
