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

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import look_into
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.stage import Stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.stage import remove as remove_stages
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, inventory
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault

BATCH = 100  # images that are moved out of sight before it is asked again who uses them


class RemovalError(NovaVmwareError):
    """An image must stay."""


@dataclass(frozen=True)
class Use:
    """Who uses an image: ``vms`` are ``(virtual machine, file)``; ``unreadable`` names machines of the datastore whose disks nobody can tell.

    ``unknown`` is why nobody can tell at all, and ``hint`` what to do about that; both are empty where it can be told.
    """

    path: str
    vms: tuple
    unreadable: tuple
    unknown: str = ""
    hint: str = ""

    def __bool__(self):
        return bool(self.vms or self.unreadable or self.unknown)

    @property
    def names(self):
        """Names of the virtual machines, each once."""
        return sorted({name for name, _file in self.vms} or set(self.unreadable))


class Uses:
    """What virtual machines use of the caches on some datastores: those of all datacenters that mount the same storage."""

    def __init__(self, session, locations):
        """:arg locations: list of :class:`locations.Location`. Three requests and their pages for all, and one for each cache folder on vSAN."""
        self._used = {}
        self._unreadable = {}
        self._unknown = {}
        self._by_uuid = {}
        if not locations:
            return
        stores = {location.datastore.moid: (location.name, location.datastore.storage) for location in locations}
        wanted = {storage for _name, storage in stores.values()}
        stores = {**inventory.storages(session), **stores}
        mounts = sorted(moid for moid, (_name, storage) in stores.items() if storage in wanted)
        vms, blind = inventory.files_in_use(session, mounts)
        for moid in blind:
            self._unknown[stores[moid][1]] = (
                f"the account may not list the virtual machines of the datastore {stores[moid][0]} ({moid})",
                "Give it the role Read-only on the datastore and on the virtual machines there.",
            )
        volumes = {storage.rstrip("/").rpartition("/")[2]: storage for storage in wanted}
        for vm in vms:
            mounted = {moid: stores[moid] for moid in sorted(vm.datastores) if moid in stores}
            for file in sorted(vm.files):
                for storage, path in _places(file, mounted, volumes):
                    self._note(storage, path, (vm.name, file))
            if not vm.readable:
                for storage in {stores[moid][1] for moid in vm.datastores if moid in mounts}:
                    self._unreadable.setdefault(storage, []).append(vm.name)
        self._read_uuids(session, locations)

    def _note(self, storage, path, use):
        """Notes a file under each folder that it is in: under the whole path of the folder, and under its name alone."""
        folder = path.rpartition("/")[0]
        while folder:
            for key in (folder, ("name", folder.rpartition("/")[2])):
                uses = self._used.setdefault((storage, key), [])
                if use not in uses:
                    uses.append(use)
            folder = folder.rpartition("/")[0]

    def _read_uuids(self, session, locations):
        for location in locations:
            key = (location.datastore.storage, location.base)
            if location.place.namespaces is None or key in self._by_uuid:
                continue
            self._by_uuid[key] = None
            try:
                self._by_uuid[key] = files.uuid_path(session, location.place, location.base_path)
            except VSphereError as error:
                self._unknown.setdefault(
                    key,
                    (
                        f"virtual machines on vSAN name folders by UUID, and that of {location.base_path} is not known: {error.what.rstrip('.')}",
                        "Give the account System.View and System.Read on the datacenter, or remove the image by hand once nobody uses it.",
                    ),
                )

    def of(self, location, image_id):
        """Returns the :class:`Use` of an image; it is false when nobody uses it."""
        storage, base = location.datastore.storage, location.base
        keys = [f"{base}/{image_id}"]
        if location.place.namespaces is not None:
            # Whatever a virtual machine calls the cache folder, the folder in it has the image's name.
            keys += [f"{self._by_uuid.get((storage, base))}/{image_id}", ("name", image_id)]
        vms = dict.fromkeys(use for key in keys for use in self._used.get((storage, key), ()))
        unknown, hint = self._unknown.get(storage) or self._unknown.get((storage, base)) or ("", "")
        return Use(location.image_path(image_id), tuple(vms), tuple(self._unreadable.get(storage, ())), unknown, hint)


