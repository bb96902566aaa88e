#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vsphere_host_firewall
short_description: Open or close a ruleset of the ESXi hosts' firewalls
version_added: 0.1.0
description:
  - An ESXi host fetches an image from Glance itself only if the ruleset C(httpClient) of its firewall is open. It is closed on a new host.
  - All other rulesets, and the addresses that a ruleset allows, stay as they are.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  hypervisors:
    required: true
  hosts:
    description:
      - Names of the hosts, if not all of the hypervisors are meant. A host that the hypervisors do not have is refused.
      - To close again what an earlier task opened, give the hosts that its result has as changed.
    type: list
    elements: str
  ruleset:
    description: Name of the ruleset. A host that has no such ruleset is refused before anything is changed.
    type: str
    default: httpClient
  state:
    description: V(enabled) opens the ruleset, V(disabled) closes it.
    type: str
    choices: [enabled, disabled]
    default: enabled
extends_documentation_fragment:
  - openstack_vmware.nova.vcenter
  - openstack_vmware.nova.hypervisors
  - openstack_vmware.nova.attributes
notes:
  - The account needs the privilege C(Host.Config.NetService) on the hosts, which the account of Nova itself does not need. Use another account.
  - A host that is not connected is left alone, and named in a warning.
seealso:
  - module: openstack_vmware.nova.image_cache
  - module: openstack_vmware.nova.vsphere_role
"""

EXAMPLES = r"""
- name: Let the hosts of a cluster fetch images from Glance
  openstack_vmware.nova.vsphere_host_firewall:
    hostname: vcenter.example.com
    username: administrator@vsphere.local
    password: "{{ vcenter_password }}"
    ca_path: /etc/ssl/vcenter-ca.pem
    hypervisors: [{cluster_name: cluster-a}]
  register: firewall

- name: Close what was opened
  openstack_vmware.nova.vsphere_host_firewall:
    hostname: vcenter.example.com
    username: administrator@vsphere.local
    password: "{{ vcenter_password }}"
    ca_path: /etc/ssl/vcenter-ca.pem
    hypervisors: [{cluster_name: cluster-a}]
    hosts: "{{ firewall.hosts | selectattr('changed') | map(attribute='name') }}"
    state: disabled
"""

RETURN = r"""
hosts:
  description: The hosts whose firewalls could be read.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the host., type: str, sample: esx-1.example.com}
    moid: {description: Its managed object id., type: str, sample: host-21}
    enabled: {description: Whether the ruleset is open after the change., type: bool, sample: true}
    changed: {description: Whether it was changed., type: bool, sample: true}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import hypervisors_argument_spec, vcenter_argument_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vcenter_admin import host_firewall


def argument_spec():
    return {
        **vcenter_argument_spec(),
        **hypervisors_argument_spec(required=True),
        "hosts": {"type": "list", "elements": "str"},
        "ruleset": {"type": "str", "default": "httpClient"},
        "state": {"type": "str", "choices": ["enabled", "disabled"], "default": "enabled"},
    }


def main():
    run(host_firewall.run, argument_spec())


if __name__ == "__main__":
    main()
