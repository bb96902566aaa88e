# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: rewritten
short_description: Nova-computes whose files were written
version_added: 0.1.0
description:
  - Finds in what tasks have registered the nova-computes whose files a run has written, or would write in check mode.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: hosts, unit_changed
options:
  _input:
    description: What tasks that loop over nova-computes have registered.
    type: list
    elements: dict
    required: true
  hosts:
    description: Names of all nova-computes of the run.
    type: list
    elements: str
    required: true
  unit_changed:
    description: Whether the unit that they share was written.
    type: bool
    required: true
"""

EXAMPLES = r"""
- name: Show what would be restarted
  ansible.builtin.debug:
    msg: "{{ [conf_files, links] | openstack_vmware.nova.rewritten(hosts=['vc1-a', 'vc1-b'], unit_changed=false) }}"
"""

RETURN = r"""
---
_value:
  description: Their names.
  type: list
  elements: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.units import rewritten


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"rewritten": rewritten}
