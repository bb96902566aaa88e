#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vsphere_role
short_description: Make and grant the vSphere role that Nova needs
version_added: 0.1.0
description:
  - Makes a role of vSphere with the privileges that Nova's VC driver and this collection use, and no others. C(docs/security.md) lists them, each with
    what it is for.
  - The role gets exactly these privileges. A privilege that somebody has added is removed.
  - With O(principal) it is granted to an account, on the root folder alone, on the datacenters with everything below them, and
    on each folder above these, alone.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  name:
    description: Name of the role.
    type: str
    default: OpenStack Nova
  principal:
    description:
      - The account, or the group, that gets the role, as V(user@domain) or V(DOMAIN\\user). Without it the role is granted to nobody.
      - If it has another permission on one of these objects, that is replaced. Permissions of others stay.
    type: str
  group:
    description: Whether O(principal) is a group.
    type: bool
    default: false
  datacenters:
    description: Names or inventory paths of the datacenters that have Nova's clusters.
    type: list
    elements: str
  features:
    description:
      - What this vCenter needs in addition. C(docs/security.md) lists the privileges of each. M(openstack_vmware.nova.compute_check) names missing ones.
      - V(vsan) is for datastores of the type vsan, V(encryption) for ESXi hosts in crypto-safe mode.
      - V(pull) is for ESXi hosts that fetch images from Glance themselves.
      - V(vcenter_upload) is for control nodes that reach no ESXi host, if the vCenter refuses uploads without it.
      - V(iscsi) is for volumes that Nova attaches by iSCSI.
    type: list
    elements: str
    choices: [vsan, encryption, pull, vcenter_upload, iscsi]
    default: []
extends_documentation_fragment:
  - openstack_vmware.nova.vcenter
  - openstack_vmware.nova.attributes
notes:
  - The account that runs this module needs C(Authorization.ModifyRoles) and C(Authorization.ModifyPermissions). It must not be Nova's own.
  - To give an account less than a whole datacenter, grant the role by hand on the objects that C(docs/security.md) names.
seealso:
  - module: openstack_vmware.nova.compute_check
"""

EXAMPLES = r"""
- name: Make the role and grant it to Nova's account
  openstack_vmware.nova.vsphere_role:
    hostname: vcenter.example.com
    username: administrator@vsphere.local
    password: "{{ vcenter_password }}"
    ca_path: /etc/ssl/vcenter-ca.pem
    principal: nova@vsphere.local
    datacenters: [dc1]

- name: The same for a vCenter with vSAN
  openstack_vmware.nova.vsphere_role:
    hostname: vcenter.example.com
    username: administrator@vsphere.local
    password: "{{ vcenter_password }}"
    ca_path: /etc/ssl/vcenter-ca.pem
    principal: nova@vsphere.local
    datacenters: [dc1]
    features: [vsan]
"""

RETURN = r"""
role:
  description: The role.
  returned: success
  type: dict
  contains:
    name: {description: Its name., type: str, sample: OpenStack Nova}
    role_id: {description: Its id; null in check mode where there is none yet., type: int, sample: 1234567}
    privileges: {description: Its privileges without those that vSphere adds., type: list, elements: str, sample: [Datastore.AllocateSpace, Datastore.Browse]}
    changed: {description: Whether it was made or changed., type: bool, sample: true}
grants:
  description: Where it is granted.
  returned: success
  type: list
  elements: dict
  contains:
    object: {description: Inventory path., type: str, sample: /dc1}
    propagate: {description: Whether it counts for all below., type: bool, sample: true}
    changed: {description: Whether the permission was made or changed., type: bool, sample: true}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import vcenter_argument_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vcenter_admin import role


def argument_spec():
    return {
        **vcenter_argument_spec(),
        "name": {"type": "str", "default": "OpenStack Nova"},
        "principal": {"type": "str"},
        "group": {"type": "bool", "default": False},
        "datacenters": {"type": "list", "elements": "str"},
        "features": {"type": "list", "elements": "str", "choices": ["vsan", "encryption", "pull", "vcenter_upload", "iscsi"], "default": []},
    }


def main():
    run(role.run, argument_spec(), required_together=[("principal", "datacenters")])


if __name__ == "__main__":
    main()
