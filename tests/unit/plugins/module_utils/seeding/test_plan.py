# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/plan.py: one push at most, each datastore once, sources that exist by then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import COPIES_PER_SOURCE, Target, plan

targets = st.lists(
    st.builds(
        Target,
        moid=st.text("abcdefgh", min_size=1, max_size=4),
        name=st.just("datastore1"),  # those of two datacenters may have one name
        state=st.sampled_from(["complete", "missing", "broken"]),
        free_bytes=st.integers(100, 1000),
        hosts=st.integers(0, 8),
    ),
    min_size=1, max_size=40, unique_by=lambda target: target.moid,
)  # fmt: skip


@given(targets)
def test_every_datastore_gets_it_once(wanted):
    steps = plan(wanted, size=100, capacity=100)
    assert [step.moid for step in steps] == [target.moid for target in wanted]
    have = {target.moid for target in wanted if target.state == "complete"}
    pushes = [step.moid for step in steps if step.action == "push"]
    assert len(pushes) == (0 if have else 1)
    assert {step.moid for step in steps if step.action == "none"} == have
    have |= set(pushes)
    for number in range(1, max(step.round for step in steps) + 1):
        batch = [step for step in steps if step.action == "copy" and step.round == number]
        assert batch, "a round without a copy"
        for step in batch:
            assert step.source in have
        assert all(sum(other.source == step.source for other in batch) <= COPIES_PER_SOURCE for step in batch)
        have |= {step.moid for step in batch}
    assert have == {target.moid for target in wanted}


def test_push_goes_where_most_hosts_and_room_are():
    steps = plan(
        [Target("a", "a", "missing", 900, 1), Target("b", "b", "missing", 100, 4), Target("c", "c", "missing", 200, 4)], size=1, capacity=1
    )
    assert {step.moid: step.action for step in steps} == {"a": "copy", "b": "copy", "c": "push"}


def test_full_datastores_are_named():
    with pytest.raises(NovaVmwareError) as caught:
        plan([Target("a", "a", "missing", 99, 1), Target("b", "b", "complete", 0, 1), Target("c", "c", "missing", 5, 1)], 10, 100)
    assert caught.value.code == "DATASTORE_FULL"
    assert caught.value.details["free_bytes"] == {"a": 99, "c": 5}


def test_a_copy_elsewhere_saves_the_push():
    (step,) = plan([Target("a", "a", "missing", 9, 1)], 1, 1, elsewhere=["z"])
    assert (step.action, step.source, step.round) == ("copy", "z", 1)
    steps = plan([Target("a", "a", "missing", 9, 1), Target("b", "b", "complete", 9, 1)], 1, 1, elsewhere=["z"])
    assert steps[0].source == "b"
