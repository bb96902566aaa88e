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

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault
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
class File:
    """A file or folder of a listing. ``modified`` is an aware datetime or None; ``size`` is in bytes."""

    name: str
    size: int
    is_folder: bool
    modified: object


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


def copy_disk_task(session, source_place, source, place, destination):
    """Starts the copy of a virtual disk; a disk in a hosted format becomes a native one. Gives the task.

    Without a destSpec, which only a host agent takes, vCenter keeps the type of the source.
    """
    return session.call(
        f"copy the disk {source} to {destination}",
        session.content.virtualDiskManager.CopyVirtualDisk_Task,
        sourceName=source, sourceDatacenter=source_place.datacenter(session),
        destName=destination, destDatacenter=place.datacenter(session), force=False,
    )  # fmt: skip


def extend_disk_task(session, place, path, capacity_kb):
    """Starts to make a virtual disk larger. Gives the task.

    :arg capacity_kb: KiB, whole; not less than it has.
    """
    return session.call(
        f"extend the disk {path}",
        session.content.virtualDiskManager.ExtendVirtualDisk_Task,
        name=path, datacenter=place.datacenter(session), newCapacityKb=int(capacity_kb), eagerZero=False,
    )  # fmt: skip


def copy_file_task(session, source_place, source, place, destination):
    """Starts the copy of a plain file. Gives the task."""
    return session.call(
        f"copy {source} to {destination}",
        session.content.fileManager.CopyDatastoreFile_Task,
        sourceName=source, sourceDatacenter=source_place.datacenter(session),
        destinationName=destination, destinationDatacenter=place.datacenter(session), force=False,
    )  # fmt: skip


def move_disk(session, place, source, destination):
    """Moves a virtual disk (descriptor and extents) inside one datastore."""
    session.run(
        f"move the disk {source} to {destination}",
        session.content.virtualDiskManager.MoveVirtualDisk_Task,
        sourceName=source, sourceDatacenter=place.datacenter(session),
        destName=destination, destDatacenter=place.datacenter(session), force=False,
    )  # fmt: skip


def list_trees(session, folders):
    """Lists folders of several datastores with all that is below them: a request a folder, then common polls.

    :arg folders: list of ``(browser, datastore path)``.
    :returns: a list in the same order: ``{datastore path of a folder, without a slash at the end: [File, ...]}``, or None where
        the folder does not exist.
    """
    browser_type = vim.host.DatastoreBrowser
    # No fileType and no query: a server that is asked for types may fold the extents of a disk into its descriptor, and
    # the extents are what must be seen. Nova asks the same way (ds_util.py, file_size).
    details = browser_type.FileInfo.Details(fileType=False, fileSize=True, modification=True, fileOwner=False)
    spec = browser_type.SearchSpec(details=details)
    tasks = [
        session.call(f"list {path}", browser.SearchDatastoreSubFolders_Task, datastorePath=path, searchSpec=spec)
        for browser, path in folders
    ]
    listings = []
    for result in _listed(session, tasks, folders):
        if result is None:
            listings.append(None)
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


def list_names(session, folders, pattern):
    """Lists what matches a pattern directly in folders of several datastores: a request a folder, then common polls.

    :arg folders: list of ``(browser, datastore path)``.
    :arg pattern: with ``*``, as ``HostDatastoreBrowserSearchSpec.matchPattern`` takes it.
    :returns: a list in the same order, each a list of :class:`File`, empty where the folder does not exist; what is a folder is not told.
    """
    browser_type = vim.host.DatastoreBrowser
    details = browser_type.FileInfo.Details(fileType=False, fileSize=False, modification=True, fileOwner=False)
    spec = browser_type.SearchSpec(details=details, matchPattern=[pattern])
    tasks = [
        session.call(f"list {path}", browser.SearchDatastore_Task, datastorePath=path, searchSpec=spec) for browser, path in folders
    ]
    return [
        [File(file.path, 0, False, file.modification) for file in (result.file if result else None) or ()]
        for result in _listed(session, tasks, folders)
    ]


def _listed(session, tasks, folders):
    """Yields the results of listings, in their order; None for a folder that does not exist."""
    for (result, fault), (_browser, path) in zip(session.wait(tasks, names=[f"list {path}" for _browser, path in folders]), folders):
        error = fault and VSphereFault(f"list {path}", fault)
        if error and error.fault != "FileNotFound":
            raise error
        yield None if error else result or ()


def _tidy(folder_path):
    """Servers differ in the slash at the end of a folder's path."""
    datastore, _bracket, path = folder_path.partition("]")
    return f"{datastore}] {path.strip().strip('/')}"
