# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a cached disk in the sizes of flavors, beside it: what Nova makes at the first boot of a linked clone of that size.

Nova looks for the descriptor and copies and extends where it is missing (nova/virt/vmwareapi/vmops.py,
``_use_disk_image_as_linked_clone``). So a copy is made in the stage, and its descriptor is moved in last.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, others, removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import length_of
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.stage import staged
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.seed import SeedError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files


def make(session, image, root_gb, capacity, locations, run, cancelled=lambda: False):
    """Makes the copies of one size on several datastores, all at once, each from the cached disk of its own datastore.

    :arg root_gb: GiB, not less than the image.
    :arg capacity: bytes of the image's disk.
    :arg locations: list of :class:`locations.Location` that have the whole image.
    :arg cancelled: asked at each poll; True ends the work with an error.
    :returns: ``[(location, error or None)]``: one that fails does not stop the others.
    """

    def tick(_percents):
        if cancelled():
            raise SeedError("CANCELLED", f"The copies of the image {image.name} for linked clones were cancelled.")

    name = cache.sized_file(image.id, root_gb)
    outcomes = []
    with contextlib.ExitStack() as stack:
        stages = {}

        def drop_failed(tried, errors):
            """Leaves the stages that failed."""
            for stage, error in zip(tried, errors):
                if error is not None:
                    _drop(stages, outcomes, stage, error)

        for location in locations:
            try:
                stages[location.datastore.moid] = stack.enter_context(staged(session, location, image.id, run))
            except NovaVmwareError as error:
                outcomes.append((location, error))
        cached = cache.image_file(image.id)
        tried = list(stages.values())
        copies = [
            files.Copy(
                f"copy the cached disk to {stage.folder}/{name}",
                stage.location.place, f"{stage.location.image_path(image.id)}/{cached}", stage.location.place, f"{stage.folder}/{name}",
                image.cached_type, image.adapter_type,
            )
            for stage in tried
        ]  # fmt: skip
        drop_failed(tried, files.copy_all(session, copies, tick))
        if root_gb << 30 > capacity:
            tried = list(stages.values())
            drop_failed(tried, files.extend_all(session, [(stage.location.place, f"{stage.folder}/{name}") for stage in tried], root_gb << 20, tick))
        for stage in list(stages.values()):
            try:
                _publish(session, image, root_gb, capacity, stage)
            except NovaVmwareError as error:
                _drop(stages, outcomes, stage, error)
            else:
                outcomes.append((stage.location, None))
    return outcomes


def _drop(stages, outcomes, stage, error):
    del stages[stage.location.datastore.moid]
    outcomes.append((stage.location, error))


def _publish(session, image, root_gb, capacity, stage):
    """Verifies what is staged and moves it beside the image; the descriptor last, since Nova looks for it.

    :raises SeedError: it is not whole, or what is in the way is in use.
    """
    location = stage.location
    folder = location.image_path(image.id)
    name = cache.sized_file(image.id, root_gb)
    wanted = [name] if location.one_file_disks else [cache.extent_of(name), name]
    folders = [(location.datastore.browser, path) for path in (stage.folder, folder)]
    staged_tree, tree = files.open_disks(session, folders, files.list_trees(session, folders), [name])
    made = (staged_tree or {}).get(stage.folder, ())
    if _state(image, root_gb, made, location) != audit.COMPLETE:
        raise SeedError(
            "SEED_NOT_WHOLE",
            f"The copy {name} that {location.name} made for linked clones is not of {root_gb} GiB.",
            "Nothing was published. Run this again; if it stays, look into the log of the ESXi hosts.",
            {"datastore": location.name, "files": {file.name: file.size for file in made}},
        )
    there = [file for file in (tree or {}).get(folder, ()) if file.name in (name, cache.extent_of(name))]
    state = _state(image, root_gb, there, location)
    extent = f"{location.base}/{image.id}/{cache.extent_of(name)}"
    if state == audit.UNKNOWN and length_of(session, location, extent) in (None, root_gb << 30) or state == audit.COMPLETE:
        return  # somebody was faster; what can't be told is not ours to replace
    if there:
        _clear(session, image, location, there, folder, stage, ours=root_gb << 30 if root_gb << 30 > capacity else None)
    for file in wanted:
        if location.one_file_disks:
            files.move_disk(session, location.place, f"{stage.folder}/{file}", f"{folder}/{file}")
        else:
            files.move(session, location.place, f"{stage.folder}/{file}", f"{folder}/{file}")


def _clear(session, image, location, there, folder, stage, ours):
    """Moves a broken copy away.

    :arg ours: size of the extent that only this collection moves in before its descriptor, or None: then a lone one may be Nova's.
    """
    lone = len(there) == 1 and there[0].name.endswith("-flat.vmdk") and ours is not None
    lone = lone and ours in (there[0].size, length_of(session, location, f"{location.base}/{image.id}/{there[0].name}"))
    if not lone and others.is_at_work(session, there):
        raise SeedError(
            "FOLDER_IN_USE",
            f"{folder}/{there[0].name} is not whole, and was written a moment ago: a nova-compute may be at work on it.",
            f"Run this again in {others.AT_WORK.seconds // 60} minutes.",
        )
    names = {file.name for file in there}
    use = removal.Uses(session, [location]).of(location, image.id)
    # By name alone: a virtual machine on vSAN has another path of the folder.
    use = replace(use, path=f"{folder}/{min(names)}", vms=tuple((vm, file) for vm, file in use.vms if file.rpartition("/")[2] in names))
    if use and not lone:
        raise removal.in_use([use])
    # The descriptor goes first: without it Nova does not see the copy.
    for file in sorted(there, key=lambda one: one.name.endswith("-flat.vmdk")):
        if location.one_file_disks:  # a broken disk that is an object can't be moved
            files.delete(session, location.place, f"{folder}/{file.name}")
        else:
            files.move(session, location.place, f"{folder}/{file.name}", f"{stage.root}/{file.name}")


def _state(image, root_gb, listing, location):
    """Judges the copy of one size in a listing: complete, broken, missing, or unknown where no host tells its size."""
    judged = {gb: whole for gb, _size, whole in audit.sized(image.id, listing, location.datastore.type)}
    return {None: audit.UNKNOWN, True: audit.COMPLETE, False: audit.BROKEN}[judged[root_gb]] if root_gb in judged else audit.MISSING
