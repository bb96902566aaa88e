# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a transfer below a number of bytes a second."""

from __future__ import annotations

import time

BURST = 0.25  # seconds: what was not used for so long may be made up for
_PIECE = 64 << 10  # bytes; what goes out at once, so that a slow transfer moves and its other end does not give up
_NAP = 1.0  # seconds; a wait looks at its deadline that often


def paced(chunks, bytes_per_second, tick=lambda: None):
    """Passes chunks on no faster than allowed, by a token bucket. Of a chunk it makes several where it is large.

    :arg bytes_per_second: None for no limit. :arg tick: called while it waits; what it raises ends the transfer.
    """
    if bytes_per_second is None:
        yield from chunks
        return
    due = time.monotonic()  # when all that went out so far is paid for
    for chunk in chunks:
        for at in range(0, len(chunk), _PIECE):
            while (wait := due - time.monotonic()) > 0:
                tick()
                time.sleep(min(wait, _NAP))
            piece = chunk[at : at + _PIECE] if len(chunk) > _PIECE else chunk
            due = max(due, time.monotonic() - BURST) + len(piece) / bytes_per_second
            yield piece
