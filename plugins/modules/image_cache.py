#!/usr/bin/python
# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: image_cache
short_description: Puts Glance images into Nova's cache on the datastores
version_added: 0.1.0
description:
  - Puts images where Nova's VCDriver looks for them before it asks Glance, on every datastore that Nova may choose for the given clusters,
    so that no server waits for a download at its boot.
  - An image is read from Glance at most once, and not at all if any datastore of the vCenter has it in the same cache folder. It is written
    to one datastore, and vSphere copies it to the others. Its hash is compared with Glance's while it flows.
  - Everything is planned for all images together before the first byte is sent; check mode returns the same plan. If a datastore has too little room, nothing
    is done, and all such datastores are named. A copy counts with its full size, since vSphere may make it thick even if the source is thin. There is
    a warning if it does.
  - An image is staged outside the cache folder, verified, and published by one move. At any moment Nova sees a whole image or none.
  - While it runs, it shows the progress of each step on the terminal and in the events of an AWX job. It writes a line after one second, then at most
    one every five seconds and 5 %, and one at the end. These lines go to the standard error of C(ansible-playbook). There are none with C(no_log) or
    C(async), or on connections other than C(local) and C(ssh).
  - A run that is cancelled (SIGTERM or Ctrl-C) removes what it staged. The next run removes what a killed run has left; Nova never sees it. Over
    C(ssh) with pipelining no signal reaches the module, so it runs to its end.
  - An image that is complete is left alone, even if Nova put it there. A broken image is replaced, unless a virtual machine uses it.
  - It accepts images of C(disk_format) V(vmdk) and V(iso), with any C(hw_disk_type) that Nova knows. An image of C(container_format) V(ova) must have exactly
    one disk, which is streamOptimized, and its C(hw_disk_type) must say so. Nova boots such an image from the cache, although it can't
    fetch it itself since oslo.vmware 3.4.0. An image that Nova could not boot is refused
    with the reason, before anything is changed.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
