# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options say of how images travel, and what the steps of a run share."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import job
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Limits
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.transfer import Rules

GIVEN = {"copies_per_datastore": 2, "copies_per_host": 4, "pulls_at_once": 1, "bandwidth_limit": None}


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


def test_limits():
    assert job.from_params(GIVEN) == job.Options()
    found = job.from_params({"copies_per_datastore": 1, "copies_per_host": 3, "pulls_at_once": 5, "bandwidth_limit": 10, "verify": "content"})
    assert (found.limits, found.bytes_per_second, found.verify) == (Limits(1, 3, 5), 10 << 20, "content")


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("value", [0, -1])
def test_limits_with_which_nothing_would_move(name, value):
    with pytest.raises(NovaVmwareError) as caught:
        job.from_params({**GIVEN, name: value})
    assert caught.value.code == "LIMIT_INVALID" and f"{name} is {value}" in caught.value.what


def test_files_travel_as_the_options_say():
    session = SimpleNamespace(host_trust="thumbprint")
    one = job.Job.begin(session, None, job.Options(upload_through="host", transfer_timeout=60, bytes_per_second=5))
    assert one.rules == Rules("host", "thumbprint", None, 5)
    assert job.Job.begin(session, None, job.Options(host_trust="ca")).rules == Rules("auto", "ca")


def test_steps_side_by_side_have_runs_of_their_own():
    """They are cancelled together."""
    one = job.Job(None, None, job.Options(), Rules(), "run")
    assert [one.numbered(number).run_id for number in (0, 1, 2)] == ["run", "run-1", "run-2"]
    one.stop.set()
    assert one.numbered(1).cancelled()
