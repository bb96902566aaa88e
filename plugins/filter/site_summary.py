# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: site_summary
short_description: The record of a site as a few lines
version_added: 0.1.0
description:
  - Says what changed or would change, and what needs somebody.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: shown
options:
  _input:
    description: What P(openstack_vmware.nova.site_record#filter) returns.
    type: dict
    required: true
  shown:
    description: Whether the findings were shown just before, so that it is enough to count them.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Sum up
  ansible.builtin.debug:
    msg: "{{ record | openstack_vmware.nova.site_summary }}"
  vars:
    record: "{{ [{'name': 'compute-1', 'reached': true}] | openstack_vmware.nova.site_record(playbook='preflight', time='today', check_mode=false) }}"
"""

RETURN = r"""
---
_value:
  description: At most 27 lines.
  type: list
  elements: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.summary import lines


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"site_summary": lines}
