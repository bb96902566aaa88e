# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""periodic.py: what repeats beside the work neither outlives it nor breaks it."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.periodic import every


def test_it_repeats_until_the_body_ends():
    calls = []
    thrice = threading.Event()

    def act():
        calls.append(threading.current_thread())
        if len(calls) == 3:
            thrice.set()

    with pytest.raises(LookupError), every(0.01, act):
        assert thrice.wait(10)
        raise LookupError
    assert not calls[0].is_alive()
    assert threading.current_thread() not in calls


def test_the_first_call_comes_after_the_interval():
    calls = []
    with every(60, lambda: calls.append(1)):
        pass
    assert calls == []


def test_what_it_raises_ends_the_calls_only():
    calls = []

    def act():
        calls.append(threading.current_thread())
        raise OSError("gone")

    with every(0.01, act):
        threading.Event().wait(0.2)
        assert len(calls) == 1
        assert not calls[0].is_alive()