options:
  images:
    description:
      - Names or ids of the images. A name must be unique.
      - With O(state=absent), the id of an image that Glance no longer has is fine.
    type: list
    elements: str
    required: true
    aliases: [image]
  state:
    description:
      - V(present) seeds the images.
      - V(absent) removes them from the caches, with their copies for linked clones. An image that the disk of any virtual machine is based on is
        never removed.
    type: str
    choices: [present, absent]
    default: present
  upload_through:
    description:
      - How files get to a datastore. V(auto) sends them straight to an ESXi host that mounts the datastore, with a ticket for this one file, and
        through the vCenter if no host answers. V(host) and V(server) allow only one way; the server is the one that O(hostname) names.
      - A streamOptimized image always goes to the host that the vCenter names in the import lease.
      - With V(auto), a host fetches a streamOptimized image, or the disk in an ova, from Glance by itself where it can, so that no byte of it passes
        through the machine that this runs on. It can if the SHA-256 of the image is known, which the host reports for what it has fetched. It is
        known if it is Glance's own hash, or if C(image_vmdk) made the image, or if it was seeded with V(pull) before. Otherwise the image is pushed;
        C(not_pulled) says why.
      - With V(pull), an image that no host can fetch is an error. An image whose SHA-256 is not known is read once to find out, and Glance is told in the
        property C(openstack_vmware_stream).
      - A host needs the ruleset C(httpClient) of its firewall open (M(openstack_vmware.nova.vsphere_host_firewall)) and a way to Glance; the account needs
        the privilege C(VApp.PullFromUrls); Glance needs C(service_type=image) in C([keystone_authtoken]). C(docs/pull.md) has the rest.
    type: str
    choices: [auto, host, server, pull]
    default: auto
  host_trust:
    description:
      - How an ESXi host proves who it is before a file is sent to it. V(ca) checks its certificate against O(ca_path) or the
        system's CA certificates, and its name. V(thumbprint) compares the certificate with the thumbprint that the vCenter names.
      - The default is V(thumbprint) if O(thumbprint) is set, otherwise V(ca).
      - For imports, the vCenter always names the thumbprint, and that one counts.
    type: str
    choices: [ca, thumbprint]
  encoding:
    description:
      - V(auto) sends a flat image (C(hw_disk_type) V(thin), V(preallocated) or V(thick)) that is mostly empty without its
        holes, as a streamOptimized disk through an import lease. The disk on the datastore is the same, of the type that C(hw_disk_type) names.
        An image that is no multiple of 64 KiB, and a V(eagerZeroedThick) one, is sent as it is.
        Samples of the image decide, one for each GiB, at least 12 and at most 96. The used part waits in a file that nobody else can open, in Ansible's
        temporary folder on the host where the module runs. It takes at most half of the image's size and half of the free space. If the vCenter refuses the
        import, the image is sent as it is, with a warning.
      - V(none) sends each flat image as it is.
      - A streamOptimized image that ESXi may refuse (a header version below 3, as old tools write it, no footer, as C(qemu-img) writes it, or a capacity that
        is no multiple of 64 KiB) is always rewritten while it is sent. What a guest reads stays the same.
    type: str
    choices: [auto, none]
    default: auto
  transfer_timeout:
    description:
      - Seconds that the transfer of one image from Glance to the first datastore may take. By default it may take any time as long as bytes
        flow.
      - If Glance is silent for two minutes, or a host for five, the read or the write is tried again. A task of the vCenter may take
        two hours from when it runs, however long it waits for its turn before.
    type: int
  bandwidth_limit:
    description: The most MiB per second that a push may send to vSphere. By default there is no limit. Copies by vSphere are not slowed down.
    type: int
  copies_per_datastore:
    description: How many copies vSphere makes from one datastore at once.
    type: int
    default: 2
  copies_per_host:
    description:
      - How many copies go through one ESXi host at once. If the storage copies by itself (hardware acceleration on both datastores), the host has no work
        with it, and the limit is eight, which is what a vCenter allows for one host.
    type: int
    default: 4
  pulls_at_once:
    description:
      - The most ESXi hosts that fetch images from Glance at the same time, see O(upload_through). It limits what this run asks of Glance; runs for other
        vCenters have their own.
      - With V(1), each image is fetched once, and vSphere copies it to all other datastores.
      - With more, several images are fetched at the same time. A datastore that shares no ESXi host with one that gets the image is then given it by a pull of
        its own, because vSphere would send a copy through the network from one host to another. Glance sends such an image several times.
    type: int
    default: 1
  verify:
    description:
      - What is compared before an image is published. V(size) compares the size of the disk on the datastore, and of the data that was sent, after the hash of
        what was read from Glance.
      - V(content) also reads each disk back, from a host or the vCenter as O(upload_through) says, and compares what a guest will read of it with what
        was sent. This transfers the whole disk from each datastore, holes included. Copies by vSphere are read back, too. If an image is only
        copied, one of the existing copies is read for the comparison.
      - V(cached) does the same, and also reads back the images that were there before. For that, each image is read once from Glance, in check mode too. An
        image that differs is broken and is replaced, unless a virtual machine uses it. An image that can't be read, for example because a virtual machine has
        it open, is unknown and left alone. Use it from time to time, since nothing else shows what storage loses after an image was published.
      - The copies for linked clones are not read. V(content) and V(cached) are refused on vsan, where
        disks are not files.
    type: str
    choices: [size, content, cached]
    default: size
  linked_clone_sizes:
    description:
      - Sizes in GiB of the root disks with which the images are booted. For each size a copy of the cached disk is made beside it, as Nova does at the
        first boot of a linked clone with such a flavor.
      - These copies matter most for streamOptimized images. When Nova finds one in the cache, it takes the compressed size for the
        size of the disk, and the first boot with a flavor whose disk is between the two sizes fails.
      - A size for which an image is too large is left out, with a warning. An iso, and an image of which Nova makes no linked clones, have no such copies.
    type: list
    elements: int
    default: []
  flavors:
    description: Names or ids of flavors; the size of their root disks is added to O(linked_clone_sizes).
    type: list
    elements: str
    default: []
  use_linked_clone:
    description:
      - C([vmware]use_linked_clone) of the compute nodes. The property C(img_linked_clone) of an image overrides it.
    type: bool
    default: true
  update_min_disk:
    description:
      - Sets C(min_disk) of an image in Glance if Nova would otherwise accept flavors that are too small for the image, and then fail to boot.
      - Otherwise there is only a warning. The account must own the image.
    type: bool
    default: false
  hypervisors:
    required: true
