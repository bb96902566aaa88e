# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""probe/questions.py: what the simulator can be set to is asked, and each answer is told and documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import judge, question
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.questions import QUESTIONS

ROOT = Path(__file__).resolve().parents[5]
BY_ID = {one.id: one for one in QUESTIONS}


def switches():
    """Gives the simulator's switches with their values, from its source."""
    source = (ROOT / "lab" / "vcsim" / "behaviour.go").read_text(encoding="utf-8")
    found = re.findall(r'`yaml:"(\w+)"(?: values:"([^"]+)")?(?: by:"(\w+)")?`', source)
    return {name: (values.split() or [question.NUMBER], by) for name, values, by in found}


def test_each_switch_is_a_question():
    assert set(switches()) == {one.id for one in QUESTIONS if one.switch}


@pytest.mark.parametrize("name", switches())
def test_answers_are_the_values(name):
    values, by_version = switches()[name]
    answers = list(BY_ID[name].answers)
    assert {answer for answer in answers if (name, answer) not in judge.NO_SWITCH} == set(values)
    if not by_version:  # the most harmful first, as there
        assert answers[0] == values[0]


@pytest.mark.parametrize("extreme", ["harmful", "kind"])
def test_extremes_are_profiles(extreme):
    profile = yaml.safe_load((ROOT / "lab" / "profiles" / f"{extreme}.yml").read_text(encoding="utf-8"))
    assert set(profile) == set(judge.profile("", "", [], {}))
    assert set(profile["behaviour"]) == set(switches())


def test_needs_come_first():
    seen = set()
    for one in QUESTIONS:
        assert set(one.needs) <= seen, one.id
        assert one.id not in seen
        seen.add(one.id)


def test_questions_tell_all():
    for one in QUESTIONS:
        assert one.text.endswith("?") and one.types <= question.ALL and one.ask.__doc__
        for meaning in one.answers.values():
            assert meaning.level in (question.OK, question.NOTE, question.PROBLEM)
            assert meaning.text.endswith(".") and meaning.action.endswith(".")


def test_time_is_bounded():
    """Were each question to take all its time, the budget ends them."""
    assert all(0 < one.seconds <= 90 for one in QUESTIONS)


def test_each_question_is_documented():
    lines = (ROOT / "docs" / "probe.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| `")]
    expected = []
    for one in QUESTIONS:
        answers = ["a number" if answer == question.NUMBER else f"`{answer}`" for answer in one.answers]
        expected.append([f"`{one.id}`" + ("" if one.switch else " *"), one.text, ", ".join(sorted(one.types)), ", ".join(answers)])
    assert rows == expected
