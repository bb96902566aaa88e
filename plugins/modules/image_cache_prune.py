#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: image_cache_prune
short_description: Removes images from Nova's cache that nobody needs any more
version_added: 0.1.0
description:
  - Judges everything in Nova's image cache on every datastore that Nova may choose for the given clusters, says why each stays or goes, and removes
    what goes. Check mode is the dry run; it gives the same verdicts.
  - Removed is an image that Glance no longer has, and with O(keep) also one that is not in that list.
  - Kept is, whatever Glance says, what the disk chain of any virtual machine, template or snapshot on the datastore uses, what is younger than
    O(minimum_age), and what is no image's folder, or has a file in it that neither Nova nor this collection puts there.
  - The copies for linked clones are part of their image. Nova's own ageing knows only the servers of the compute nodes that share its instances'
    folder; this module asks the vCenter.
  - An image is first moved out of the cache folder, so that Nova sees a whole image or none. Then it is asked once more who uses it. What came into
    use meanwhile is moved back.
  - Nothing is removed when Glance can't be asked, or when the account may not see the images of all projects, since Glance then answers as if they
    had been deleted. The account needs the role C(admin).
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  hypervisors:
    required: true
  keep:
    description:
      - Names or ids of the images to keep. Any other that no virtual machine uses is removed, also when Glance has it.
      - Without it, every image that Glance has is kept.
      - List what all clusters need that use the same datastores and cache folder. A name must be that of one image; an empty list is refused.
    type: list
    elements: str
  minimum_age:
    description:
      - Seconds since the youngest file of an image was written, by the clock of the vCenter. Younger images are kept, as one may be about to boot.
      - The default is that of C([image_cache]remove_unused_original_minimum_age_seconds) of Nova.
    type: int
    default: 86400
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
  - openstack_vmware.nova.openstack
  - openstack_vmware.nova.attributes
notes:
  - A virtual machine that is not registered in the vCenter is not seen.
  - An image that Nova copies for a boot at this very moment is in no disk chain yet. Such a boot may fail and is then scheduled again by Nova. With the
    default of O(keep) this takes an image that was deleted while it boots.
seealso:
  - module: openstack_vmware.nova.image_cache
  - module: openstack_vmware.nova.image_cache_info
"""

EXAMPLES = r"""
- name: Say what would be removed, and why
  openstack_vmware.nova.image_cache_prune:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    hypervisors:
      - cluster_name: cluster-a
        datastore_regex: "^nova-"
    cache_prefix: vc1
    openstack:
      cloud: prod
  check_mode: true
  register: prune

- name: Show the verdicts
  ansible.builtin.debug:
    msg: "{{ item.path }}: {{ item.verdict }}, {{ item.reason }}. {{ item.evidence }}"
  loop: "{{ prune.entries }}"
  loop_control:
    label: "{{ item.path }}"

- name: Remove what Glance no longer has and nobody uses
  openstack_vmware.nova.image_cache_prune:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    hypervisors:
      - cluster_name: cluster-a
        datastore_regex: "^nova-"
    cache_prefix: vc1
    openstack:
      cloud: prod
"""

RETURN = r"""
glance_view:
  description:
    - Why it is sure that Glance shows all images to the account.
    - V(private_image) means that Glance listed a private image of another project, V(role) that the account has the role C(admin) and
      Glance opens to it what its rule C(context_is_admin) guards.
  returned: success
  type: str
  sample: role
entries:
  description: One element for everything in the caches. In check mode, what would become of it.
  returned: success
  type: list
  elements: dict
  contains:
    datastore: {description: Name of the datastore., type: str, sample: nova-a1}
    image_id: {description: Id of the image. Unset for what is not recognised., type: str, sample: 6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11}
    path: {description: Its datastore path., type: str, sample: "[nova-a1] vc1_base/6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"}
    state: {description: "V(complete), V(broken) or V(unknown), as M(openstack_vmware.nova.image_cache_info) says.", type: str, sample: complete}
    verdict: {description: V(keep) or V(remove)., type: str, sample: remove}
    reason:
      description:
        - V(DELETED_IN_GLANCE) or V(NOT_WANTED) of what goes.
        - V(NOT_RECOGNISED), V(WANTED) (is in O(keep)), V(IN_GLANCE), V(IN_USE), V(USE_UNKNOWN) (this account can't see the disks of a virtual
          machine there, or under which name machines on vSAN know the cache), V(AGE_UNKNOWN) or V(TOO_YOUNG) of what stays.
      type: str
      sample: DELETED_IN_GLANCE
    evidence:
      description: The facts behind the reason.
      type: str
      sample: Glance answered 404 for the image; it was written 1209600 seconds ago and nobody uses it.
    virtual_machines: {description: Names of the virtual machines that use it., type: list, elements: str, sample: []}
    bytes: {description: Bytes of its files., type: int, sample: 2361393700}
    age_seconds: {description: Seconds since its youngest file was written., type: int, sample: 1209600}
    age_marker: {description: When Nova's ageing marked it as unused. Unset when it did not., type: str, sample: "2026-11-20T10:00:00+00:00"}
    ageing_deletes_at:
      description: The time after which the next pass of Nova's ageing deletes it. Null if Nova has not marked it, or O(remove_unused_base_images) is false.
      type: str
      sample: "2026-11-21T10:00:00+00:00"
bytes:
  description: Bytes that were freed.
  returned: success
  type: int
  sample: 2361393700
leftovers:
  description: What killed runs had left on the datastores, and was removed. In check mode, what would be removed.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import (
    cache_argument_spec,
    hypervisors_argument_spec,
    openstack_argument_spec,
    vcenter_argument_spec,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import prune
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run


def main():
    run(
        prune.run,
        {
            **vcenter_argument_spec(),
            **hypervisors_argument_spec(required=True),
            **cache_argument_spec(),
            **openstack_argument_spec(),
            "keep": {"type": "list", "elements": "str"},
            "minimum_age": {"type": "int", "default": 86400},
            "remove_unused_original_minimum_age_seconds": {"type": "int", "default": 86400},
        },
    )


if __name__ == "__main__":
    main()
