# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets reading overlap with what is done to the bytes, with flat memory."""

from __future__ import annotations

import queue
import threading
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals

DEPTH = 8  # chunks of 1 MiB
LEAVE = 2  # seconds for the thread to notice that nobody wants more


def read_ahead(chunks, depth=DEPTH, deadline=None):
    """Yields the chunks of an iterator that runs in a thread of its own, at most ``depth`` ahead.

    What the iterator raises is raised here. Closing this generator ends the thread, and closes the iterator.

    :arg deadline: a time of :func:`time.monotonic`, or None.
    :raises NovaVmwareError: ``TRANSFER_TIMEOUT``: nothing came before the deadline.
    """
    waiting = queue.Queue(depth)
    stop = threading.Event()
    end = object()

    def put(item):
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def read():
        leave_signals()
        problem = None
        try:
            for chunk in chunks:
                if not put(chunk):
                    return
        except BaseException as error:  # pylint: disable=broad-except
            problem = error
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        put((end, problem))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = waiting.get(timeout=None if deadline is None else max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise NovaVmwareError(
                    "TRANSFER_TIMEOUT",
                    "The transfer took longer than transfer_timeout allows: it waits for Glance.",
                    "Give it more time, or look at what is slow.",
                ) from None
            if isinstance(item, tuple) and item[0] is end:
                if item[1] is not None:
                    raise item[1]
                return
            yield item
    finally:
        stop.set()
        thread.join(LEAVE)  # a server that stalls must not hold up the end; the thread dies with the process
