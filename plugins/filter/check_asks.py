# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: check_asks
short_description: What a compute host asks of its vCenters
version_added: 0.1.0
description:
  - Makes of the nova-computes of a host what preflight asks of each of its vCenters. Passwords are in it, so a task that gets it needs C(no_log).
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: host, services, logins, openstack, images, versions
options:
  _input:
    description: The nova-computes, as P(openstack_vmware.nova.computes#filter) gives them.
    type: list
    elements: dict
    required: true
  host:
    description: Name of the compute host.
    type: str
    required: true
  services:
    description: The same nova-computes as M(openstack_vmware.nova.compute_check) takes them.
    type: list
    elements: dict
    required: true
  logins:
    description: What P(openstack_vmware.nova.vcenter_logins#filter) gives.
    type: dict
    required: true
  openstack:
    description: Access to OpenStack. None where it is not asked.
    type: dict
    required: true
  images:
    description: Names of images to judge.
    type: list
    elements: str
    required: true
  versions:
    description: Versions of libraries that will be installed. Empty where what is there stays.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep what this host asks
  ansible.builtin.set_fact:
    asks: "{{ computes | openstack_vmware.nova.check_asks(inventory_hostname, services, logins, openstack=none, images=[], versions={}) }}"
  no_log: true
"""

RETURN = r"""
---
_value:
  description:
    - One for each vCenter, with the C(host), its name of the C(vcenter), C(login), C(openstack), C(images), C(versions), C(services) and
      C(hypervisors).
  type: list
  elements: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.checks import asks


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"check_asks": asks}
