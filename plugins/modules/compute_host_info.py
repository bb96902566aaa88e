#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: compute_host_info
short_description: What a compute host sees of vSphere and OpenStack
version_added: 0.1.0
description:
  - Run it on a compute host. It reports the versions of Nova and its libraries, whether names resolve and ports can be reached, and how far
    the clock is from the vCenter's. M(openstack_vmware.nova.compute_check) judges what it reports.
  - With O(nova_confs) it also tries what their C(nova.conf) names, as nova-compute does. It logs in to the message broker and opens the virtual host, gets a
    token from Keystone with each account, and asks Placement, Neutron and Glance at the endpoints of the catalog.
  - It needs nothing but Python on the compute host, changes nothing, and does not log in to vCenter.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  vcenter:
    description: The vCenter, for the clock and as one of RV(compute_host.peers).
    type: dict
    suboptions:
      host:
        description: Its name or address.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 443
  esxi_hosts:
    description: Names of the ESXi hosts as vCenter shows them, since Nova uploads images to these names.
    type: list
    elements: str
    default: []
  esxi_port:
    description: The port that the ESXi hosts are asked on. Nova uses C([vmware]host_port) for them as well.
    type: int
    default: 443
  python:
    description: The Python that runs nova-compute; in a virtual environment, its C(bin/python3).
    type: path
    default: /usr/bin/python3
  state_paths:
    description: Values of C([DEFAULT]state_path), to see whether the file C(compute_id) is there.
    type: list
    elements: path
    default: []
  nova_confs:
    description:
      - The nova-computes whose broker and APIs are tried. A key is the name in Nova, C([DEFAULT]host); its value is the text of the C(nova.conf) with
        the passwords; of several files, one after the other in the order in which Nova reads them.
      - Files that it names, such as C(cafile), must be on the compute host. What several nova-computes have in common is tried once.
      - RabbitMQ and accounts with a password are tried. What else a C(nova.conf) names is in RV(compute_host.openstack) as V(unknown), with the reason.
    type: dict
    default: {}
  timeout:
    description: Seconds that one connection or answer may take. All are made at the same time, up to 32.
    type: int
    default: 10
extends_documentation_fragment:
  - openstack_vmware.nova.attributes.info_module
seealso:
  - module: openstack_vmware.nova.compute_check
"""

EXAMPLES = r"""
- name: See whether the compute host reaches the ESXi hosts
  openstack_vmware.nova.compute_host_info:
    esxi_hosts: [localhost]
    timeout: 1
  register: seen

- name: Try the message broker and Keystone
  openstack_vmware.nova.compute_host_info:
    timeout: 1
    nova_confs:
      vc1-cluster-a: |
        [DEFAULT]
        transport_url = rabbit://nova:{{ broker_password | default('secret') }}@localhost:1/
        [placement]
        auth_type = password
        auth_url = http://localhost:1/v3
        username = nova
        password = {{ nova_password | default('secret') }}
        project_name = service
        user_domain_name = Default
        project_domain_name = Default

- name: Name those that it does not reach
  ansible.builtin.debug:
    msg: "{{ seen.compute_host.peers | rejectattr('reachable') | map(attribute='error') }}"
"""

RETURN = r"""
compute_host:
  description: What was seen.
  returned: success
  type: dict
  contains:
    versions:
      description: Versions of what O(python) has; null for a library that it has not.
      type: dict
      sample: {nova: 34.0.0, oslo.vmware: 4.10.1, urllib3: 2.8.0, suds-community: 1.2.0}
    options:
      description:
        - How the installed Nova defines the options that the rules read, so that M(openstack_vmware.nova.compute_check) computes their values as it
          does; null where Nova is not installed.
        - C(nova) is its version, C(definitions) a list of options, C(known) has the names of all options of a section.
      type: dict
      sample: {nova: 34.0.0, definitions: [], known: {vmware: [host_ip, host_port]}}
    openstack:
      description: What O(nova_confs) need besides their vCenter.
      type: list
      elements: dict
      contains:
        service: {description: "V(broker), V(keystone), V(placement), V(neutron) or V(glance).", type: str, sample: broker}
        target: {description: The address or URL., type: str, sample: "rabbit.example.com:5671"}
        computes: {description: Names of the nova-computes that use it., type: list, elements: str, sample: [vc1-cluster-a]}
        problem:
          description:
            - What is wrong, null if nothing is.
            - V(unreachable), V(certificate) (not trusted), V(login) (refused), V(answer) (not as expected), V(missing) (not in the catalog), or
              V(unknown) (not tried).
          type: str
          sample: null
        error: {description: Why., type: str, sample: null}
        clock_skew_seconds: {description: "Of Keystone: how far the host's clock is ahead of its clock.", type: float, sample: 0.3}
    peers:
      description: The vCenter and the ESXi hosts.
      type: list
      elements: dict
      contains:
        host: {description: Its name., type: str, sample: esxi-01.example.com}
        port: {description: The port., type: int, sample: 443}
        addresses: {description: What the name resolves to., type: list, elements: str, sample: [192.0.2.31]}
        reachable: {description: Whether the port takes a connection., type: bool, sample: true}
        error: {description: Why it does not., type: str, sample: null}
    clock_skew_seconds:
      description: How far the host's clock is ahead of the vCenter's, to about a second; null where it could not be compared.
      type: float
      sample: 0.4
    compute_ids:
      description: Each of O(state_paths), and whether the file C(compute_id) is there; unset where the account may not look.
      type: list
      elements: dict
      sample: [{state_path: /var/lib/nova/vc1-cluster-a, compute_id: true}]
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import host_info
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run


def argument_spec():
    return {
        "vcenter": {
            "type": "dict",
            "options": {"host": {"type": "str", "required": True}, "port": {"type": "int", "default": 443}},
        },
        "esxi_hosts": {"type": "list", "elements": "str", "default": []},
        "esxi_port": {"type": "int", "default": 443},
        "python": {"type": "path", "default": "/usr/bin/python3"},
        "state_paths": {"type": "list", "elements": "path", "default": []},
        # Not nested: the host's log would get such a text, since Ansible does not find text of several lines in what it logs of an option.
        "nova_confs": {"type": "dict", "default": {}, "no_log": True},
        "timeout": {"type": "int", "default": 10},
    }


def main():
    run(host_info.run, argument_spec())


if __name__ == "__main__":
    main()
