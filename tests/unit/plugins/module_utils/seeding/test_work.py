# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/work.py: what is to be done for one image, and what it takes of the datastores."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.readback import ContentError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova.image import Image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.choice import Choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Extras, Options
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import Found
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Limits, SizedCopy, Step, Write
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import Work, plan_image

GIB = 1 << 30


def image(size, disk_type="thin", min_disk=0, disk_format="vmdk"):
    properties = {"hw_disk_type": disk_type}
    return Image("id", "name", "active", size, disk_format, "bare", "sha512", "00", properties, min_disk)


def work(one, capacity, steps=(), sized=(), data_bytes=None):
    disk = SimpleNamespace(data_bytes=data_bytes, size=one.size) if data_bytes else None
    entries = {step.moid: None for step in steps}
    return Work(one, None, {}, {}, entries, disk, capacity, Choice(), list(steps), {step.moid: sized for step in steps}, [], False)


@pytest.mark.parametrize(
    "capacity, size, min_disk, low",
    [
        (64 << 20, 1 << 20, 0, False),  # the smallest flavor with a disk has 1 GiB
        (GIB, 1 << 20, 0, False),
        (GIB + 512, 1 << 20, 0, True),
        (GIB + 512, GIB + 1, 0, False),  # Nova refuses 1 GiB by itself
        (3 * GIB, 2 * GIB + 1, 0, False),
        (3 * GIB, 2 * GIB, 0, True),
        (3 * GIB, 1 << 20, 2, True),
        (3 * GIB, 1 << 20, 3, False),
    ],
)
def test_nova_compares_whole_gib(capacity, size, min_disk, low):
    one = work(image(size, "streamOptimized", min_disk), capacity)
    assert one.min_disk_low is low
    assert bool(one.warnings) is low


@pytest.mark.parametrize(
    "disk_type, size, data, pushed, passing",
    [
        ("streamOptimized", 100, 500, 500, 0),  # the import asks for a thin disk
        ("thin", 4096, None, 4096, 0),
        ("sparse", 100, 500, 4096, 100),
    ],
)
def test_a_copy_takes_all_of_the_size(disk_type, size, data, pushed, passing):
    steps = [Step("a", "missing", "push"), Step("b", "missing", "copy", "a", 1), Step("c", "complete", "none")]
    one = work(image(size, disk_type), 4096, steps, (SizedCopy(20, "missing", "copy"), SizedCopy(40, "complete", "none")), data)
    found = list(one.writes())
    assert found == [
        Write("a", pushed, passing), Write("a", 20 * GIB), Write("b", 4096), Write("b", 20 * GIB), Write("c", 20 * GIB),
    ]  # fmt: skip
    assert [one.planned_bytes(step) for step in steps] == [size, 4096, 0]


def place(name, one_file_disks=False):
    datastore = SimpleNamespace(moid=name, free_bytes=100 * GIB, type="VMFS")
    return SimpleNamespace(name=name, datastore=datastore, hosts=("h1",), one_file_disks=one_file_disks)


def whole(capacity):
    return SimpleNamespace(state="complete", reasons=(), bytes=capacity, capacity_bytes=capacity, sized=())


def found(one, names, held=(), elsewhere=(), capacity=3 * GIB, pull=None):
    places = {name: place(name) for name in names}
    entries = {name: whole(capacity) if name in held else None for name in names}
    return Found(one, None, places, {name: place(name) for name in elsewhere}, entries, None, capacity, pull or Choice())


def planned(*args, extras=Extras(), options=Options(), **more):
    return plan_image(found(*args, **more), {}, extras, options)


def test_one_push_then_copies_in_rounds():
    one = planned(image(2 * GIB), ["a", "b", "c", "d"])
    assert [step.action for step in one.steps].count("push") == 1
    assert [[step.round for step in batch] for batch in one.rounds] == [[1, 1], [2]]
    assert one.changes


def test_what_is_everywhere_changes_nothing():
    one = planned(image(3 * GIB), ["a", "b"], held="ab")
    assert not one.changes and one.rounds == [] and list(one.writes()) == []


def test_what_others_hold_is_copied_and_else_pushed():
    one = planned(image(2 * GIB), ["a", "b"], elsewhere="x")
    assert [(step.action, step.source) for step in one.steps] == [("copy", "x"), ("copy", "x")]
    assert set(one.everywhere) == {"a", "b", "x"}
    again = one.from_glance(Limits())
    assert sorted(step.action for step in again.steps) == ["copy", "push"] and set(again.everywhere) == {"a", "b"}


def test_min_disk_is_set_where_it_is_wanted_and_low():
    assert planned(image(2 * GIB), "a", extras=Extras(update_min_disk=True)).set_min_disk
    assert not planned(image(2 * GIB), "a").set_min_disk
    assert not planned(image(2 * GIB, min_disk=3), "a", extras=Extras(update_min_disk=True)).set_min_disk


def test_copies_for_linked_clones():
    one = planned(image(2 * GIB), "a", extras=Extras((2, 5)))
    assert one.sized == {"a": (SizedCopy(5, "missing", "copy"),)} and one.too_small == [2]
    one = planned(image(2 * GIB), "ab", extras=Extras((7, 5)))
    assert list(one.sized_wanted.items()) == [(5, ["a", "b"]), (7, ["a", "b"])]


def test_content_that_could_not_be_read_back_is_refused():
    there = found(image(2 * GIB), "a")
    there.places["a"].one_file_disks = True
    with pytest.raises(ContentError):
        plan_image(there, {}, Extras(), Options(verify="content"))
    assert plan_image(there, {}, Extras(), Options()).changes


def test_of_an_archive_its_disk_is_sent():
    """An OVA holds more than the disk, and what is sent is the disk."""
    ova = Image("id", "name", "active", 900, "vmdk", "ova", "sha512", "00", {"hw_disk_type": "streamOptimized"}, 0)
    step = Step("a", "missing", "push")
    one = Work(ova, None, {}, {}, {"a": None}, SimpleNamespace(data_bytes=500, size=700), 4096, Choice(), [step], {"a": ()}, [], False)
    assert one.planned_bytes(step) == 700


def test_what_is_replaced_is_freed():
    """A step that writes over something counts what goes away, a push as well as a copy."""
    steps = [Step("a", "broken", "push"), Step("b", "broken", "copy", "a", 1)]
    one = work(image(4096), 4096, steps)
    one.entries.update(a=SimpleNamespace(bytes=100), b=SimpleNamespace(bytes=200))
    assert list(one.writes()) == [Write("a", 4096, 0, 100), Write("b", 4096, 0, 200)]


def test_copies_that_stay_take_nothing():
    assert [Work.sized_bytes(SizedCopy(2, "missing", action)) for action in ("copy", "none")] == [2 * GIB, 0]