def _places(file, mounted, volumes):
    """Yields ``(storage, path below its root)`` for a file of a virtual machine.

    :arg mounted: ``{moid: (name, storage)}`` of the datastores that the machine uses. A name that none of them has, since one was renamed, may be any.
    :arg volumes: ``{volume: storage}``, the volume being the last part of the storage's URL.
    """
    if not file.startswith("["):
        volume, _slash, path = file.partition("/vmfs/volumes/")[2].partition("/")
        if volume in volumes:
            yield volumes[volume], path.strip("/")
        return
    named = {storage for name, storage in mounted.values() if file.startswith(f"[{name}] ")}
    for storage in sorted(named or {storage for _name, storage in mounted.values()}):
        yield storage, files.relative(file)


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
    """Returns the error for images that must stay.

    :arg used: list of :class:`Use`, one or more; the first that a virtual machine is known to use is told in full.
    """
    use = next((use for use in used if use.vms), used[0])
    names = use.names
    listed = f"{', '.join(names[:10])}{' ...' if len(names) > 10 else ''}"
    details = {"virtual_machines": names, "files": sorted({file for _name, file in use.vms}), "paths": sorted(one.path for one in used)}
    if use.unknown and not use.vms:
        return RemovalError("IMAGE_USE_UNKNOWN", f"Whether {use.path} is in use can't be told: {use.unknown}.", use.hint, details)
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
        "Repair them, give the account the role Read-only on them, or remove them from the inventory of the vCenter.",
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
                files.move_folder(session, location.place, location.image_path(image_id), stage.removed)
            except VSphereFault as fault:
                if fault.fault != "FileNotFound":
                    raise
                files.delete(session, location.place, stages.pop().root)
        uses = Uses(session, [stage.location for stage in stages])
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
    """Removes what killed runs left, and what they left half in a cache: that of a move which stopped half-way, an empty folder of vSAN.

    An image that one of them was removing, and that is in use, goes back into its cache first.

    :arg leftovers: list of :class:`stage.Leftover`.
    """
    for leftover in leftovers:
        for base, image_id, path in leftover.removed:
            location = replace(leftover.location, base=base)
            if Uses(session, [location]).of(location, image_id):
                _put_back(session, location, image_id, path)
                continue
            taken = look_into(session, location, image_id, path)
            if taken is not None and taken.state == audit.BROKEN:  # None: another run is at the same leftover
                drop_half(session, location, image_id)
        for base, image_id in leftover.publishing:
            drop_half(session, replace(leftover.location, base=base), image_id)
    remove_stages(session, leftovers)


def drop_half(session, location, image_id, states=(audit.BROKEN,)):
    """Removes an image's folder that a move of this collection's has left half. What is known to be in use stays: no machine could start with a half.

    A descriptor is all that Nova looks for, so it goes first (nova/virt/vmwareapi/ds_util.py, ``file_exists``).

    :arg states: of what goes: see :mod:`audit`.
    """
    there = look_into(session, location, image_id, location.image_path(image_id))
    if there is None or there.state not in states or Uses(session, [location]).of(location, image_id).vms:
        return
    place = location.place
    for file in there.files:
        if files.is_descriptor(file.name) and place.namespaces is None:
            files.delete(session, place, f"{there.path}/{file.name}")
    files.delete(session, place, there.path)


def _put_back(session, location, image_id, path):
    """Moves an image back into its cache. When there is a whole one already, Nova fetched it meanwhile; what is there of a half move is completed."""
    target = location.image_path(image_id)
    if location.place.namespaces is None:
        files.make_directory(session, location.place, location.base)
    try:
        files.move_folder(session, location.place, path, target)
    except VSphereFault as fault:
        if fault.fault not in ("FileNotFound", "FileAlreadyExists"):
            raise
        there = look_into(session, location, image_id, target)
        if fault.fault == "FileAlreadyExists" and there is not None and there.state == audit.BROKEN:
            files.merge_folder(session, location.place, location.datastore.browser, path, target)
