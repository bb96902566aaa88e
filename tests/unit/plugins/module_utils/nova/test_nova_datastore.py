# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which datastores Nova uses, in its own order."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import datastore


def test_types_of_a_disk():
    assert datastore.allowed_types("streamOptimized") == datastore.SUPPORTED_TYPES
    assert datastore.allowed_types("sparse") == datastore.SUPPORTED_TYPES - {"vsan"}


@pytest.mark.parametrize(
    "options, text",
    [
        ({}, None),
        ({"maintenance_mode": "normal"}, None),
        ({"accessible": False}, "is not accessible"),
        ({"maintenance_mode": "enteringMaintenance"}, "is in maintenance mode (enteringMaintenance)"),
        ({"type_": "VFFS"}, "is of type VFFS, and Nova uses NFS, NFS41, VMFS, vsan here"),
        ({"datastore_regex": "nova"}, None),
        ({"datastore_regex": "ova-"}, "does not match datastore_regex 'ova-'"),  # anchored at the start
        ({"datastore_regex": "nova-1$"}, None),
    ],
)
def test_refusal(options, text):
    given = {"name": "nova-1", "type_": "VMFS", "accessible": True, "maintenance_mode": None, **options}
    assert datastore.refusal(**given) == text


def test_the_first_with_the_most_room():
    stores = [SimpleNamespace(name=name, free_bytes=free) for name, free in (("a", 1), ("b", 3), ("c", 3))]
    assert datastore.pick(stores).name == "b"
    assert datastore.pick([]) is None


def test_node_name():
    assert datastore.node_name("domain-c8", "uuid") == "domain-c8.uuid"
