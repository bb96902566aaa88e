# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: check_refusal
short_description: Findings as the text with which a run is refused
version_added: 0.1.0
description:
  - Writes a line for each rule that found something, with its id, its first objects, the evidence of the first one and what to do.
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
- name: Require that nothing is in the way
  ansible.builtin.assert:
    that: check.findings | length == 0
    fail_msg: "{{ check.findings | openstack_vmware.nova.check_refusal | join(' ') }}"
"""

RETURN = r"""
---
_value:
  description: The lines.
  type: list
  elements: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.screen import refusal


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"check_refusal": refusal}
