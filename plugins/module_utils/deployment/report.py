# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight shows of its findings. Pure."""

from __future__ import annotations


def report(results):
    """Returns lines: one a finding, then one a vCenter and one for each reason why rules were not checked.

    :arg results: what ``compute_check`` returned for each vCenter, with its name at ``item.item.__nova_vcdriver_name``.
    """
    lines = []
    for result in results:
        lines += ["{severity:<8} {id:<28} {object}: {evidence}".format(**finding) for finding in result["findings"]]
    for result in results:
        counts = result["counts"]
        lines.append(
            f"vCenter {result['item']['item']['__nova_vcdriver_name']}: {counts['error']} errors, {counts['warning']} warnings, {counts['info']} notes; "
            f"{counts['passed']} rules passed, {counts['not_checked']} not checked"
        )
        reasons = {}
        for rule in result["not_checked"]:
            reasons.setdefault(rule["reason"], {})[rule["id"]] = True
        lines += [f"not checked, since {reason}: {', '.join(reasons[reason])}" for reason in sorted(reasons, key=str.lower)]
    return lines
