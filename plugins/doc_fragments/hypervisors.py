# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  hypervisors:
    description:
      - The hypervisors. Each is the cluster of one nova-compute, with the option names of its C(nova.conf).
    type: list
    elements: dict
    suboptions:
      cluster_name:
        description:
          - The name of the cluster as C(nova.conf) has it. vSphere and Nova write V(%2f), V(%5c) and V(%25) for a slash, a backslash and a percent sign
            in a name.
          - Its managed object id or its inventory path, such as V(/dc1/host/cluster-a), works here, too, but not in C(nova.conf).
          - A name that several clusters of the vCenter have is refused, since Nova would take the first one that it finds.
        type: str
        required: true
      datastore_regex:
        description:
          - The regular expression of C([vmware]datastore_regex). It is compared from the start of the datastore's name.
        type: str
"""
