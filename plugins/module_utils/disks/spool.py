# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what is to be sent in a temporary file until its size is known: a flat image without its holes, or a disk that was laid out anew.

An import lease wants the size of the disk before its first byte, and how much of a flat image is holes is only known at its end. So the
used part waits in a file without a name, which is gone when this process is.
"""

from __future__ import annotations

import shutil
import tempfile

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

CHUNK = 1 << 20  # bytes
SAMPLES = 12  # at the least,
MOST_SAMPLES = 96  # and one more for each GiB: a sample stands for what a spool may take
MOST_USED = 1 / 3  # share of an image; with more, reading first and writing then takes longer than both at once
LEAST_SAVED = 32 << 20  # bytes; less is not worth the calls of an import


def room():
    """Returns the bytes that a spool may take: half of what is free in the folder for temporary files."""
    return shutil.disk_usage(tempfile.gettempdir()).free // 2


def is_worth_it(size, read, limit):
    """Says whether a flat image is so empty that it should travel without its holes, from a few samples of it.

    :arg size: bytes. :arg read: a function ``(offset, length) -> bytes``. :arg limit: bytes that a spool may take.
    """
    if size - LEAST_SAVED < LEAST_SAVED // 2:
        return False
    if size % encoding.GRAIN:  # the format wants whole grains: an import would make the disk a little larger
        return False
    zeros = bytes(encoding.GRAIN)
    used = 0
    samples = min(max(SAMPLES, size >> 30), MOST_SAMPLES)
    for number in range(samples):
        offset = (2 * number + 1) * size // (2 * samples) // encoding.GRAIN * encoding.GRAIN
        used += not zeros.startswith(read(offset, encoding.GRAIN))
        if used > samples * MOST_USED:
            return False
    share = used / samples
    return size * (1 - share) >= LEAST_SAVED and size * share <= limit


class File:
    """A file without a name, mode 0600. Use it in a ``with``. ``size`` are its bytes.

    :arg limit: bytes that it may have.
    """

    def __init__(self, limit):
        self._limit = limit
        self._file = tempfile.TemporaryFile()
        self.size = 0

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self._file.close()

    def write(self, data):
        """Adds bytes.

        :raises NovaVmwareError: ``SPOOL_FULL``.
        """
        self.size += len(data)
        try:
            if self.size > self._limit:
                raise OSError(f"there is room for {self._limit} bytes")
            self._file.write(data)
            self._file.flush()  # a full disk shows now
        except OSError as error:
            raise NovaVmwareError(
                "SPOOL_FULL",
                f"Failed to keep the disk in a temporary file until its size is known: {error}.",
                f"Make room in {tempfile.gettempdir()}, or make the image again with image_vmdk.",
            ) from error

    def read(self):
        """Yields the bytes, from the first at each call."""
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk


class Spool(File):
    """The bytes of one flat image, encoded. Use it in a ``with``. ``size`` are bytes of the streamOptimized disk.

    :arg size: bytes of the image. :arg limit: bytes that the file may have. :arg identity: as :func:`encoding.content_id` takes it.
    """

    def __init__(self, size, limit, identity):
        super().__init__(min(limit, size // 2))
        self._encoder = encoding.Encoder(size, identity)
        self._live = None

    def fill(self, chunks, tick):
        """Takes the image's bytes.

        :arg tick: called with the length of each chunk that was taken.
        :returns: True when all are in the file, and :meth:`read` gives the disk; False when they are too many: :meth:`flat` has what was taken, and goes on.
        :raises OSError: the file can't be written.
        """
        self._write([self._encoder.start()])
        for chunk in chunks:
            self._write(self._encoder.feed(chunk))
            tick(len(chunk))
            if self.size > self._limit:
                self._live = chunks
                return False
        self._write(self._encoder.finish())
        self._file.flush()
        return True

    def flat(self):
        """Yields the flat image: from the file, then what :meth:`fill` did not take. After a fill that took all, at each call."""
        yield from encoding.decode(self._file, self._encoder.taken)
        if self._live is not None:
            yield self._encoder.rest
            yield from self._live

    def _write(self, pieces):
        self._file.writelines(pieces)
        self.size += sum(map(len, pieces))
