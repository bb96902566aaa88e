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

import contextlib
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import run_task, wait_for


@dataclass(frozen=True)
class Namespaces:
    """A datastore whose top-level folders are objects of their own, as those of vSAN: its managed object id, its URL and its browser.

    A DatastoreNamespaceManager makes them; they have a name that people give and a UUID. Disks below are objects as well.
    """

    datastore_moid: str
    url: str
    browser: object


@dataclass(frozen=True)
class Place:
    """A datastore as the file calls need it: its name, its datacenter and the datacenter's inventory path.

    ``namespaces`` are :class:`Namespaces` where top-level folders are such, else None.
    """

    datastore: str
    datacenter_moid: str
    datacenter_path: str
    namespaces: Namespaces | None = None

    def path(self, *parts):
        """Returns the datastore path of ``parts`` joined by slashes; of none, the datastore's root."""
        return f"[{self.datastore}] {'/'.join(parts)}".rstrip()

    def datacenter(self, session):
        """Returns the pyVmomi datacenter."""
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


def make_directory(session, place, *parts, parents=True):
    """Makes a folder and, with ``parents``, the missing ones above it.

    A FileManager may not make top-level folders on vSAN (API: DatastoreCapability.topLevelDirectoryCreateSupported), though some releases let it.

    :returns: False when it was there already.
    """
    path = place.path(*parts)
    try:
        return _make_directory(session, place, path, parents)
    except VSphereFault as error:
        if place.namespaces is None or error.fault == "NoPermission" or not parents:
            raise
        top, _slash, below = relative(path).partition("/")
        if _is_there(session, place, top):
            if below:
                raise
            return False
        _make_namespace(session, place, top)
        return _make_directory(session, place, path, parents) if below else True


def _make_directory(session, place, path, parents):
    try:
        session.call(
            f"make the folder {path}",
            session.content.fileManager.MakeDirectory,
            name=path, datacenter=place.datacenter(session), createParentDirectories=parents,
        )  # fmt: skip
    except VSphereFault as error:
        if error.fault != "FileAlreadyExists":
            raise
        return False
    return True


def _make_namespace(session, place, name):
    """Makes a top-level folder as an object of its own. One that somebody else made meanwhile is fine.

    :raises VSphereError: ``NO_PERMISSION`` with the privilege; ``NAMESPACE_UNNAMED``: Nova could not find it by its name.
    """
    path = place.path(name)
    manager = session.content.datastoreNamespaceManager
    if manager is None:
        raise VSphereError(
            "NAMESPACES_UNKNOWN",
            f"Failed to make the folder {path}: the vCenter has no DatastoreNamespaceManager, and a FileManager may not make folders at this root.",
            "Make the folder by hand, in the datastore browser of the vSphere Client, and run this again.",
        )
    try:
        session.call(
            f"make the folder {path}",
            manager.CreateDirectory,
            datastore=session.managed("Datastore", place.namespaces.datastore_moid), displayName=name,
        )  # fmt: skip
    except VSphereFault as error:
        if error.fault == "NoPermission":
            raise VSphereError(
                "NO_PERMISSION",
                f"{error.what.rstrip('.')}: a folder at the root of a vSAN datastore needs the privilege Datastore.Config on the datastore.",
                "Give it to the account there, or make the folder by hand once, in the datastore browser of the vSphere Client.",
                {"privileges": {f"Datastore {place.namespaces.datastore_moid}": ["Datastore.Config"]}, **error.details, "path": path},
            ) from error
        if error.fault != "FileAlreadyExists":
            raise
    # API, DatastoreNamespaceManager.CreateDirectory: the name is a hint.
    if not _is_there(session, place, name):
        raise VSphereError(
            "NAMESPACE_UNNAMED",
            f"The vCenter made a folder for {path} that does not answer to this name: Nova would not find it.",
            "Make the folder by hand, in the datastore browser of the vSphere Client, and run this again.",
            {"path": path},
        )


def _is_there(session, place, name):
    (roots,) = list_names(session, [(place.namespaces.browser, place, place.path())], "*")
    return any(file.name == name for file in roots)


def relative(path):
    """Returns the path below the datastore's root of a datastore path. The datastore's name may have brackets in it."""
    return path.rpartition("] ")[2].strip().strip("/") if "] " in path else ""


