# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: nova_conf
short_description: Text of a nova.conf
version_added: 0.1.0
description:
  - Writes sections and options as C(oslo.config) reads them. A list becomes one line for each element. Sections and options are
    sorted, so the same input gives the same text.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: host
options:
  _input:
    description: Sections, each a dict of options.
    type: dict
    required: true
  host:
    description: Name of the nova-compute, for the comment at the top.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show a nova.conf
  ansible.builtin.debug:
    msg: "{{ {'vmware': {'insecure': false}} | openstack_vmware.nova.nova_conf('vc1-cluster-a') }}"
"""

RETURN = r"""
---
_value:
  description: The text, without a line break at its end.
  type: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.computes import nova_conf


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"nova_conf": nova_conf}
