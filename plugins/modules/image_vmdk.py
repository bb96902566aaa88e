#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: image_vmdk
short_description: Converts a Glance image to a VMDK image that Nova's VMware driver can boot
version_added: 0.1.0
description:
  - Reads an image from Glance, converts it with C(qemu-img) and writes it back as a new image with the properties that Nova's VMware driver uses.
  - The new image carries the property C(openstack_vmware_source), which says what it was made from. If an active image of that name was made from the
    same bytes in the same way, nothing is converted; other properties are changed in place.
  - An image that was made from other bytes or in another way is deleted after the new one is active. An image of that name without the property is
    never touched.
  - A run that fails or is cancelled (SIGTERM) leaves nothing in O(work_dir) and no new image.
  - The file must be of the format that C(disk_format) says. A file of another format, an encrypted one, or one with a backing file or an external data file is
    refused before C(qemu-img) opens it.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  image:
    description:
      - Name or id of the image to convert. A name must be unique.
      - Its C(disk_format) is V(qcow2), V(raw), V(vhd), V(vhdx), V(vdi), or V(vmdk) with another C(hw_disk_type).
      - A streamOptimized VMDK that ESXi may refuse is laid out anew, without C(qemu-img), its compressed data as it is. That is one whose header has
        a version below 3, that has no footer, as C(qemu-img) writes it, or whose capacity is no multiple of its grain. Any other is refused with
        C(IMAGE_IS_VMDK).
    type: str
    required: true
  name:
    description: Name of the new image, unique in the project. The default is the name of O(image) with C(-vmdk) appended.
    type: str
  disk_type:
    description:
      - C(hw_disk_type) of the new image. V(streamOptimized) is the smallest to transfer and works on each kind of datastore. It is rewritten as ESXi wants it,
        because ESXi may refuse what C(qemu-img) writes; its disk is rounded up to 64 KiB.
      - V(preallocated) is the bytes of the disk. Glance takes them as a vmdk only with C([image_format]require_image_format_match = false).
    type: str
    choices: [streamOptimized, sparse, preallocated]
    default: streamOptimized
  adapter_type:
    description:
      - V(ide), or with C(hw_disk_bus) V(scsi) the C(hw_scsi_model) of the new image.
      - The default is that of O(image) if it is a VMDK, otherwise V(lsilogic).
    type: str
    choices: [lsilogic, buslogic, lsisas1068, vmpvscsi, ide]
  os_distro:
    description: C(os_distro) of the new image, which Nova hands to vSphere as the guest id, for example V(ubuntu64Guest).
    type: str
  min_disk:
    description: The least GiB of a flavor's root disk. The default is what the disk needs.
    type: int
  firmware:
    description: C(hw_firmware_type) of the new image.
    type: str
    choices: [bios, uefi]
  visibility:
    description: Visibility of the new image. The default is that of O(image). Only administrators can make an image V(public).
    type: str
    choices: [private, community, shared, public]
  properties:
    description:
      - More properties of the new image. A null removes one. Properties that have an option of their own are not allowed here.
    type: dict
  keep_properties:
    description:
      - Whether the new image also has the properties and the C(min_ram) of O(image). If they change there, a later run changes them here;
        a property that is removed there stays here.
      - Those with which Nova's VMware driver would boot nothing are left out, for example C(hw_vif_model=virtio) or C(os_distro=ubuntu) of an image for KVM.
        So is what is about the original alone, for example its signature, or the server that it is a snapshot of.
    type: bool
    default: true
  work_dir:
    description: A folder with room for two copies of the image. The default is the temporary folder that Ansible makes for the task.
    type: path
  state:
    description:
      - V(present) makes the image.
      - V(absent) deletes it. O(image) itself stays, and need not exist unless it is an id and O(name) is not given.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - openstack_vmware.nova.openstack
  - openstack_vmware.nova.attributes
requirements:
  - qemu-img (package qemu-utils or qemu-img) where the module runs, but for a streamOptimized VMDK that is laid out anew
