# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight shows."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.report import report


def test_report():
    """All findings first; a rule that was not checked stands once behind its reason."""
    result = {
        "item": {"item": {"__nova_vcdriver_name": "vc1"}},
        "findings": [{"severity": "error", "id": "X", "object": "a", "evidence": "is off"}],
        "counts": {"error": 1, "warning": 0, "info": 0, "passed": 5, "not_checked": 3},
        "not_checked": [{"reason": "r2", "id": "B"}, {"reason": "r1", "id": "A"}, {"reason": "r2", "id": "B"}],
    }
    assert report([result]) == [
        "error    X                            a: is off",
        "vCenter vc1: 1 errors, 0 warnings, 0 notes; 5 rules passed, 3 not checked",
        "not checked, since r1: A",
        "not checked, since r2: B",
    ]
