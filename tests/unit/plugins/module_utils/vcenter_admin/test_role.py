# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of accounts: vCenter takes one form and shows another."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vcenter_admin import role


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("nova@vsphere.local", "VSPHERE.LOCAL\\nova", True),
        ("Nova@vsphere.local", "vsphere.local\\nova", True),
        ("nova@vsphere.local", "nova@example.com", False),
        ("nova@vsphere.local", "nova-2@vsphere.local", False),
        ("nova", "NOVA", True),
        ("nova", "nova@vsphere.local", False),
        ("a@b@vsphere.local", "VSPHERE.LOCAL\\a@b", True),
    ],
)
def test_same_principal(one, other, same):
    assert role.same_principal(one, other) is same
