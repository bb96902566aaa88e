# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: check_calls
short_description: One call of compute_check for each vCenter
version_added: 0.1.0
description:
  - Merges what the compute hosts of a run ask of their vCenters. Hosts with the same login to a vCenter and the same access to OpenStack share a call.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: What P(openstack_vmware.nova.check_asks#filter) gives, of all hosts.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Count the calls
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts | map('extract', hostvars, 'asks') | flatten(levels=1) | openstack_vmware.nova.check_calls | length }}"
"""

RETURN = r"""
---
_value:
  description:
    - The calls, in the order of their first hosts. Each has C(vcenter), C(login), C(openstack), C(images), C(services), C(hypervisors), and C(hosts), of which
      each has the C(host), its name of the C(vcenter) and its C(versions).
  type: list
  elements: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.checks import calls


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"check_calls": calls}
