# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: deeds
short_description: What a run did to each nova-compute
version_added: 0.1.0
description:
  - Tells for each nova-compute the weightiest thing that a run did to it, or would do in check mode.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: tasks
options:
  _input:
    description: Names of the nova-computes of the run.
    type: list
    elements: str
    required: true
  tasks:
    description:
      - For each deed the names of the nova-computes that it was done to. Deeds are C(removed), C(new), C(restarted), C(started), C(mapped), C(disabled),
        C(enabled) and C(rewritten).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep what was done
  ansible.builtin.set_fact:
    did: "{{ ['vc1-a', 'vc1-b'] | openstack_vmware.nova.deeds({'restarted': ['vc1-a']}) }}"
"""

RETURN = r"""
---
_value:
  description: The deed by the name of the nova-compute, C(unchanged) where there is none.
  type: dict
  sample: {vc1-a: restarted, vc1-b: unchanged}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.summary import deeds


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"deeds": deeds}
