# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: site_stats
short_description: The record of a site in few words, for programs
version_added: 0.1.0
description:
  - Counts what is in a record. Its size does not grow with the site, so that it fits into the artifacts of an AWX job.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: What P(openstack_vmware.nova.site_record#filter) returns.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Hand it on
  ansible.builtin.set_stats:
    data:
      nova_vcdriver: "{{ record | openstack_vmware.nova.site_stats }}"
  vars:
    record: "{{ [{'name': 'compute-1', 'reached': true}] | openstack_vmware.nova.site_record(playbook='preflight', time='today', check_mode=false) }}"
"""

RETURN = r"""
---
_value:
  description: The counts.
  type: dict
  contains:
    playbook: {description: Name of the playbook., type: str}
    check_mode: {description: Whether it only said what it would do., type: bool}
    computes: {description: How many nova-computes it did what to., type: dict}
    findings: {description: How many findings there are of each severity., type: dict}
    drift: {description: How many differences there are. Null where nobody looked., type: int}
    needs: {description: The first 20 things that need somebody., type: list, elements: str}
    needs_in_all: {description: How many there are., type: int}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.summary import stats


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"site_stats": stats}
