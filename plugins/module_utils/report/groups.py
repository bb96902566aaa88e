# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings, put into groups: one a rule, however many objects it is about. Pure."""

from __future__ import annotations

SEVERITIES = ("error", "warning", "info")
WORDS = {"error": "error", "warning": "warning", "info": "note"}
FIRST = 3  # objects that a group names


def number(count, word):
    """Returns a count and its word: ``1 error``, ``2 errors``."""
    return f"{count} {word}" + ("" if count == 1 else "s")


def once(values):
    """Returns dicts as a list, each once: hosts that share a call all tell of it."""
    return list({tuple((key, str(value)) for key, value in one.items()): one for one in values}.values())


def plain(value):
    """Returns a value with each dict and list in it made anew: those of Ansible may be lazy, and ``json`` reads past that."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def groups(findings):
    """Returns a dict for each rule that found something: errors first, then in the order of the rule's first finding.

    :arg findings: findings of ``compute_check``, each with ``id``, ``severity``, ``title``, ``object``, ``evidence``, ``source`` and ``hint``, and with
        ``vcenter`` and ``compute_host`` where they are about one.
    :returns: dicts with the same ``id``, ``severity``, ``title``, ``source`` and ``hint``, and ``findings``, those of the rule.
    """
    found = {}
    for finding in findings:
        shared = {key: finding[key] for key in ("id", "severity", "title", "source", "hint")}
        found.setdefault(finding["id"], {**shared, "findings": []})["findings"].append(finding)
    return sorted(found.values(), key=lambda group: SEVERITIES.index(group["severity"]))


def place(finding):
    """Returns where the object of a finding is: its vCenter or compute host, an empty text where neither is known."""
    return finding.get("vcenter") or finding.get("compute_host") or ""


def sample(names, first=FIRST):
    """Returns the first names as text, and how many more there are. :arg names: a list."""
    return ", ".join(names[:first]) + (f" and {len(names) - first} more" if len(names) > first else "")


def objects(group, first=FIRST):
    """Returns the objects of a group as text: the first ones, how many there are more, and in which vCenters or on which compute hosts.

    Of a single one the evidence says where it is.
    """
    names = list(dict.fromkeys(str(finding["object"]) for finding in group["findings"]))
    places = list(dict.fromkeys(place(finding) for finding in group["findings"] if place(finding)))
    return sample(names, first) + (f" ({sample(places, first)})" if places and len(names) > 1 else "")


def counts(findings):
    """Returns how many findings there are of each severity, in words: ``2 errors, 1 warning, 0 notes``."""
    return ", ".join(number(sum(finding["severity"] == severity for finding in findings), WORDS[severity]) for severity in SEVERITIES)
