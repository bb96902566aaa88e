# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: report_files_wrong
short_description: What is wrong with the names of report files
version_added: 0.1.0
description:
  - Says of files whether a report could be written to them, before the work starts.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: there, folders, writable
options:
  _input:
    description: The absolute names of the files.
    type: list
    elements: str
    required: true
  there:
    description: Those of the files, and of the folders that they are in, that exist.
    type: list
    elements: str
    required: true
  folders:
    description: Those that are folders.
    type: list
    elements: str
    required: true
  writable:
    description: Those that the account may write to.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Require that the report can be written
  ansible.builtin.assert:
    that: "['/tmp/report.html'] | openstack_vmware.nova.report_files_wrong(there=['/tmp'], folders=['/tmp'], writable=['/tmp']) | length == 0"
"""

RETURN = r"""
---
_value:
  description: A line for each file that is wrong.
  type: list
  elements: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.formats import wrong


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"report_files_wrong": wrong}
