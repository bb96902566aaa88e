# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: check_report
short_description: Findings of compute_check as a few lines
version_added: 0.1.0
description:
  - Groups what M(openstack_vmware.nova.compute_check) returned - a line for each rule, with the first objects and what to do, at any number of clusters.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: The results, one a call.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ checks.results | openstack_vmware.nova.check_report }}"
"""

RETURN = r"""
---
_value:
  description: The groups, then what was found and judged in sum. At most 21 lines.
  type: list
  elements: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.screen import report


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"check_report": report}
