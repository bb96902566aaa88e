# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All questions, in the order in which they are asked. Those that can't be asked without harm are not here."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import datastore, imports, pulls, vsan
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import (
    ALL,
    FILES,
    NOTE,
    NUMBER,
    OK,
    PROBLEM,
    VSAN,
    Meaning,
    Question,
)

_NFS = frozenset(["NFS", "NFS41"])
_SCRATCH = ("scratch_folder",)
_HOST = ("scratch_folder", "host_upload")
_IMPORT = ("scratch_folder", "stream_image")
_FINE = "Nothing to do."
_SEED_FIRST = "Seed such images before anyone boots from them, or let image_vmdk lay them out anew in Glance."

QUESTIONS = (
    Question(
        "vsan_root_folder", "Does FileManager.MakeDirectory make a folder at the root of a vSAN datastore?", VSAN, vsan.root_folder,
        {
            "refused": Meaning(
                NOTE,
                "image_cache makes its folders by DatastoreNamespaceManager there. Nova knows FileManager only: its first boot fails where the cache "
                "folder is missing.",
                "Give the account Datastore.Config, the feature vsan of vsphere_role, and seed before the first boot, so that the cache folder is there.",
            ),
            "made": Meaning(OK, "Nova and image_cache can make the cache folder.", _FINE),
        },
    ),
    Question(
        "scratch_folder", "Can the account make a folder?", ALL, datastore.scratch_folder,
        {
            "no": Meaning(PROBLEM, "Nothing can be seeded.", "Give the account what the evidence names, by vsphere_role."),
            "yes": Meaning(OK, "A seed can make its folders.", _FINE),
        },
        switch=False,
    ),
    Question(
        "host_upload", "Does each ESXi host take a file, and how does it prove who it is?", ALL, datastore.host_upload,
        {
            "none": Meaning(
                PROBLEM,
                "Every byte would go through the vCenter, which is slow, wants more privileges and often fails on vSAN.",
                "Open TCP 443 from the control node to the hosts, and let ca_file have their CA, or set image_seed_host_trust: thumbprint.",
            ),
            "some": Meaning(
                PROBLEM, "A seed works through the hosts that answer, and waits ten seconds for each that does not.",
                "Mend what the evidence says of the others: a port, a name or a certificate.",
            ),
            "thumbprint": Meaning(
                NOTE, "The hosts have certificates of a CA that is not in ca_file. The vCenter names their thumbprints.",
                "Set image_seed_host_trust: thumbprint, or put the CA of the hosts into ca_file. Nova itself needs the latter.",
            ),
            "ca": Meaning(OK, "Images go straight to the hosts, whose certificates are trusted.", _FINE),
        },
        switch=False, needs=_SCRATCH, seconds=90.0,
    ),
    Question(
        "host_certificate", "Which field of a host's ticket names the host's certificate?", ALL, datastore.host_certificate,
        {
            "sslCertificate": Meaning(OK, "Trust by thumbprint uses the certificate itself, as vSphere 9 names it.", _FINE),
            "certThumbprintList": Meaning(OK, "Trust by thumbprint uses the list of thumbprints.", _FINE),
            "sslThumbprint": Meaning(OK, "Trust by thumbprint uses the one thumbprint.", _FINE),
        },
    ),
    Question(
        "flat_image", "Does a flat image arrive whole?", FILES, datastore.flat_image,
        {
            "no": Meaning(PROBLEM, "Flat images can't be seeded, nor can Nova cache them.", "Mend what the evidence says."),
            "yes": Meaning(OK, "Flat and iso images can be seeded.", _FINE),
        },
        switch=False, needs=_SCRATCH,
    ),
    Question(
        "sparse_image", "Does a sparse image arrive whole?", FILES, datastore.sparse_image,
        {
            "no": Meaning(
                PROBLEM, "Sparse images can't be seeded, nor can Nova cache them.",
                "Mend what the evidence says, or convert such images to streamOptimized by image_vmdk.",
            ),
            "yes": Meaning(OK, "Sparse images can be seeded.", _FINE),
        },
        switch=False, needs=_SCRATCH,
    ),
    Question(
        "stream_image", "Does a streamOptimized image arrive whole, in the encoding of this collection?", ALL, imports.stream_image,
        {
            "no": Meaning(
                PROBLEM, "streamOptimized images and OVAs can't be seeded; flat images are sent with their holes.",
                "Mend what the evidence says. Imports need VApp.Import on the resource pool and on the VM folder, and TCP 443 to the hosts.",
            ),
            "yes": Meaning(OK, "streamOptimized images and OVAs can be seeded, and flat images without their holes.", _FINE),
        },
        switch=False, needs=_SCRATCH,
    ),
    Question(
        "move_image", "Can a folder with a disk be moved, and deleted?", FILES, datastore.move_image,
        {
            "no": Meaning(PROBLEM, "A seed can't publish what it staged, or can't remove what it replaces.", "Mend what the evidence says."),
            "yes": Meaning(OK, "Images can be published, replaced and removed.", _FINE),
        },
        switch=False, needs=_SCRATCH,
    ),
    Question(
        "vsan_disk_move", "Can a disk be moved from one folder at the root into another?", VSAN, vsan.move_disk,
        {
            "no": Meaning(PROBLEM, "A seed can't publish what it staged.", "Mend what the evidence says."),
            "yes": Meaning(OK, "Images can be published.", _FINE),
        },
        switch=False, needs=_SCRATCH,
    ),
    Question(
        "thin_file_size", "Which size does a listing tell of a thin disk?", FILES, datastore.thin_file_size,
        {
            "allocated": Meaning(
                NOTE, "A size in a listing says nothing of a thin disk's completeness. image_cache asks for the capacity by a VmDiskFileQuery.",
                "Let no script of yours compare sizes in listings.",
            ),
            "provisioned": Meaning(OK, "A listing tells the capacity.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "nfs_preallocated", "What becomes of a preallocated disk on NFS?", _NFS, datastore.nfs_preallocated,
        {
            "thin": Meaning(
                NOTE, "Disks are thin there, whatever the image asks for: storage may be overcommitted.",
                "Where you need reserved space, install the storage vendor's VAAI NAS plugin on the hosts.",
            ),
            "refused": Meaning(
                NOTE, "Nova can't make the disk of an image whose hw_disk_type is preallocated there.",
                "Install the storage vendor's VAAI NAS plugin on the hosts, or set hw_disk_type to thin or sparse.",
            ),
            "taken": Meaning(OK, "Preallocated disks take their room at once.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "copy_without_spec", "What becomes of a thin disk that is copied without a destSpec?", FILES, datastore.copy_without_spec,
        {
            "preallocated": Meaning(
                NOTE, "A copy takes the capacity of the disk, unless copy_spec is honoured. image_cache reckons with that. Nova never names a type.",
                "Leave room for the capacity of each image on each datastore.",
            ),
            "source": Meaning(OK, "A copy is thin where its source is.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "copy_spec", "Does CopyVirtualDisk make the type that a destSpec asks for?", FILES, datastore.copy_spec,
        {
            "refused": Meaning(NOTE, "image_cache asks once and then copies without; the type is that of copy_without_spec.", "See copy_without_spec."),
            "ignored": Meaning(NOTE, "A copy is not of the type that was asked for. image_cache reckons with the capacity.", "See copy_without_spec."),
            "honoured": Meaning(OK, "Copies are of the type that the image asks for.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "eager_zero_seconds_per_gib", "How long does an eagerZeroedThick disk take, in seconds a GiB?", frozenset(["VMFS"]), datastore.eager_zero,
        {
            NUMBER: Meaning(
                NOTE, "Nova makes disks of that type for images with such a hw_disk_type: a write of the whole disk.",
                "Use the type only where a guest needs it.",
            )
        },
        needs=_SCRATCH, seconds=60.0,
    ),
    Question(
        "old_stream", "Is a streamOptimized file with a header of version 1 imported?", ALL, imports.old_stream,
        {
            "refused": Meaning(
                NOTE, "Nova can't import images that QEMU before 2.5.1 wrote. A seed can: image_cache lays them out anew on their way.", _SEED_FIRST
            ),
            "taken": Meaning(OK, "Old images can be imported.", _FINE),
        },
        needs=_IMPORT,
    ),
    Question(
        "stream_without_footer", "Is a streamOptimized file without a footer imported, as qemu-img writes it?", ALL, imports.stream_without_footer,
        {
            "refused": Meaning(
                NOTE, "Nova can't import streamOptimized images that qemu-img made. A seed can: image_cache lays them out anew on their way.", _SEED_FIRST
            ),
            "taken": Meaning(OK, "Images that qemu-img made can be imported.", _FINE),
        },
        needs=_IMPORT,
    ),
    Question(
        "stream_odd_capacity", "Is a streamOptimized file imported whose capacity is no multiple of its grain?", ALL, imports.stream_odd_capacity,
        {
            "refused": Meaning(
                NOTE, "Nova can't import images with such a capacity. A seed can: image_cache lays them out anew on their way.", _SEED_FIRST
            ),
            "taken": Meaning(OK, "Images of any capacity can be imported.", _FINE),
        },
        needs=_IMPORT,
    ),
    Question(
        "lease_abort", "Is everything gone when an import was ended?", ALL, imports.lease_abort,
        {
            "later": Meaning(NOTE, "The name of an import that failed stays taken for some seconds. image_cache waits until it is free.", _FINE),
            "at_once": Meaning(OK, "An import that failed can be made again at once.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "pull_image", "Does an ESXi host fetch an image by itself, here from the machine that the probe runs on?", ALL, pulls.pull_image,
        {
            "no": Meaning(
                NOTE, "Images are pushed.",
                "To let hosts fetch them from Glance, open the ruleset httpClient of their firewalls (vsphere_host_firewall), give the account the feature "
                "pull of vsphere_role, and let them reach Glance. They may reach Glance even if they do not reach this machine.",
            ),
            "yes": Meaning(OK, "Hosts can fetch images, if they reach Glance as well.", _FINE),
        },
        switch=False, needs=_IMPORT,
    ),
    Question(
        "pull_manifest", "What does vCenter say of a file that a host has fetched?", ALL, pulls.pull_manifest,
        {
            "empty": Meaning(
                NOTE, "What a host fetches can't be verified without reading it back, so images are pushed.",
                "Set image_seed_verify: content to pull all the same.",
            ),
            "sha1": Meaning(
                NOTE, "Only a SHA-1, so what a host fetches can't be verified without reading it back, and images are pushed.",
                "Set image_seed_verify: content to pull all the same.",
            ),
            "checksum": Meaning(OK, "What a host fetches is verified by its SHA-256.", _FINE),
        },
        needs=("pull_image",),
    ),
    Question(
        "pull_truncated", "What becomes of a file that ends too early while a host fetches it?", ALL, pulls.pull_truncated,
        {
            "taken": Meaning(OK, "The host takes it for the whole. image_cache compares the SHA-256.", _FINE),
            "refused": Meaning(OK, "The host refuses it.", _FINE),
        },
        needs=("pull_image",),
    ),
    Question(
        "put_missing_folder", "What becomes of a file that is written into a folder that is missing?", ALL, datastore.put_missing_folder,
        {
            "made": Meaning(NOTE, "A transfer to a wrong path makes folders. image_cache makes its folders first.", _FINE),
            "refused": Meaning(OK, "A transfer to a wrong path fails.", _FINE),
        },
        needs=_HOST,
    ),
    Question(
        "chunked_put", "Does a host take a file whose length it is not told?", ALL, datastore.chunked_put,
        {
            "refused": Meaning(OK, "image_cache always tells the length.", _FINE),
            "taken": Meaning(OK, "image_cache always tells the length, and could do without.", _FINE),
        },
        needs=_HOST,
    ),
    Question(
        "vcenter_put", "Which privileges does a file want that goes through the vCenter?", FILES, datastore.vcenter_put,
        {
            "host_config": Meaning(
                NOTE, "Beyond the documented Datastore.FileManagement it wants Host.Config.SystemManagement, which the account has not.",
                "Keep image_seed_upload_through: auto or host. Only where no host can be reached, give the account that privilege: vsphere_role has it as "
                "the feature vcenter_upload.",
            ),
            "documented": Meaning(OK, "Datastore.FileManagement is enough.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "parents_view", "Does an account see what is above an object on which it has a permission?", ALL, datastore.parents_view,
        {
            "refused": Meaning(
                NOTE, "Calls that name a datacenter want System.View there, and an inventory is walked from the root folder.",
                "Give the account a role on the root folder and on the datacenter as well, without propagation: docs/security.md.",
            ),
            "granted": Meaning(OK, "System.View comes with any permission below.", _FINE),
        },
    ),
    Question(
        "nfs_lock_files", "Does a listing show the lock files of NFS?", frozenset(["NFS"]), datastore.nfs_lock_files,
        {
            "shown": Meaning(
                OK, "Files .lck-* lie beside disks in use. image_cache and image_cache_prune take no notice of them.", "Let no script of yours remove them."
            ),
            "hidden": Meaning(OK, "They are not listed.", _FINE),
        },
    ),
    Question(
        "vsan_put_through_vcenter", "Does a file arrive on vSAN through the vCenter?", VSAN, datastore.vsan_put_through_vcenter,
        {
            "fails": Meaning(
                NOTE, "Files reach this datastore through the hosts only.",
                "Let the control node reach the hosts on TCP 443, and keep image_seed_upload_through: auto or host.",
            ),
            "works": Meaning(OK, "The vCenter is a way where no host can be reached.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "vsan_listing", "Does a listing of the root of vSAN show folders by UUID or by name?", VSAN, vsan.listing,
        {
            "uuid": Meaning(NOTE, "The name is in friendlyName, which image_cache reads.", "Let no script of yours look for names in the path."),
            "name": Meaning(OK, "Folders are listed by their names.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "vsan_disk_path", "How are disks of virtual machines on vSAN named?", VSAN, imports.vsan_disk_path,
        {
            "uuid": Meaning(
                NOTE, "What uses an image is named by UUID. image_cache_prune asks the vCenter for the UUID of each folder and compares both.",
                "Let no script of yours remove images by comparing names.",
            ),
            "name": Meaning(OK, "What uses an image is named by the folder's name.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "vsan_folder_move", "Can a folder with a disk be moved on vSAN?", VSAN, vsan.folder_move,
        {
            "half": Meaning(NOTE, "A move of a folder may stop in the middle. image_cache moves the disk into a folder that it has made.", _FINE),
            "refused": Meaning(NOTE, "A move of a folder is refused. image_cache moves the disk into a folder that it has made.", _FINE),
            "moved": Meaning(OK, "A folder can be moved.", _FINE),
        },
        needs=_SCRATCH,
    ),
    Question(
        "vsan_folder_delete", "Can a folder with a disk be deleted on vSAN?", VSAN, vsan.folder_delete,
        {
            "refused": Meaning(
                NOTE, "image_cache deletes the disk first, then the folder. Nova's ageing deletes folders and fails.",
                "Remove images by image_cache_prune, with remove_unused_base_images = false in nova.conf.",
            ),
            "deleted": Meaning(OK, "A folder can be deleted with what is in it.", _FINE),
        },
        needs=_SCRATCH,
    ),
)  # fmt: skip
