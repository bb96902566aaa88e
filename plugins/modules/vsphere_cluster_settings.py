#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vsphere_cluster_settings
short_description: Set DRS and HA of clusters as Nova needs them
version_added: 0.1.0
description:
  - Nova names no host when it makes a server, so a cluster of several hosts needs DRS, best fully automated. Nova cannot evacuate servers of this
    driver, so HA must start them again when a host fails.
  - Settings that are not given stay as they are. For all other settings see the modules C(vmware.vmware.cluster_drs) and C(vmware.vmware.cluster_ha).
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  clusters:
    description:
      - Names of the clusters. Managed object ids and inventory paths such as V(/dc1/host/cluster-a) work, too.
      - A name that several clusters of the vCenter have is refused.
    type: list
    elements: str
    required: true
  drs:
    description: DRS.
    type: dict
    default: {}
    suboptions:
      enabled:
        description: Whether DRS is on.
        type: bool
        default: true
      behavior:
        description: The automation level. With V(partiallyAutomated), DRS places servers when they start and never moves them.
        type: str
        choices: [fullyAutomated, partiallyAutomated]
        default: fullyAutomated
  ha:
    description: vSphere HA. Left as it is without this option.
    type: dict
    suboptions:
      enabled:
        description: Whether HA is on.
        type: bool
      admission_control:
        description: Whether HA keeps room free to start servers again after a failure.
        type: bool
extends_documentation_fragment:
  - openstack_vmware.nova.vcenter
  - openstack_vmware.nova.attributes
notes:
  - The account needs the privilege C(Host.Inventory.EditCluster), which the account of Nova itself does not need. Use another account.
seealso:
  - module: openstack_vmware.nova.compute_check
"""

EXAMPLES = r"""
- name: Let DRS place Nova's servers, and HA start them again
  openstack_vmware.nova.vsphere_cluster_settings:
    hostname: vcenter.example.com
    username: administrator@vsphere.local
    password: "{{ vcenter_password }}"
    ca_path: /etc/ssl/vcenter-ca.pem
    clusters: [cluster-a, cluster-b]
    ha:
      enabled: true
      admission_control: true
"""

RETURN = r"""
clusters:
  description: The clusters as they are after the change.
  returned: success
  type: list
  elements: dict
  contains:
    cluster_name: {description: Name of the cluster., type: str, sample: cluster-a}
    path: {description: Inventory path of the cluster., type: str, sample: /dc1/host/cluster-a}
    changed: {description: Whether it was changed., type: bool, sample: true}
    before:
      description: DRS and vSphere HA as they were.
      type: dict
      sample: {drs: {enabled: false, behavior: manual}, ha: {enabled: true, admission_control: true}}
    drs: {description: DRS., type: dict, sample: {enabled: true, behavior: fullyAutomated}}
    ha: {description: vSphere HA., type: dict, sample: {enabled: true, admission_control: true}}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import vcenter_argument_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vcenter_admin import cluster_settings


def argument_spec():
    return {
        **vcenter_argument_spec(),
        "clusters": {"type": "list", "elements": "str", "required": True},
        "drs": {
            "type": "dict",
            "default": {},
            "options": {
                "enabled": {"type": "bool", "default": True},
                "behavior": {"type": "str", "choices": ["fullyAutomated", "partiallyAutomated"], "default": "fullyAutomated"},
            },
        },
        "ha": {"type": "dict", "options": {"enabled": {"type": "bool"}, "admission_control": {"type": "bool"}}},
    }


def main():
    run(cluster_settings.run, argument_spec())


if __name__ == "__main__":
    main()
