# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: check_options
short_description: What compute hosts add to a call of compute_check
version_added: 0.1.0
description:
  - Puts together what the compute hosts of a call have told.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: number, seen, settings
options:
  _input:
    description: One of what P(openstack_vmware.nova.check_calls#filter) gives.
    type: dict
    required: true
  number:
    description: The place of the call, from 0.
    type: int
    required: true
  seen:
    description:
      - For each host of the call what a loop of M(openstack_vmware.nova.compute_host_info) over numbers of calls has registered. Empty for a
        host that failed.
    type: list
    elements: dict
    required: true
  settings:
    description: For each host of the call what a loop of M(openstack_vmware.nova.vsphere_cluster_settings) has registered, with C(vcenter) in its items.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what the compute hosts have told
  ansible.builtin.debug:
    msg: "{{ (call | openstack_vmware.nova.check_options(0, [{'results': []}], [{}])).compute_hosts }}"
  vars:
    call: {hosts: [{host: compute-1, vcenter: vc1, versions: {nova: 34.0.0}}]}
"""

RETURN = r"""
---
_value:
  description: Options of M(openstack_vmware.nova.compute_check).
  type: dict
  contains:
    compute_hosts: {description: As the module takes it., type: dict}
    cluster_settings: {description: As the module takes it., type: list, elements: dict}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.checks import options


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"check_options": options}
