# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: computes
short_description: The nova-computes of a compute host and what is configured for each
version_added: 0.1.0
description:
  - Makes of the variables of the role C(openstack_vmware.nova.nova_vcdriver) what its tasks work with.
  - Later trees win, option by option. First comes what the role sets, in the words of the release, then C(nova_vcdriver_config), then C(config) of the
    vCenter, then C(config) of the nova-compute. A C(null) takes an option away.
  - RV(_value.secrets), RV(_value.with_secrets) and RV(_value.files) have secrets, so a task that shows them needs C(no_log). The rest is safe to show.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: The variables of the role C(openstack_vmware.nova.nova_vcdriver), whose page has what is in them.
    type: dict
    required: true
    suboptions:
      vcenters:
        description: C(nova_vcdriver_vcenters).
        type: list
        elements: dict
        required: true
      computes:
        description: C(nova_vcdriver_computes).
        type: list
        elements: dict
        required: true
      config:
        description: C(nova_vcdriver_config).
        type: dict
        required: true
      auth:
        description: C(nova_vcdriver_auth).
        type: dict
        required: true
      transport_url:
        description: C(nova_vcdriver_transport_url).
        type: str
        required: true
      my_ip:
        description: C(nova_vcdriver_my_ip).
        type: str
        required: true
      cluster_settings:
        description: C(nova_vcdriver_cluster_settings).
        type: dict
        required: true
      release:
        description: The release of Nova in whose words C(nova.conf) is written, such as V(34.0.0) or V(2014.2).
        type: str
        required: true
      only:
        description: Names of the nova-computes that a run is about. Empty means all.
        type: list
        elements: str
        required: true
      etc:
        description: Folder of the configurations on the compute host.
        type: str
        required: true
      state:
        description: Folder of the state on the compute host.
        type: str
        required: true
      log:
        description: Folder of the logs on the compute host.
        type: str
        required: true
      files:
        description: Where the files are that the variables name, as P(openstack_vmware.nova.local_files#filter) returns it.
        type: dict
        required: true
      pinned:
        description: Releases that the role has pins for.
        type: list
        elements: str
        required: true
"""

EXAMPLES = r"""
- name: Name the nova-computes of this host
  ansible.builtin.debug:
    msg: "{{ (variables | openstack_vmware.nova.computes).all | map(attribute='host') }}"
  vars:
    variables:
      vcenters: "{{ nova_vcdriver_vcenters }}"
      computes: "{{ nova_vcdriver_computes }}"
      config: {}
      auth: "{{ nova_vcdriver_auth }}"
      transport_url: "{{ nova_vcdriver_transport_url }}"
      my_ip: 192.0.2.11
      cluster_settings: {}
      release: 34.0.0
      only: []
      etc: /etc/nova/vmware
      state: /var/lib/nova
      log: /var/log/nova
      files: {}
      pinned: []
"""

RETURN = r"""
---
_value:
  description: What was made of the variables.
  type: dict
  contains:
    all:
      description: The nova-computes.
      type: list
      elements: dict
      contains:
        host: {description: The name in Nova. Default is C(<vcenter>-<cluster_name>)., type: str}
        vcenter: {description: Name of its vCenter in the variables., type: str}
        cluster: {description: The cluster with C(cluster_name) and C(datastore_regex) as modules take it., type: dict}
        config: {description: What is in C(nova.conf) as sections with options., type: dict}
        ca_file: {description: File on the control node with the CA of the vCenter., type: str}
        cluster_settings: {description: DRS and HA of the cluster. Empty for none., type: dict}
        overridden: {description: Options in a config tree that have a variable of their own., type: list, elements: str}
    chosen: {description: Those of C(all) that the run is about., type: list, elements: dict}
    secrets: {description: The host of each chosen nova-compute with its sections of secrets., type: dict}
    services: {description: The chosen nova-computes as the module M(openstack_vmware.nova.compute_check) takes them., type: list, elements: dict}
    with_secrets:
      description:
        - The host of each chosen nova-compute with the text of its C(nova.conf), as the module M(openstack_vmware.nova.compute_host_info) takes it.
        - It has the secrets but for those of the vCenter.
      type: dict
    files:
      description: For each chosen nova-compute C(files), the texts of its files by their paths, and C(literal), what Nova must read of what the role sets.
      type: list
      elements: dict
    settings_calls:
      description: Clusters of one vCenter that get the same DRS and HA, with C(vcenter), C(settings) and C(clusters).
      type: list
      elements: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.computes import run


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"computes": run}
