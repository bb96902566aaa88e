#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: compute_check
short_description: Find what breaks Nova's VC driver, before or after it runs
version_added: 0.1.0
description:
  - Judges nova-computes with the VC driver by rules with stable ids; C(docs/checks.md) lists them. Each finding says what is wrong, on which
    object, where the rule comes from and what to do.
  - Each source of facts is optional. A rule whose facts were not given is in RV(not_checked), with the reason; it never counts as passed.
  - A vCenter that does not answer, is not trusted or refuses the account is a finding. A cluster that is missing is one, too.
  - It changes nothing. The number of requests to the vCenter does not grow with its size, other than by pages of 1,000 objects, and one for each
    datastore for the image caches.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  hostname:
    description:
      - Name or address of the vCenter. Without it no rule about the vCenter is judged.
      - If not set, the value of the environment variable E(VMWARE_HOST) is used.
    required: false
  username:
    required: false
  password:
    required: false
  vcenter:
    description: What findings call the vCenter. By default O(hostname), without that C([vmware]host_ip) of O(services[].nova_conf).
    type: str
  services:
    description: The nova-computes, all of this one vCenter, best all of a site together.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name in Nova, C([DEFAULT]host). By default that of O(services[].nova_conf), else the cluster's name.
        type: str
      cluster_name:
        description: Name of its cluster. By default C([vmware]cluster_name) of O(services[].nova_conf).
        type: str
      datastore_regex:
        description: The regular expression for its datastores. By default C([vmware]datastore_regex) of O(services[].nova_conf).
        type: str
      nova_conf:
        description:
          - The text of its C(nova.conf); of several files, one after the other in the order in which Nova reads them.
          - Passwords are not needed. Leave out files that only have secrets.
          - A value is judged as Nova computes it, with older names of options and with its defaults. The definitions are those of the Nova on
            O(compute_host); where it is not installed yet, those of Nova 34.
        type: str
      new:
        description:
          - Whether Nova knows no service of this name yet. A new one must not find servers of Nova in its cluster.
          - With O(openstack), Nova is asked instead.
        type: bool
      compute_host:
        description: Name of its compute host, a key of O(compute_hosts).
        type: str
  compute_host:
    description: What M(openstack_vmware.nova.compute_host_info) has returned on the compute host as C(compute_host), where there is one.
    type: dict
  compute_hosts:
    description: The same for several compute hosts, by their names. Each element of O(services) then needs O(services[].compute_host).
    type: dict
  cluster_settings:
    description:
      - The C(clusters) that M(openstack_vmware.nova.vsphere_cluster_settings) returns, in check mode too. They are judged with the
        DRS and the HA that it leaves.
    type: list
    elements: dict
  api_nova_conf:
    description: The text of nova-api's C(nova.conf).
    type: str
  images:
    description: Names or ids of images that servers are booted from. With O(openstack) only.
    type: list
    elements: str
  pulls:
    description:
      - Judge also what ESXi hosts need to fetch images from Glance themselves, see C(docs/pull.md). Whether they reach Glance is not checked, since only a
        host that is about to fetch an image can be asked.
    type: bool
    default: false
  image_cache:
    description: Look into the image caches for broken entries, if O(services[].nova_conf) says which folder they use.
    type: bool
    default: true
  fail_on:
    description: The module fails if there is a finding of this severity or a worse one. Even then it returns everything that it found.
    type: str
    choices: [error, warning, info, never]
    default: error
extends_documentation_fragment:
  - openstack_vmware.nova.vcenter
  - openstack_vmware.nova.openstack
  - openstack_vmware.nova.attributes.info_module
notes:
  - With O(openstack), Nova is asked which services it knows. Listing them is for administrators.
seealso:
  - module: openstack_vmware.nova.compute_host_info
  - module: openstack_vmware.nova.vsphere_role
  - module: openstack_vmware.nova.vsphere_cluster_settings
"""

EXAMPLES = r"""
- name: Check a cluster before there is a nova-compute
  openstack_vmware.nova.compute_check:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    ca_path: /etc/ssl/vcenter-ca.pem
    services:
      - cluster_name: cluster-a
        datastore_regex: "^nova-"
    fail_on: never
  register: check

