# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: hypervisors_by_compute
short_description: What vSphere has for each nova-compute
version_added: 0.1.0
description:
  - Finds for each nova-compute what M(openstack_vmware.nova.hypervisor_info) has said about its cluster.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: computes
options:
  _input:
    description: The results of M(openstack_vmware.nova.hypervisor_info), one a vCenter.
    type: list
    elements: dict
    required: true
  computes:
    description: The nova-computes, as P(openstack_vmware.nova.computes#filter) gives them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep them by nova-compute
  ansible.builtin.set_fact:
    hypervisors: "{{ vsphere.results | openstack_vmware.nova.hypervisors_by_compute(computes) }}"
"""

RETURN = r"""
---
_value:
  description: The name of each nova-compute with an element of C(hypervisors).
  type: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.missing import by_compute


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"hypervisors_by_compute": by_compute}
