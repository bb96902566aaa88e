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
        found, judged, missed = {}, 0, {}
        for part, seen in rule.views(facts):
            for service in rule.subjects(part):
                names = [service.name] if service else [one.name for one in part.services] if part.host else []
                reason = next((source.reason(seen, service) for source in rule.needs if not source.have(seen, service)), None)
                if reason is not None:
                    missed.setdefault(reason, []).extend(names)
                    continue
                judged += 1
                host, vcenter = part.host if rule.of_host else None, None if rule.site else named(facts, service)
                for name, evidence in rule.check(seen) if service is None else rule.check(seen, service):
                    # One datastore or host of several services is one finding.
                    found.setdefault((name, evidence, vcenter, host), []).extend(names)
        for (name, evidence, vcenter, host), services in found.items():
            findings.append(
                {
                    "id": rule.id,
                    "severity": rule.severity,
                    "title": rule.title,
                    "vcenter": vcenter,
                    "object": name,
                    "compute_host": host,
                    "services": list(dict.fromkeys(services)),
                    "evidence": told(evidence, vcenter),
                    "source": rule.source,
                    "hint": rule.hint,
                }
            )
        for reason, names in missed.items():
            # A rule that no compute host could be judged by was not judged for all.
            all_of_them = rule.scope == "all" and not judged
            not_checked.append({"id": rule.id, "reason": reason, "objects": [] if all_of_them else names})
        if judged and not found:
            passed.append(rule.id)
    findings.sort(key=lambda one: SEVERITIES.index(one["severity"]))
    return {"findings": findings, "passed": passed, "not_checked": not_checked}


def named(facts, service):
    """Returns the name of the vCenter that a rule was judged on: as it was given, else as nova.conf has it; None where neither is known."""
    if facts.name is not None or service is None or service.conf is None:
        return facts.name
    return service.conf.value("vmware", "host_ip") or None


def told(evidence, vcenter):
    """Returns the evidence without a period at its end, with the name of the vCenter: messages show it without the other parts of the finding."""
    evidence = evidence.rstrip(".")
    return evidence if vcenter is None or f"'{vcenter}'" in evidence else f"{evidence} (vCenter '{vcenter}')"
