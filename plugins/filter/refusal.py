# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: refusal
short_description: Findings as the text with which a run is refused
version_added: 0.1.0
description:
  - Writes a line for each finding, with its id, its object, its evidence and what to do.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: Findings with the keys that those of M(openstack_vmware.nova.compute_check) have.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Require that nothing is wrong
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | openstack_vmware.nova.refusal | join(' ') }}"
"""

RETURN = r"""
---
_value:
  description: A line for each.
  type: list
  elements: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.refusal import refusal


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"refusal": refusal}
