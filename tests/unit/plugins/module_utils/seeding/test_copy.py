# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One image is copied round after round: what fails stops what hangs on it, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import copy
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.choice import Choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Done, Options
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import SizedCopy, Step
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import Work

NONE = SizedCopy(5, "complete", "none")
WANTED = SizedCopy(5, "missing", "copy")


def place(name):
    return SimpleNamespace(name=f"nova-{name}", base="base", hosts=("esx-1",), datastore=SimpleNamespace(moid=name))


class Run:
    """Copies an image from ``x`` to ``a`` and ``b``, then from ``a`` to ``c``. ``failing`` are the targets whose copies fail."""

    def __init__(self, monkeypatch, failing=(), sized=None, verify="size", small=()):
        places = {name: place(name) for name in "abc"}
        steps = [Step("a", "missing", "copy", "x", 1), Step("b", "missing", "copy", "x", 1), Step("c", "missing", "copy", "a", 2)]
        image = SimpleNamespace(id="id", name="web")
        self.work = Work(image, None, places, {"x": place("x")}, {}, None, 9, Choice(), steps, sized or {}, [], False)
        self.job = SimpleNamespace(options=Options(verify=verify), session=None, rules=None, cancelled=None)
        self.rounds, self.made, self.told, self.read = [], [], [], []

        def copy_round(_job, _work, pairs, expected):
            self.rounds.append(([(source.name, target.name) for source, target in pairs], expected))
            return [(target, self._outcome(target, failing, Done(None))) for _source, target in pairs]

        def make(_job, _work, root_gb, at):
            self.made.append((root_gb, [one.name for one in at]))
            return [(one, self._outcome(one, small, None)) for one in at]

        monkeypatch.setattr(copy, "_copy_round", copy_round)
        monkeypatch.setattr(copy.sized, "make", make)
        monkeypatch.setattr(copy.readback, "read", lambda _session, _image, _location, path, *_: self.read.append(path) or "content")

    def _outcome(self, at, failing, good):
        return NovaVmwareError("BROKEN", f"{at.name} broke.") if at.datastore.moid in failing else good

    def done(self, _image, target, _outcome):
        self.told.append(target.name)

    def go(self, expected=None):
        copy.copy_image(self.job, self.work, expected, self)
        return self


def test_rounds_in_their_order(monkeypatch):
    run = Run(monkeypatch).go()
    assert run.rounds == [([("nova-x", "nova-a"), ("nova-x", "nova-b")], None), ([("nova-a", "nova-c")], None)]
    assert run.told == ["nova-a", "nova-b", "nova-c"]


@pytest.mark.parametrize(
    "failing, told, rounds, broken",
    [("a", ["nova-b"], 1, "2 of 3"), ("b", ["nova-a", "nova-c"], 2, "1 of 3"), ("c", ["nova-a", "nova-b"], 2, "1 of 3"), ("ab", [], 1, "3 of 3")],
)
def test_a_copy_that_fails_stops_only_what_hangs_on_it(monkeypatch, failing, told, rounds, broken):
    run = Run(monkeypatch, failing)
    with pytest.raises(NovaVmwareError) as caught:
        run.go()
    assert (caught.value.code, run.told, len(run.rounds)) == ("SEED_INCOMPLETE", told, rounds)
    assert f"not complete on {broken} datastores" in caught.value.what
    assert all(f"nova-{name} broke." in caught.value.what for name in failing)


@pytest.mark.parametrize(
    "verify, pushed, read, expected", [("size", None, [], None), ("content", None, ["base/id"], "content"), ("content", "pushed", [], "pushed")]
)
def test_the_first_source_is_read_where_nothing_was_pushed(monkeypatch, verify, pushed, read, expected):
    run = Run(monkeypatch, verify=verify).go(pushed)
    assert run.read == read
    assert {told for _pairs, told in run.rounds} == {expected}


def test_copies_for_linked_clones_come_last(monkeypatch):
    """Where the image is, and where they are missing."""
    sized = {"a": (WANTED,), "b": (NONE,), "c": (WANTED, SizedCopy(20, "missing", "copy"))}
    run = Run(monkeypatch, sized=sized).go()
    assert run.made == [(5, ["nova-a", "nova-c"]), (20, ["nova-c"])]
    run = Run(monkeypatch, failing="c", sized=sized)
    with pytest.raises(NovaVmwareError):
        run.go()
    assert run.made == [(5, ["nova-a"])]


def test_one_that_fails_is_told(monkeypatch):
    run = Run(monkeypatch, sized={"a": (WANTED,), "b": (WANTED,)}, small="b")
    with pytest.raises(NovaVmwareError, match="1 of 3 datastores: nova-b: nova-b broke"):
        run.go()
    assert run.told == ["nova-a", "nova-b", "nova-c"]
