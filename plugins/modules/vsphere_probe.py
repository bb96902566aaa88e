#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vsphere_probe
short_description: Finds out how a vCenter behaves where that differs or is not known
version_added: 0.1.0
description:
  - Tests on datastores that you name, with disks of a few MiB in a scratch folder, whether images of each kind arrive, through which hosts, and how the
    vCenter behaves where vSphere's documentation is silent or versions differ. C(docs/probe.md) lists the questions.
  - The verdict on each says what it means for seeding, and what to do.
  - It also returns a profile, which is the behaviour without any name or address. With it, the collection's simulator behaves like your vCenter.
  - It leaves nothing. What a killed probe has left is removed by the next one on the same datastore. No virtual machine is switched on.
  - It takes one or two minutes for each datastore, at most four. What could not be found out is V(unknown), never a guess.
  - A missing privilege is a finding, not a failure, so run it with the account that Nova and image_cache use.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  datastores:
    description:
      - Names of the datastores to probe. One of each type that you use is enough.
      - A datastore must be usable by Nova and have 512 MiB free.
    type: list
    elements: str
    required: true
  hypervisors:
    description:
      - Where to look for the datastores. Without it, in all clusters of the vCenter.
      - Files go through each host of these clusters that can write to the datastore. C(datastore_regex) does not matter here.
attributes:
  check_mode:
    description: Asks nothing. Lists which questions it would ask where, and what it would remove that killed probes have left.
    support: full
  diff_mode:
    description: What was made is gone at the end, so there is nothing to show.
    support: none
extends_documentation_fragment:
  - openstack_vmware.nova.vcenter
  - openstack_vmware.nova.hypervisors
seealso:
  - module: openstack_vmware.nova.image_cache
  - module: openstack_vmware.nova.compute_check
"""

EXAMPLES = r"""
- name: Find out how a vCenter behaves
  openstack_vmware.nova.vsphere_probe:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    ca_path: /etc/ssl/vcenter-ca.pem
    datastores: [nova-a1]
  register: probe

- name: Show what needs attention
  ansible.builtin.debug:
    msg: "{{ item.id }} is {{ item.finding }}. {{ item.evidence }} {{ item.meaning }} {{ item.action }}"
  loop: "{{ probe.verdicts | rejectattr('level', 'eq', 'ok') }}"
  loop_control:
    label: "{{ item.datastore }}"
"""

RETURN = r"""
vcenter:
  description: The vCenter.
  returned: success
  type: dict
  contains:
    version: {description: Its version., type: str, sample: 8.0.3}
    build: {description: Its build., type: str, sample: "24022515"}
datastores:
  description: What was probed.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the datastore., type: str, sample: nova-a1}
    type: {description: Its type., type: str, sample: VMFS}
    cluster: {description: Inventory path of the cluster that imports went to., type: str, sample: /dc1/host/cluster-a}
    hosts: {description: The hosts that files were sent to., type: list, elements: str, sample: [esxi-01.example.com, esxi-02.example.com]}
    scratch:
      description: The scratch folder. Everything else that was made had a name that begins with this one's.
      type: str
      sample: "[nova-a1] openstack_vmware_probe-5f0c1a9b-4711-880231"
verdicts:
  description:
    - One element for each question on each datastore to whose type it applies, those that need attention first.
    - In check mode nothing is asked, so each finding is V(unknown).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Name of the question. Where C(profile.behaviour) can have it, it is also a switch of the simulator.
      type: str
      sample: copy_without_spec
    datastore: {description: Name of the datastore., type: str, sample: nova-a1}
    question: {description: The question., type: str, sample: "What becomes of a thin disk that is copied without a destSpec?"}
    finding: {description: The answer. V(unknown) where it could not be found out., type: raw, sample: preallocated}
    level:
      description: V(problem) would make seeds fail. V(note) is to be known. V(ok) needs nothing. V(unknown) could not be found out.
      type: str
      sample: note
    evidence:
      description: What was seen.
      type: str
      sample: "The copy of a thin disk is thick (controller: VirtualBusLogicController)."
    meaning:
      description: What it means for seeding.
      type: str
      sample: A copy takes the capacity of the disk, unless copy_spec is honoured. image_cache reckons with that. Nova never names a type.
    action: {description: What to do. Empty where nothing can be said., type: str, sample: Leave room for the capacity of each image on each datastore.}
    seconds: {description: How long it took., type: float, sample: 0.8}
profile:
  description:
    - The vCenter as the simulator can behave, to be written as YAML and given to C(vcsim -profile). It has no name and no address.
    - Where datastores differ, it has the more harmful answer.
  returned: success
  type: dict
  contains:
    version: {description: As C(vcenter.version)., type: str, sample: 8.0.3}
    build: {description: As C(vcenter.build)., type: str, sample: "24022515"}
    datastore_types: {description: Types of the datastores that were probed., type: list, elements: str, sample: [VMFS]}
    behaviour: {description: The switches that were found out with their values., type: dict}
  sample:
    version: 8.0.3
    build: "24022515"
    datastore_types: [VMFS]
    behaviour: {copy_without_spec: preallocated, copy_spec: refused, eager_zero_seconds_per_gib: 1.84}
unknown:
  description: Switches of the simulator that the profile does not have, for example since no datastore of the type was probed.
  returned: success
  type: list
  elements: str
  sample: [nfs_preallocated, nfs_lock_files]
leftovers:
  description: What killed probes had left on the datastores, and was removed. In check mode, what would be removed.
  returned: success
  type: list
  elements: str
  sample: []
not_removed:
  description: What could not be removed. The next probe tries again.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import (
    hypervisors_argument_spec,
    vcenter_argument_spec,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import probe


def main():
    run(
        probe.run,
        {
            **vcenter_argument_spec(),
            **hypervisors_argument_spec(),
            "datastores": {"type": "list", "elements": "str", "required": True},
        },
    )


if __name__ == "__main__":
    main()
