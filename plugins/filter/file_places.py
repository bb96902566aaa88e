# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: file_places
short_description: The places where files may be that an inventory names
version_added: 0.1.0
description:
  - Returns for C(ca_file) of each vCenter and for other files the places to look at, in their order. A relative name has one in each folder.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: folders, others
options:
  _input:
    description: C(nova_vcdriver_vcenters).
    type: list
    elements: dict
    required: true
  folders:
    description: Folders of the control node for relative names.
    type: list
    elements: str
    required: true
  others:
    description: Variables with the names of other files. An empty name is left out.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where the CA files may be
  ansible.builtin.debug:
    msg: "{{ nova_vcdriver_vcenters | openstack_vmware.nova.file_places([inventory_dir], {}) }}"
"""

RETURN = r"""
---
_value:
  description: What names a file, with the absolute paths of its places.
  type: dict
  sample: {"ca_file of vCenter vc1": [/srv/site/files/vc1-ca.pem]}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.files import file_places


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"file_places": file_places}
