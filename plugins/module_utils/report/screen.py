# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight shows of its findings: a few lines, at any number of clusters. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.groups import WORDS, counts, groups, number, objects, once, sample

GROUPS = 15  # that are shown in full
REASONS = 2


def report(results):
    """Returns lines: one for each rule that found something, then what was found and judged in sum. At most 21.

    :arg results: results of ``compute_check``.
    """
    findings = once(finding for result in results for finding in result["findings"])
    not_checked = [rule for result in results for rule in result["not_checked"]]
    passed = list(dict.fromkeys(name for result in results for name in result["passed"]))
    found = groups(findings)
    lines = []
    for group in found[:GROUPS]:
        count = len(group["findings"])
        lines.append(f"{WORDS[group['severity']]:<7} {group['id']} ({count}): {_said(group)}")
    rest = found[GROUPS:]
    if rest:
        names = ", ".join(f"{group['id']} ({len(group['findings'])})" for group in rest)
        lines.append(f"and {number(len(rest), 'rule')} more: {names}")
    judged = {finding["id"] for finding in findings}.union(passed)
    good = judged.difference(finding["id"] for finding in findings)
    reasons, some = {}, {}
    for rule in not_checked:
        if rule["id"] in judged:
            some.update(dict.fromkeys(rule["objects"]))
        else:
            reasons.setdefault(rule["reason"], {})[rule["id"]] = True
    missed = {name for ids in reasons.values() for name in ids}
    lines.append(f"{counts(findings)}; {number(len(good), 'rule')} passed, {len(missed)} not checked")
    listed = sorted(reasons, key=str.lower)
    lines += [f"not checked, since {reason}: {', '.join(reasons[reason])}" for reason in listed[:REASONS]]
    others = {name for reason in listed[REASONS:] for name in reasons[reason]}
    lines += [f"not checked for {number(len(listed) - REASONS, 'other reason')}: {', '.join(sorted(others))}"] if others else []
    return lines + ([f"not all rules were checked for {sample(list(some))}; the report has them"] if some else [])


def refusal(findings):
    """Returns a line for each rule that found something: its id, its first objects, the evidence of the first one, and what to do."""
    return [f"- {group['id']}: {_said(group)}" for group in groups(once(findings))]


def _said(group):
    return f"{objects(group)}: {group['findings'][0]['evidence'].rstrip('. ')}. Fix: {group['hint']}"
