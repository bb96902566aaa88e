# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: accounts
short_description: Accounts that nova-computes log in with
version_added: 0.1.0
description:
  - Finds the accounts of vCenters that are in use on a compute host, that were replaced, and that will be left.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: computes, moving
options:
  _input:
    description: Lines of C(used <nova-compute> <host_ip> <host_username>) and C(replaced <host_ip> <host_username>).
    type: list
    elements: str
    required: true
  computes:
    description: The nova-computes, as P(openstack_vmware.nova.computes#filter) gives them.
    type: list
    elements: dict
    required: true
  moving:
    description: Names of those that the run moves.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show which accounts will be left
  ansible.builtin.debug:
    msg: "{{ (lines | openstack_vmware.nova.accounts(computes, moving=['vc1-a'])).leaving }}"
"""

RETURN = r"""
---
_value:
  description: Accounts, each as C(<host_ip> <host_username>).
  type: dict
  contains:
    used: {description: In use., type: list, elements: str}
    replaced: {description: Replaced and not dropped yet., type: list, elements: str}
    after: {description: In use when the run has moved its nova-computes., type: list, elements: str}
    leaving: {description: In use and no longer in the inventory., type: list, elements: str}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.accounts import accounts


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"accounts": accounts}
