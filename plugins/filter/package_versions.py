# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: package_versions
short_description: Versions of a distribution's packages
version_added: 0.1.0
description:
  - Reads the versions of Nova, oslo.vmware and urllib3 from what C(apt-cache policy) or C(dnf repoquery) printed.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: family
options:
  _input:
    description: What it printed.
    type: str
    required: true
  family:
    description: The fact C(os_family) of the host.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the versions
  ansible.builtin.debug:
    msg: "{{ answer.stdout | openstack_vmware.nova.package_versions(ansible_facts['os_family']) }}"
"""

RETURN = r"""
---
_value:
  description: Versions without epoch and revision by the names of the projects.
  type: dict
  sample: {nova: 31.0.0, oslo.vmware: 4.6.0, urllib3: 2.3.0}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.packages import offered


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"package_versions": offered}
