# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failure tells."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def test_one_period():
    """What a server said may have one of its own; dots that leave something out stay."""
    assert [NovaVmwareError("X", text).what for text in ("It failed: no cloud..", "It failed.", "It failed...")] == [
        "It failed: no cloud.",
        "It failed.",
        "It failed...",
    ]


def test_failure_has_all_parts():
    error = NovaVmwareError("SOME_CODE", "It failed.", "Do this.", {"a": 1})
    assert error.to_result() == {"msg": "It failed. Do this.", "error_code": "SOME_CODE", "hint": "Do this.", "details": {"a": 1}}
