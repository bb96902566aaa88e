# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From facts to findings. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import SEVERITIES
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.table import RULES


def judge(facts):
    """Applies each rule.

    :arg facts: :class:`..facts.Facts`.
    :returns: a dict with the lists ``findings``, ``passed`` and ``not_checked``, as the module ``compute_check`` documents them. A rule that was
        judged for some services only is in ``not_checked`` with the others as ``objects``. Services of a driver that a rule is not about are not in it.
    """
    findings, passed, not_checked = [], [], []
    for rule in RULES:
        found, judged, missed = [], 0, {}
        for service in rule.subjects(facts):
            reason = next((source.reason(facts, service) for source in rule.needs if not source.have(facts, service)), None)
            if reason is not None:
                missed.setdefault(reason, []).append("" if service is None else service.name)
                continue
            judged += 1
            found += rule.check(facts) if service is None else rule.check(facts, service)
        # One datastore or host of several services is one finding.
        for name, evidence in dict.fromkeys(found):
            findings.append(
                {
                    "id": rule.id,
                    "severity": rule.severity,
                    "title": rule.title,
                    "object": name,
                    "evidence": evidence,
                    "source": rule.source,
                    "hint": rule.hint,
                }
            )
        for reason, names in missed.items():
            not_checked.append({"id": rule.id, "reason": reason, "objects": [name for name in names if name]})
        if judged and not found:
            passed.append(rule.id)
    findings.sort(key=lambda one: SEVERITIES.index(one["severity"]))
    return {"findings": findings, "passed": passed, "not_checked": not_checked}
