# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: probe_line
short_description: A verdict of vsphere_probe as text
version_added: 0.1.0
description:
  - Writes a verdict of M(openstack_vmware.nova.vsphere_probe) as one line. One that is not C(ok) comes with its question, evidence, meaning and action.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: An element of C(verdicts), which M(openstack_vmware.nova.vsphere_probe) returns.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the verdicts
  ansible.builtin.debug:
    msg: "{{ probe.verdicts | map('openstack_vmware.nova.probe_line') }}"
"""

RETURN = r"""
---
_value:
  description: The line.
  type: str
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.probes import line


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"probe_line": line}
