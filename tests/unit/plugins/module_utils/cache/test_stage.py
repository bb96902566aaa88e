# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cache/stage.py: whose run is alive."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.files import File, Place

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
NAME = f"{ID}-00000000-17-4242"
NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.timezone.utc)
BASE = "[n1] openstack_vmware"
HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize(
    "alive, written, is_import, ended",
    [
        (["alive-20261122T114500"], 30, False, False),
        (["alive-20261122T114500", "alive-20261122T054500"], 30, False, False),
        (["alive-20261122T085900"], 30, False, True),
        # The clock of a datastore says nothing of who tells the time himself.
        (["alive-20261122T085900"], -5, False, True),
        ([], 1, False, False),
        ([], 4, False, True),
        (["alive-yesterday"], 4, False, True),
        # An import is as alive as the stage of its run.
        (["alive-20261122T114500"], 30, True, False),
        (["alive-20261122T085900"], 0, True, True),
    ],
)
def test_a_run_of_another_machine(monkeypatch, alive, written, is_import, ended):
    at = NOW - written * HOUR
    tree = {BASE: [File(NAME, 0, True, at)], f"{BASE}/{NAME}": [File(name, 0, True, at) for name in (ID, *alive)]}
    roots = [File(f"openstack_vmware-{NAME}", 0, False, at)] if is_import else []
    monkeypatch.setattr(stage.files, "list_trees", lambda _session, _folders: [tree])
    monkeypatch.setattr(stage.files, "list_names", lambda _session, _folders, _pattern: [roots])
    location = SimpleNamespace(place=Place("n1", "dc-1", "dc1"), datastore=SimpleNamespace(moid="ds-1", browser=None))
    found = stage.leftovers(SimpleNamespace(now=lambda: NOW), [location])
    paths = [f"{BASE}/{NAME}"] + ([f"[n1] openstack_vmware-{NAME}"] if is_import else [])
    assert [one.path for one in found] == (paths if ended else [])


def test_what_a_dead_run_was_at(monkeypatch):
    at = SimpleNamespace(base="a b/c=%", place=None)
    mark = stage.Stage(at, ID, "run").publishing.rpartition("/")[2]
    tree = {
        BASE: [File(NAME, 0, True, NOW)], f"{BASE}/{NAME}": [File(name, 0, True, NOW) for name in ("alive-20261122T085900", mark)],
        f"{BASE}/{NAME}/removed/c/{ID}": [], f"{BASE}/{NAME}/removed": [],
    }  # fmt: skip
    monkeypatch.setattr(stage.files, "list_trees", lambda _session, _folders: [tree])
    monkeypatch.setattr(stage.files, "list_names", lambda _session, _folders, _pattern: [[]])
    location = SimpleNamespace(place=Place("n1", "dc-1", "dc1"), datastore=SimpleNamespace(moid="ds-1", browser=None))
    (found,) = stage.leftovers(SimpleNamespace(now=lambda: NOW), [location])
    assert found.publishing == ((at.base, ID),)
    assert found.removed == (("c", ID, f"{BASE}/{NAME}/removed/c/{ID}"),)


def test_imports_side_by_side_have_names_of_their_own():
    """Of one image in one process; also of a process that started a year after the boot."""
    run = "0f2c1e3a-4194304-3153600000"
    names = {stage.Stage(None, NAME[:36], suffixed).import_name for suffixed in (run, f"{run}-1", f"{run}-12")}
    assert len(names) == 3 and max(len(name) for name in names) <= 80
    for name in names:
        assert stage._NAME.fullmatch(name.removeprefix(f"{stage.FOLDER}-"))


def test_a_number_behind_a_run_says_nothing_of_its_process():
    run = stage.this_run()
    assert stage.is_running(run) and stage.is_running(f"{run}-3")
    assert stage._NAME.fullmatch(f"{NAME[:36]}-{run}-3")["run"] == f"{run}-3"
