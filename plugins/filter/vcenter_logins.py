# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: vcenter_logins
short_description: The options with which modules log in to vCenters
version_added: 0.1.0
description:
  - Makes of C(nova_vcdriver_vcenters) the options of the modules for vCenter, for C(module_defaults). Passwords are in the result.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: admin, files
options:
  _input:
    description: The vCenters, as C(nova_vcdriver_vcenters) has them. The first one of a name counts.
    type: list
    elements: dict
    required: true
  admin:
    description: Takes C(admin_username) and C(admin_password) of the vCenters that have them.
    type: bool
    default: false
  files:
    description: Where the CA files are, as P(openstack_vmware.nova.local_files#filter) returns it. One that is not in it is taken as it is.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Look at a cluster of each vCenter
  openstack_vmware.nova.hypervisor_info:
    hypervisors: [{cluster_name: cluster-a}]
  module_defaults:
    group/openstack_vmware.nova.vcenter: "{{ (nova_vcdriver_vcenters | openstack_vmware.nova.vcenter_logins)[item] }}"
  loop: [vc1, vc2]
"""

RETURN = r"""
---
_value:
  description: By the name of each vCenter, the options C(hostname), C(port), C(username), C(password), C(validate_certs), C(ca_path) and C(thumbprint).
  type: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.vcenters import logins


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"vcenter_logins": logins}