extends_documentation_fragment:
  - openstack_vmware.nova.vcenter
  - openstack_vmware.nova.hypervisors
  - openstack_vmware.nova.cache
  - openstack_vmware.nova.openstack
  - openstack_vmware.nova.attributes
notes:
  - The machine where it runs must reach Glance, the vCenter and, for fast uploads, the ESXi hosts by the names that they have in the vCenter. If
    no host can be reached, the image goes through the vCenter.
seealso:
  - module: openstack_vmware.nova.image_cache_info
"""

EXAMPLES = r"""
- name: Seed two images on all datastores that Nova may choose for two clusters
  openstack_vmware.nova.image_cache:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    images:
      - ubuntu-24.04
      - debian-12
    linked_clone_sizes: [20, 40]
    update_min_disk: true
    hypervisors:
      - cluster_name: cluster-a
        datastore_regex: "^nova-"
      - cluster_name: cluster-b
        datastore_regex: "^nova-"
    cache_prefix: vc1
    openstack:
      cloud: prod

- name: Seed from a network that reaches the vCenter but no ESXi host, with an hour for an image
  openstack_vmware.nova.image_cache:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    images:
      - ubuntu-24.04
    upload_through: server
    transfer_timeout: 3600
    hypervisors:
      - cluster_name: cluster-a
        datastore_regex: "^nova-"
    cache_prefix: vc1
    openstack:
      cloud: prod

- name: Find out whether what is cached is still what Glance has; without check_mode, what differs is replaced
  openstack_vmware.nova.image_cache:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    images:
      - ubuntu-24.04
    verify: cached
    hypervisors:
      - cluster_name: cluster-a
        datastore_regex: "^nova-"
    cache_prefix: vc1
    openstack:
      cloud: prod
  check_mode: true

- name: Remove an image that was deleted in Glance
  openstack_vmware.nova.image_cache:
    hostname: vcenter.example.com
    username: nova@vsphere.local
    password: "{{ vcenter_password }}"
    images:
      - 6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11
    state: absent
    hypervisors:
      - cluster_name: cluster-a
    cache_prefix: vc1
    openstack:
      cloud: prod
