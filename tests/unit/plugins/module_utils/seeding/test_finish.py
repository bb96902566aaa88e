# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is staged is judged before it is published, and has a note beside it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import finish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.errors import SeedError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
GIB = 1 << 30
IMAGE = SimpleNamespace(id=ID, name="web", size=7, os_hash_algo="sha256", os_hash_value="00", disk_type="thin")
EXTENT = cache.extent_file(ID)


def entry(state=audit.COMPLETE, capacity=GIB, listed=GIB, disk_format="vmdk", reasons=()):
    files = [SimpleNamespace(name=EXTENT, size=listed)] if listed is not None else []
    return SimpleNamespace(state=state, capacity_bytes=capacity, files=files, disk_format=disk_format, reasons=reasons)


class Steps:
    """A job whose steps are noted. ``length`` is what the holder of the file says, or an error; ``note`` the error of its upload."""

    def __init__(self, monkeypatch, found, length=GIB, note=None):
        self.done, self.notes = [], []
        self.session = SimpleNamespace(warnings=[])
        self.rules = SimpleNamespace(through="auto")
        self.cancelled = None
        location = SimpleNamespace(name="n1", ways=lambda _session, path, _through: path)
        self.stage = SimpleNamespace(location=location, folder="[n1] stage", file=lambda name: name)
        monkeypatch.setattr(finish, "look_into", lambda *_: found)
        monkeypatch.setattr(finish.transfer, "length", lambda _session, ways, _rules: self._answer("length", length))
        monkeypatch.setattr(finish.transfer, "put", lambda _session, ways, size, data, _rules, final: self._put(b"".join(data()), size, note))
        monkeypatch.setattr(finish.readback, "verify", lambda *_: self.done.append("verified"))
        monkeypatch.setattr(finish, "publish", lambda _session, _image, _stage, capacity: self.done.append(("published", capacity)))

    def _answer(self, step, answer):
        self.done.append(step)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _put(self, data, size, error):
        assert len(data) == size
        self.notes.append(json.loads(data))
        if error:
            raise error

    def run(self, **more):
        return finish.finish(self, IMAGE, self.stage, GIB, **more)


@pytest.mark.parametrize(
    "found, reason",
    [
        (None, "there is nothing"),
        (entry(audit.BROKEN, reasons=("it has no data", "it is short")), "it has no data; it is short"),
        (entry(capacity=GIB // 2), f"it has {GIB // 2} bytes instead of {GIB}"),
    ],
)
def test_what_is_not_whole_is_not_published(monkeypatch, found, reason):
    steps = Steps(monkeypatch, found)
    with pytest.raises(SeedError, match=reason) as caught:
        steps.run()
    assert (caught.value.code, steps.done, steps.notes) == ("SEED_NOT_WHOLE", [], [])


@pytest.mark.parametrize(
    "found, pushed, asked",
    [
        (entry(), True, False),
        (entry(listed=5), False, False),  # a copy of a thin disk: a host has opened it
        (entry(listed=5), True, True),
        (entry(listed=5, capacity=None), False, True),
        (entry(listed=None), True, False),  # vSAN shows no extents
        (entry(disk_format="iso"), True, False),
    ],
)
def test_the_length_is_asked_where_a_listing_does_not_tell(monkeypatch, found, pushed, asked):
    steps = Steps(monkeypatch, found)
    assert steps.run(pushed=pushed) is found
    assert steps.done == (["length"] if asked else []) + [("published", GIB)]


def test_a_disk_that_is_shorter_than_sent(monkeypatch):
    steps = Steps(monkeypatch, entry(listed=5), length=GIB // 2)
    with pytest.raises(SeedError, match="its data has"):
        steps.run(pushed=True)


@pytest.mark.parametrize("code, capacity, fine", [("DOWNLOAD_FAILED", GIB, True), ("DOWNLOAD_FAILED", None, False), ("TRANSFER_TIMEOUT", GIB, False)])
def test_nobody_tells_the_length(monkeypatch, code, capacity, fine):
    steps = Steps(monkeypatch, entry(listed=5, capacity=capacity), length=VSphereError(code, "No."))
    if fine:
        steps.run(pushed=True)
    else:
        with pytest.raises(VSphereError):
            steps.run(pushed=True)
    assert bool([one for one in steps.done if one != "length"]) is fine


def test_the_content_is_compared_first(monkeypatch):
    steps = Steps(monkeypatch, entry(capacity=None))
    steps.run(expected=object())
    assert steps.done == ["verified", ("published", GIB)]


def test_the_note(monkeypatch):
    steps = Steps(monkeypatch, entry(capacity=GIB + 512))
    steps.run()
    (note,) = steps.notes
    assert (note["image_id"], note["capacity_bytes"], note["seeded_by"]) == (ID, GIB + 512, "openstack_vmware.nova")


def test_a_note_that_nobody_takes_is_a_warning(monkeypatch):
    steps = Steps(monkeypatch, entry(), note=VSphereError("UPLOAD_FAILED", "No host took it."))
    steps.run()
    assert steps.done == [("published", GIB)] and "without the note" in steps.session.warnings[0]
    steps = Steps(monkeypatch, entry(), note=VSphereError("TRANSFER_TIMEOUT", "Over."))
    with pytest.raises(VSphereError):
        steps.run()
    assert steps.done == []