def uuid_path(session, place, path):
    """Returns the path below the datastore's root as virtual machines name it: on vSAN with the UUID of the top-level folder for its name.

    API: ``DatastoreNamespaceManager.ConvertNamespacePathToUuidPath``, vSphere 6.5, needs System.View.

    :arg path: datastore path of what is there.
    :raises VSphereError: the server can't tell.
    """
    what = f"read the UUID of the top-level folder of {path}"
    manager, url = session.content.datastoreNamespaceManager, place.namespaces.url.rstrip("/")
    if manager is None or not url:
        cause = "the vCenter has no DatastoreNamespaceManager" if url else f"the account may not read the URL of the datastore {place.datastore}"
        raise VSphereError("NAMESPACES_UNKNOWN", f"Failed to {what}: {cause}.")
    answer = session.call(what, manager.ConvertNamespacePathToUuidPath, datacenter=place.datacenter(session), namespaceUrl=f"{url}/{relative(path)}")
    found = answer.partition(f"{url.rpartition('/')[2]}/")[2].strip("/")
    if not found:
        raise VSphereError("NAMESPACES_UNKNOWN", f"Failed to {what}: the vCenter answered {answer!r}, which is not on that datastore.")
    return found


def move(session, place, source, destination):
    """Moves a file inside one datastore, and a folder where there are no namespaces: a rename. Never overwrites.

    The API promises nothing of a move of a folder that fails (``MoveDatastoreFile_Task``): a part of it may be there.

    :raises VSphereFault: ``FileAlreadyExists`` when the destination is there.
    """
    run_task(
        session, f"move {source} to {destination}",
        session.content.fileManager.MoveDatastoreFile_Task,
        sourceName=source, sourceDatacenter=place.datacenter(session),
        destinationName=destination, destinationDatacenter=place.datacenter(session), force=False,
    )  # fmt: skip


def move_folder(session, place, source, destination, leave_source=False):
    """Moves a folder with what is directly in it inside one datastore. Never overwrites.

    A rename, but not where disks are objects: a folder moved there as files may stop half-way, with its disks left behind. There the folder is made
    and filled, disks first.

    :arg leave_source: where a folder is filled, what is left of the source is the caller's.
    :raises VSphereFault: ``FileAlreadyExists``: the destination is there, nothing was done. ``FileNotFound``: the source is not. After any other
        a part may be at the destination.
    """
    if place.namespaces is None:
        move(session, place, source, destination)
        return
    (tree,) = list_trees(session, [(place.namespaces.browser, source)])
    if tree is None:
        raise VSphereFault(f"move {source} to {destination}", vim.fault.FileNotFound(file=source))
    if not make_directory(session, place, relative(destination)):
        raise VSphereFault(f"move {source} to {destination}", vim.fault.FileAlreadyExists(file=destination))
    _fill(session, place, source, tree.get(source, ()), destination)
    if not leave_source:
        delete(session, place, source)


def merge_folder(session, place, browser, source, destination):
    """Moves what is in a folder into another one that is there, and removes the first. Nothing is overwritten: what is there already stays.

    :raises VSphereFault: what could not be moved is where it was.
    """
    (tree,) = list_trees(session, [(browser, source)])
    if tree is not None:
        _fill(session, place, source, tree.get(source, ()), destination)
        delete(session, place, source)


def _fill(session, place, source, listing, destination):
    """Moves files one by one. A disk that is an object goes first: Nova can't work with an empty folder. An extent goes before its descriptor."""
    for file in sorted(listing, key=lambda one: is_descriptor(one.name) == (place.namespaces is None)):
        old, new = f"{source}/{file.name}", f"{destination}/{file.name}"
        try:
            if file.is_folder:
                make_directory(session, place, relative(new))  # a marker of Nova's ageing: it is empty
            elif place.namespaces is not None and is_descriptor(file.name):
                move_disk(session, place, old, new)
            else:
                move(session, place, old, new)
        except VSphereFault as fault:
            if fault.fault != "FileAlreadyExists":
                raise


def is_descriptor(name):
    """Says whether a file's name is that of a virtual disk, and not of one of its extents."""
    return name.endswith(".vmdk") and not name.endswith(("-flat.vmdk", "-delta.vmdk", "-sesparse.vmdk", "-ctk.vmdk"))


