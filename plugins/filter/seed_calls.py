# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: seed_calls
short_description: What image_seed asks of each vCenter
version_added: 0.1.0
description:
  - Makes one call for each vCenter, cache folder and C(use_linked_clone) of the nova-computes of a host.
  - It is a part of the role P(openstack_vmware.nova.image_seed#role).
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: The nova-computes, each with C(vcenter), its name, C(cluster), as modules take it, and C(config), its C(nova.conf) as options by section.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the calls
  ansible.builtin.debug:
    msg: "{{ computes | openstack_vmware.nova.seed_calls }}"
  vars:
    computes:
      - vcenter: vc1
        cluster: {cluster_name: cluster-a}
        config: {vmware: {cache_prefix: vc1}}
"""

RETURN = r"""
---
_value:
  description:
    - The calls, in the order of their first nova-computes. Each has C(vcenter), C(cache), the options of C(nova.conf) that decide the cache
      folder and its ageing, C(use_linked_clone) and C(hypervisors).
  type: list
  elements: dict
  sample:
    - vcenter: vc1
      cache: {cache_prefix: vc1}
      use_linked_clone: true
      hypervisors: [{cluster_name: cluster-a}]
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.seeds import calls


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"seed_calls": calls}
