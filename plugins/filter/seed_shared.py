# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: seed_shared
short_description: Merges what several hosts ask of a vCenter
version_added: 0.1.0
description:
  - Merges the calls of hosts that ask for the same, with the same access to OpenStack. The first of them makes the call, so an image is
    read from Glance once for all of them.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: access
options:
  _input:
    description: For each host, what P(openstack_vmware.nova.seed_asked#filter) returns.
    type: list
    elements: list
    required: true
  access:
    description: The access to OpenStack of each of these hosts, in the same order. It is only compared.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what this host does for itself and for others
  ansible.builtin.debug:
    msg: "{{ asked | openstack_vmware.nova.seed_shared(access) | selectattr('host', 'eq', inventory_hostname) }}"
  vars:
    asked: "{{ ansible_play_hosts | map('extract', hostvars, 'asked_for') }}"
    access: "{{ ansible_play_hosts | map('extract', hostvars, 'image_seed_openstack') }}"
"""

RETURN = r"""
---
_value:
  description: The calls, each with the hypervisors of all its hosts, with C(host), which makes it, and C(hosts), those that it is for.
  type: list
  elements: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.seeds import shared


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"seed_shared": shared}
