# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: seed_asked
short_description: What makes the calls of two hosts one
version_added: 0.1.0
description:
  - Adds to what P(openstack_vmware.nova.seed_calls#filter) returns what makes the calls of two hosts one. No secret is in it.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: vcenters, host, wishes
options:
  _input:
    description: What P(openstack_vmware.nova.seed_calls#filter) returns.
    type: list
    elements: dict
    required: true
  vcenters:
    description: The vCenters, as C(nova_vcdriver_vcenters) has them.
    type: list
    elements: dict
    required: true
  host:
    description: Name of the host that asks.
    type: str
    required: true
  wishes:
    description: What the host wants of each call. It is compared as it is.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what this host asks for
  ansible.builtin.debug:
    msg: "{{ calls | openstack_vmware.nova.seed_asked(nova_vcdriver_vcenters, inventory_hostname, {'images': image_seed_images}) }}"
  vars:
    calls: "{{ computes | openstack_vmware.nova.seed_calls }}"
"""

RETURN = r"""
---
_value:
  description: The calls, each with C(host) and with C(same), which is equal for calls that one host may make for another.
  type: list
  elements: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.seeds import asked


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"seed_asked": asked}
