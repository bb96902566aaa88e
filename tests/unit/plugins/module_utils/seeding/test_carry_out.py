# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/carry_out.py: an image that fails does not stop the others, and what can't be copied from elsewhere is pushed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import carry_out
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.choice import Choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Done, Job, Options
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Step, Target
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import Work

FAILED = NovaVmwareError("BROKEN", "It broke.")


def work(name, elsewhere=()):
    image = SimpleNamespace(id=name, name=name, kind="flat", size=9, smallest_root_gb=0)
    place = SimpleNamespace(name="a", datastore=SimpleNamespace(moid="a"))
    step = Step("a", "missing", "copy", "x", 1) if elsewhere else Step("a", "missing", "push")
    return Work(
        image,
        None,
        {"a": place},
        dict.fromkeys(elsewhere),
        {"a": None},
        "a disk",
        9,
        Choice(),
        [step],
        {"a": ()},
        [],
        False,
        [Target("a", "a", "missing", 9, ())],
    )


class Told:
    """A report that keeps what it is told."""

    def __init__(self):
        self.failures, self.said, self.images = [], [], ["rows"]

    def done(self, image, place, _done):
        self.said.append(("done", image.id, place.name))

    def has_made(self, _image):
        return False

    def replanned(self, planned):
        self.said.append(("replanned", planned.image.id))

    def reads_glance(self, image):
        self.said.append(("glance", image.id))


@pytest.fixture
def job():
    return Job(SimpleNamespace(warnings=[]), None, Options(), None, "run")


def run(monkeypatch, job, works, pushes=(), copies=()):
    """Carries out works; those of ``pushes`` and ``copies`` fail there."""

    def push(_job, one, _place):
        if one.image.id in pushes:
            raise NovaVmwareError("BROKEN", f"{one.image.id} broke.")
        return Done(None)

    def copy(_job, one, _content, _report):
        if one.image.id in copies:
            raise NovaVmwareError("BROKEN", f"{one.image.id} broke.")

    monkeypatch.setattr(carry_out, "push", push)
    monkeypatch.setattr(carry_out, "copy_image", copy)
    report = Told()
    carry_out.carry_out(job, works, report)
    return report


def test_all_go_well(monkeypatch, job):
    assert run(monkeypatch, job, [work("1"), work("2")]).said == [("done", "1", "a"), ("done", "2", "a")]
    assert not job.cancelled()


def test_one_that_fails_is_told_as_it_is(monkeypatch, job):
    with pytest.raises(NovaVmwareError) as caught:
        run(monkeypatch, job, [work("1"), work("2")], pushes="1")
    assert (caught.value.code, caught.value.details["images"]) == ("BROKEN", ["rows"])


def test_several_that_fail_are_told_together(monkeypatch, job):
    with pytest.raises(NovaVmwareError) as caught:
        run(monkeypatch, job, [work("1"), work("2"), work("3")], pushes="1", copies="2")
    assert (caught.value.code, len(caught.value.details["failures"])) == ("SEED_INCOMPLETE", 2)
    assert "2 of 3 images" in caught.value.what


def test_what_can_not_be_copied_from_elsewhere_is_pushed(monkeypatch, job):
    there = work("1", elsewhere="x")
    calls = []

    def copy(_job, one, _content, _report):
        calls.append(bool(one.elsewhere))
        if one.elsewhere:
            raise FAILED

    monkeypatch.setattr(carry_out, "push", lambda *_args: Done(None))
    monkeypatch.setattr(carry_out, "copy_image", copy)
    report = Told()
    carry_out.carry_out(job, [there], report)
    assert calls == [True, False]
    assert report.said == [("replanned", "1"), ("glance", "1"), ("done", "1", "a")]
    (warning,) = job.session.warnings
    assert "was read from Glance" in warning


def test_the_copies_end_when_the_run_is_cancelled(monkeypatch, job):
    def push(_job, _one, _place):
        raise KeyboardInterrupt

    monkeypatch.setattr(carry_out, "push", push)
    with pytest.raises(KeyboardInterrupt):
        carry_out.carry_out(job, [work("1")], Told())
    assert job.cancelled()
