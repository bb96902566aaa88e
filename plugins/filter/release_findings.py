# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: release_findings
short_description: What is wrong with moving nova-computes to a release of Nova
version_added: 0.1.0
description:
  - Compares the release with what runs and with the release of the controllers, by Nova's own rule for versions of services.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: links, computes, controllers, downgrade
options:
  _input:
    description: The release that nova-computes are to run.
    type: str
    required: true
  links:
    description: The name of each nova-compute of the host and the virtual environment that it runs from, with a space between them.
    type: list
    elements: str
    required: true
  computes:
    description: Names of the nova-computes that the run is about.
    type: list
    elements: str
    required: true
  controllers:
    description: Release of the controllers. Without it nothing is compared with them.
    type: str
  downgrade:
    description: Whether an older release than the one that runs is wanted.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Require a release that the controllers take
  ansible.builtin.assert:
    that: nova_vcdriver_version | openstack_vmware.nova.release_findings([], [], controllers="34.0.0") | length == 0
"""

RETURN = r"""
---
_value:
  description: Findings with the keys that those of M(openstack_vmware.nova.compute_check) have. All are errors.
  type: list
  elements: dict
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.rules import release_findings


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"release_findings": release_findings}
