# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing: who wins, what is accepted, what is replaced and what is waited for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyVmomi import vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, publish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.files import Place

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
TARGET = f"[n1] base/{ID}"
AWAY = "[n1] stage/replaced-1"
NOBODY = (None, False)


class Cache:
    """The place of an image in a cache, with what is there, and what is asked of it."""

    base, base_path = "base", "[n1] base"
    datastore = SimpleNamespace(browser=None)

    def __init__(self, monkeypatch, looks=(), there=False, fails=None, namespaces=None, taken=None):
        """:arg looks: what each look finds. :arg there: whether a folder is there. :arg fails: the fault of the move into it."""
        self.place = Place("n1", "dc-1", "dc1", namespaces)
        self.done = []
        self.there = there
        self._looks = list(looks)
        self._fails = fails
        monkeypatch.setattr(publish.files, "make_directory", lambda *_args, **_options: True)
        monkeypatch.setattr(publish.files, "list_names", lambda *_: [["folder"] if self.there else []])
        monkeypatch.setattr(publish.files, "move_folder", self._move_folder)
        monkeypatch.setattr(publish.files, "move", self._move)
        monkeypatch.setattr(publish.files, "delete", self._delete)
        monkeypatch.setattr(publish.removal, "refuse_used", lambda *_: self.done.append("asked who uses it"))
        monkeypatch.setattr(publish.removal, "drop_half", lambda *_: self.done.append("undone"))
        monkeypatch.setattr(publish.others, "look", lambda *_: self._looks.pop(0) if len(self._looks) > 1 else self._looks[0])
        monkeypatch.setattr(publish, "look_into", lambda *_: taken)
        self.imports = []
        monkeypatch.setattr(publish.others, "wait_for_imports", lambda _session, _location, capacity: self.imports.append(capacity))
        self.clock = 0
        monkeypatch.setattr(publish.time, "monotonic", lambda: self.clock)
        monkeypatch.setattr(publish.time, "sleep", self._sleep)

    def image_path(self, image_id):
        return f"{self.base_path}/{image_id}"

    def _sleep(self, seconds):
        self.clock += seconds * 10

    def _move_folder(self, _session, _place, _source, destination, leave_source):
        assert destination == TARGET and leave_source
        if self._fails:
            fault, self._fails = self._fails, None
            raise fault
        self.done.append("moved in")

    def _move(self, _session, _place, source, destination):
        self.there = destination == TARGET
        self.done.append((source, destination))

    def _delete(self, _session, _place, path):
        self.there = self.there and path != TARGET
        self.done.append(("deleted", path))


def run(cache, kind="sparse"):
    """Publishes the image. Gives its stage."""
    stage = SimpleNamespace(location=cache, folder="[n1] stage/x", root="[n1] stage", publishing="stage/publishing", unsure=[])
    publish.publish(None, SimpleNamespace(id=ID, kind=kind), stage, 1 << 20)
    return stage


def entry(state):
    return SimpleNamespace(state=state, path=TARGET, files=[SimpleNamespace(name="a", size=1)])


@pytest.mark.parametrize("kind, imports", [("sparse", []), ("streamOptimized", [1 << 20])])
def test_an_empty_place_is_taken(monkeypatch, kind, imports):
    """Nova imports streamOptimized images where others can't see it, so only those are waited for."""
    cache = Cache(monkeypatch)
    run(cache, kind)
    assert (cache.done, cache.imports) == (["moved in"], imports)


@pytest.mark.parametrize("state", [audit.COMPLETE, audit.UNKNOWN])
def test_what_is_not_broken_stays(monkeypatch, state):
    cache = Cache(monkeypatch, [(entry(state), False)], there=True)
    run(cache)
    assert cache.done == []


def test_who_loses_accepts_what_is_there(monkeypatch):
    cache = Cache(monkeypatch, [(entry(audit.COMPLETE), False)], fails=VSphereFault("move it", vim.fault.FileAlreadyExists()))
    stage = run(cache)
    assert (cache.done, stage.unsure) == ([("deleted", "[n1] stage/publishing")], [])


def test_what_is_broken_goes_into_the_stage(monkeypatch):
    cache = Cache(monkeypatch, [(entry(audit.BROKEN), False)], there=True)
    run(cache)
    assert cache.done == ["asked who uses it", (TARGET, AWAY), "moved in"]


def test_what_another_seeder_has_just_replaced_goes_back(monkeypatch):
    cache = Cache(monkeypatch, [(entry(audit.BROKEN), False)], there=True, taken=entry(audit.COMPLETE))
    run(cache)
    assert cache.done == ["asked who uses it", (TARGET, AWAY), (AWAY, TARGET)]


def test_a_broken_object_is_deleted_where_it_is(monkeypatch):
    cache = Cache(monkeypatch, [(entry(audit.BROKEN), False)], there=True, namespaces=object())
    run(cache)
    assert cache.done == ["asked who uses it", ("deleted", TARGET), "moved in"]


def test_a_nova_compute_at_work_is_waited_for(monkeypatch):
    cache = Cache(monkeypatch, [(entry(audit.BROKEN), True), (entry(audit.BROKEN), True), (entry(audit.COMPLETE), False)], there=True)
    run(cache)
    assert (cache.done, cache.clock) == ([], 2 * 10 * publish.others.POLL)


@pytest.mark.parametrize(
    "look, code",
    [((entry(audit.BROKEN), True), "FOLDER_IN_USE"), (NOBODY, "FOLDER_CHANGES")],
)
def test_it_ends_with_an_error(monkeypatch, look, code):
    """When the other one does not end, and when folders come and go."""
    cache = Cache(monkeypatch, [look], there=True)
    with pytest.raises(publish.PublishError) as caught:
        run(cache)
    assert (caught.value.code, cache.done) == (code, [])


def test_half_a_move_is_undone(monkeypatch):
    cache = Cache(monkeypatch, fails=VSphereFault("move it", vim.fault.CannotAccessFile()))
    with pytest.raises(VSphereFault):
        run(cache)
    assert cache.done == ["undone"]
