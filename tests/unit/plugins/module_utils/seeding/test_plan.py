# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/plan.py: one push at most, each datastore once, sources that exist by then."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import (
    OPERATIONS_PER_HOST,
    SIZED_AT_ONCE,
    Limits,
    Room,
    SizedCopy,
    Source,
    Step,
    Target,
    Write,
    groups,
    plan,
    refuse_full,
    rooms,
    sized_copies,
)

hosts = st.lists(st.sampled_from(["esxi-1", "esxi-2", "esxi-3", "esxi-4"]), unique=True, max_size=4).map(tuple)
targets = st.lists(
    st.builds(
        Target,
        moid=st.text("abcdefgh", min_size=1, max_size=4),
        name=st.just("datastore1"),  # those of two datacenters may have one name
        state=st.sampled_from(["complete", "missing", "broken", "unknown"]),
        free_bytes=st.integers(100, 1000),
        hosts=hosts,
        offloading=st.frozensets(st.sampled_from(["esxi-1", "esxi-2", "esxi-3"])),
    ),
    min_size=1, max_size=40, unique_by=lambda target: target.moid,
)  # fmt: skip


@given(
    targets,
    st.dictionaries(st.text("wxyz", min_size=1, max_size=2), hosts.map(Source), max_size=3),
    st.builds(Limits, st.integers(1, 4), st.integers(1, 9)),
)
def test_every_datastore_gets_it_once(wanted, elsewhere, limits):
    steps = plan(wanted, elsewhere, limits)
    assert [step.moid for step in steps] == [target.moid for target in wanted]
    have = {target.moid for target in wanted if target.state == "complete"}
    left = {target.moid for target in wanted if target.state == "unknown"}
    assert {step.moid for step in steps if step.action == "none"} == have | left
    pushes = [step.moid for step in steps if step.action == "push"]
    assert len(pushes) == (0 if have or elsewhere or len(left) == len(wanted) else 1)
    mounted = {moid: one.hosts for moid, one in [*elsewhere.items(), *((target.moid, target) for target in wanted)]}
    have = (have or set(elsewhere)) | set(pushes)
    for number in range(1, max(step.round for step in steps) + 1):
        batch = [step for step in steps if step.action == "copy" and step.round == number]
        assert batch, "a round without a copy"
        for step in batch:
            assert step.source in have
        assert all(sum(other.source == step.source for other in batch) <= limits.per_datastore for step in batch)
        # A copy is the work of a host that mounts its source: those that only hosts of a group can do must fit into the group.
        for group in {mounted[step.source] for step in batch if mounted[step.source]}:
            only = [step for step in batch if mounted[step.source] and set(mounted[step.source]) <= set(group)]
            assert len(only) <= OPERATIONS_PER_HOST * len(group)
        have |= {step.moid for step in batch}
    assert have | left >= {target.moid for target in wanted}


def test_push_goes_where_most_hosts_and_room_are():
    steps = plan(
        [
            Target("a", "a", "missing", 900, ("e1",)),
            Target("b", "b", "missing", 100, ("e1", "e2")),
            Target("c", "c", "missing", 200, ("e1", "e2")),
        ]
    )
    assert {step.moid: step.action for step in steps} == {"a": "copy", "b": "copy", "c": "push"}


def test_a_copy_comes_from_a_datastore_that_shares_a_host():
    near, far = Target("near", "n", "complete", 1, ("e1",)), Target("far", "f", "complete", 1, ("e9",))
    steps = plan([far, near, *[Target(f"t{number}", "t", "missing", 1, ("e1",)) for number in range(3)]])
    assert [step.source for step in steps if step.action == "copy"] == ["near", "near", "far"]


def test_a_copy_elsewhere_saves_the_push():
    (step,) = plan([Target("a", "a", "missing", 9, ("e1",))], {"z": Source(("e1",))})
    assert (step.action, step.source, step.round) == ("copy", "z", 1)
    steps = plan([Target("a", "a", "missing", 9, ("e1",)), Target("b", "b", "complete", 9, ("e1",))], {"z": Source(("e1",))})
    assert steps[0].source == "b"


def test_copies_that_a_host_carries_are_few():
    """Storage that copies by itself leaves the host nothing to carry; then only vCenter's own limit counts."""
    for offloading, at_once in ((frozenset(), 3), (frozenset(["e1"]), OPERATIONS_PER_HOST)):
        sources = [Target(f"s{number}", "s", "complete", 1, ("e1",), offloading) for number in range(9)]
        steps = plan([*sources, *[Target(f"t{number}", "t", "missing", 1, ("e1",), offloading) for number in range(9)]], limits=Limits(1, 3))
        assert sum(step.round == 1 for step in steps) == at_once


