# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: check_numbers
short_description: The calls of compute_check that a compute host has a part in
version_added: 0.1.0
description:
  - Gives the places of the calls that a compute host has a part in.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: host
options:
  _input:
    description: What P(openstack_vmware.nova.check_calls#filter) gives.
    type: list
    elements: dict
    required: true
  host:
    description: Name of the compute host.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the calls of this host
  ansible.builtin.debug:
    msg: "{{ calls | openstack_vmware.nova.check_numbers(inventory_hostname) }}"
  vars:
    calls: [{hosts: [{host: compute-1, vcenter: vc1, versions: {}}]}]
"""

RETURN = r"""
---
_value:
  description: The places, from 0.
  type: list
  elements: int
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.checks import numbers


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"check_numbers": numbers}