notes:
  - A new image has a new id. Seed it with M(openstack_vmware.nova.image_cache); the old one can be removed from the caches by its id.
seealso:
  - module: openstack_vmware.nova.image_cache
"""

EXAMPLES = r"""
- name: Make an image for vSphere of the vendor's qcow2
  openstack_vmware.nova.image_vmdk:
    image: fedora-43
    adapter_type: vmpvscsi
    os_distro: fedora64Guest
    firmware: uefi
    properties:
      hw_vif_model: VirtualVmxnet3
    openstack:
      cloud: prod

- name: Delete it
  openstack_vmware.nova.image_vmdk:
    image: fedora-43
    state: absent
    openstack:
      cloud: prod
"""

RETURN = r"""
action:
  description: What was done, V(none), V(update) (of properties), V(convert) or V(remove). In check mode, what would be done.
  returned: success
  type: str
  sample: convert
image:
  description: The new image. In check mode, what is not known before the conversion is null.
  returned: with O(state=present)
  type: dict
  contains:
    id: {description: Id of the image., type: str, sample: 6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11}
    name: {description: Name of the image., type: str, sample: fedora-43-vmdk}
    size: {description: Bytes in Glance., type: int, sample: 629145600}
    capacity_bytes: {description: Bytes of the disk that the guest sees., type: int, sample: 5368709120}
    min_disk: {description: The least GiB of a flavor's root disk., type: int, sample: 5}
    visibility: {description: Visibility of the image., type: str, sample: private}
    os_hash_algo: {description: Glance's hash algorithm., type: str, sample: sha512}
    os_hash_value: {description: Glance's hash of the image., type: str, sample: 0f2c...}
    properties:
      description: The properties that were asked for.
      type: dict
      sample:
        hw_disk_type: streamOptimized
        hw_disk_bus: scsi
        hw_scsi_model: vmpvscsi
source:
  description: The image that it is made of.
  returned: with O(state=present)
  type: dict
  contains:
    id: {description: Id of the image., type: str, sample: 0b6f2f6c-57f1-4a0e-8d0f-6b8e3cf4a0d5}
    name: {description: Name of the image., type: str, sample: fedora-43}
    disk_format: {description: Format of the image., type: str, sample: qcow2}
    size: {description: Bytes in Glance., type: int, sample: 583008256}
    os_hash_algo: {description: Glance's hash algorithm., type: str, sample: sha512}
    os_hash_value: {description: Glance's hash of the image., type: str, sample: 7c4a...}
removed:
  description: Ids of the images that were deleted, earlier ones of that name. In check mode, those that would be.
  returned: success
  type: list
  elements: str
  sample: [2f1e0b46-8e4e-4b0e-a9a2-d4f3d2c5f8f1]
bytes_from_glance:
  description: Bytes read from Glance. In check mode, those that would be.
  returned: with O(state=present)
  type: int
  sample: 583008256
bytes_to_glance:
  description: Bytes written to Glance. Null in check mode where an image would be made.
  returned: with O(state=present)
  type: int
  sample: 629145600
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import openstack_argument_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import image_vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run


def main():
    run(
        image_vmdk.run,
        {
            **openstack_argument_spec(),
            "image": {"type": "str", "required": True},
            "name": {"type": "str"},
            "disk_type": {"type": "str", "choices": ["streamOptimized", "sparse", "preallocated"], "default": "streamOptimized"},
            "adapter_type": {"type": "str", "choices": ["lsilogic", "buslogic", "lsisas1068", "vmpvscsi", "ide"]},
            "keep_properties": {"type": "bool", "default": True},
            "os_distro": {"type": "str"},
            "min_disk": {"type": "int"},
            "firmware": {"type": "str", "choices": ["bios", "uefi"]},
            "visibility": {"type": "str", "choices": ["private", "community", "shared", "public"]},
            "properties": {"type": "dict"},
            "work_dir": {"type": "path"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    )


if __name__ == "__main__":
    main()
