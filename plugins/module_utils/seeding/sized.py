# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a cached disk in the sizes of flavors, beside it: what Nova makes at the first boot of a linked clone of that size.

Nova looks for the descriptor and copies and extends where it is missing (nova/virt/vmwareapi/vmops.py,
``_use_disk_image_as_linked_clone``). So a copy is made in the stage, and its descriptor is moved in last.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, others, removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import length_of
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.stage import staged
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.errors import SeedError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Job
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import Work
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files


def make(job, work, root_gb, locations):
    """Makes the copies of one size on several datastores, all at once, each from the cached disk of its own datastore.

    :arg job: the :class:`job.Job`. :arg work: the image's :class:`work.Work`.
    :arg root_gb: GiB, not less than the image.
    :arg locations: list of :class:`locations.Location` that have the whole image.
    :returns: ``[(location, error or None)]``: one that fails does not stop the others.
    """
    with contextlib.ExitStack() as stack:
        making = _Making(job, work, root_gb)
        for location in locations:
            try:
                making.stages.append(stack.enter_context(staged(job.session, location, work.image.id, job.run_id)))
            except NovaVmwareError as error:
                making.outcomes.append((location, error))
        making.copy()
        making.extend()
        making.publish()
    return making.outcomes


@dataclass
class _Making:
    """The copies of one size while they are made. ``stages`` are those that go on, ``outcomes`` is what became of the others."""

    job: Job
    work: Work
    root_gb: int
    stages: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)

    @property
    def name(self):
        """The copies' name."""
        return cache.sized_file(self.work.image.id, self.root_gb)

    @property
    def is_larger(self):
        """Says whether the copies are larger than the image's disk."""
        return self.root_gb << 30 > (self.work.capacity or 0)

    def copy(self):
        """Copies the cached disks into the stages."""
        image = self.work.image
        copies = [
            files.Copy(
                f"copy the cached disk to {stage.folder}/{self.name}",
                stage.location.place, f"{stage.location.image_path(image.id)}/{cache.image_file(image.id)}",
                stage.location.place, f"{stage.folder}/{self.name}",
                image.cached_type, image.adapter_type,
            )
            for stage in self.stages
        ]  # fmt: skip
        self._go_on(files.copy_all(self.job.session, copies, self._tick))

    def extend(self):
        """Extends the copies where they are to be larger than the image."""
        if self.is_larger:
            disks = [(stage.location.place, f"{stage.folder}/{self.name}") for stage in self.stages]
            self._go_on(files.extend_all(self.job.session, disks, self.root_gb << 20, self._tick))

    def publish(self):
        """Publishes the copies, one after the other."""
        for stage in self.stages:
            try:
                _publish(self, stage)
            except NovaVmwareError as error:
                self.outcomes.append((stage.location, error))
            else:
                self.outcomes.append((stage.location, None))

    def _go_on(self, errors):
        """Goes on with the stages that did not fail. ``errors`` are in their order, None where there is none."""
        self.outcomes += [(stage.location, error) for stage, error in zip(self.stages, errors) if error is not None]
        self.stages = [stage for stage, error in zip(self.stages, errors) if error is None]

    def _tick(self, _percents):
        self.job.refuse_cancelled(f"The copying of the image {self.work.image.name} for linked clones")


def _publish(making, stage):
    """Verifies what is staged and moves it beside the image; the descriptor last, since Nova looks for it.

    :raises SeedError: it is not whole, or what is in the way is in use.
    """
    session, image, root_gb, name = making.job.session, making.work.image, making.root_gb, making.name
    location = stage.location
    folder = location.image_path(image.id)
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
        _clear(making, stage, there)
    for file in wanted:
        if location.one_file_disks:
            files.move_disk(session, location.place, f"{stage.folder}/{file}", f"{folder}/{file}")
        else:
            files.move(session, location.place, f"{stage.folder}/{file}", f"{folder}/{file}")


def _clear(making, stage, there):
    """Moves a broken copy away.

    :arg there: its files, list of ``vsphere.files.File``.
    :raises SeedError: somebody may be at work on it.
    :raises RemovalError: a virtual machine uses it.
    """
    session, image, location = making.job.session, making.work.image, stage.location
    folder = location.image_path(image.id)
    # The size of the extent that only this collection moves in before its descriptor. Of a copy that is not larger a lone one may be Nova's.
    ours = making.root_gb << 30 if making.is_larger else None
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
