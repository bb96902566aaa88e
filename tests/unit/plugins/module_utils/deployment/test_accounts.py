# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts are in use while a rotation moves nova-computes."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.accounts import accounts

OLD, NEW = "vc1.example.com old@vsphere.local", "vc1.example.com nova@vsphere.local"
COMPUTES = [{"host": host, "config": {"vmware": {"host_ip": "vc1.example.com", "host_username": "nova@vsphere.local"}}} for host in ("vc1-a", "vc1-b")]


def found(lines, moving=("vc1-a", "vc1-b")):
    """Returns the sorted parts of the result."""
    return {name: sorted(set(values)) for name, values in accounts(lines, COMPUTES, moving).items()}


def test_accounts():
    """Before the move, after the move of one (of the chosen one only), and after that of all."""
    before = [f"used vc1-a {OLD}", f"used vc1-b {OLD}"]
    assert found(before) == {"used": [OLD], "replaced": [], "after": [NEW], "leaving": [OLD]}
    assert found(before, moving=["vc1-a"])["after"] == [NEW, OLD]
    half = [f"used vc1-a {NEW}", f"used vc1-b {OLD}", f"replaced {OLD}"]
    assert found(half) == {"used": [NEW, OLD], "replaced": [OLD], "after": [NEW], "leaving": [OLD]}
    done = [f"used vc1-a {NEW}", f"used vc1-b {NEW}", f"replaced {OLD}"]
    assert found(done) == {"used": [NEW], "replaced": [OLD], "after": [NEW], "leaving": []}
