# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cache/audit.py: what is whole, and what only looks so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.files import Disk, File

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
DISK, FLAT, ISO = f"{ID}.vmdk", f"{ID}-flat.vmdk", f"{ID}.iso"
SIZE = 4 << 20  # bytes
NOTE = f"{ID}.{SIZE}.seed.json"


def listing(**sizes):
    return [File(name, size, False, None) for name, size in sizes.items()]


def opened(capacity, thin, **sizes):
    """A listing whose disks a host was asked for."""
    return [replace(file, disk=Disk(capacity, thin)) if file.name == DISK else file for file in listing(**sizes)]


@pytest.mark.parametrize(
    "sizes, state, reason",
    [
        ({DISK: 500, FLAT: 1024}, "complete", ""),
        ({DISK: 500, FLAT: 1024, NOTE: 300}, "complete", ""),
        ({ISO: 1000}, "complete", ""),
        ({}, "broken", "there is no"),
        ({FLAT: 1024}, "broken", "there is no"),
        ({DISK: 500}, "broken", "has no data"),
        ({ISO: 0}, "broken", "is empty"),
        ({ISO: 512, NOTE: 300}, "broken", "was seeded with 4194304"),
    ],
)
def test_states_without_asking_a_host(sizes, state, reason):
    entry = audit.entry(ID, f"[ds] b/{ID}", listing(**sizes))
    assert entry.state == state
    assert reason in "; ".join(entry.reasons)
    assert entry.writer == ("openstack_vmware.nova" if NOTE in sizes else "nova or another")


