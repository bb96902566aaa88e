# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the benchmark takes its figures and tells whether a goal is met."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from benchctl import report  # noqa: E402


def test_subjects_alternate():
    calls = []

    def subject(name):
        def measure():
            calls.append(name)
            return {"time [s]": len(calls)}

        return measure

    found = report.alternate({"a": subject("a"), "b": subject("b")}, 3)
    assert calls == ["a", "b"] * 3
    assert found == {"a": {"time [s]": [1, 3, 5]}, "b": {"time [s]": [2, 4, 6]}}
    assert [(one.subject, one.median, one.rounds) for one in report.figures("case", found)] == [("a", 3, (1, 3, 5)), ("b", 4, (2, 4, 6))]


@pytest.mark.parametrize(
    "value, sense, bound, met",
    [(1.25, ">=", 1.25, True), (1.24, ">=", 1.25, False), (3, "<=", 3, True), (3.01, "<=", 3, False), (1, "==", 1, True), (1.001, "==", 1, False)],
)
def test_goals(value, sense, bound, met):
    assert report.Goal("case", "claim", value, sense, bound).met is met


def test_a_missed_goal_is_shown():
    goals = [report.Goal("one", "times Nova", 1.1, ">=", 1.25), report.Goal("one", "requests", 3, "<=", 3)]
    figures = [report.figure("one", "ours", "time [s]", [2, 1, 4])]
    text = report.markdown({"CPU": "2 cores"}, figures, goals)
    assert "| one | times Nova | 1.1 | >= 1.25 | **no** |" in text
    assert "| one | requests | 3 | <= 3 | yes |" in text
    assert "| one | ours | time [s] | 2 | 1 – 4 |" in text
    data = report.document({}, figures, goals)
    assert [goal["met"] for goal in data["goals"]] == [False, True]
    assert data["figures"][0]["rounds"] == (2, 1, 4)
