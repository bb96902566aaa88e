#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: compute_node_info
short_description: Compute nodes as Nova and Placement see them
version_added: 0.1.0
description:
  - Joins the compute service, the hypervisor and the resource provider of a nova-compute. A unit that is active proves nothing; a service that is
    up, with a hypervisor and an inventory, does.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  hosts:
    description:
      - Names of the service hosts, C([DEFAULT]host) in their C(nova.conf). Without it, all are shown.
    type: list
    elements: str
extends_documentation_fragment:
  - openstack_vmware.nova.openstack
  - openstack_vmware.nova.attributes.info_module
seealso:
  - module: openstack_vmware.nova.hypervisor_info
"""

EXAMPLES = r"""
- name: Wait until Nova and Placement know a cluster
  openstack_vmware.nova.compute_node_info:
    hosts:
      - vc1-cluster-a
    openstack:
      cloud: prod
  register: nodes
  until: nodes.compute_nodes[0].resource_provider is not none
  retries: 30
  delay: 2
"""

RETURN = r"""
compute_nodes:
  description: One element for each host, in the order of O(hosts), else sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    host: {description: Name of the service host., type: str, sample: vc1-cluster-a}
    found: {description: Whether Nova has a compute service for it., type: bool, sample: true}
    service:
      description:
        - The compute service, or null. C(updated_at) is the time of its last sign of life, in UTC.
        - Nova calls a service up for a minute after that.
      type: dict
      sample:
        id: 1e2c0b46-8e4e-4b0e-a9a2-d4f3d2c5f8f1
        state: up
        status: enabled
        disabled_reason: null
        availability_zone: nova
        forced_down: false
        updated_at: "2026-11-20T10:00:00.000000"
    hypervisor:
      description: The hypervisor, or null. It appears once the host is mapped to a cell.
      type: dict
      sample:
        id: 2f1e0b46-8e4e-4b0e-a9a2-d4f3d2c5f8f1
        hypervisor_hostname: domain-c26.9d51f082-58a4-4449-beed-6fd205a5726b
        type: VMware vCenter Server
        state: up
        status: enabled
    resource_provider:
      description: The resource provider of Placement with its inventories, or null.
      type: dict
      sample:
        uuid: 2f1e0b46-8e4e-4b0e-a9a2-d4f3d2c5f8f1
        inventories:
          VCPU: {total: 128, reserved: 0, max_unit: 64, allocation_ratio: 4.0}
          MEMORY_MB: {total: 1048576, reserved: 0, max_unit: 524288, allocation_ratio: 1.0}
          DISK_GB: {total: 1000, reserved: 0, max_unit: 400, allocation_ratio: 1.0}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import openstack_argument_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute_node_info


def main():
    run(compute_node_info.run, {**openstack_argument_spec(), "hosts": {"type": "list", "elements": "str"}})


if __name__ == "__main__":
    main()
