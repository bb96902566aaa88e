# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: local_files
short_description: Where the files are that an inventory names
version_added: 0.1.0
description:
  - Chooses for each file the first of its places that exists, or the first one where none does.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: there
options:
  _input:
    description: What P(openstack_vmware.nova.file_places#filter) returned.
    type: dict
    required: true
  there:
    description: Those of all places that exist.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show where the CA files are
  ansible.builtin.debug:
    msg: "{{ places | openstack_vmware.nova.local_files(places.values() | flatten | select('exists')) }}"
  vars:
    places: "{{ nova_vcdriver_vcenters | openstack_vmware.nova.file_places([inventory_dir], {}) }}"
"""

RETURN = r"""
---
_value:
  description: What names a file, with C(path), C(found) and C(tried).
  type: dict
  sample: {"ca_file of vCenter vc1": {path: /srv/site/files/vc1-ca.pem, found: true, tried: [/srv/site/files/vc1-ca.pem]}}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.files import local_files


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"local_files": local_files}
