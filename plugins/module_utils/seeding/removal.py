# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses a cached image, and how one is removed.

A linked clone reads the cached disk as long as it lives, so what any virtual machine, template or snapshot in the vCenter needs is never removed,
whichever OpenStack or person made it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.stage import Stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.stage import remove as remove_stages
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, inventory
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault

BATCH = 100  # images that are moved out of sight before it is asked again who uses them


class RemovalError(NovaVmwareError):
    """An image must stay."""


@dataclass(frozen=True)
class Use:
    """Who uses an image: ``vms`` are ``(virtual machine, file)``; ``unreadable`` names machines of the datastore whose disks nobody can tell."""

    path: str
    vms: tuple
    unreadable: tuple

    def __bool__(self):
        return bool(self.vms or self.unreadable)

    @property
    def names(self):
        """Names of the virtual machines, each once."""
        return sorted({name for name, _file in self.vms} or set(self.unreadable))


class Uses:
    """What the virtual machines on some datastores use of the caches there."""

    def __init__(self, session, locations):
        """:arg locations: list of :class:`locations.Location`. One request a page for all."""
        self._found = {}
        self._unreadable = {}
        bases = {f"[{location.name}]": location.base_path + "/" for location in locations}
        for vm in inventory.files_in_use(session, list({location.datastore.moid for location in locations})):
            for file in sorted(vm.files):
                base = bases.get(file.partition("]")[0] + "]")
                if base and file.startswith(base):
                    folder = base + file[len(base) :].partition("/")[0]
                    self._found.setdefault(folder, []).append((vm.name, file))
            if not vm.readable:
                for moid in vm.datastores:
                    self._unreadable.setdefault(moid, []).append(vm.name)

    def of(self, location, image_id):
        """Gives the :class:`Use` of an image; it is false when nobody uses it."""
        path = location.image_path(image_id)
        return Use(path, tuple(self._found.get(path, ())), tuple(self._unreadable.get(location.datastore.moid, ())))


def refuse_used(session, todo):
    """Checks that no virtual machine needs any of these images.

    :arg todo: list of ``(location, image id)``.
    :raises RemovalError: ``IMAGE_IN_USE`` or ``IMAGE_USE_UNKNOWN``.
    """
    if not todo:
        return
    uses = Uses(session, [location for location, _image_id in todo])
    used = [use for use in (uses.of(location, image_id) for location, image_id in todo) if use]
    if used:
        raise in_use(used)


def in_use(used):
    """Gives the error for images that must stay.

    :arg used: list of :class:`Use`, one or more; the first that a virtual machine is known to use is told in full.
    """
    use = next((use for use in used if use.vms), used[0])
    names = use.names
    listed = f"{', '.join(names[:10])}{' ...' if len(names) > 10 else ''}"
    details = {"virtual_machines": names, "files": sorted({file for _name, file in use.vms}), "paths": sorted(one.path for one in used)}
    if use.vms:
        return RemovalError(
            "IMAGE_IN_USE",
            f"{use.path} is in use by {len(names)} virtual machines: {listed}.",
            "Linked clones need the cached disk as long as they live.",
            details,
        )
    return RemovalError(
        "IMAGE_USE_UNKNOWN",
        f"Whether {use.path} is in use can't be told: vCenter can't read the configuration of {len(names)} virtual machines there: {listed}.",
        "Mend them, or remove them from the inventory of the vCenter.",
        details,
    )


def remove(session, todo, run):
    """Takes images out of caches: first out of Nova's sight with one move each, then, when still nobody uses them, for good.

    Whoever calls this has found before that nobody uses them. A virtual machine that was made from one meanwhile has it back.

    :arg todo: list of ``(location, image id)``. One that is gone already is fine. :arg run: see :func:`stage.this_run`.
    :returns: a list of :class:`Use`: what came into use meanwhile, and so is where it was.
    :raises NovaVmwareError: those of the batch under way are where they were, or, where that failed too, for :func:`clear` of the next run.
    """
    back = []
    for start in range(0, len(todo), BATCH):
        back += _remove(session, todo[start : start + BATCH], run)
    return back


def _remove(session, todo, run):
    stages, back = [], []
    try:
        for location, image_id in todo:
            stage = Stage(location, image_id, run)
            stages.append(stage)
            files.make_directory(session, location.place, stage.removed_to)
            try:
                files.move(session, location.place, location.image_path(image_id), stage.removed)
            except VSphereFault as fault:
                if fault.fault != "FileNotFound":
                    raise
                files.delete(session, location.place, stages.pop().root)
        uses = Uses(session, [stage.location for stage in stages]) if stages else None
    except BaseException:
        for stage in stages:
            with contextlib.suppress(NovaVmwareError):  # the first error is what matters; what can't go back now is for the next run
                _put_back(session, stage.location, stage.image_id, stage.removed)
                files.delete(session, stage.location.place, stage.root)
        raise
    for stage in stages:
        use = uses.of(stage.location, stage.image_id)
        if use:
            _put_back(session, stage.location, stage.image_id, stage.removed)
            back.append(use)
        files.delete(session, stage.location.place, stage.root)
    return back


def clear(session, leftovers):
    """Removes what killed runs left. An image that one of them was removing, and that is in use, goes back into its cache first.

    :arg leftovers: list of :class:`stage.Leftover`.
    """
    for leftover in leftovers:
        for base, image_id, path in leftover.removed:
            location = replace(leftover.location, base=base)
            if Uses(session, [location]).of(location, image_id):
                _put_back(session, location, image_id, path)
    remove_stages(session, leftovers)


def _put_back(session, location, image_id, path):
    """Moves an image back into its cache. When there is one already, that one is whole as well: Nova fetched it meanwhile."""
    files.make_directory(session, location.place, location.base)
    try:
        files.move(session, location.place, path, location.image_path(image_id))
    except VSphereFault as fault:
        if fault.fault not in ("FileNotFound", "FileAlreadyExists"):
            raise
