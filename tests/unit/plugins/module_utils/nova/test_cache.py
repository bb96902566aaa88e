# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova/cache.py alone; tests/nova holds it against Nova's code."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"


def test_my_ip_is_needed_when_it_is_in_the_name():
    with pytest.raises(ValueError, match="my_ip"):
        cache.base_folder()


def test_sidecar_name_round_trip():
    name = cache.sidecar_file(ID, 268435456)
    assert cache.parse_sidecar(name) == (ID, 268435456)
    assert cache.parse_sidecar(f"{ID}.vmdk") is None


def test_sidecar_is_no_file_that_nova_looks_for():
    name = cache.sidecar_file(ID, 1)
    assert name not in (cache.image_file(ID), cache.image_file(ID, "iso"), cache.extent_file(ID))
    assert cache.parse_sized_file(ID, name) is None
    assert cache.parse_age_marker(name) is None


@pytest.mark.parametrize(
    "name, root_gb",
    [(f"{ID}.20.vmdk", 20), (f"{ID}.vmdk", None), (f"{ID}.20-flat.vmdk", None), (f"{ID}.x.vmdk", None), ("other.20.vmdk", None)],
)
def test_sized_files(name, root_gb):
    assert cache.parse_sized_file(ID, name) == root_gb


def test_age_markers():
    assert cache.parse_age_marker("ts-2026-11-20-10-00-05") == datetime.datetime(2026, 11, 20, 10, 0, 5, tzinfo=datetime.timezone.utc)
    assert cache.parse_age_marker("ts-2026-13-20-10-00-05") is None
    assert cache.parse_age_marker("ts-2026-11-20") is None


def test_sizes_of_copies():
    """A root disk as large as the image holds it; none of 0 GiB is made (Nova clones such a root disk as it is), and each size once."""
    assert cache.linked_clone_sizes([40, 0, 2, 1, 40], 2 << 30) == ([2, 40], [1])


def test_names_of_all_disks():
    assert cache.disk_names([ID]) == [f"{ID}.vmdk", f"{ID}.*.vmdk"]