"""

RETURN = r"""
images:
  description: What was found and done for each image; in check mode, what would be done.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Id of the image., type: str, sample: 6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11}
    name: {description: Name of the image., returned: with O(state=present), type: str, sample: ubuntu-24.04}
    kind:
      description: How the image is sent; V(flat), V(sparse), V(streamOptimized), V(ova) or V(iso).
      returned: with O(state=present)
      type: str
      sample: sparse
    size: {description: Bytes in Glance., returned: with O(state=present), type: int, sample: 629145600}
    os_hash_algo: {description: Glance's hash algorithm., returned: with O(state=present), type: str, sample: sha512}
    os_hash_value: {description: Glance's hash of the image., returned: with O(state=present), type: str, sample: 0f2c...}
    bytes_from_glance: {description: Bytes read from Glance here or by an ESXi host., returned: with O(state=present), type: int, sample: 629145600}
    not_pulled:
      description: Why no ESXi host fetches the image from Glance, null where one does or nothing is fetched.
      returned: with O(state=present)
      type: str
      sample: "its SHA-256 is not known: Glance has another hash, and the image was made neither by image_vmdk nor seeded with upload_through=pull before"
    min_disk: {description: GiB of C(min_disk) in Glance at the end., returned: with O(state=present), type: int, sample: 3}
    min_disk_needed:
      description: The smallest C(min_disk) that works, in GiB. Null for an ISO.
      returned: with O(state=present)
      type: int
      sample: 3
    datastores:
      description: One element for each datastore.
      type: list
      elements: dict
      contains:
        name: {description: Name of the datastore., type: str, sample: nova-a1}
        path: {description: Folder of the image., type: str, sample: "[nova-a1] vc1_base/6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"}
        state:
          description:
            - What was found, V(complete), V(broken), V(missing) or V(unknown). V(unknown) is a disk that no host can open, for example since it is locked; it
              is left alone, with a warning.
          type: str
          sample: missing
        reasons: {description: Why it is broken., returned: with O(state=present), type: list, elements: str, sample: []}
        action:
          description:
            - What was done, V(none), V(push) (from Glance, through this machine), V(pull) (from Glance, by an ESXi host), V(copy) (by vSphere from C(source))
              or V(remove).
          type: str
          sample: push
        sized_copies:
          description: The copies for linked clones. C(action) is V(none) or V(copy).
          returned: with O(state=present)
          type: list
          elements: dict
          sample: [{root_gb: 20, state: missing, action: copy}]
        source: {description: Datastore that the copy came from., returned: with O(state=present), type: str, sample: nova-a1}
        round: {description: Copies of one round run at once., returned: with O(state=present), type: int, sample: 1}
        planned_bytes:
          description: The most bytes that are sent to vSphere, or that it copies. A flat image may be sent without its holes.
          returned: with O(state=present)
          type: int
          sample: 629145600
        via:
          description: The way that the bytes took. Null in check mode, and if nothing was done.
          returned: with O(state=present)
          type: str
          sample: host esxi-01.example.com
        encoding:
          description:
            - V(streamOptimized) where a flat image was sent without its holes, or a streamOptimized one was laid out anew. Unset where the image was
              sent as it is, in check mode and where nothing was sent.
          returned: with O(state=present)
          type: str
          sample: streamOptimized
        seconds:
          description: How long it took. Unset in check mode and where nothing was done.
          returned: with O(state=present)
          type: float
          sample: 12.1
        bytes:
          description:
            - With O(state=present), bytes that were sent to vSphere, or copied by it. Unset in check mode and where nothing was done.
            - With O(state=absent), bytes that were freed.
          type: int
          sample: 629145600
        bytes_per_second:
          description: Bytes divided by seconds. Unset in check mode and where nothing was done.
          returned: with O(state=present)
          type: int
          sample: 51995504
datastores:
  description: What all images together need on each datastore.
  returned: with O(state=present)
  type: list
  elements: dict
  contains:
    name: {description: Name of the datastore., type: str, sample: nova-a1}
    moid: {description: Its managed object id., type: str, sample: datastore-41}
    hypervisors: {description: Those of O(hypervisors) that may use it., type: list, elements: str, sample: [cluster-a]}
    free_bytes: {description: Free bytes before., type: int, sample: 429496729600}
    needed_bytes: {description: The most bytes that the images take at any moment., type: int, sample: 2990538752}
    free_bytes_after: {description: The least bytes that are free at the end., type: int, sample: 427135336448}
totals:
  description:
    - The plan in numbers. C(complete), C(broken), C(missing) and C(unknown) count pairs of an image and a datastore; together they are all that Nova may
      need.
    - C(rounds) is the largest number of rounds of copies that an image takes. C(bytes_copied) is what vSphere copies at the most.
  returned: with O(state=present)
  type: dict
  sample:
    images: 1
    datastores: 4
    complete: 0
    broken: 0
    missing: 4
    unknown: 0
    pushes: 1
    pulls: 0
    copies: 3
    sized_copies: 8
    rounds: 2
    bytes_from_glance: 629145600
    bytes_to_vsphere: 629145600
    bytes_pulled: 0
    bytes_copied: 7084179456
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
from ansible_collections.openstack_vmware.nova.plugins.module_utils.module import run
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache


def main():
    run(
        image_cache.run,
        {
            **vcenter_argument_spec(),
            **hypervisors_argument_spec(required=True),
            **cache_argument_spec(),
            **openstack_argument_spec(),
            "images": {"type": "list", "elements": "str", "required": True, "aliases": ["image"]},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "upload_through": {"type": "str", "choices": ["auto", "host", "server", "pull"], "default": "auto"},
            "host_trust": {"type": "str", "choices": ["ca", "thumbprint"]},
            "encoding": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
            "transfer_timeout": {"type": "int"},
            "bandwidth_limit": {"type": "int"},
            "copies_per_datastore": {"type": "int", "default": 2},
            "copies_per_host": {"type": "int", "default": 4},
            "pulls_at_once": {"type": "int", "default": 1},
            "verify": {"type": "str", "choices": ["size", "content", "cached"], "default": "size"},
            "linked_clone_sizes": {"type": "list", "elements": "int", "default": []},
            "flavors": {"type": "list", "elements": "str", "default": []},
            "use_linked_clone": {"type": "bool", "default": True},
            "update_min_disk": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
