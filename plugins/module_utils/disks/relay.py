# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lays a streamOptimized VMDK out anew while it flows, where ESXi may refuse it as it is.

ESXi refuses a header version below 3 (glennmatthews/cot issue 65). Of streams as qemu-img writes them, with the tables in front and without a footer
and an end-of-stream marker, imports failed (flatcar/scripts issue 540, coreos/scripts issue 473) and worked (osbuild). A capacity that is no
multiple of the grain is against the format. The compressed grains go out as they came; around them comes what :mod:`encoding` writes.
"""

from __future__ import annotations

import zlib

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.grains import Walk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.vmdk import SECTOR, VmdkError


class SizeDiffersError(VmdkError):
    """The file holds something that its tables do not tell, so that its new size is not the one that was reckoned."""


def is_needed(stream):
    """Says whether a file must be laid out anew. ``stream`` is a :class:`vmdk.Stream`."""
    return not stream.footer or stream.version < encoding.VERSION or bool(stream.capacity % stream.grain_size)


def size(stream):
    """Returns the bytes of the new file, or None where only its making tells.

    :arg stream: a :class:`vmdk.Stream`.
    """
    if stream.area is None or stream.area < 0:
        return None
    area = stream.area
    if stream.short:  # it is made a whole one
        area += encoding.grain_sectors(encoding.stored_length(stream.grain_size * SECTOR)) - stream.short
    tables = -(-(-(-stream.capacity // stream.grain_size)) // encoding.ENTRIES)
    return encoding.size(area, len(stream.tables), tables)


def lay(chunks, stream, identity, wanted=None, adapter="lsilogic"):
    """Yields the new file.

    :arg chunks: an iterator over the bytes of the old one, which :func:`grains.checked` has passed on, or will judge before the last of them.
    :arg stream: a :class:`vmdk.Stream`. :arg identity: as :func:`encoding.content_id` takes it.
    :arg wanted: the bytes that it must have, or None. :arg adapter: ``ddb.adapterType``.
    :raises SizeDiffersError: before the last bytes are given.
    """
    walk = _Lay(stream, identity, adapter)
    yield walk.layout.start()
    for chunk in chunks:
        walk.feed(chunk)
        if wanted is not None and walk.layout.written > wanted:
            raise _differs(walk.layout.written, wanted)
        if walk.pieces:
            yield b"".join(walk.pieces)
            walk.pieces.clear()
    walk.finish()
    walk.layout.finish(walk.pieces)
    if wanted is not None and walk.layout.written != wanted:
        raise _differs(walk.layout.written, wanted)
    yield b"".join(walk.pieces)


def _differs(written, wanted):
    return SizeDiffersError(
        "VMDK_LAYOUT",
        f"The VMDK would take {written} bytes or more as ESXi wants it, not {wanted}: there is something in it that its tables do not tell.",
        "Make the file again, for example with image_vmdk.",
    )


class _Lay(Walk):
    def __init__(self, stream, identity, adapter):
        super().__init__()
        self._stream = stream
        self.layout = encoding.Layout(stream.capacity * SECTOR, identity, stream.grain_size * SECTOR, adapter, stream.tables)
        self.pieces = []

    def _grain(self, at, address, body):
        grain = self._stream.grain_size
        if address + grain > self._stream.capacity:
            body = encoding.stored(zlib.decompress(body).ljust(grain * SECTOR, b"\0"))
        else:
            body = bytes(body)
        self.layout.add(address // grain, body, self.pieces)
