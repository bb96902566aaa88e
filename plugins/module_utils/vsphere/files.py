# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, folders and virtual disks on datastores.

vSphere Web Services API: ``FileManager``, ``VirtualDiskManager``, ``HostDatastoreBrowser``. Paths are datastore paths such as
``[ds] folder/file``; a call that names a datastore also names its datacenter.

Each function raises ``VSphereFault`` where the server refuses the call or its task ends in an error, and ``VSphereError`` where the server can't
be asked. Those that start a task give it to the caller, who waits for several at once (``Session.wait``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim


@dataclass(frozen=True)
class Place:
    """A datastore as the file calls need it: its name, its datacenter and the datacenter's inventory path."""

    datastore: str
    datacenter_moid: str
    datacenter_path: str

    def path(self, *parts):
        """Gives the datastore path of ``parts`` joined by slashes; of none, the datastore's root."""
        return f"[{self.datastore}] {'/'.join(parts)}".rstrip()

    def datacenter(self, session):
        """Gives the pyVmomi datacenter."""
        return session.managed("Datacenter", self.datacenter_moid)


@dataclass(frozen=True)
class Disk:
    """What a host says of a virtual disk that it was asked to open: ``capacity`` in bytes, and whether it is ``thin``. None is what it does not say."""

    capacity: int | None = None
    thin: bool | None = None


@dataclass(frozen=True)
class File:
    """A file or folder of a listing. ``modified`` is an aware datetime or None.

    ``size`` is in bytes; of a thin disk's extent it may be what is allocated (hashicorp/terraform#11722, govmomi#447), of another's it is all of it.
    ``disk`` is set where :func:`open_disks` asked for it.
    """

    name: str
    size: int
    is_folder: bool
    modified: object
    disk: Disk | None = None


def make_directory(session, place, *parts):
    """Makes a folder and the missing ones above it. One that is there already is fine."""
    path = place.path(*parts)
    try:
        session.call(
            f"make the folder {path}",
            session.content.fileManager.MakeDirectory,
            name=path, datacenter=place.datacenter(session), createParentDirectories=True,
        )  # fmt: skip
    except VSphereFault as error:
        if error.fault != "FileAlreadyExists":
            raise


def move(session, place, source, destination):
    """Moves a file or folder inside one datastore: a rename. Never overwrites.

    :raises VSphereFault: ``FileAlreadyExists`` when the destination is there.
    """
    session.run(
        f"move {source} to {destination}",
        session.content.fileManager.MoveDatastoreFile_Task,
        sourceName=source, sourceDatacenter=place.datacenter(session),
        destinationName=destination, destinationDatacenter=place.datacenter(session), force=False,
    )  # fmt: skip


def delete(session, place, path):
    """Deletes a file, or a folder with all that is in it.

    :returns: False when there was nothing to delete.
    """
    try:
        session.run(
            f"delete {path}",
            session.content.fileManager.DeleteDatastoreFile_Task,
            name=path, datacenter=place.datacenter(session),
        )  # fmt: skip
    except VSphereFault as error:
        if error.fault != "FileNotFound":
            raise
        return False
    return True


def create_disk(session, place, path, capacity_kb, adapter_type, disk_type):
    """Makes an empty virtual disk: a descriptor and its extent.

    :arg capacity_kb: KiB, whole.
    :arg adapter_type: ``ide``, ``busLogic`` or ``lsiLogic``.
    :arg disk_type: VirtualDiskType, for example ``thin`` or ``preallocated``.
    """
    spec = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(
        capacityKb=int(capacity_kb), adapterType=adapter_type, diskType=disk_type
    )
    session.run(
        f"create the disk {path}",
        session.content.virtualDiskManager.CreateVirtualDisk_Task,
        name=path, datacenter=place.datacenter(session), spec=spec,
    )  # fmt: skip


# How a server says that it takes no destSpec: NotImplemented (govmomi object/datastore_file_manager.go), or a relative of it.
_SPEC_REFUSED = ("NotImplemented", "NotSupported", "InvalidArgument")


@dataclass(frozen=True)
class Copy:
    """A copy that vSphere is to make of a virtual disk, or of a plain file where ``disk_type`` is None.

    ``what`` is a verb phrase with the object, for the error. ``source`` and ``destination`` are datastore paths. ``disk_type`` is a VirtualDiskType,
    ``adapter_type`` is ``ide``, ``busLogic`` or ``lsiLogic``: how the copy is to be.
    """

    what: str
    source_place: Place
    source: str
    place: Place
    destination: str
    disk_type: str | None = None
    adapter_type: str = "lsiLogic"


def copy_all(session, copies, tick=None, each=map):
    """Lets vSphere copy disks and files, all at once. A disk in a hosted format becomes a native one.

    A copy of a disk is preallocated unless a destSpec says otherwise (API: CopyVirtualDisk_Task). A vCenter may refuse one: then the copy is made
    without, and no more are sent in this session.

    :arg copies: list of :class:`Copy`.
    :arg tick: as :meth:`Session.wait` takes it. :arg each: as ``map``, to start the copies with, for example that of an executor.
    :returns: a list in the order of the copies: None, or the :class:`VSphereError` of one that failed.
    """
    failed = dict.fromkeys(range(len(copies)))
    todo, specified = list(failed), session.takes_copy_spec

    def start(number):
        try:
            return _start_copy(session, copies[number], specified)
        except VSphereError as error:
            return error

    def run():
        tasks = {}
        for number, task in zip(todo, each(start, todo)):
            if isinstance(task, VSphereError):
                failed[number] = task
            else:
                tasks[number] = task
        ended = session.wait(list(tasks.values()), tick=tick, names=[copies[number].what for number in tasks])
        for number, (_result, fault) in zip(tasks, ended):
            failed[number] = fault and VSphereFault(copies[number].what, fault)

    run()
    todo = [number for number in todo if specified and copies[number].disk_type and getattr(failed[number], "fault", None) in _SPEC_REFUSED]
    if todo:
        specified = False
        run()
        # An argument may be wrong for another reason: then it fails without a destSpec, too.
        if any(getattr(failed[number], "fault", None) not in _SPEC_REFUSED for number in todo):
            session.takes_copy_spec = False
    return list(failed.values())


def _start_copy(session, copy, specified):
    """Starts a copy. Gives the task."""
    if copy.disk_type is None:
        return session.call(
            copy.what,
            session.content.fileManager.CopyDatastoreFile_Task,
            sourceName=copy.source, sourceDatacenter=copy.source_place.datacenter(session),
            destinationName=copy.destination, destinationDatacenter=copy.place.datacenter(session), force=False,
        )  # fmt: skip
    spec = vim.VirtualDiskManager.VirtualDiskSpec(diskType=copy.disk_type, adapterType=copy.adapter_type) if specified else None
    return session.call(
        copy.what,
        session.content.virtualDiskManager.CopyVirtualDisk_Task,
        sourceName=copy.source, sourceDatacenter=copy.source_place.datacenter(session),
        destName=copy.destination, destDatacenter=copy.place.datacenter(session), destSpec=spec, force=False,
    )  # fmt: skip


def extend_all(session, disks, capacity_kb, tick=None):
    """Makes virtual disks larger, all at once.

    :arg disks: list of ``(place, datastore path)``. :arg capacity_kb: KiB, whole; not less than they have.
    :arg tick: as :meth:`Session.wait` takes it.
    :returns: a list in their order: None, or the :class:`VSphereError` of one that failed.
    """
    failed = [None] * len(disks)
    tasks = {}
    for number, (place, path) in enumerate(disks):
        try:
            tasks[number] = session.call(
                f"extend the disk {path}",
                session.content.virtualDiskManager.ExtendVirtualDisk_Task,
                name=path, datacenter=place.datacenter(session), newCapacityKb=int(capacity_kb), eagerZero=False,
            )  # fmt: skip
        except VSphereError as error:
            failed[number] = error
    names = [f"extend the disk {disks[number][1]}" for number in tasks]
    for number, name, (_result, fault) in zip(tasks, names, session.wait(list(tasks.values()), tick=tick, names=names)):
        failed[number] = fault and VSphereFault(name, fault)
    return failed


def move_disk(session, place, source, destination):
    """Moves a virtual disk (descriptor and extents) inside one datastore."""
    session.run(
        f"move the disk {source} to {destination}",
        session.content.virtualDiskManager.MoveVirtualDisk_Task,
        sourceName=source, sourceDatacenter=place.datacenter(session),
        destName=destination, destDatacenter=place.datacenter(session), force=False,
    )  # fmt: skip


def list_trees(session, folders, tolerant=False):
    """Lists folders of several datastores with all that is below them: a request a folder, then common polls.

    :arg folders: list of ``(browser, datastore path)``.
    :arg tolerant: a folder that the server refuses to list does not end the call.
    :returns: a list in the same order: ``{datastore path of a folder, without a slash at the end: [File, ...]}``, or None where
        the folder does not exist; with ``tolerant`` the :class:`VSphereFault` where the server refused.
    """
    browser_type = vim.host.DatastoreBrowser
    # No fileType and no query: a server that is asked for types may fold the extents of a disk into its descriptor, and
    # the extents are what must be seen. Nova asks the same way (ds_util.py, file_size).
    details = browser_type.FileInfo.Details(fileType=False, fileSize=True, modification=True, fileOwner=False)
    spec = browser_type.SearchSpec(details=details)
    listings = []
    for result in _searched(session, "SearchDatastoreSubFolders_Task", folders, spec):
        if isinstance(result, VSphereFault) and not tolerant:
            raise result
        if result is None or isinstance(result, VSphereFault):
            listings.append(result)
            continue
        contents = {_tidy(folder.folderPath): folder.file or () for folder in result}
        listings.append(
            {
                at: [
                    File(file.path, file.fileSize or 0, f"{at}/{file.path}" in contents, file.modification) for file in files
                ]
                for at, files in contents.items()
            }
        )
    return listings


def open_disks(session, folders, trees, patterns=("*.vmdk",)):
    """Asks what the virtual disks in listings are: a request a folder that has any, then common polls. A host opens each disk for it.

    vSphere Web Services API: ``VmDiskFileQuery``. It names a disk by its descriptor, on vsan as well.

    :arg folders: as :func:`list_trees` takes them. :arg trees: what it gave for them.
    :arg patterns: names of descriptors, with ``*``: only these disks are opened.
    :returns: the listings again, with :attr:`File.disk` of each file that fits a pattern. It is an empty one for what can't be opened, for example
        since it is locked, and for all of a folder for which the server refuses to answer.
    """
    browser_type = vim.host.DatastoreBrowser
    wanted = browser_type.VmDiskQuery.Details(
        diskType=False, capacityKb=True, hardwareVersion=False, controllerType=False, diskExtents=False, thin=True
    )
    details = browser_type.FileInfo.Details(fileType=True, fileSize=False, modification=False, fileOwner=False)
    spec = browser_type.SearchSpec(query=[browser_type.VmDiskQuery(details=wanted)], details=details, matchPattern=list(patterns))

    def fits(file):
        return any(fnmatchcase(file.name, pattern) for pattern in patterns)

    found = list(trees)
    asked = [number for number, tree in enumerate(trees) if isinstance(tree, dict) and any(fits(file) for files in tree.values() for file in files)]
    answers = _searched(session, "SearchDatastoreSubFolders_Task", [folders[number] for number in asked], spec)
    for number, answer in zip(asked, answers):
        disks = {}
        for folder in () if answer is None or isinstance(answer, VSphereFault) else answer:
            for file in folder.file or ():
                capacity = getattr(file, "capacityKb", None)
                disks[_tidy(folder.folderPath), file.path] = Disk(capacity << 10 if capacity else None, getattr(file, "thin", None))
        found[number] = {
            at: [replace(file, disk=disks.get((at, file.name), Disk())) if fits(file) else file for file in files]
            for at, files in trees[number].items()
        }
    return found


def list_names(session, folders, pattern):
    """Lists what matches a pattern directly in folders of several datastores: a request a folder, then common polls.

    :arg folders: list of ``(browser, datastore path)``.
    :arg pattern: with ``*``, as ``HostDatastoreBrowserSearchSpec.matchPattern`` takes it.
    :returns: a list in the same order, each a list of :class:`File`, empty where the folder does not exist; what is a folder is not told.
    """
    browser_type = vim.host.DatastoreBrowser
    details = browser_type.FileInfo.Details(fileType=False, fileSize=False, modification=True, fileOwner=False)
    spec = browser_type.SearchSpec(details=details, matchPattern=[pattern])
    listings = []
    for result in _searched(session, "SearchDatastore_Task", folders, spec):
        if isinstance(result, VSphereFault):
            raise result
        listings.append([File(file.path, 0, False, file.modification) for file in (result.file if result else None) or ()])
    return listings


def _searched(session, method, folders, spec):
    """Gives the results of searches, in their order: None for a folder that does not exist, a :class:`VSphereFault` where the server refuses."""
    found = [None] * len(folders)
    tasks = {}
    for number, (browser, path) in enumerate(folders):
        try:
            tasks[number] = session.call(f"list {path}", getattr(browser, method), datastorePath=path, searchSpec=spec)
        except VSphereFault as fault:
            found[number] = fault
    names = [f"list {folders[number][1]}" for number in tasks]
    for number, name, (result, fault) in zip(tasks, names, session.wait(list(tasks.values()), names=names)):
        found[number] = VSphereFault(name, fault) if fault is not None else result or ()
    return [None if isinstance(one, VSphereFault) and one.fault == "FileNotFound" else one for one in found]


def _tidy(folder_path):
    """Gives a folder's path without the slash at its end, in which servers differ. A datastore's name may have brackets and blanks."""
    datastore, blank, path = folder_path.strip().rpartition("] ")
    return f"{datastore}{blank}{path.strip('/')}"
