# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: openstack_access
short_description: The option openstack of modules with absolute paths of its files
version_added: 0.1.0
description:
  - Adds the C(clouds.yaml) of the site as C(clouds_file), and makes C(ca_cert) absolute. A module runs in the folder of the playbook and would look there.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: files
options:
  _input:
    description: The option C(openstack) as the inventory has it, such as C(nova_vcdriver_openstack).
    type: dict
    required: true
  files:
    description: What P(openstack_vmware.nova.local_files#filter) returned for C(clouds.yaml) and C(ca_cert).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: List the compute nodes
  openstack_vmware.nova.compute_node_info:
    openstack: "{{ {'cloud': 'prod'} | openstack_vmware.nova.openstack_access({'clouds.yaml': {'path': '/srv/site/clouds.yaml', 'found': true}}) }}"
"""

RETURN = r"""
---
_value:
  description: The option.
  type: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.files import openstack_access


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"openstack_access": openstack_access}
