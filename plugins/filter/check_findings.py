# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: check_findings
short_description: The findings about a compute host
version_added: 0.1.0
description:
  - Chooses the findings that are about a compute host, about one of its nova-computes, or about all of a vCenter that it uses.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: asked, host, names
options:
  _input:
    description: Results of M(openstack_vmware.nova.compute_check), one a call.
    type: list
    elements: dict
    required: true
  asked:
    description: The calls, as P(openstack_vmware.nova.check_calls#filter) gives them.
    type: list
    elements: dict
    required: true
  host:
    description: Name of the compute host.
    type: str
    required: true
  names:
    description: Names of its nova-computes.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Count what is about this host
  ansible.builtin.debug:
    msg: "{{ checks.results | openstack_vmware.nova.check_findings(calls, inventory_hostname, ['vc1-cluster-a']) | length }}"
"""

RETURN = r"""
---
_value:
  description: The findings.
  type: list
  elements: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.checks import findings


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"check_findings": findings}
