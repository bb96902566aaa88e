# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When somebody else is at work in a cache, and when what is there was left behind."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, others
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.files import Disk, File, Place

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.timezone.utc)
MINUTE = datetime.timedelta(minutes=1)
SESSION = SimpleNamespace(now=lambda: NOW)
SIZE = 1 << 30


class Location:
    """A place in the cache of a datastore."""

    place = Place("n1", "dc-1", "dc1")
    datastore = SimpleNamespace(browser=None)
    base_path = "[n1] base"

    def image_path(self, image_id):
        return f"{self.base_path}/{image_id}"


def file(minutes, name="a", disk=None):
    """Gives a file that was written so many minutes ago, or at an unknown time."""
    return File(name, 0, False, None if minutes is None else NOW - minutes * MINUTE, disk)


@pytest.mark.parametrize(
    "ages, at_work",
    [([], False), ([None], False), ([14], True), ([15], False), ([60, 1], True), ([60, None], False), ([-5], True)],
)
def test_who_wrote_lately_may_still_be_at_work(ages, at_work):
    assert others.is_at_work(SESSION, [file(age) for age in ages]) is at_work


def entry(state, has_data=False, age=60):
    return SimpleNamespace(state=state, has_data=has_data, files=[file(age)])


@pytest.mark.parametrize(
    "there, folder_age, at_work",
    [
        (None, 0, False),
        (entry(audit.COMPLETE), 0, False),
        (entry(audit.BROKEN, has_data=True), 0, False),  # Nova moves a disk in with its extent, so this is no work in progress
        (entry(audit.BROKEN), 1, True),  # the folder is new
        (entry(audit.BROKEN, age=1), 60, True),  # something in it is
        (entry(audit.BROKEN), 60, False),
    ],
)
def test_a_folder_without_a_disk_may_be_work_in_progress(monkeypatch, there, folder_age, at_work):
    monkeypatch.setattr(others, "look_into", lambda *_: there)
    monkeypatch.setattr(others.files, "list_names", lambda _session, _folders, _pattern: [[file(folder_age)]])
    assert others.look(SESSION, Location(), ID) == (there, at_work)


def importing(monkeypatch, *disks):
    """Lets a datastore have an import with these files, each by its age and capacity."""
    tree = {"[n1] OSTACK_IMG_x": [file(age, "x.vmdk", Disk(capacity) if capacity else None) for age, capacity in disks]}
    monkeypatch.setattr(others.files, "list_names", lambda _session, _folders, _pattern: [[file(0, "OSTACK_IMG_x")]])
    monkeypatch.setattr(others.files, "list_trees", lambda _session, _folders: [tree])
    monkeypatch.setattr(others.files, "open_disks", lambda _session, _folders, trees: trees)
    naps = []
    monkeypatch.setattr(others.time, "sleep", naps.append)
    clock = iter(range(0, 10000, 50))
    monkeypatch.setattr(others.time, "monotonic", lambda: next(clock))
    others.wait_for_imports(SESSION, Location(), SIZE)
    return len(naps)


@pytest.mark.parametrize(
    "disks, waits",
    [
        ([(1, SIZE)], True),
        ([(1, None)], True),  # its lock is held, or it is not there yet
        ([(1, SIZE + (1 << 19))], True),  # rounded up
        ([(1, SIZE - 512)], False),
        ([(1, SIZE + (1 << 20))], False),
        ([(60, SIZE)], False),  # left behind
        ([], False),
    ],
)
def test_an_import_of_this_size_is_waited_for(monkeypatch, disks, waits):
    """For two minutes: at each look 50 seconds are over here."""
    assert importing(monkeypatch, *disks) == (2 if waits else 0)
