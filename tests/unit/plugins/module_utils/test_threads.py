# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""threads.py: a signal that cancels reaches the main thread, whatever runs beside it."""

from __future__ import annotations

import signal
import threading

from ansible_collections.openstack_vmware.nova.plugins.module_utils.periodic import every
from ansible_collections.openstack_vmware.nova.plugins.module_utils.pump import read_ahead
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import CANCELLED_BY


def blocked():
    """Gives the signals that the thread of the caller blocks, of those that cancel."""
    return signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(CANCELLED_BY)


def test_what_repeats_leaves_signals():
    found, called = [], threading.Event()

    def act():
        found.append(blocked())
        called.set()

    with every(0.01, act):
        assert called.wait(10)
    assert found[0] == set(CANCELLED_BY)
    assert not blocked(), "the main thread takes them"


def test_what_reads_ahead_leaves_signals():
    assert list(read_ahead(blocked() for _one in "a")) == [set(CANCELLED_BY)]
    assert not blocked()
