# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings in groups."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

from story import finding  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report import groups  # noqa: E402


def test_errors_come_first_and_a_rule_stands_once():
    found = groups.groups([finding("W", "a", severity="warning"), finding("E", "b"), finding("W", "c", severity="warning"), finding("F", "d")])
    assert [(group["id"], [one["object"] for one in group["findings"]]) for group in found] == [("E", ["b"]), ("F", ["d"]), ("W", ["a", "c"])]


def test_the_first_objects_are_named():
    """And the number of the others: a line must not grow with the site."""
    many = groups.groups([finding("E", f"cluster-{number:02}", vcenter=f"vc{number % 5}") for number in range(40)])
    assert groups.objects(many[0]) == "cluster-00, cluster-01, cluster-02 and 37 more (vc0, vc1, vc2 and 2 more)"


@pytest.mark.parametrize("where, text", [({}, "a, b"), ({"vcenter": "vc1"}, "a, b (vc1)"), ({"compute_host": "c1"}, "a, b (c1)")])
def test_where_objects_are(where, text):
    """The evidence of a single one says it."""
    assert groups.objects(groups.groups([finding("E", "a", **where), finding("E", "b", **where)])[0]) == text
    assert groups.objects(groups.groups([finding("E", "a", **where)])[0]) == "a"


def test_counts_have_a_number_each():
    assert groups.counts([finding("E", "a"), finding("I", "b", severity="info"), finding("I", "c", severity="info")]) == "1 error, 0 warnings, 2 notes"


def test_what_several_hosts_tell_counts_once():
    assert len(groups.once([finding("E", "a"), finding("E", "a"), finding("E", "b")])) == 2


def test_a_plain_value_has_no_lazy_part():
    class Lazy(dict):
        """A dict that renders its values when they are read."""

        def items(self):
            return [(key, f"rendered {value}") for key, value in super().items()]

    assert groups.plain([Lazy(a="x"), ("y", 1, None)]) == [{"a": "rendered x"}, ["y", 1, None]]
