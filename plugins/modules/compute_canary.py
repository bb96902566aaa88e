#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: compute_canary
short_description: Boot a server on a nova-compute and delete it again
version_added: 0.1.0
description:
  - Shows that servers come up on a cluster, and how long it takes, through the same API that users have.
  - The server is deleted whatever happens, even if the job is cancelled. The next run deletes what a killed run has left.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  host:
    description: Name of the service host, C([DEFAULT]host) in its C(nova.conf). Only an administrator may choose it.
    type: str
    required: true
  image:
    description: Name or id of the image. One that is seeded shows what users get.
    type: str
    required: true
  flavor:
    description: Name or id of the flavor.
    type: str
    required: true
  timeout:
    description: Seconds that the server may take to be ACTIVE, and again to be gone.
    type: int
    default: 300
extends_documentation_fragment:
  - openstack_vmware.nova.openstack
  - openstack_vmware.nova.attributes
notes:
  - The server has no network.
  - In check mode nothing is booted; the module only looks for the service, the image and the flavor.
seealso:
  - module: openstack_vmware.nova.compute_service
"""

EXAMPLES = r"""
- name: See that servers come up on a cluster
  openstack_vmware.nova.compute_canary:
    host: vc1-cluster-a
    image: debian-12
    flavor: tiny
    openstack:
      cloud: prod
"""

RETURN = r"""
canary:
  description: The server and its times. Null in check mode.
  returned: success
  type: dict
  contains:
    server: {description: "Id of the server, which is gone.", type: str, sample: 5b0c3a0e-5a55-4c1b-9d0b-0f7a6a1f6f11}
    hypervisor_hostname: {description: The node that it ran on., type: str, sample: domain-c26.9d51f082-58a4-4449-beed-6fd205a5726b}
    seconds:
      description: Seconds from the request until it was ACTIVE, and from the request to delete it until it was gone.
      type: dict
      sample: {active: 4.2, deleted: 1.6}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import openstack_argument_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute_canary


def main():
    run(
        compute_canary.run,
        {
            **openstack_argument_spec(),
            "host": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
            "flavor": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 300},
        },
    )


if __name__ == "__main__":
    main()
