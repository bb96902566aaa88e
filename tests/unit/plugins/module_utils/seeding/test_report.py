# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/report.py: what is told of a plan, and of how its steps went."""

from __future__ import annotations

from types import SimpleNamespace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova.image import Image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.choice import Choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Done
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Room, SizedCopy, Step
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.report import Report, other_types
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import Work

GIB = 1 << 30


def image(disk_type):
    return Image("id", "name", "active", GIB, "vmdk", "bare", "sha512", "00", {"hw_disk_type": disk_type}, 0)


def place(name):
    return SimpleNamespace(name=name, hypervisors=("c",), datastore=SimpleNamespace(moid=name), image_path=lambda image_id: f"[{name}] base/{image_id}")


def report():
    places = {name: place(name) for name in "ab"}
    steps = [Step("a", "missing", "push"), Step("b", "missing", "copy", "a", 1)]
    sized = {"a": (SizedCopy(5, "missing", "copy"),), "b": ()}
    work = Work(image("thin"), None, places, {}, {"a": None, "b": None}, None, GIB, Choice(), steps, sized, [], False)
    return work, Report([work], [Room("a", "a", 9, 1, 8)], places)


def test_a_plan_is_told():
    _work, found = report()
    result = found.result
    assert result["changed"] and result["warnings"] == []
    assert result["datastores"] == [
        {"name": "a", "moid": "a", "hypervisors": ["c"], "free_bytes": 9, "needed_bytes": 1, "free_bytes_after": 8},
    ]
    totals = result["totals"]
    assert (totals["pushes"], totals["copies"], totals["sized_copies"], totals["bytes_copied"]) == (1, 1, 1, 6 * GIB)
    assert [(row["action"], row["source"], row["via"]) for row in result["images"][0]["datastores"]] == [("push", None, None), ("copy", "a", None)]
    assert '"id (name), 5 GiB": "missing"' in result["diff"]["before"]


def test_what_was_done_is_told():
    work, found = report()
    assert not found.has_made(work.image)
    found.done(work.image, work.places["a"], Done(None, via="host h", seconds=2.0, bytes=10, warning="slow", thin=False))
    assert found.has_made(work.image)
    row = found.result["images"][0]["datastores"][0]
    assert (row["via"], row["seconds"], row["bytes"], row["bytes_per_second"]) == ("host h", 2.0, 10, 5)
    slow, thick = found.result["warnings"]
    assert slow == "slow" and "thick disks" in thick


def test_what_was_planned_anew_is_told():
    work, found = report()
    found.replanned(SimpleNamespace(image=work.image, steps=[Step("b", "missing", "push")], places=work.places, planned_bytes=lambda _step: 7))
    found.reads_glance(work.image)
    (answer,) = found.images
    assert [(row["action"], row["planned_bytes"]) for row in answer["datastores"]] == [("push", GIB), ("push", 7)]
    assert answer["bytes_from_glance"] == 2 * GIB  # once as it was planned at first, and once more


def test_thick_disks_of_thin_images_are_told_once():
    places = [SimpleNamespace(name=name) for name in ("n2", "n1", "n1")]
    thin, thick = image("streamOptimized"), image("sparse")
    (text,) = other_types([(thin, place, False) for place in places] + [(thick, places[0], False), (thin, places[0], True)])
    assert "name on n1, n2:" in text
    assert other_types([(thick, places[0], True), (thin, places[0], None), (thin, places[0], True)]) == []