- name: Name what is wrong
  ansible.builtin.debug:
    msg: "{{ check.findings | map(attribute='id') | unique }}"

- name: Check a nova.conf alone
  openstack_vmware.nova.compute_check:
    services:
      - name: vc1-cluster-a
        nova_conf: |
          [DEFAULT]
          compute_driver = vmwareapi.VMwareVCDriver
          my_ip = 192.0.2.11
          [vmware]
          host_ip = vcenter.example.com
          host_username = nova@vsphere.local
          cluster_name = cluster-a
          datastore_regex = ^nova-
          [oslo_concurrency]
          lock_path = /var/lib/nova/lock
"""

RETURN = r"""
findings:
  description: What is wrong, errors first.
  returned: always
  type: list
  elements: dict
  contains:
    id: {description: The rule. It never changes its meaning., type: str, sample: DRS_PARTIALLY_AUTOMATED}
    severity: {description: "V(error), V(warning) or V(info).", type: str, sample: warning}
    title: {description: The rule in words., type: str, sample: DRS is not fully automated}
    vcenter: {description: "The vCenter that it is about, in evidence, too; null for one about nova-api, images or the compute host.", type: str, sample: vc1}
    object: {description: What it is about., type: str, sample: /dc1/host/cluster-a}
    compute_host: {description: "With O(compute_hosts), the one that it is about, null for any.", type: str, sample: null}
    services:
      description: The names of the nova-computes that it was judged for. Empty means all.
      type: list
      elements: str
      sample: [vc1-cluster-a]
    evidence: {description: What was seen., type: str, sample: "DRS is partiallyAutomated: servers start, and stay where they started (vCenter 'vc1')"}
    source: {description: Where the rule comes from., type: str, sample: nova/virt/vmwareapi/vm_util.py (create_vm names no host)}
    hint: {description: What to do., type: str, sample: "Set the automation level to fully automated: module vsphere_cluster_settings."}
passed:
  description: The rules that were judged and found nothing.
  returned: always
  type: list
  elements: str
  sample: [PBM_ENABLED, CONFIG_DRIVE_FORCED]
not_checked:
  description: The rules that were not judged, each with the reason and the services that it was not judged for; none named means all.
  returned: always
  type: list
  elements: dict
  contains:
    id: {description: The rule., type: str, sample: RESIZE_TO_SAME_HOST_OFF}
    reason: {description: Why it was not judged., type: str, sample: the nova.conf of nova-api was not given}
    objects: {description: The services., type: list, elements: str, sample: []}
counts:
  description: How many findings there are by severity, and how many rules passed and were not checked.
  returned: always
  type: dict
  sample: {error: 0, warning: 1, info: 1, passed: 40, not_checked: 9}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import (
    openstack_argument_spec,
    vcenter_argument_spec,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import check
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run


def argument_spec():
    return {
        **vcenter_argument_spec(required=False),
        **openstack_argument_spec(),
        "vcenter": {"type": "str"},
        "services": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str"},
                "cluster_name": {"type": "str"},
                "datastore_regex": {"type": "str"},
                "nova_conf": {"type": "str"},
                "new": {"type": "bool"},
                "compute_host": {"type": "str"},
            },
        },
        "compute_host": {"type": "dict"},
        "compute_hosts": {"type": "dict"},
        "cluster_settings": {"type": "list", "elements": "dict"},
        "api_nova_conf": {"type": "str"},
        "images": {"type": "list", "elements": "str"},
        "pulls": {"type": "bool", "default": False},
        "image_cache": {"type": "bool", "default": True},
        "fail_on": {"type": "str", "choices": ["error", "warning", "info", "never"], "default": "error"},
    }


def main():
    run(
        check.run,
        argument_spec(),
        mutually_exclusive=[("compute_host", "compute_hosts")],
        required_by={"hostname": ("username", "password"), "images": ("openstack",)},
    )


if __name__ == "__main__":
    main()
