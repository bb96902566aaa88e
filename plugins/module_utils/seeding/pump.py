# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets reading overlap with what is done to the bytes, with flat memory."""

from __future__ import annotations

import queue
import threading

DEPTH = 8  # chunks of 1 MiB


def read_ahead(chunks, depth=DEPTH):
    """Yields the chunks of an iterator that runs in a thread of its own, at most ``depth`` ahead.

    What the iterator raises is raised here. Closing this generator ends the thread.
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
        problem = None
        try:
            for chunk in chunks:
                if not put(chunk):
                    return
        except BaseException as error:  # pylint: disable=broad-except
            problem = error
        put((end, problem))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, tuple) and item[0] is end:
                if item[1] is not None:
                    raise item[1]
                return
            yield item
    finally:
        stop.set()
        thread.join()
