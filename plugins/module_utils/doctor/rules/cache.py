# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova's image cache: its folder, and what is in it. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, WARNING, quoted, rule


@rule(
    ERROR,
    "A shared image cache is aged",
    ["nova_conf"],
    "nova/compute/manager.py (_run_image_cache_manager_pass), nova/virt/storage_users.py",
    "Set [image_cache]remove_unused_base_images = false and manager_interval = -1, and remove images by image_cache_prune; or unset cache_prefix.",
)
def shared_cache_aged(facts, service):
    prefix = service.conf.value("vmware", "cache_prefix")
    interval = service.conf.value("image_cache", "manager_interval") or 0  # empty is 0, which is each minute
    if prefix and interval >= 0 and service.conf.value("image_cache", "remove_unused_base_images"):
        yield (
            service.name,
            f"[vmware]cache_prefix is '{prefix}', {service.conf.place('image_cache', 'remove_unused_base_images')} is true and "
            f"{service.conf.place('image_cache', 'manager_interval')} is {interval}: each nova-compute deletes base disks that powered-off servers of "
            "other clusters use",
        )


@rule(
    WARNING,
    "The name of the cache folder may change by itself",
    ["nova_conf"],
    "nova/virt/vmwareapi/vmops.py (_get_base_folder)",
    "Set [DEFAULT]my_ip, or [vmware]cache_prefix with ageing off.",
)
def cache_folder_unpinned(facts, service):
    if service.base_folder is None:
        yield (
            service.name,
            "the cache folder carries [DEFAULT]my_ip, which is detected at each start: a new interface orphans the whole cache",
        )


@rule(
    WARNING,
    "A shared datastore holds each image twice",
    ["nova_conf", "hypervisor"],
    "nova/virt/vmwareapi/vmops.py (_get_base_folder)",
    "Give the nova-computes of one vCenter the same [vmware]cache_prefix and subdirectory_name, with ageing off.",
)
def cache_folders_differ(facts, service):
    mine = {datastore.moid: datastore.name for datastore in service.hypervisor.usable}
    for other in facts.services:
        if other.name <= service.name or other.hypervisor is None or other.conf is None or other.base_folder == service.base_folder:
            continue
        shared = sorted(mine[datastore.moid] for datastore in other.hypervisor.usable if datastore.moid in mine)
        if shared:
            yield (
                service.name,
                f"on {quoted(shared)} '{service.name}' caches in {_folder(service)}, '{other.name}' in {_folder(other)}",
            )


def _folder(service):
    return f"'{service.base_folder}'" if service.base_folder else "a folder named by its address"


@rule(
    ERROR,
    "The image cache has an entry that Nova takes for whole",
    ["caches"],
    "oslo_vmware/rw_handles.py (the status of an upload is never looked at), nova/virt/vmwareapi/vmops.py",
    "Remove it with image_cache_prune or by hand, and seed the image again.",
)
def cache_entry_broken(facts, service):
    yield from _entries(service, lambda entry: entry.state == "broken" and entry.disk_format is not None)


@rule(
    ERROR,
    "The image cache has a folder without an image",
    ["caches"],
    "nova/virt/vmwareapi/vmops.py (mkdir is outside the try: each boot of a streamOptimized image fails)",
    "Remove the folder, unless a boot of this image is under way.",
)
def cache_folder_empty(facts, service):
    yield from _entries(service, lambda entry: entry.state == "broken" and entry.disk_format is None)


def _entries(service, wrong):
    for datastore, entries in sorted(service.caches.items()):
        for entry in entries:
            if wrong(entry):
                yield f"[{datastore}] {entry.name}", "; ".join(entry.reasons)
