# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""probe/judge.py: findings to verdicts and to a profile."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import judge
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import (
    ALL,
    NOTE,
    NUMBER,
    OK,
    PROBLEM,
    UNKNOWN,
    Finding,
    Meaning,
    Question,
)

BAD, FINE = Meaning(NOTE, "It harms.", "Do this."), Meaning(OK, "It helps.", "Nothing to do.")
SWITCH = Question("a_switch", "Is it?", ALL, None, {"harmful": BAD, "kind": FINE})
TIMED = Question("a_number", "How long?", ALL, None, {NUMBER: BAD})
ARRIVAL = Question("arrives", "Does it?", ALL, None, {"no": Meaning(PROBLEM, "It fails.", "Look."), "yes": FINE}, switch=False)
COPY_SPEC = Question("copy_spec", "Is it?", ALL, None, {"refused": BAD, "ignored": BAD, "honoured": FINE})
ALL_OF_THEM = (SWITCH, TIMED, ARRIVAL, COPY_SPEC)


def found(**values):
    return {name.replace("__", "_"): Finding(value, "seen") for name, value in values.items()}


def test_verdict():
    verdict = judge.verdict(SWITCH, "nova-a1", Finding("harmful", "A thing was seen.", seconds=1.26))
    assert verdict == {
        "id": "a_switch", "datastore": "nova-a1", "question": "Is it?", "finding": "harmful", "level": NOTE, "evidence": "A thing was seen.",
        "meaning": "It harms.", "action": "Do this.", "seconds": 1.3,
    }  # fmt: skip


def test_number():
    assert judge.verdict(TIMED, "d", Finding(0.0, "")) | {"finding": 0.0, "level": NOTE} == judge.verdict(TIMED, "d", Finding(0.0, ""))


def test_unknown():
    verdict = judge.verdict(SWITCH, "d", Finding(None, "The vCenter did not say."))
    assert (verdict["finding"], verdict["level"]) == ("unknown", UNKNOWN)


@pytest.mark.parametrize("question, value", [(SWITCH, None), (ARRIVAL, "no"), (ARRIVAL, None)])
def test_missing_privilege_is_a_problem_and_named(question, value):
    verdict = judge.verdict(question, "d", Finding(value, "refused", lacking="VApp.Import"))
    assert verdict["level"] == PROBLEM
    assert "VApp.Import" in verdict["meaning"] + verdict["action"]


def test_privilege_of_an_answer():
    """A switch that is about a privilege says itself what to do."""
    assert judge.verdict(SWITCH, "d", Finding("harmful", "401", lacking="Host.Config.SystemManagement"))["action"] == "Do this."


@pytest.mark.parametrize("value, need", [("no", "arrives"), (None, "arrives"), ("yes", None)])
def test_unmet(value, need):
    dependent = Question("b", "?", ALL, None, {}, needs=("arrives",))
    assert judge.unmet(dependent, {"arrives": Finding(value, "")}) == need
    assert judge.unmet(dependent, {}) == "arrives"


def test_switches_of_several_datastores():
    """What is not known on one is taken from the other; where they differ the harmful answer counts."""
    one, other = found(a_switch="kind", arrives="yes", copy_spec=None), found(a_switch="harmful", a_number=1.5, copy_spec="honoured")
    assert judge.switches(ALL_OF_THEM, [one, other]) == {"a_switch": "harmful", "a_number": 1.5, "copy_spec": "honoured"}
    assert judge.switches(ALL_OF_THEM, [found(a_number=0.0), found(a_number=0.5)]) == {"a_number": 0.5}
    assert judge.switches(ALL_OF_THEM, [found(a_switch=None)]) == {}


def test_answer_that_no_simulator_gives():
    assert judge.switches(ALL_OF_THEM, [found(copy_spec="ignored")]) == {}


def test_profile_and_what_it_lacks():
    profile = judge.profile("8.0.3", "1", ["vsan", "VMFS", "VMFS"], {"a_switch": "kind"})
    assert profile == {"version": "8.0.3", "build": "1", "datastore_types": ["VMFS", "vsan"], "behaviour": {"a_switch": "kind"}}
    assert judge.unknown(ALL_OF_THEM, profile["behaviour"]) == ["a_number", "copy_spec"]


def test_worst_first():
    levels = [OK, NOTE, PROBLEM, UNKNOWN, OK, PROBLEM]
    verdicts = [{"id": number, "level": level} for number, level in enumerate(levels)]
    assert [one["id"] for one in judge.worst_first(verdicts)] == [2, 5, 3, 1, 0, 4]
