# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight shows."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

from story import check, finding  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report import screen  # noqa: E402


def test_a_rule_has_one_line():
    missed = [{"reason": "r2", "id": "B", "objects": []}, {"reason": "r1", "id": "A", "objects": []}, {"reason": "r2", "id": "B", "objects": ["x"]}]
    found = [check(finding("X", "a"), finding("X", "b"), not_checked=missed), check(passed=["GOOD", "X"])]
    assert screen.report(found) == [
        "error   X (2): a, b: a is off. Fix: Turn it on.",
        "2 errors, 0 warnings, 0 notes; 1 rule passed, 2 not checked",
        "not checked, since r1: A",
        "not checked, since r2: B",
    ]


def test_what_was_judged_for_some_is_not_told_as_not_checked():
    """The others are named: for them it is not passed either."""
    missed = [{"reason": "r", "id": name, "objects": ["vc1-x", "vc1-y"]} for name in ("GOOD", "A")]
    assert screen.report([check(not_checked=missed)]) == [
        "0 errors, 0 warnings, 0 notes; 1 rule passed, 1 not checked",
        "not checked, since r: A",
        "not all rules were checked for vc1-x, vc1-y; the report has them",
    ]


def test_it_stays_one_screen():
    findings = [finding(f"RULE_{rule}", f"object-{number}") for rule in range(75) for number in range(40)]
    missed = [{"reason": f"reason {number}", "id": f"M{number}", "objects": []} for number in range(50)]
    lines = screen.report([check(*findings, not_checked=missed)])
    assert len(lines) == screen.GROUPS + 2 + screen.REASONS + 1 <= 21
    assert lines[screen.GROUPS].startswith("and 60 rules more: RULE_15 (40), ")
    assert lines[-1].startswith("not checked for 48 other reasons: ")


def test_a_refusal_names_rule_objects_and_way_out():
    assert screen.refusal([finding("X", "a"), finding("X", "b")]) == ["- X: a, b: a is off. Fix: Turn it on."]
