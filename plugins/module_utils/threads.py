# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each thread beside the main one needs."""

from __future__ import annotations

import signal

CANCELLED_BY = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # kill and AWX; Ctrl-C; the end of an ssh session with a terminal


def leave_signals():
    """Leaves the signals that cancel to the main thread. Call it first in each other thread.

    Python handles a signal in the main thread (signal, "Signals and threads"), but the system may deliver it to any thread that does not block it. The
    system call in which the main thread waits then goes on, and so does the work that somebody wanted to end.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, CANCELLED_BY)
