# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From facts to findings. Pure."""

from __future__ import annotations

import re

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import rules

WHY = {
    "nova_conf": "nova.conf was not given",
    "api_conf": "the nova.conf of nova-api was not given",
    "cluster_name": "no cluster name is known",
    "datastore_regex": "there is no datastore_regex",
    "valid_regex": "datastore_regex is not a regular expression",
    "asked": "no vCenter was given",
    "vcenter": "no vCenter was given",
    "cluster": "the cluster is not known",
    "certificate": "the certificate of the vCenter was not verified",
    "privileges": "no cluster is known",
    "vms": "no cluster is known",
    "caches": "the image cache was not read",
    "record": "Nova was not asked about the service",
    "new": "it is not known whether Nova knows the service",
    "versions": "the versions on the compute host are not known",
    "peers": "the compute host was not asked whether it reaches the hosts",
    "skew": "the compute host's clock was not compared",
    "compute_ids": "the compute host was not asked for compute_id",
    "images": "no images were given",
}


def judge(facts):
    """Applies each rule.

    :arg facts: :class:`..facts.Facts`.
    :returns: a dict with the lists ``findings``, ``passed`` and ``not_checked``, as the module ``compute_check`` documents them. A rule that was
        judged for some services only is in ``not_checked`` with the others as ``objects``.
    """
    findings, passed, not_checked = [], [], []
    for rule in rules.RULES:
        found, judged, missed = [], 0, {}
        for service in facts.services if rule.scope == "service" else [None]:
            reason = next((_why(facts, service, need) for need in rule.needs if not _have(facts, service, need)), None)
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
    findings.sort(key=lambda one: rules.SEVERITIES.index(one["severity"]))
    return {"findings": findings, "passed": passed, "not_checked": not_checked}


def _why(facts, service, need):
    if need in ("cluster", "valid_regex") and service is not None and service.cluster_error:
        return service.cluster_error[1]
    if need in ("vcenter", "cluster", "privileges", "vms", "certificate", "caches") and facts.vcenter is None and facts.login_error:
        return "the vCenter could not be used"
    if need == "record" and service.new:
        return "Nova knows no such service yet"
    return facts.unknown.get(need, WHY[need])


def _have(facts, service, need):
    """Tells whether a source is there."""
    host = facts.compute_host or {}
    if need == "nova_conf":
        return service.conf is not None
    if need == "valid_regex":
        return compiles(service.datastore_regex)
    if need == "datastore_regex":
        return bool(service.datastore_regex)
    if need in ("cluster_name", "cluster", "caches", "record", "new"):
        return getattr(service, need) is not None
    if need == "asked":
        return facts.vcenter is not None or facts.login_error is not None
    if need == "vcenter":
        return facts.vcenter is not None
    if need == "certificate":
        return facts.vcenter is not None and facts.vcenter.certificate_expires is not None
    if need == "privileges":
        return facts.vcenter is not None and facts.vcenter.missing_privileges is not None
    if need == "vms":
        return facts.vcenter is not None and facts.vcenter.vms is not None
    if need == "versions":
        return bool((host.get("versions") or {}).get("oslo.vmware"))
    if need == "peers":
        return bool(host.get("peers"))
    if need == "skew":
        return host.get("clock_skew_seconds") is not None
    if need == "compute_ids":
        return bool(host.get("compute_ids"))
    return getattr(facts, need) is not None


def compiles(regex):
    """Tells whether a text is a regular expression; none at all is one."""
    try:
        re.compile(regex or "")
    except re.error:
        return False
    return True
