# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: unknown_names
short_description: Names that are not known, with those that were probably meant
version_added: 0.1.0
description:
  - Returns the names that are not in a list as a text for a message.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: known
options:
  _input:
    description: Names.
    type: list
    elements: str
    required: true
  known:
    description: Names that are known.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Require names that are known
  ansible.builtin.assert:
    that: names | difference(known) | length == 0
    fail_msg: "There is no {{ names | openstack_vmware.nova.unknown_names(known) }}."
"""

RETURN = r"""
---
_value:
  description: The names in quotes, separated by commas.
  type: str
  sample: "'vc1-clustr-a' (did you mean 'vc1-cluster-a'?)"
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.refusal import unknown_names


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"unknown_names": unknown_names}
