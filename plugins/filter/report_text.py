# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: report_text
short_description: The record of a site as the text of a file
version_added: 0.1.0
description:
  - Writes the record as HTML, JSON or JUnit, as the suffix of the file's name says - C(.html), C(.json) or C(.xml).
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: path
options:
  _input:
    description: What P(openstack_vmware.nova.site_record#filter) returns.
    type: dict
    required: true
  path:
    description: Name of the file.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.copy:
    content: "{{ record | openstack_vmware.nova.report_text('report.html') }}"
    dest: /tmp/report.html
    mode: "0644"
  vars:
    record: "{{ [{'name': 'compute-1', 'reached': true}] | openstack_vmware.nova.site_record(playbook='preflight', time='today', check_mode=false) }}"
"""

RETURN = r"""
---
_value:
  description: The text.
  type: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.formats import text


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"report_text": text}
