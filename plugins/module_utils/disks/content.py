# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what a guest will read of a disk with what was sent, for every format in one way.

A :class:`Content` sums up the hash of each grain and its number. The sum does not depend on the order, so it can be made while a file of any
format flows, and holes cost nothing; memory is flat. It finds what storage or a network did to the bytes. It is no seal
against somebody who writes to the datastore, who could write what he likes later.
"""

from __future__ import annotations

import hashlib

GRAIN = 1 << 16  # bytes; the grain of the usual tools, and ours where a format has none
_SECTOR = 512
_ZEROS = bytes(1 << 20)  # the largest grain that vmdk.parse_header takes


class Content:
    """What a disk holds for its guest. Two with the same capacity and grain are equal when the disks are.

    :arg capacity: bytes that the guest sees; what is beyond does not count.
    :arg grain: bytes.
    """

    def __init__(self, capacity, grain=GRAIN):
        self.capacity = capacity
        self.grain = grain
        self._sum = 0

    def __eq__(self, other):
        return isinstance(other, Content) and (self.capacity, self.grain, self._sum) == (other.capacity, other.grain, other._sum)

    __hash__ = None

    def add(self, number, data):
        """Takes a grain's bytes; of the last one, at least those of the disk. Each grain comes once at the most; zeros need not come."""
        data = data[: self.capacity - number * self.grain]
        if not _ZEROS.startswith(bytes(data)):
            digest = hashlib.sha256(number.to_bytes(8, "little") + data).digest()
            self._sum = (self._sum + int.from_bytes(digest, "little")) % (1 << 256)

    def flat(self, chunks):
        """Passes the chunks of a flat disk on, and takes them."""
        number, rest = 0, b""
        for chunk in chunks:
            data = rest + chunk if rest else chunk
            at = 0
            while len(data) - at >= self.grain:
                if number * self.grain < self.capacity:
                    self.add(number, data[at : at + self.grain])
                number += 1
                at += self.grain
            rest = data[at:]
            yield chunk
        if rest and number * self.grain < self.capacity:
            self.add(number, rest)

    def sparse(self, chunks, places):
        """Passes the chunks of a hosted sparse file on, and takes the grains in it.

        :arg places: as :func:`vmdk.grain_places` gives them.
        """
        buffer, begin = bytearray(), 0  # the byte of the file where the buffer begins
        todo = iter(places)
        place = next(todo, None)
        for chunk in chunks:
            buffer += chunk
            while place is not None:
                at, number = (place >> 32) * _SECTOR - begin, place & 0xFFFFFFFF
                length = min(self.grain, self.capacity - number * self.grain)
                if len(buffer) < at + length:
                    break
                self.add(number, bytes(buffer[at : at + length]))
                place = next(todo, None)
            drop = len(buffer) if place is None else min(len(buffer), (place >> 32) * _SECTOR - begin)
            del buffer[:drop]
            begin += drop
            yield chunk
