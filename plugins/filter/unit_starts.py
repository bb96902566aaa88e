# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: unit_starts
short_description: Since when units run
version_added: 0.1.0
description:
  - Reads what C(systemctl show --property=Id,ExecMainStartTimestamp --timestamp=unix) printed.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: unit
options:
  _input:
    description: The text, with a block for each unit.
    type: str
    required: true
  unit:
    description: The unit's name before that of the nova-compute.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show since when each nova-compute runs
  ansible.builtin.debug:
    msg: "{{ shown.stdout | openstack_vmware.nova.unit_starts('nova-vmware@') }}"
"""

RETURN = r"""
---
_value:
  description: The name of each nova-compute with the second of the epoch at which its process started.
  type: dict
  sample: {vc1-cluster-a: 1763700000}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.units import starts


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"unit_starts": starts}
