# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of a run share."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import job
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.transfer import Rules


@pytest.mark.parametrize("seconds", [None, 30])
def test_each_push_has_its_own_time(monkeypatch, seconds):
    monkeypatch.setattr(job.time, "monotonic", lambda: 100)
    one = job.Job(None, None, SimpleNamespace(transfer_timeout=seconds), Rules(host_trust="ca"), "run")
    timed = one.timed()
    assert timed.rules == (replace(one.rules, deadline=130) if seconds else one.rules)
    assert timed.stop is one.stop


def test_all_hear_that_it_is_cancelled():
    one = job.Job(None, None, SimpleNamespace(transfer_timeout=1), Rules(host_trust="ca"), "run")
    timed = one.timed()
    assert not timed.cancelled()
    one.stop.set()
    assert timed.cancelled()
