#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: image_cache_info
short_description: Shows which images are in Nova's cache on each datastore
version_added: 0.1.0
description:
  - Lists the cache folder on every datastore that Nova may choose for the given clusters, and says for each image whether it is complete, and if not, why.
  - Nova boots from whatever has the right name. This module also looks at the data and its size.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  hypervisors:
    required: true
  remove_unused_original_minimum_age_seconds:
    description:
      - C([image_cache]remove_unused_original_minimum_age_seconds) of the compute nodes, to say when Nova's ageing deletes what it has marked as
        unused. With O(remove_unused_base_images) V(false) Nova deletes nothing.
    type: int
    default: 86400
extends_documentation_fragment:
  - openstack_vmware.nova.vcenter
  - openstack_vmware.nova.hypervisors
  - openstack_vmware.nova.cache
  - openstack_vmware.nova.attributes.info_module
seealso:
  - module: openstack_vmware.nova.image_cache
  - module: openstack_vmware.nova.image_cache_prune
"""

EXAMPLES = r"""
- name: Read the caches
  openstack_vmware.nova.image_cache_info:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    hypervisors:
      - cluster_name: cluster-a
        datastore_regex: "^nova-"
    cache_prefix: vc1
  register: caches

- name: Name what is broken
  ansible.builtin.debug:
    msg: "{{ caches.datastores | map(attribute='entries') | flatten | selectattr('state', 'equalto', 'broken') | map(attribute='path') }}"
"""

RETURN = r"""
cache_folder:
  description: The cache folder, relative to the root of each datastore.
  returned: success
  type: str
  sample: vc1_base
datastores:
  description: The datastores that Nova may choose.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str, sample: nova-a1}
    moid: {description: Managed object id., type: str, sample: datastore-41}
    type: {description: Type., type: str, sample: VMFS}
    hypervisors: {description: Those of O(hypervisors) that may use it., type: list, elements: str, sample: [cluster-a]}
    capacity_bytes: {description: Its size., type: int, sample: 536870912000}
    free_bytes: {description: What is free of it., type: int, sample: 429496729600}
    path: {description: The cache folder as a datastore path., type: str, sample: "[nova-a1] vc1_base"}
    entries:
      description:
        - What is in the cache folder. C(state) is V(complete), V(broken) or V(unknown), for what is no image's folder and for a disk that no host can
          open, for example since it is locked.
        - C(writer) is V(openstack_vmware.nova) for an image that was seeded by this collection.
        - C(capacity_bytes) is what a guest sees of the disk, and C(thin) its type, as a host says that opens it. C(bytes) is the sum of the files; of a thin
          disk vSphere may count what is allocated. C(sized_copies) are the copies that Nova makes for linked clones; C(complete) is unset where no host
          can open one.
        - C(age_marker) is the time at which Nova first found the image unused, when its ageing is on. C(ageing_deletes_at) is the time from which
          on its next pass deletes the image, used by other clusters or not; unset without a marker and with O(remove_unused_base_images) V(false).
      type: list
      elements: dict
      sample:
        - image_id: 6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11
          name: 6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11
          path: "[nova-a1] vc1_base/6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
          state: complete
          reasons: []
          disk_format: vmdk
          capacity_bytes: 2361393152
          thin: false
          bytes: 2361393700
          writer: openstack_vmware.nova
          sized_copies: [{root_gb: 20, bytes: 21474836480, complete: true}]
          age_marker: null
          ageing_deletes_at: null
          files:
            - {name: 6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11.vmdk, bytes: 548, modified: "2026-11-20T10:00:00+00:00"}
            - {name: 6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11-flat.vmdk, bytes: 2361393152, modified: "2026-11-20T10:00:00+00:00"}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import (
    cache_argument_spec,
    hypervisors_argument_spec,
    vcenter_argument_spec,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache


def main():
    run(
        image_cache.info,
        {
            **vcenter_argument_spec(),
            **hypervisors_argument_spec(required=True),
            **cache_argument_spec(),
            "remove_unused_original_minimum_age_seconds": {"type": "int", "default": 86400},
        },
    )


if __name__ == "__main__":
    main()
