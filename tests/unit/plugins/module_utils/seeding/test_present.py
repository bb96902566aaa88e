# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/present.py: what a plan takes of the datastores, and what is told of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova.image import Image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import SizedCopy, Step, Write
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.present import Work, other_types

GIB = 1 << 30


def image(size, disk_type="thin", min_disk=0, disk_format="vmdk"):
    properties = {"hw_disk_type": disk_type}
    return Image("id", "name", "active", size, disk_format, "bare", "sha512", "00", properties, min_disk)


def work(one, capacity, steps=(), sized=(), data_bytes=None):
    disk = SimpleNamespace(data_bytes=data_bytes, size=one.size) if data_bytes else None
    entries = {step.moid: None for step in steps}
    return Work(one, None, {}, {}, entries, disk, capacity, list(steps), {step.moid: sized for step in steps}, [], False)


@pytest.mark.parametrize(
    "capacity, size, min_disk, low",
    [
        (64 << 20, 1 << 20, 0, False),  # the smallest flavor with a disk has 1 GiB
        (GIB, 1 << 20, 0, False),
        (GIB + 512, 1 << 20, 0, True),
        (GIB + 512, GIB + 1, 0, False),  # Nova refuses 1 GiB by itself
        (3 * GIB, 2 * GIB + 1, 0, False),
        (3 * GIB, 2 * GIB, 0, True),
        (3 * GIB, 1 << 20, 2, True),
        (3 * GIB, 1 << 20, 3, False),
    ],
)
def test_nova_compares_whole_gib(capacity, size, min_disk, low):
    one = work(image(size, "streamOptimized", min_disk), capacity)
    assert one.min_disk_low is low
    assert bool(one.warnings) is low


@pytest.mark.parametrize(
    "disk_type, size, data, pushed, passing",
    [
        ("streamOptimized", 100, 500, 500, 0),  # the import asks for a thin disk
        ("thin", 4096, None, 4096, 0),
        ("sparse", 100, 500, 4096, 100),
    ],
)
def test_a_copy_takes_all_of_the_size(disk_type, size, data, pushed, passing):
    steps = [Step("a", "missing", "push"), Step("b", "missing", "copy", "a", 1), Step("c", "complete", "none")]
    one = work(image(size, disk_type), 4096, steps, (SizedCopy(20, "missing", "copy"), SizedCopy(40, "complete", "none")), data)
    found = list(one.writes())
    assert found == [
        Write("a", pushed, passing), Write("a", 20 * GIB), Write("b", 4096), Write("b", 20 * GIB), Write("c", 20 * GIB),
    ]  # fmt: skip
    assert [one.planned_bytes(step) for step in steps] == [size, 4096, 0]


def test_thick_disks_of_thin_images_are_told_once():
    places = [SimpleNamespace(name=name) for name in ("n2", "n1", "n1")]
    thin, thick = image(1, "streamOptimized"), image(1, "sparse")
    (text,) = other_types([(thin, place, False) for place in places] + [(thick, places[0], False), (thin, places[0], True)])
    assert "name on n1, n2:" in text
    assert other_types([(thick, places[0], True), (thin, places[0], None), (thin, places[0], True)]) == []