def clean_up(session, place, path):
    """Deletes what nobody needs any more. What can't be deleted is a warning of the session: the work that it was for is done.

    :returns: whether it is gone.
    """
    try:
        delete(session, place, path)
    except VSphereFault as error:
        session.warnings.append(f"{error.what} Nobody needs it: the next run tries again.")
        return False
    return True


def delete(session, place, path):
    """Deletes a file, or a folder with all that is in it.

    :returns: False when there was nothing to delete.
    """
    if place.namespaces is None:
        return _delete(session, place, path)
    if is_descriptor(path):
        return _delete_object(session, place, path)
    tree = None
    with contextlib.suppress(VSphereFault):  # it is no folder
        (tree,) = list_trees(session, [(place.namespaces.browser, path)])
    return _delete_tree(session, place, path, tree) if tree else _delete(session, place, path)


def _delete_object(session, place, path):
    """Deletes a disk that is an object, or what only has the name of one."""
    try:
        delete_disk(session, place, path)
    except VSphereFault:
        return _delete(session, place, path)
    return True


def _delete_tree(session, place, path, tree):
    """Deletes a folder where disks are objects: one that has disks can't be deleted, and a disk deleted as a file leaves its object behind."""
    below_first = sorted(tree, reverse=True)
    for folder in below_first:
        for file in tree[folder]:
            if is_descriptor(file.name) and not file.is_folder:
                _delete_object(session, place, f"{folder}/{file.name}")
    try:
        return _delete(session, place, path)
    except VSphereFault:
        for folder in below_first:
            for file in tree[folder]:
                if not file.is_folder:
                    _delete(session, place, f"{folder}/{file.name}")
            if folder != path:
                _delete(session, place, folder)
    try:
        return _delete(session, place, path)
    except VSphereFault:
        if "/" in relative(path) or session.content.datastoreNamespaceManager is None:
            raise
    volumes = place.namespaces.url.rstrip("/").rpartition("/")[0].removeprefix("ds://")
    volume = place.namespaces.url.rstrip("/").rpartition("/")[2]
    session.call(
        f"delete the top-level folder {path}",
        session.content.datastoreNamespaceManager.DeleteDirectory,
        datacenter=place.datacenter(session), datastorePath=f"{volumes}/{volume}/{uuid_path(session, place, path)}",
    )  # fmt: skip
    return True


