# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user reads when a run is refused."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import refusal


def test_one_period():
    """Whatever the evidence ends with."""
    finding = {"id": "X", "object": "vc1", "hint": "Mend it."}
    lines = refusal.refusal([{**finding, "evidence": evidence} for evidence in ("it is broken", "it is broken.", "it is broken..")])
    assert lines == ["- X: vc1: it is broken. Fix: Mend it."] * 3


def test_unknown_names():
    assert refusal.unknown_names(["vc1-a", "vc1-clustr-b", "x"], ["vc1-a", "vc1-cluster-b"]) == "'vc1-clustr-b' (did you mean 'vc1-cluster-b'?), 'x'"
    assert refusal.unknown_names(["vc1-a"], ["vc1-a"]) == ""
