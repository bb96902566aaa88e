# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout reads from a host: since when units run, what would be restarted, which accounts are used."""

from __future__ import annotations

TWO = {"nova_vcdriver_computes": [{"cluster_name": "a"}, {"cluster_name": "b"}]}
OLD, NEW = "vc1.example.com old@vsphere.local", "vc1.example.com nova@vsphere.local"


def test_started(evaluate):
    """By the unit's name, whatever the order; a unit that never ran has no entry."""
    shown = "ExecMainStartTimestamp=\nId=nova-vmware@vc1-a.service\n\nId=nova-vmware@vc1-b.service\nExecMainStartTimestamp=@1763700000"
    assert evaluate("__nova_vcdriver_started", **TWO, __nova_vcdriver_since={"stdout": shown}) == {"vc1-b": 1763700000}
    assert evaluate("__nova_vcdriver_started", **TWO, __nova_vcdriver_since={"stdout": ""}) == {}


def test_rewritten(evaluate):
    """Of each task the items that changed, each item in its own form; a unit that changed is that of all."""
    given = {
        "__nova_vcdriver_unit_file": {"changed": False},
        "__nova_vcdriver_ca_files": {"results": [{"changed": False, "item": {"host": "vc1-a"}}]},
        "__nova_vcdriver_secret_files": {"results": [{"changed": True, "item": {"key": "vc1-b"}}]},
        "__nova_vcdriver_links": {"results": [{"changed": True, "item": "vc1-b"}]},
    }
    assert evaluate("__nova_vcdriver_rewritten", **TWO, **given) == ["vc1-b"]
    assert evaluate("__nova_vcdriver_rewritten", **TWO, **{**given, "__nova_vcdriver_unit_file": {"changed": True}}) == ["vc1-a", "vc1-b"]


def accounts(evaluate, lines, **given):
    """Gives the sorted parts of __nova_vcdriver_accounts."""
    found = evaluate("__nova_vcdriver_accounts", **TWO, __nova_vcdriver_account_lines={"stdout_lines": lines}, **given)
    return {name: sorted(set(values)) for name, values in found.items()}


def test_accounts(evaluate):
    """Before the move, after the move of one (of the chosen one only), and after that of all."""
    before = [f"used vc1-a {OLD}", f"used vc1-b {OLD}"]
    assert accounts(evaluate, before) == {"used": [OLD], "replaced": [], "after": [NEW], "leaving": [OLD]}
    assert accounts(evaluate, before, nova_vcdriver_only="vc1-a")["after"] == [NEW, OLD]
    half = [f"used vc1-a {NEW}", f"used vc1-b {OLD}", f"replaced {OLD}"]
    assert accounts(evaluate, half) == {"used": [NEW, OLD], "replaced": [OLD], "after": [NEW], "leaving": [OLD]}
    done = [f"used vc1-a {NEW}", f"used vc1-b {NEW}", f"replaced {OLD}"]
    assert accounts(evaluate, done) == {"used": [NEW], "replaced": [OLD], "after": [NEW], "leaving": []}