@pytest.mark.parametrize(
    "capacity, thin, flat, state, reason",
    [
        (SIZE, False, SIZE, "complete", ""),
        (SIZE, False, SIZE - 512, "broken", f"has {SIZE - 512} bytes, and the disk {SIZE}"),
        # Of a thin disk a listing may tell what is allocated, or all.
        (SIZE, True, 4096, "complete", ""),
        (SIZE, True, 0, "complete", ""),
        (SIZE, True, SIZE, "complete", ""),
        (SIZE // 2, True, 4096, "broken", "was seeded with 4194304"),
        (SIZE // 2, False, SIZE // 2, "broken", "was seeded with 4194304"),
        (SIZE + 4096, True, 4096, "complete", ""),  # vSphere may round up
        (SIZE, None, 4096, "complete", ""),
        # Nobody can open it.
        (None, None, 4096, "unknown", "may be locked"),
        (None, None, SIZE, "unknown", "may be locked"),
    ],
)
def test_capacity_decides(capacity, thin, flat, state, reason):
    entry = audit.entry(ID, "[ds] b", opened(capacity, thin, **{DISK: 500, FLAT: flat, NOTE: 300}))
    assert (entry.state, entry.thin) == (state, thin)
    assert reason in "; ".join(entry.reasons)
    assert entry.is_image and entry.describe()["image_id"] == ID
    if state == "complete":
        assert entry.capacity_bytes in (SIZE, SIZE + 4096)


def test_data_that_was_cut_is_broken_and_not_locked():
    """A host opens neither a locked disk nor one whose data is too short; who has the file tells how long it is."""
    sized, flat = f"{ID}.1.vmdk", f"{ID}.1-flat.vmdk"
    files = opened(None, None, **{DISK: 500, FLAT: 4096, NOTE: 300, flat: 4096}) + [File(sized, 500, False, None, Disk())]
    entry = audit.entry(ID, "[ds] b", files)
    assert audit.doubtful(entry) == {FLAT: SIZE, flat: 1 << 30} and entry.sized == ((1, 4096, None),)
    for lengths, state, whole in (
        ({}, "unknown", None),
        ({FLAT: SIZE, flat: 1 << 30}, "unknown", None),
        ({FLAT: 4096}, "broken", None),
        ({flat: 4096}, "unknown", False),
    ):
        found = audit.settled(entry, lengths)
        assert (found.state, found.sized) == (state, ((1, 4096, whole),))
    assert "has 4096 bytes, and the image 4194304" in audit.settled(entry, {FLAT: 4096}).reasons[0]
    assert audit.doubtful(audit.entry(ID, "[ds] b", opened(SIZE, True, **{DISK: 500, FLAT: 4096, NOTE: 300}))) == {}
    assert audit.doubtful(audit.entry(ID, "[ds] b", opened(None, None, **{DISK: 500, NOTE: 300}), "vsan")) == {}


def test_what_nfs_tells_of_a_preallocated_disk_does_not_count():
    files = opened(SIZE, False, **{DISK: 500, FLAT: 4096})
    assert audit.entry(ID, "[ds] b", files, "NFS").state == "complete"
    assert audit.entry(ID, "[ds] b", files, "VMFS").state == "broken"


def test_glance_knows_the_size_of_a_flat_disk():
    entry = audit.entry(ID, "[ds] b", opened(SIZE, True, **{DISK: 500, FLAT: 512}), capacity=2 * SIZE)
    assert entry.state == "broken" and f"in Glance {2 * SIZE}" in entry.reasons[0]


def test_vsan_shows_no_extents():
    assert audit.entry(ID, "[ds] b", listing(**{DISK: 500}), "vsan").state == "complete"
    for capacity, state in ((SIZE, "complete"), (SIZE // 2, "broken"), (None, "unknown")):
        assert audit.entry(ID, "[ds] b", opened(capacity, True, **{DISK: 500, NOTE: 300}), "vsan").state == state


def test_sized_copies_and_markers():
    files = listing(**{DISK: 5, FLAT: 512, f"{ID}.1.vmdk": 5, f"{ID}.1-flat.vmdk": 1 << 30, f"{ID}.2.vmdk": 5, f"{ID}.2-flat.vmdk": 7})
    files.append(File("ts-2026-11-20-10-00-00", 0, True, None))
    entry = audit.entry(ID, "[ds] b", files)
    assert entry.sized == ((1, 1 << 30, True), (2, 7, True)), "a listing alone does not tell"
    assert entry.age_marker.isoformat() == "2026-11-20T10:00:00+00:00"
    for capacity, thin, whole in ((2 << 30, True, True), (2 << 30, False, False), (1 << 30, True, False), (None, None, None)):
        asked = [replace(file, disk=Disk(capacity, thin)) if file.name == f"{ID}.2.vmdk" else file for file in files]
        entry = audit.entry(ID, "[ds] b", asked)
        assert entry.describe()["sized_copies"][1] == {"root_gb": 2, "bytes": 7, "complete": whole}


def test_a_cache_folder():
    tree = {
        "[ds] b": [File(ID, 0, True, None), File("stray.vmdk", 3, False, None), File("tmp", 0, True, None)],
        f"[ds] b/{ID}": listing(**{DISK: 5, FLAT: 512}),
        "[ds] b/tmp": [],
    }
    found = {entry.name: entry for entry in audit.entries(tree, "[ds] b")}
    assert {name: entry.state for name, entry in found.items()} == {ID: "complete", "stray.vmdk": "unknown", "tmp": "unknown"}
    assert found["tmp"].describe()["image_id"] is None and not found["tmp"].is_image
    assert audit.entries(None, "[ds] b") == []


def test_files_of_the_storage_are_none_of_the_cache():
    tree = {"[ds] b": [File(".lck-5001d2f000000000", 84, False, None), File(".nfs000000000102", 1, False, None), File("x", 1, False, None)]}
    assert [entry.name for entry in audit.entries(tree, "[ds] b")] == ["x"]


def test_when_ageing_deletes():
    """A marked image goes once it is old enough; without a mark, or with ageing off, no time is said. The rest of a description is as it was read."""
    marked = audit.entry(ID, f"[ds] b/{ID}", [*listing(**{DISK: 500, FLAT: 1024}), File("ts-2026-11-20-10-00-05", 0, True, None)])
    at = ["2026-11-20T10:00:05+00:00", "2026-11-20T11:00:05+00:00"]
    assert [marked.describe(3600)[key] for key in ("age_marker", "ageing_deletes_at")] == at
    assert marked.describe()["ageing_deletes_at"] is None
    assert audit.entry(ID, f"[ds] b/{ID}", listing(**{DISK: 500, FLAT: 1024})).describe(3600)["ageing_deletes_at"] is None
    said = marked.describe()
    assert (said["image_id"], said["name"], said["path"], said["state"], said["reasons"]) == (ID, ID, f"[ds] b/{ID}", "complete", [])
    assert (said["bytes"], said["writer"], said["sized_copies"]) == (1524, "nova or another", [])
    assert said["files"] == [{"name": DISK, "bytes": 500, "modified": None}, {"name": FLAT, "bytes": 1024, "modified": None}]


def test_what_is_no_images_folder_is_unknown():
    """A file, and a folder of another name, are said and left alone; the storage's own files are not told."""
    tree = {
        "[ds] b": [File("note", 7, False, None), File("other", 0, True, None), File(ID, 0, True, None), File(".lck-1", 1, False, None)],
        "[ds] b/other": [File("x", 3, False, None)],
        f"[ds] b/{ID}": listing(**{DISK: 500, FLAT: 1024}),
    }
    found = audit.entries(tree, "[ds] b")
    assert [(one.name, one.path, one.state) for one in found] == [
        (ID, f"[ds] b/{ID}", "complete"), ("note", "[ds] b/note", "unknown"), ("other", "[ds] b/other", "unknown"),
    ]  # fmt: skip
    assert [one.bytes for one in found] == [1524, 7, 3] and [one.is_image for one in found] == [True, False, False]
    assert "is a file" in found[1].reasons[0] and "not the id of an image" in found[2].reasons[0]
    assert audit.entries(None, "[ds] b") == []
