# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``compute_check``: gathers the facts, then judges."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import gather, judge
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import SEVERITIES, count
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


class CheckFailed(NovaVmwareError):
    """The check found what it was asked to fail on. ``result`` is the module's whole answer."""

    def __init__(self, what, hint, result):
        super().__init__("CHECK_FAILED", what, hint)
        self.result = result

    def to_result(self):
        """Returns the module's failure with all findings."""
        return {**self.result, **super().to_result()}


def run(params, _check_mode):
    """Judges the services.

    :raises CheckFailed: there is a finding of the severity ``fail_on`` or worse.
    :raises NovaVmwareError: an option is wrong, or a source that was given does not answer.
    """
    result = {"changed": False, **judge.judge(gather.gather(params))}
    counts = {severity: sum(1 for one in result["findings"] if one["severity"] == severity) for severity in SEVERITIES}
    result["counts"] = {
        **counts,
        "passed": len(result["passed"]),
        "not_checked": len({one["id"] for one in result["not_checked"]}),
    }
    worse = SEVERITIES[: SEVERITIES.index(params["fail_on"]) + 1] if params["fail_on"] != "never" else ()
    bad = [one for one in result["findings"] if one["severity"] in worse]
    if bad:
        lines = [f"{one['severity']} {one['id']} {one['object']}: {one['evidence']}" for one in bad]
        raise CheckFailed(f"{count(len(bad), 'finding')}: {'; '.join(lines)}.", "The hint of each finding says what to do.", result)
    return result