def _delete(session, place, path):
    try:
        run_task(
            session, f"delete {path}",
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
    spec = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(capacityKb=int(capacity_kb), adapterType=adapter_type, diskType=disk_type)
    run_task(
        session, f"create the disk {path}",
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
        ended = wait_for(session, list(tasks.values()), tick=tick, names=[copies[number].what for number in tasks])
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
    for number, name, (_result, fault) in zip(tasks, names, wait_for(session, list(tasks.values()), tick=tick, names=names)):
        failed[number] = fault and VSphereFault(name, fault)
    return failed


def move_disk(session, place, source, destination):
    """Moves a virtual disk (descriptor and extents) inside one datastore."""
    run_task(
        session, f"move the disk {source} to {destination}",
        session.content.virtualDiskManager.MoveVirtualDisk_Task,
        sourceName=source, sourceDatacenter=place.datacenter(session),
        destName=destination, destDatacenter=place.datacenter(session), force=False,
    )  # fmt: skip


def delete_disk(session, place, path):
    """Deletes a virtual disk: descriptor and extents, or the object that it is."""
    run_task(
        session, f"delete the disk {path}",
        session.content.virtualDiskManager.DeleteVirtualDisk_Task,
        name=path, datacenter=place.datacenter(session),
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
    for result, (_browser, asked) in zip(_searched(session, "SearchDatastoreSubFolders_Task", folders, [spec] * len(folders)), folders):
        if isinstance(result, VSphereFault) and not tolerant:
            raise result
        if result is None or isinstance(result, VSphereFault):
            listings.append(result)
            continue
        contents = _by_folder(result, asked)
        listings.append(
            {at: [File(file.path, file.fileSize or 0, f"{at}/{file.path}" in contents, file.modification) for file in files] for at, files in contents.items()}
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
    wanted = browser_type.VmDiskQuery.Details(diskType=False, capacityKb=True, hardwareVersion=False, controllerType=False, diskExtents=False, thin=True)
    details = browser_type.FileInfo.Details(fileType=True, fileSize=False, modification=False, fileOwner=False)
    spec = browser_type.SearchSpec(query=[browser_type.VmDiskQuery(details=wanted)], details=details, matchPattern=list(patterns))

    def fits(file):
        return any(fnmatchcase(file.name, pattern) for pattern in patterns)

    found = list(trees)
    asked = [number for number, tree in enumerate(trees) if isinstance(tree, dict) and any(fits(file) for files in tree.values() for file in files)]
    answers = _searched(session, "SearchDatastoreSubFolders_Task", [folders[number] for number in asked], [spec] * len(asked))
    for number, answer in zip(asked, answers):
        disks = {}
        contents = {} if answer is None or isinstance(answer, VSphereFault) else _by_folder(answer, folders[number][1])
        for at, files in contents.items():
            for file in files:
                capacity = getattr(file, "capacityKb", None)
                disks[at, file.path] = Disk(capacity << 10 if capacity else None, getattr(file, "thin", None))
        found[number] = {
            at: [replace(file, disk=disks.get((at, file.name), Disk())) if fits(file) else file for file in files] for at, files in trees[number].items()
        }
    return found


def list_names(session, folders, pattern):
    """Lists what matches a pattern directly in folders of several datastores: a request a folder, then common polls.

    :arg folders: list of ``(browser, Place, datastore path)``.
    :arg pattern: with ``*``, as ``HostDatastoreBrowserSearchSpec.matchPattern`` takes it.
    :returns: a list in the same order, each a list of :class:`File`, empty where the folder does not exist; what is a folder is not told.
    """
    browser_type = vim.host.DatastoreBrowser
    details = browser_type.FileInfo.Details(fileType=False, fileSize=False, modification=True, fileOwner=False)
    # Where top-level folders are namespaces, FileInfo.path is a UUID there, and a pattern would be compared with that.
    by_name, by_uuid = (browser_type.SearchSpec(details=details, matchPattern=patterns) for patterns in ([pattern], None))
    specs = [by_name if place.namespaces is None or relative(path) else by_uuid for _browser, place, path in folders]
    listings = []
    for result in _searched(session, "SearchDatastore_Task", [(browser, path) for browser, _place, path in folders], specs):
        if isinstance(result, VSphereFault):
            raise result
        found = [File(getattr(file, "friendlyName", None) or file.path, 0, False, file.modification) for file in (result.file if result else None) or ()]
        listings.append([file for file in found if fnmatchcase(file.name, pattern)])
    return listings


def _searched(session, method, folders, specs):
    """Returns the results of searches, in their order: None for a folder that does not exist, a :class:`VSphereFault` where the server refuses.

    :arg specs: a SearchSpec for each of the folders.
    """
    found = [None] * len(folders)
    tasks = {}
    for number, ((browser, path), spec) in enumerate(zip(folders, specs)):
        try:
            tasks[number] = session.call(f"list {path}", getattr(browser, method), datastorePath=path, searchSpec=spec)
        except VSphereFault as fault:
            found[number] = fault
    names = [f"list {folders[number][1]}" for number in tasks]
    for number, name, (result, fault) in zip(tasks, names, wait_for(session, list(tasks.values()), names=names)):
        found[number] = VSphereFault(name, fault) if fault is not None else result or ()
    return [None if isinstance(one, VSphereFault) and one.fault == "FileNotFound" else one for one in found]


def _by_folder(result, asked):
    """Returns ``{folder: files}`` of a search, with the folders named as they were asked for: on vSAN a server may put a UUID for a top-level folder."""
    contents = {_tidy(folder.folderPath): folder.file or () for folder in result}
    root = min(contents, key=len, default="")
    return {_tidy(asked) + folder[len(root) :]: files for folder, files in contents.items()} if relative(root) else contents


def _tidy(folder_path):
    """Returns a folder's path without the slash at its end, in which servers differ. A datastore's name may have brackets and blanks."""
    datastore, blank, path = folder_path.strip().rpartition("] ")
    return f"{datastore}{blank}{path.strip('/')}"
