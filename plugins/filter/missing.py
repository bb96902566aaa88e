# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: missing
short_description: What Nova and Placement miss of nova-computes
version_added: 0.1.0
description:
  - Compares what M(openstack_vmware.nova.compute_node_info) returned with what must be there, Placement's inventories with what vCenter has.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: computes, hypervisors, started, states, rpc, rollout
options:
  _input:
    description: What M(openstack_vmware.nova.compute_node_info) returned, also where it failed. Without it only units and RPC are judged.
    type: dict
  computes:
    description: The nova-computes, as P(openstack_vmware.nova.computes#filter) gives them.
    type: list
    elements: dict
    required: true
  hypervisors:
    description: What vSphere has, as P(openstack_vmware.nova.hypervisors_by_compute#filter) gives it.
    type: dict
    required: true
  started:
    description: The name of each nova-compute with the second of the epoch at which its process started.
    type: dict
    required: true
  states:
    description: Results of C(systemctl is-active), one a nova-compute.
    type: list
    elements: dict
    required: true
  rpc:
    description: Results of a call by RPC, one a nova-compute.
    type: list
    elements: dict
    required: true
  rollout:
    description: Whether a service that is disabled is to stay so.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Require that nothing is missing
  ansible.builtin.assert:
    that: nodes | openstack_vmware.nova.missing(computes, hypervisors, started={}, states=[], rpc=[]) | length == 0
"""

RETURN = r"""
---
_value:
  description: A line for each thing that is missing, which begins with the name of the nova-compute.
  type: list
  elements: str
  sample: ["vc1-cluster-a: Placement has no VCPU"]
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.missing import missing


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"missing": missing}
