#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: compute_service
short_description: Enable, disable or remove a nova-compute in Nova
version_added: 0.1.0
description:
  - Enables or disables a nova-compute, so that the scheduler uses it or leaves it out.
  - V(absent) deletes the compute service with its host mapping, and its resource provider in Placement. It refuses while servers live there, and
    names them.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  host:
    description: Name of the service host, C([DEFAULT]host) in its C(nova.conf).
    type: str
    required: true
  state:
    description:
      - V(enabled) and V(disabled) need a service that exists. Its servers keep running in both states.
      - Stop the nova-compute before V(absent), since one that runs fails from then on.
    type: str
    choices: [enabled, disabled, absent]
    default: enabled
  disabled_reason:
    description:
      - The reason, for whoever looks at it later. Only with O(state=disabled).
      - Without it a service that is disabled already keeps its reason.
    type: str
  resource_provider:
    description:
      - UUID of the resource provider, which is in the file C(compute_id) of the nova-compute. Only with O(state=absent).
      - It is only needed if Nova no longer knows the service because an earlier run was cut short.
    type: str
extends_documentation_fragment:
  - openstack_vmware.nova.openstack
  - openstack_vmware.nova.attributes
notes:
  - In check mode V(absent) refuses what it would refuse otherwise, so you can ask first.
  - Nova writes C(set by vmwareapi host_state) as the reason when its driver has disabled the service because vCenter did not answer. The
    driver enables it again, but not after a restart of the nova-compute.
seealso:
  - module: openstack_vmware.nova.compute_node_info
"""

EXAMPLES = r"""
- name: Send no more servers to a cluster
  openstack_vmware.nova.compute_service:
    host: vc1-cluster-a
    state: disabled
    disabled_reason: new ESXi hosts, change 4711
    openstack:
      cloud: prod
  register: service

- name: Wait until nothing is built or moved there
  openstack_vmware.nova.compute_service:
    host: vc1-cluster-a
    state: disabled
    openstack:
      cloud: prod
  register: service
  until: service.busy | length == 0
  retries: 60
  delay: 5

- name: Use the cluster again
  openstack_vmware.nova.compute_service:
    host: vc1-cluster-a
    state: enabled
    openstack:
      cloud: prod

- name: Remove a nova-compute that has been stopped
  openstack_vmware.nova.compute_service:
    host: vc1-cluster-retired
    state: absent
    openstack:
      cloud: prod
"""

RETURN = r"""
compute_service:
  description: The compute service as it is now, or would be without check mode. Null when there is none.
  returned: success
  type: dict
  sample: &service
    id: 1e2c0b46-8e4e-4b0e-a9a2-d4f3d2c5f8f1
    state: up
    status: disabled
    disabled_reason: new ESXi hosts, change 4711
    availability_zone: nova
    forced_down: false
    updated_at: "2026-11-20T10:00:00.000000"
before:
  description: The same as it was found.
  returned: success
  type: dict
  sample: *service
servers:
  description: The servers that live there, of all projects.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 5b0c3a0e-5a55-4c1b-9d0b-0f7a6a1f6f11
      name: web-1
      status: ACTIVE
      task_state: null
      project_id: 0c4e939acacf4376bdcd1129f1a054ad
migrations:
  description: The migrations and resizes that have not ended.
  returned: success
  type: list
  elements: dict
  sample:
    - id: "17"
      type: resize
      status: migrating
      server_id: 5b0c3a0e-5a55-4c1b-9d0b-0f7a6a1f6f11
busy:
  description: One line for each server that has a task under way, and for each migration that moves. With an empty list the nova-compute can be stopped.
  returned: success
  type: list
  elements: str
  sample: ["server web-2 (9d1f4a7e-3f3e-4a37-8f0a-5f0c3f2b7d10): spawning"]
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import openstack_argument_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute_service


def main():
    run(
        compute_service.run,
        {
            **openstack_argument_spec(),
            "host": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["enabled", "disabled", "absent"], "default": "enabled"},
            "disabled_reason": {"type": "str"},
            "resource_provider": {"type": "str"},
        },
    )


if __name__ == "__main__":
    main()
