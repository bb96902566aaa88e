# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does something again and again beside the work."""

from __future__ import annotations

import contextlib
import threading

from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals


@contextlib.contextmanager
def every(interval, act):
    """Calls ``act`` each ``interval`` seconds in a thread, as long as the body runs. The first call comes after one interval.

    At the end a call that is under way is waited for. What ``act`` raises ends the calls and is not told: the body is what matters.
    """
    stop = threading.Event()

    def repeat():
        leave_signals()
        with contextlib.suppress(Exception):
            while not stop.wait(interval):
                act()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
