# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: compute_names
short_description: The names of the nova-computes that an inventory asks for
version_added: 0.1.0
description:
  - Returns the name of each, which is its C(host) or, without one, made of the names of its vCenter and its cluster.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: vcenters
options:
  _input:
    description: C(nova_vcdriver_computes).
    type: list
    elements: dict
    required: true
  vcenters:
    description: C(nova_vcdriver_vcenters).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the names
  ansible.builtin.debug:
    msg: "{{ nova_vcdriver_computes | openstack_vmware.nova.compute_names(nova_vcdriver_vcenters) }}"
"""

RETURN = r"""
---
_value:
  description: The names.
  type: list
  elements: str
  sample: [vc1-cluster-a]
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.computes import names


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"compute_names": names}
