# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a property remembers of a stream, and what is no longer believed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import known, relay

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
SHA = "ab" * 32
STREAM = known.Known(700, SHA, 1 << 20, 65536)
MEMBER = known.Known(600, SHA, 1 << 20, 0, "disk 1.vmdk")


def image(value, kind="streamOptimized", size=700):
    return SimpleNamespace(id=ID, kind=kind, size=size, properties={known.PROPERTY: value})


@pytest.mark.parametrize("one, kind", [(STREAM, "streamOptimized"), (MEMBER, "ova")])
def test_what_was_written_is_read(one, kind):
    assert known.read(image(known.write(ID, one), kind)) == one


def test_the_disk_needs_no_new_layout():
    disk = STREAM.disk
    assert (disk.capacity_bytes, disk.data_bytes, relay.is_needed(disk.stream)) == (1 << 20, 65536, False)


def test_a_snapshot_inherits_nothing():
    """Nova gives the properties of an image to snapshots of its servers (nova/compute/utils.py, initialize_instance_snapshot_metadata)."""
    assert known.read(image(known.write("another", STREAM))) is None


@pytest.mark.parametrize(
    "changes",
    [{"sha256": "ab"}, {"sha256": SHA.upper()}, {"sha256": 7}, {"size": 0}, {"size": "700"}, {"size": 701}, {"capacity_bytes": 1000},
     {"capacity_bytes": -65536}, {"data_bytes": -1}, {"member": "disk.vmdk"}],
)  # fmt: skip
def test_what_makes_no_sense_is_not_believed(changes):
    assert known.read(image(json.dumps({**json.loads(known.write(ID, STREAM)), **changes}))) is None


@pytest.mark.parametrize("value", ["", "x", "[]", "7", "{}", None])
def test_no_json(value):
    assert known.read(image(value)) is None
    assert known.read(SimpleNamespace(id=ID, kind="streamOptimized", size=700, properties={})) is None


def test_an_ova_needs_its_members_name():
    assert known.read(image(known.write(ID, STREAM), "ova")) is None
