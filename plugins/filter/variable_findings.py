# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: variable_findings
short_description: What is wrong with the variables of nova_vcdriver
version_added: 0.1.0
description:
  - Judges the variables of the role C(openstack_vmware.nova.nova_vcdriver) before anything is asked. Finds nothing where they fit together.
  - No finding shows a secret.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: others
options:
  _input:
    description: The variables, as P(openstack_vmware.nova.computes#filter) takes them.
    type: dict
    required: true
  others:
    description:
      - The variables of each other compute host of the inventory by its name, of which C(nova_vcdriver_vcenters) and C(nova_vcdriver_computes) are read.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Require variables that fit together
  ansible.builtin.assert:
    that: variables | openstack_vmware.nova.variable_findings(others={}) | length == 0
"""

RETURN = r"""
---
_value:
  description: Findings with the keys that those of M(openstack_vmware.nova.compute_check) have. All are errors.
  type: list
  elements: dict
  contains:
    id: {description: Id of the rule. It never changes its meaning., type: str}
    severity: {description: Always V(error)., type: str}
    title: {description: What the rule is about., type: str}
    vcenter: {description: "As in findings of M(openstack_vmware.nova.compute_check); null, for these are about variables.", type: str}
    object: {description: What is wrong., type: str}
    evidence: {description: How one sees it., type: str}
    source: {description: Why it goes wrong., type: str}
    hint: {description: What to do., type: str}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.rules import findings


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"variable_findings": findings}
