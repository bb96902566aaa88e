# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings to verdicts and to a profile. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import LEVELS, NUMBER, PROBLEM, UNKNOWN, Finding, Meaning

BAD = ("no", "none")  # answers of a question after which those that need it say nothing


def unmet(question, findings):
    """Returns the first of a question's needs that was not met, or None.

    :arg findings: ``{id: Finding}`` of the questions that were asked.
    """
    for need in question.needs:
        finding = findings.get(need)
        if finding is None or finding.value is None or finding.value in BAD:
            return need
    return None


def meaning(question, finding):
    """Returns the :class:`Meaning` of a finding."""
    if finding.value is None:
        if finding.lacking:
            return Meaning(PROBLEM, f"The account lacks {finding.lacking}.", "Give it to the account, by vsphere_role, and ask again.")
        return Meaning(UNKNOWN, f"It could not be found out.{' The collection works in both cases.' if question.switch else ''}")
    known = question.answers.get(finding.value) or question.answers[NUMBER]
    action = known.action
    if finding.lacking and not question.switch:
        action = f"Give the account {finding.lacking}, by vsphere_role."
    return Meaning(known.level, known.text, action)


def verdict(question, datastore, finding):
    """Returns what the module returns of a question on one datastore: a dict of plain values."""
    what = meaning(question, finding)
    return {
        "id": question.id,
        "datastore": datastore,
        "question": question.text,
        "finding": UNKNOWN if finding.value is None else finding.value,
        "level": what.level,
        "evidence": finding.evidence,
        "meaning": what.text,
        "action": what.action,
        "seconds": round(finding.seconds, 1),
    }


def switches(questions, findings):
    """Returns ``{switch: value}`` of what is known.

    Where datastores differ, the more harmful value counts, of numbers the greater one. A finding that the simulator has no value for (``values``
    of lab/vcsim/behaviour.go) is left out.

    :arg findings: a list of ``{id: Finding}``, one a datastore.
    """
    known = {}
    for question in questions:
        values = [one[question.id].value for one in findings if question.id in one and one[question.id].value is not None]
        if not question.switch or not values:
            continue
        if NUMBER in question.answers:
            known[question.id] = max(values)
            continue
        value = min(values, key=list(question.answers).index)
        if (question.id, value) not in NO_SWITCH:
            known[question.id] = value
    return known


# Answers that vSphere may give and the simulator can't.
NO_SWITCH = {("copy_spec", "ignored"), ("nfs_preallocated", "refused")}


def profile(version, build, types, known):
    """Returns the profile: what a simulator needs to behave so, without a name or an address."""
    return {"version": version, "build": build, "datastore_types": sorted(set(types)), "behaviour": known}


def unknown(questions, known):
    """Returns the switches that a profile does not have."""
    return [question.id for question in questions if question.switch and question.id not in known]


def not_asked(reason):
    """Returns the :class:`Finding` of a question that was not asked."""
    return Finding(None, reason)


def worst_first(verdicts):
    """Sorts verdicts for people: the worst level first, else in the order of the questions."""
    return sorted(verdicts, key=lambda one: LEVELS.index(one["level"]))
