# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/recheck.py: what is cached is compared with Glance, whatever format the image has there."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

import disks  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, removal  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.content import Content  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import recheck  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.choice import Choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import Found  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError  # noqa: E402

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
FILES = {"streamOptimized": disks.streamed(), "sparse": disks.sparse(), "preallocated": disks.RAW}
JOB = SimpleNamespace(session=None, rules=None, cancelled=None, run_id="run")


def found(disk_type, states, kind="VMFS"):
    """Gives what is there of an image: ``states`` by datastore, None where it is missing."""
    data = FILES[disk_type]
    document = {"id": ID, "name": "web", "status": "active", "size": len(data), "disk_format": "vmdk", "container_format": "bare",
                "hw_disk_type": disk_type, "os_hash_algo": "sha256", "os_hash_value": hashlib.sha256(data).hexdigest()}  # fmt: skip
    source = SimpleNamespace(range=lambda offset, length: data[offset : offset + length], stream=lambda: iter([data[:70000], data[70000:]]))
    places = {
        name: SimpleNamespace(name=name, base="c_base", one_file_disks=kind == "vsan", datastore=SimpleNamespace(moid=name, type=kind)) for name in states
    }
    entries = {name: state and audit.Entry(ID, "path", state, (), "vmdk", len(disks.RAW), 1, None, (), None, ()) for name, state in states.items()}
    return Found(nova_image.from_document(document), source, places, {}, entries, None, None, Choice())


def reading(monkeypatch, contents):
    """Lets datastores hold these bytes, or fail as they are."""

    def read(_session, _image, place, _path, like, _rules, _cancelled):
        held = contents[place.name]
        if isinstance(held, Exception):
            raise held
        content = Content(like.capacity, like.grain)
        for _chunk in content.flat([held]):
            pass
        return content

    monkeypatch.setattr(recheck.readback, "read", read)


@pytest.mark.parametrize("disk_type", FILES)
def test_each_format_in_glance_is_the_disk_on_a_datastore(monkeypatch, disk_type):
    lost = bytes(disks.GRAIN) + disks.RAW[disks.GRAIN :]
    reading(monkeypatch, {"good": disks.RAW, "bad": lost, "locked": VSphereError("DOWNLOAD_FAILED", "It is locked.")})
    states = dict.fromkeys(("good", "bad", "locked"), audit.COMPLETE) | {"broken": audit.BROKEN, "none": None}
    judged, content = recheck.recheck(JOB, found(disk_type, states))
    assert {name: entry and entry.state for name, entry in judged.entries.items()} == {
        "good": audit.COMPLETE, "bad": audit.BROKEN, "locked": audit.UNKNOWN, "broken": audit.BROKEN, "none": None,
    }  # fmt: skip
    assert judged.entries["bad"].reasons == (recheck.DIFFERS,) and "It is locked." in judged.entries["locked"].reasons[0]
    assert judged.capacity == len(disks.RAW) and content.capacity == len(disks.RAW)


def test_without_a_whole_copy_nothing_is_read():
    there = found("sparse", {"broken": audit.BROKEN, "none": None})
    there.source.stream = None
    assert recheck.recheck(JOB, there) == (there, None)


def test_a_copy_elsewhere_is_no_source_when_nothing_was_compared():
    there = replace(found("sparse", {"none": None}), elsewhere={"other": None})
    there.source.stream = None
    judged, content = recheck.recheck(JOB, there)
    assert (judged.elsewhere, content, judged.capacity) == ({}, None, len(disks.RAW)) and judged.disk is not None


def test_disks_that_are_no_files():
    with pytest.raises(NovaVmwareError) as caught:
        recheck.recheck(JOB, found("streamOptimized", {"v": audit.COMPLETE}, "vsan"))
    assert caught.value.code == "CONTENT_NOT_READABLE"


def test_only_what_differs_is_removed(monkeypatch):
    reading(monkeypatch, {"good": disks.RAW, "bad": bytes(len(disks.RAW))})
    judged, _content = recheck.recheck(JOB, found("sparse", {"good": audit.COMPLETE, "bad": audit.COMPLETE, "broken": audit.BROKEN}))
    removed = []
    monkeypatch.setattr(removal, "refuse_used", lambda _session, todo: None)
    monkeypatch.setattr(removal, "remove", lambda _session, todo, _run: removed.extend(todo) or [])
    recheck.remove_differing(JOB, [judged])
    assert [(place.name, image_id) for place, image_id in removed] == [("bad", ID)]


def test_what_differs_and_is_in_use_stays(monkeypatch):
    reading(monkeypatch, {"bad": bytes(len(disks.RAW))})
    judged, _content = recheck.recheck(JOB, found("sparse", {"bad": audit.COMPLETE}))
    use = removal.Use("[bad] c_base/x", (("server", "file"),), ())
    monkeypatch.setattr(removal, "refuse_used", lambda _session, _todo: None)
    monkeypatch.setattr(removal, "remove", lambda _session, _todo, _run: [use])
    with pytest.raises(NovaVmwareError) as caught:
        recheck.remove_differing(JOB, [judged])
    assert caught.value.code == "IMAGE_IN_USE" and "differs from the image in Glance" in caught.value.what
