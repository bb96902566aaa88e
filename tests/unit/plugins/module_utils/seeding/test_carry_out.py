# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/carry_out.py: an image that fails does not stop the others, and what can't be copied from elsewhere is pushed."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack.image_key import ImageKeyError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import carry_out
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.choice import Choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.errors import SeedError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Done, Job, Options
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Limits, Step, Target
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import Work
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pull import PullError

FAILED = NovaVmwareError("BROKEN", "It broke.")


def work(name, elsewhere=(), pulls=()):
    """Gives the work of an image: a push to a, or a copy from elsewhere, or pulls to these datastores."""
    image = SimpleNamespace(id=name, name=name, kind="flat", size=9, smallest_root_gb=0)
    names = pulls or ("a",)
    places = {name: SimpleNamespace(name=name, datastore=SimpleNamespace(moid=name)) for name in names}
    steps = [Step("a", "missing", "copy", "x", 1) if elsewhere else Step(name, "missing", "pull" if pulls else "push") for name in names]
    return Work(
        image,
        None,
        places,
        dict.fromkeys(elsewhere),
        dict.fromkeys(names),
        "a disk",
        9,
        Choice(bool(pulls)),
        steps,
        dict.fromkeys(names, ()),
        [],
        False,
        [Target(name, name, "missing", 9, (f"host-{name}",)) for name in names],
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

    def push(_job, one, _place, _action):
        if one.image.id in pushes:
            raise NovaVmwareError("BROKEN", f"{one.image.id} broke.")
        return Done(None)

    def copy(_job, one, _content, _report):
        if one.image.id in copies:
            raise NovaVmwareError("BROKEN", f"{one.image.id} broke.")

    monkeypatch.setattr(carry_out, "bring", push)
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

    monkeypatch.setattr(carry_out, "bring", lambda *_args: Done(None))
    monkeypatch.setattr(carry_out, "copy_image", copy)
    report = Told()
    carry_out.carry_out(job, [there], report)
    assert calls == [True, False]
    assert report.said == [("replanned", "1"), ("glance", "1"), ("done", "1", "a")]
    (warning,) = job.session.warnings
    assert "was read from Glance" in warning


def test_the_copies_end_when_the_run_is_cancelled(monkeypatch, job):
    def push(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(carry_out, "bring", push)
    with pytest.raises(KeyboardInterrupt):
        carry_out.carry_out(job, [work("1")], Told())
    assert job.cancelled()


UNREACHABLE = PullError("PULL_SERVER_UNREACHABLE", "It can't connect.", "Open the firewall.")


class Bringing:
    """What is brought: ``(action, image, datastore)``. Pulls to ``closed`` datastores are refused. Each pull waits until as many run as may."""

    def __init__(self, monkeypatch, at_once=1, closed=(), error=UNREACHABLE):
        self.seen, self.most, self._running = [], 0, 0
        self._closed, self._error, self._lock = closed, error, threading.Lock()
        self._barrier = threading.Barrier(at_once)
        monkeypatch.setattr(carry_out, "bring", self.bring)
        monkeypatch.setattr(carry_out, "copy_image", lambda _job, one, _content, _report: self.seen.extend(self._copies(one)))

    @staticmethod
    def _copies(one):
        return [("copy", one.image.id, step.moid) for step in one.steps if step.action == "copy"]

    def bring(self, job, one, place, action):
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            if action == "pull":
                self._barrier.wait(10)
                if place.name in self._closed:
                    raise self._error
            self.seen.append((action, one.image.id, place.name))
            return Done(None, action)
        finally:
            with self._lock:
                self._running -= 1


def pulling(pulls, through="auto"):
    return Job(SimpleNamespace(warnings=[]), None, Options(upload_through=through, limits=Limits(pulls=pulls)), None, "run")


def test_hosts_fetch_side_by_side_up_to_the_limit(monkeypatch):
    bringing = Bringing(monkeypatch, at_once=2)
    carry_out.carry_out(pulling(2), [work("1", pulls="ab"), work("2", pulls="cd")], Told())
    assert sorted(bringing.seen) == [("pull", "1", "a"), ("pull", "1", "b"), ("pull", "2", "c"), ("pull", "2", "d")]
    assert bringing.most == 2


def test_one_host_at_a_time_unless_told_otherwise(monkeypatch):
    bringing = Bringing(monkeypatch)
    carry_out.carry_out(pulling(1), [work("1", pulls="ab"), work("2", pulls="c")], Told())
    assert bringing.most == 1 and len(bringing.seen) == 3


@pytest.mark.parametrize("error", [UNREACHABLE, ImageKeyError("IMAGE_KEY_REFUSED", "No key.", "Log in with a password.")])
def test_what_no_host_can_fetch_is_pushed_once(monkeypatch, error):
    bringing, job, report = Bringing(monkeypatch, closed="abc", error=error), pulling(1), Told()
    carry_out.carry_out(job, [work("1", pulls="ab"), work("2", pulls="c")], report)
    assert bringing.seen == [("push", "1", "a"), ("copy", "1", "b"), ("push", "2", "c")]
    (warning,) = job.session.warnings
    assert warning == f"The image 1 was pushed, since no ESXi host could fetch it: {error.what} {error.hint}"
    assert report.said == [("replanned", "1"), ("done", "1", "a"), ("replanned", "2"), ("done", "2", "c")]


def test_what_one_host_has_fetched_is_copied_to_where_another_could_not(monkeypatch):
    bringing, job = Bringing(monkeypatch, closed="b"), pulling(1)
    carry_out.carry_out(job, [work("1", pulls="ab")], Told())
    assert bringing.seen == [("pull", "1", "a"), ("copy", "1", "b")]
    assert "was copied, since no ESXi host could fetch it" in job.session.warnings[0]


def test_a_pull_that_was_insisted_on_is_not_pushed(monkeypatch):
    bringing = Bringing(monkeypatch, closed="a")
    with pytest.raises(PullError):
        carry_out.carry_out(pulling(1, "pull"), [work("1", pulls="a")], Told())
    assert bringing.seen == []


def test_what_ends_any_way_ends_a_pull(monkeypatch):
    def bring(_job, _work, _place, action):
        assert action == "pull", "a push would meet the same"
        raise FAILED

    monkeypatch.setattr(carry_out, "bring", bring)
    with pytest.raises(NovaVmwareError) as caught:
        carry_out.carry_out(pulling(1), [work("1", pulls="a")], Told())
    assert caught.value is FAILED


def test_no_pull_begins_once_the_run_is_cancelled(monkeypatch):
    bringing, job = Bringing(monkeypatch), pulling(1)
    job.stop.set()
    with pytest.raises(SeedError, match="was cancelled"):
        carry_out.carry_out(job, [work("1", pulls="a")], Told())
    assert bringing.seen == []
