# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: inventory_problems
short_description: What an inventory lacks before a playbook can begin
version_added: 0.1.0
description:
  - Looks for the group C(nova_vcdriver), for hosts that C(--limit) leaves of it, and for variables that are missing, misspelt or of the wrong shape.
  - No text shows the value of a variable.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: hosts, variables, spec, needed, sources
options:
  _input:
    description: The groups of the inventory, Ansible's C(groups).
    type: dict
    required: true
  hosts:
    description: Hosts that C(--limit) leaves.
    type: list
    elements: str
    required: true
  variables:
    description: The name of each compute host with its variables.
    type: dict
    required: true
  spec:
    description: Options of the argument specs of the roles.
    type: dict
    required: true
  needed:
    description: Names of the variables that the playbook needs.
    type: list
    elements: str
    required: true
  sources:
    description: Inventories that were read, Ansible's C(ansible_inventory_sources).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Require an inventory with compute hosts
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: "{{ groups | openstack_vmware.nova.inventory_problems(ansible_play_hosts_all, {}, {}, [], ansible_inventory_sources) }}"
"""

RETURN = r"""
---
_value:
  description: A text for each thing that is wrong, with what to do.
  type: list
  elements: str
  sample: ["--limit leaves no host of the group nova_vcdriver, which has compute-1."]
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.variables import problems


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"inventory_problems": problems}