def test_a_copy_that_storage_makes_by_itself_is_preferred():
    thin, fat = Target("a", "a", "complete", 1, ("e1", "e2")), Target("b", "b", "complete", 1, ("e1", "e2"), frozenset(["e2"]))
    steps = plan([thin, fat, *[Target(f"t{number}", "t", "missing", 1, ("e1", "e2"), frozenset(["e1", "e2"])) for number in range(3)]])
    assert [step.source for step in steps if step.action == "copy"] == ["b", "b", "a"]


@given(st.lists(hosts, max_size=40), st.integers(1, 5))
def test_copies_for_linked_clones_in_groups(wanted, per_host):
    found = groups(list(enumerate(wanted)), Limits(per_host=per_host))
    assert sorted(number for group in found for number in group) == list(range(len(wanted)))
    for group in found:
        assert 0 < len(group) <= SIZED_AT_ONCE
        for host in ("esxi-1", "esxi-2", "esxi-3", "esxi-4"):
            assert sum(wanted[number] == (host,) for number in group) <= per_host


writes = st.lists(st.builds(Write, moid=st.sampled_from("abc"), kept=st.integers(0, 50), passing=st.integers(0, 50), freed=st.integers(0, 50)), max_size=60)


@given(writes)
def test_rooms_add_up(wanted):
    """What several images need on one datastore is the sum of what they keep, and the largest that one needs in passing."""
    found = rooms({moid: (moid, 1000) for moid in "abc"}, wanted)
    assert [room.moid for room in found] == list("abc")
    for room in found:
        here = [write for write in wanted if write.moid == room.moid]
        assert room.free_after == 1000 - sum(write.kept for write in here) + sum(write.freed for write in here)
        # In whatever order they come, it never takes more: each passing use comes on top of what is kept by then.
        peak = taken = 0
        for write in here:
            peak = max(peak, taken + write.kept + write.passing)
            taken += write.kept
        assert peak <= room.needed <= taken + max((write.passing for write in here), default=0)


def test_full_datastores_are_all_named():
    refuse_full([Room("a", "a", 100, 100, 0)])
    with pytest.raises(NovaVmwareError) as caught:
        refuse_full([Room("a", "vmfs-1", 99, 100, 0), Room("b", "vmfs-2", 100, 100, 0), Room("c", "vmfs-3", 5, 100, 0)])
    assert caught.value.code == "DATASTORE_FULL"
    assert [one["name"] for one in caught.value.details["datastores"]] == ["vmfs-1", "vmfs-3"]
    assert "vmfs-1 (99 bytes free, 100 needed), vmfs-3 (5 bytes free, 100 needed)" in caught.value.what


def test_sized_copies():
    there = SimpleNamespace(sized=[(10, 1, True), (20, 1, False), (99, 1, True)])
    assert sized_copies(there, [10, 20, 30], Step("a", "complete", "none")) == (
        SizedCopy(10, "complete", "none"), SizedCopy(20, "broken", "copy"), SizedCopy(30, "missing", "copy"),
    )  # fmt: skip
    assert sized_copies(there, [10], Step("a", "broken", "copy")) == (SizedCopy(10, "complete", "copy"),)
    assert sized_copies(None, [10], Step("a", "missing", "push")) == (SizedCopy(10, "missing", "copy"),)
    assert sized_copies(there, [10], Step("a", "unknown", "none")) == (), "it is left alone"


def pulled(pulls, **hosts):
    """Plans pulls of an image that is missing everywhere. Gives ``{datastore: (action, source)}``."""
    targets = [Target(name, name, "missing", 9, tuple(names)) for name, names in hosts.items()]
    return {step.moid: (step.action, step.source) for step in plan(targets, limits=Limits(pulls=pulls), pulls=True)}


def test_one_pull_unless_several_may_run_at_once():
    assert pulled(1, a="xy", b="z") == {"a": ("pull", None), "b": ("copy", "a")}


def test_datastores_that_share_no_host_are_each_given_a_pull():
    assert pulled(2, a="xy", b="z", c="yw", d="w") == {"a": ("pull", None), "b": ("pull", None), "c": ("copy", "a"), "d": ("pull", None)}


def test_what_a_datastore_has_is_copied():
    targets = [Target("a", "a", "complete", 9, ("x",)), Target("b", "b", "missing", 9, ("y",))]
    assert [step.action for step in plan(targets, limits=Limits(pulls=4), pulls=True)] == ["none", "copy"]
