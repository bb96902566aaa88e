# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/audit.py: what is whole, and what only looks so."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.files import File

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
DISK, FLAT, ISO = f"{ID}.vmdk", f"{ID}-flat.vmdk", f"{ID}.iso"
NOTE = f"{ID}.1024.seed.json"


def listing(**sizes):
    return [File(name, size, False, None) for name, size in sizes.items()]


@pytest.mark.parametrize(
    "sizes, state, reason",
    [
        ({DISK: 500, FLAT: 1024}, "complete", ""),
        ({DISK: 500, FLAT: 1024, NOTE: 300}, "complete", ""),
        ({ISO: 1000}, "complete", ""),
        ({}, "broken", "there is no"),
        ({FLAT: 1024}, "broken", "there is no"),
        ({DISK: 500}, "broken", "has no data"),
        ({DISK: 500, FLAT: 0}, "broken", "which no disk has"),
        ({DISK: 500, FLAT: 1000}, "broken", "which no disk has"),
        ({DISK: 500, FLAT: 512, NOTE: 300}, "broken", "was seeded with 1024"),
        ({ISO: 0}, "broken", "is empty"),
        ({ISO: 512, NOTE: 300}, "broken", "was seeded with 1024"),
    ],
)
def test_states(sizes, state, reason):
    entry = audit.entry(ID, f"[ds] b/{ID}", listing(**sizes))
    assert entry.state == state
    assert reason in "; ".join(entry.reasons)
    assert entry.writer == ("openstack_vmware.nova" if NOTE in sizes else "nova or another")


def test_glance_knows_the_size_of_a_flat_disk():
    entry = audit.entry(ID, "[ds] b", listing(**{DISK: 500, FLAT: 512}), capacity=1024)
    assert entry.state == "broken" and "in Glance 1024" in entry.reasons[0]


def test_vsan_shows_no_extents():
    assert audit.entry(ID, "[ds] b", listing(**{DISK: 500}), one_file_disks=True).state == "complete"


def test_sized_copies_and_markers():
    files = listing(**{DISK: 5, FLAT: 512, f"{ID}.1.vmdk": 5, f"{ID}.1-flat.vmdk": 1 << 30, f"{ID}.2.vmdk": 5, f"{ID}.2-flat.vmdk": 7})
    files.append(File("ts-2026-11-20-10-00-00", 0, True, None))
    entry = audit.entry(ID, "[ds] b", files)
    assert entry.sized == ((1, 1 << 30, True), (2, 7, False))
    assert entry.age_marker.isoformat() == "2026-11-20T10:00:00+00:00"
    assert entry.describe()["sized_copies"][1] == {"root_gb": 2, "bytes": 7, "complete": False}


def test_a_cache_folder():
    tree = {
        "[ds] b": [File(ID, 0, True, None), File("stray.vmdk", 3, False, None), File("tmp", 0, True, None)],
        f"[ds] b/{ID}": listing(**{DISK: 5, FLAT: 512}),
        "[ds] b/tmp": [],
    }
    found = {entry.name: entry for entry in audit.entries(tree, "[ds] b")}
    assert {name: entry.state for name, entry in found.items()} == {ID: "complete", "stray.vmdk": "unknown", "tmp": "unknown"}
    assert found["tmp"].describe()["image_id"] is None
    assert audit.entries(None, "[ds] b") == []
