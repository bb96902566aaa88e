# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run did, would do, and leaves to somebody."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

from story import check, compute, finding, record, seed, told  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report import summary  # noqa: E402


def test_the_weightiest_deed_counts():
    tasks = {"rewritten": ["a", "b", "c"], "restarted": ["b"], "new": ["a"], "started": ["a"]}
    assert summary.deeds(["a", "b", "c", "d"], tasks) == {"a": "new", "b": "restarted", "c": "rewritten", "d": "unchanged"}


def site(check_mode):
    """Gives a site of 45 nova-computes on two compute hosts."""
    names = [f"vc1-{number:02}" for number in range(45)]
    did = summary.deeds(names, {"restarted": names[:3], "new": names[3:5]})
    halves = [told(f"compute-{half}", computes=[compute(name) for name in names[half::2]], did={name: did[name] for name in names[half::2]}) for half in (0, 1)]
    return record(*halves, check_mode=check_mode)


@pytest.mark.parametrize("check_mode, line", [(True, "Would change: 2 new, 3 restarts, 40 unchanged"), (False, "Changed: 2 new, 3 restarted, 40 unchanged")])
def test_what_changes(check_mode, line):
    assert summary.lines(site(check_mode)) == ["45 nova-computes on 2 compute hosts, 1 vCenter", line, "Nothing needs anybody."]


def test_what_else_changes_is_said():
    assert summary.lines(record(told(changes=["Nova 34.0.0 installed"], computes=[compute("a")], did={"a": "new"})))[1] == (
        "Changed: 1 new; Nova 34.0.0 installed"
    )


def test_a_nova_compute_of_no_inventory_is_counted():
    """remove_cluster.yml and drain.yml work on names."""
    made = record(told(did={"vc1-gone": "removed"}))
    assert made["computes"] == [{"host": "vc1-gone", "compute_host": "compute-1", "vcenter": "", "cluster_name": "", "did": "removed"}]
    assert summary.changed(made) == "1 removed"


@pytest.mark.parametrize(
    "row, check_mode, state",
    [
        ({"state": "complete", "action": "none", "via": None}, False, "complete"),
        ({"state": "unknown", "action": "none", "via": None}, False, "unknown"),
        ({}, False, "seeded"),
        ({"via": None}, False, "missing, not seeded"),
        ({"state": "broken", "via": None}, True, "broken, would be seeded"),
    ],
)
def test_how_an_image_is(row, check_mode, state):
    made = record(told(seeds=[seed(**row)]), check_mode=check_mode)
    assert summary.seed_state(made["seeds"][0], check_mode) == state
    assert (made["needs"] == []) is not state.endswith("not seeded")


def test_what_images_take():
    assert summary.seeded(record(told(seeds=[seed(), seed(state="complete", action="none", via=None)]))) == "1 seeded, 1 complete; 1 GiB went to datastores"
    assert summary.seeded(record(told(seeds=[seed(via=None)]), check_mode=True)) == "1 missing, would be seeded; 1 GiB would go to datastores"
    assert summary.seeded(record(told(seeds=[]))) == "none asked for"


def test_what_needs_somebody():
    drift = [{"host": "a", "what": "unit", "expected": "active", "found": "failed"}, {"host": "b", "what": "unit", "expected": "active", "found": "dead"}]
    made = record(
        told(checks=[check(finding("BAD", "x", vcenter="vc1"), finding("NOTE", "y", severity="info"))], drift=drift, needs=["do this"]),
        {"name": "compute-2", "reached": False},
    )
    assert made["needs"] == [
        "compute-2 was not reached or failed; its error is in the output of the run",
        "error BAD: x. Fix: Turn it on.",
        "drift, unit: a, b",
        "do this",
    ]
    assert summary.lines(made)[-5:] == ["4 things need somebody:", *(f"- {line}" for line in made["needs"])]


def test_findings_that_were_shown_are_only_counted():
    made = record(told(checks=[check(finding("BAD", "x"), finding("BAD", "y"))], needs=["do this"]))
    assert summary.lines(made, shown=True)[-3:] == ["2 things need somebody:", "- 1 rule above has findings", "- do this"]


def test_it_stays_one_screen():
    made = record(told(checks=[check(*(finding(f"RULE_{number}", "x") for number in range(75)))]))
    assert len(summary.lines(made)) == summary.NEEDS + 3
    assert summary.lines(made)[-1] == "- and 55 more; nova_vcdriver_report_files has all of them"


def test_what_hosts_share_is_told_once():
    shared = [check(finding("BAD", "x"))]
    assert len(record(told(checks=shared), told("compute-2", checks=shared))["findings"]) == 1


@pytest.mark.parametrize("kind", ["seeds", "drift"])
def test_nothing_found_is_not_the_same_as_nobody_looked(kind):
    assert record(told())[kind] is None
    assert record(told(**{kind: []}))[kind] == []


def test_stats_do_not_grow_with_the_site():
    """AWX keeps them with each job."""
    big = record(told(checks=[check(*(finding(f"RULE_{number}", "x" * 1000) for number in range(200)))]))
    stats = summary.stats(big)
    assert (stats["findings"], stats["needs_in_all"], len(stats["needs"])) == ({"error": 200, "warning": 0, "info": 0}, 200, summary.NEEDS)
    assert len(json.dumps(stats)) < 8000
    assert summary.stats(site(True))["computes"] == {"new": 2, "restarted": 3, "unchanged": 40}


@pytest.mark.parametrize("count, text", [(0, "0 bytes"), (1536, "1.5 KiB"), (1 << 30, "1 GiB"), (5 << 40, "5 TiB")])
def test_sizes(count, text):
    assert summary.size(count) == text
