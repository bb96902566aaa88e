#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: hypervisor_info
short_description: Shows a vCenter as Nova's VC driver sees it
version_added: 0.1.0
description:
  - Shows each cluster of a vCenter as the hypervisor that Nova's VCDriver makes of it, its hosts with what is configured and reserved on
    them, and for each datastore whether Nova would use it and why not.
  - It reads in bulk. The number of requests does not grow with the number of clusters, hosts, datastores and virtual machines, except
    by pages of 1,000 objects.
  - A cluster that is missing, whose name is not unique, or that is left without a datastore by its C(datastore_regex) is an error, since
    Nova would not start, or would start and then fail each boot.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  hypervisors:
    description:
      - Without it, all clusters of the vCenter are shown, without a C(datastore_regex).
extends_documentation_fragment:
  - openstack_vmware.nova.vcenter
  - openstack_vmware.nova.hypervisors
  - openstack_vmware.nova.attributes.info_module
seealso:
  - module: openstack_vmware.nova.compute_node_info
"""

EXAMPLES = r"""
- name: See two clusters as Nova will see them
  openstack_vmware.nova.hypervisor_info:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    ca_path: /etc/ssl/vcenter-ca.pem
    hypervisors:
      - cluster_name: cluster-a
        datastore_regex: "^nova-"
      - cluster_name: cluster-b
        datastore_regex: "^nova-"
  register: vsphere

- name: Name the datastore that the next boot on each cluster would use
  ansible.builtin.debug:
    msg: "{{ item.hypervisor_hostname }}: {{ item.datastore }}, since {{ item.datastore_reason }}"
  loop: "{{ vsphere.hypervisors }}"
"""

RETURN = r"""
vcenter:
  description: The vCenter.
  returned: success
  type: dict
  contains:
    name: {description: Name of the product., type: str, sample: VMware vCenter Server}
    full_name: {description: Name with version and build., type: str, sample: VMware vCenter Server 8.0.3 build-24022515}
    version: {description: Version., type: str, sample: 8.0.3}
    api_version: {description: Version of the API., type: str, sample: 8.0.3.0}
    instance_uuid: {description: Part of the name of each hypervisor., type: str, sample: 9d51f082-58a4-4449-beed-6fd205a5726b}
hypervisors:
  description: The hypervisors, in the order of O(hypervisors), else sorted by path.
  returned: success
  type: list
  elements: dict
  contains:
    cluster_name: {description: Name of the cluster., type: str, sample: cluster-a}
    moid: {description: Managed object id of the cluster., type: str, sample: domain-c26}
    path: {description: Inventory path of the cluster., type: str, sample: /dc1/host/cluster-a}
    datacenter:
      description: The datacenter.
      type: dict
      sample: {name: dc1, moid: datacenter-3}
    hypervisor_hostname:
      description: The name that Nova gives to the hypervisor.
      type: str
      sample: domain-c26.9d51f082-58a4-4449-beed-6fd205a5726b
    drs:
      description: DRS. Nova names no host when it makes a virtual machine, so a cluster of several hosts needs V(fullyAutomated).
      type: dict
      sample: {enabled: true, behavior: fullyAutomated}
    ha:
      description: vSphere HA.
      type: dict
      sample: {enabled: true, admission_control: true}
    hosts:
      description: The ESXi hosts. C(configured) and C(reserved) are sums over the powered-on virtual machines, never momentary use.
      type: list
      elements: dict
      sample:
        - name: esxi-01.example.com
          moid: host-31
          connection_state: connected
          maintenance: false
          cores: 32
          threads: 64
          memory_mb: 524288
          configured: {vms: 12, vcpus: 48, memory_mb: 196608}
          reserved: {memory_mb: 16384, cpu_mhz: 0}
    datastore_regex: {description: The regular expression that was applied., type: str, sample: ^nova-}
    datastores:
      description: The datastores of the cluster, each with Nova's verdict. C(mounted_hosts) are the hosts that can write to it.
      type: list
      elements: dict
      sample:
        - name: nova-a1
          moid: datastore-41
          type: VMFS
          accessible: true
          maintenance_mode: normal
          capacity_bytes: 536870912000
          free_bytes: 429496729600
          mounted_hosts: [esxi-01.example.com, esxi-02.example.com]
          usable: true
          reason: null
    datastore: {description: Name of the datastore that Nova would pick now., type: str, sample: nova-a1}
    datastore_reason: {description: Why Nova would pick it., type: str, sample: it has the most free space (400 GiB) of 2 usable datastores}
    totals:
      description: What Nova reports to Placement before reservations; C(max_unit) is the size of the largest host.
      type: dict
      sample: {vcpus: 128, memory_mb: 1048576, max_unit_vcpus: 64, max_unit_memory_mb: 524288, disk_gb: 1000, hosts_counted: 2}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import (
    hypervisors_argument_spec,
    vcenter_argument_spec,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import hypervisor_info
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run


def main():
    run(hypervisor_info.run, {**vcenter_argument_spec(), **hypervisors_argument_spec()})


if __name__ == "__main__":
    main()
