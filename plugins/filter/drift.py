# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: drift
short_description: What differs between the inventory and a compute host
version_added: 0.1.0
description:
  - Compares what C(tasks/drift.yml) of the role C(openstack_vmware.nova.nova_vcdriver) has read with what the role would write.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: hosts, computes, venv, files, unit_changed, cluster_states, missing, reached
options:
  _input:
    description: What its script has printed, one fact on each line.
    type: list
    elements: str
    required: true
  hosts:
    description: Names of all nova-computes that the inventory has for the host.
    type: list
    elements: str
    required: true
  computes:
    description: Those that the run is about, as P(openstack_vmware.nova.computes#filter) gives them.
    type: list
    elements: dict
    required: true
  venv:
    description: What each should run from.
    type: str
    required: true
  files:
    description: The name of each file with what the task that writes it has registered.
    type: dict
    required: true
  unit_changed:
    description: Whether the unit differs.
    type: bool
    required: true
  cluster_states:
    description: Results of M(openstack_vmware.nova.vsphere_cluster_settings) in check mode.
    type: list
    elements: dict
    required: true
  missing:
    description: What P(openstack_vmware.nova.missing#filter) gives.
    type: list
    elements: str
    required: true
  reached:
    description: What M(openstack_vmware.nova.compute_host_info) gives as C(compute_host.openstack).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Compare
  ansible.builtin.set_fact:
    differences: >-
      {{ facts.stdout_lines | openstack_vmware.nova.drift(hosts=['vc1-a'], computes=computes, venv='/usr', files={}, unit_changed=false,
         cluster_states=[], missing=[], reached=[]) }}
"""

RETURN = r"""
---
_value:
  description: What differs.
  type: list
  elements: dict
  contains:
    host: {description: Name of the nova-compute., type: str}
    what: {description: What differs., type: str}
    expected: {description: What it should be., type: str}
    found: {description: What it is., type: str}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.drift import differences


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"drift": differences}
