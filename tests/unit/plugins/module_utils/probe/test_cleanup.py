# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""probe/cleanup.py: which leftovers are whose."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import cleanup

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.timezone.utc)
NODE = stage.this_run().partition("-")[0]
HERE, ENDED, ELSEWHERE = stage.this_run(), f"{NODE}-4194999-1", "00000000-1-1"


def folder(run, minutes=0.0, suffix=""):
    modified = None if minutes is None else NOW - datetime.timedelta(minutes=minutes)
    return cleanup.Thing(None, f"{cleanup.PREFIX}{run}{suffix}", None, modified)


def machine(run):
    return cleanup.Thing(None, f"{cleanup.PREFIX}{run}-vm1", object())


@pytest.mark.parametrize(
    "name, run",
    [
        (f"{cleanup.PREFIX}{ELSEWHERE}", ELSEWHERE),
        (f"{cleanup.PREFIX}{ELSEWHERE}-2", ELSEWHERE),
        (f"{cleanup.PREFIX}{ELSEWHERE}-vm12", ELSEWHERE),
        (cleanup.PREFIX, None),
        (f"{cleanup.PREFIX}notes", None),
        (f"my-{cleanup.PREFIX}{ELSEWHERE}", None),
        ("openstack_vmware", None),
    ],
)
def test_run_of(name, run):
    assert cleanup.run_of(name) == run


@pytest.mark.parametrize(
    "found, gone",
    [
        ([folder(HERE), machine(HERE)], []),
        ([folder(ENDED), folder(ENDED, suffix="-2"), machine(ENDED)], [0, 1, 2]),  # the process is gone
        ([machine(ENDED)], [0]),
        ([folder(ELSEWHERE, 5), machine(ELSEWHERE)], []),
        ([folder(ELSEWHERE, 120), machine(ELSEWHERE)], [0, 1]),
        ([folder(ELSEWHERE, 120), folder(ELSEWHERE, 5, "-2"), machine(ELSEWHERE)], []),  # one was written to lately
        ([folder(ELSEWHERE, None)], []),  # nobody says when
        ([machine(ELSEWHERE)], []),
    ],
)
def test_over(found, gone):
    assert [found.index(one) for one in cleanup.over(found, NOW)] == gone
