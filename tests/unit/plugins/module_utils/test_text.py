# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts and names in messages."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils import text


def test_count():
    assert [text.count(number, "error") for number in (0, 1, 2)] == ["0 errors", "1 error", "2 errors"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("clustr-a", "cluster-a"), ("CLUSTER-A", "cluster-a"), ("drs_of", "DRS_OFF"), ("something-else", None), ("", None)],
)
def test_meant(name, meant):
    """A typing error, or other letters of the same; nothing where no name is close."""
    assert text.meant(name, ["cluster-a", "DRS_OFF"]) == meant


def test_unknown():
    assert text.unknown("clustr-a", ["cluster-a"]) == "'clustr-a' (did you mean 'cluster-a'?)"
    assert text.unknown("x", []) == "'x'"
