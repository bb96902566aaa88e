# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: check_obstacles
short_description: The findings of compute_check that stop a run
version_added: 0.1.0
description:
  - A finding about a compute host or its nova-computes counts by what that host's own variables say.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  _input:
    description: Results of the module M(openstack_vmware.nova.compute_check), one a call.
    type: list
    elements: dict
    required: true
  calls:
    description: The calls in the same order, as the filter P(openstack_vmware.nova.check_calls#filter) gives them.
    type: list
    elements: dict
    required: true
  hosts:
    description:
      - By the name of each compute host C(names) of its nova-computes, C(ignore), ids of rules, and C(fail_on), which is V(error), V(warning) or V(never).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Require that nothing is in the way
  ansible.builtin.assert:
    that: checks.results | openstack_vmware.nova.check_obstacles(calls, hosts) | length == 0
"""

RETURN = r"""
---
_value:
  description: The findings, each once.
  type: list
  elements: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.checks import obstacles


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"check_obstacles": obstacles}
