# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: probe_calls
short_description: What probe.yml asks of each vCenter
version_added: 0.1.0
description:
  - Makes one call of M(openstack_vmware.nova.vsphere_probe) for each vCenter, with the clusters of all hosts. A part of the playbook C(probe.yml).
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: The variables of each host, of which C(nova_vcdriver_computes) and C(nova_vcdriver_vcenters) are read.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the calls
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts | map('extract', hostvars) | openstack_vmware.nova.probe_calls }}"
"""

RETURN = r"""
---
_value:
  description: The calls, each with C(vcenter), its name, and C(hypervisors), as modules take them.
  type: list
  elements: dict
  sample:
    - vcenter: vc1
      hypervisors: [{cluster_name: cluster-a}]
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.probes import calls


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"probe_calls": calls}
