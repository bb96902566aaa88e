# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when units run, and what would be restarted."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import units


def test_starts():
    """By the unit's name, whatever the order; a unit that never ran has no entry."""
    shown = "ExecMainStartTimestamp=\nId=nova-vmware@vc1-a.service\n\nId=nova-vmware@vc1-b.service\nExecMainStartTimestamp=@1763700000"
    assert units.starts(shown, "nova-vmware@") == {"vc1-b": 1763700000}
    assert units.starts("", "nova-vmware@") == {}


def test_rewritten():
    """Of each task the items that changed, each item in its own form; a unit that changed is that of all."""
    tasks = [
        {"results": [{"changed": False, "item": {"host": "vc1-a"}}]},
        {"results": [{"changed": True, "item": {"key": "vc1-b"}}]},
        {"results": [{"changed": True, "item": "vc1-b"}]},
        {"skipped": True},
    ]
    assert units.rewritten(tasks, ["vc1-a", "vc1-b"], False) == ["vc1-b"]
    assert units.rewritten(tasks, ["vc1-a", "vc1-b"], True) == ["vc1-a", "vc1-b"]
