# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a question works with: one datastore, a scratch folder on it, and calls that hide nothing of how the vCenter answers.

The calls of ``vsphere/`` choose what works and smooth the rest over; here the answer itself is what is wanted. API: ``FileManager``,
``VirtualDiskManager``, ``HostDatastoreBrowser``, ``ResourcePool.ImportVApp``, ``HttpNfcLease``.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import lease as leases
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import (
    VSphereError,
    VSphereFault,
    fault_name,
    fault_text,
    missing_privileges,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec, traversal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import wait_for

CAPACITY_KB = 4096  # of the disks: small, and more than what any file system keeps for a disk without data


class Refused(Exception):
    """The vCenter answered with a fault. ``fault`` is its name in the API; ``lacking`` are the privileges that the account has not, or empty."""

    def __init__(self, fault):
        self.fault = fault_name(fault)
        named = sorted({name for names in missing_privileges(fault).values() for name in names})
        self.lacking = (", ".join(named) or "a privilege") if self.fault == "NoPermission" else ""
        super().__init__(fault_text(fault))


class Late(Exception):
    """The time for the question is over."""


@dataclass(frozen=True)
class Site:
    """A datastore as a probe needs it.

    ``hosts`` are the names of the hosts that can write to it, ``host_moids`` likewise. ``pool`` is the root resource pool of a cluster that mounts
    it; ``host`` the managed object id of one of its hosts where the cluster has no DRS to choose one, else None.
    """

    place: object
    datastore: object
    cluster: str
    pool: str
    vm_folder: str
    hosts: tuple
    host_moids: tuple
    host: str | None


class Imported:
    """The virtual machine of an import: its managed object, and the datastore path of its disk."""

    def __init__(self, vm, path):
        self.vm = vm
        self.path = path


class Bench:
    """A :class:`Site` with a scratch folder.

    :arg name: of the folder at the datastore's root; virtual machines and further folders have names that begin with it.
    """

    def __init__(self, session, site, name):
        self.session = session
        self.site = site
        self.place = site.place
        self.name = name
        self.memo = {}  # what one question found and a later one needs
        self.until = None
        self._imports = 0

    # Time

    def limit(self, seconds):
        """Returns the next question so many seconds."""
        self.until = time.monotonic() + seconds

    def left(self):
        """Returns the seconds that are left.

        :raises Late: none are.
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise Late
        return left

    # Paths

    def path(self, *parts):
        """Returns the datastore path of something in the scratch folder."""
        return self.place.path(self.name, *parts)

    @property
    def second(self):
        """Name of a second folder at the root, for what goes from one such folder to another."""
        return f"{self.name}-2"

    # Calls and tasks

    def call(self, what, method, *args, **kwargs):
        """Calls a method of the API.

        :arg what: a verb phrase with the object.
        :raises Refused: it answered with a fault.
        """
        self.left()
        try:
            return self.session.call(what, method, *args, **kwargs)
        except VSphereFault as error:
            raise Refused(error.__cause__) from error

    def run(self, what, method, **kwargs):
        """Starts a task and waits for it as long as the question may take. Gives its result.

        :raises Refused: it ended in a fault. :raises Late: it did not end.
        """
        task = self.call(what, method, **kwargs)
        try:
            ((result, fault),) = wait_for(self.session, [task], self.left(), names=[what])
        except VSphereError as error:
            if error.code == "TASK_TIMEOUT":
                raise Late from error
            raise
        if fault is not None:
            raise Refused(fault)
        return result

    # Disks and files

    def make_folder(self, *parts):
        """Makes a folder in the scratch folder."""
        path = self.path(*parts)
        manager = self.session.content.fileManager
        self.call(f"make the folder {path}", manager.MakeDirectory, name=path, datacenter=self._datacenter, createParentDirectories=True)

    def make_root_folder(self, name):
        """Makes a folder at the datastore's root by the FileManager, and by nothing else."""
        path = self.place.path(name)
        self.call(f"make the folder {path}", self.session.content.fileManager.MakeDirectory, name=path, datacenter=self._datacenter)

    def make_disk(self, path, disk_type="thin", capacity_kb=CAPACITY_KB, adapter="lsiLogic"):
        """Makes a disk without data."""
        spec = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(capacityKb=capacity_kb, adapterType=adapter, diskType=disk_type)
        manager = self.session.content.virtualDiskManager
        self.run(f"create the disk {path}", manager.CreateVirtualDisk_Task, name=path, datacenter=self._datacenter, spec=spec)

    def copy_disk(self, source, destination, disk_type=None):
        """Copies a disk, with a destSpec where a type is given."""
        spec = disk_type and vim.VirtualDiskManager.VirtualDiskSpec(adapterType="lsiLogic", diskType=disk_type)
        self.run(
            f"copy the disk {source} to {destination}",
            self.session.content.virtualDiskManager.CopyVirtualDisk_Task,
            sourceName=source, sourceDatacenter=self._datacenter, destName=destination, destDatacenter=self._datacenter,
            force=False, **({"destSpec": spec} if spec else {}),
        )  # fmt: skip

    def move_disk(self, source, destination):
        """Moves a disk."""
        self.run(
            f"move the disk {source} to {destination}",
            self.session.content.virtualDiskManager.MoveVirtualDisk_Task,
            sourceName=source, sourceDatacenter=self._datacenter, destName=destination, destDatacenter=self._datacenter, force=False,
        )  # fmt: skip

    def move(self, source, destination):
        """Moves a file or a folder."""
        self.run(
            f"move {source} to {destination}",
            self.session.content.fileManager.MoveDatastoreFile_Task,
            sourceName=source, sourceDatacenter=self._datacenter,
            destinationName=destination, destinationDatacenter=self._datacenter, force=False,
        )  # fmt: skip

    def delete(self, path):
        """Deletes a file or a folder."""
        manager = self.session.content.fileManager
        self.run(f"delete {path}", manager.DeleteDatastoreFile_Task, name=path, datacenter=self._datacenter)

    def listing(self, folder, query=None, pattern=None):
        """Lists what is directly in a folder: pyVmomi's FileInfo. A folder that is not there has nothing in it.

        :arg query: a list of queries, or None for a plain listing.
        """
        browser = vim.host.DatastoreBrowser
        details = browser.FileInfo.Details(fileType=bool(query), fileSize=True, modification=True, fileOwner=False)
        spec = browser.SearchSpec(details=details, query=query or [], matchPattern=[pattern] if pattern else [])
        try:
            found = self.run(f"list {folder}", self.site.datastore.browser.SearchDatastore_Task, datastorePath=folder, searchSpec=spec)
        except Refused as refused:
            if refused.fault != "FileNotFound":
                raise
            return []
        return list((found.file if found else None) or ())

    def names(self, folder):
        """Returns the names of what is directly in a folder."""
        return {file.path for file in self.listing(folder)}

    def disk(self, path):
        """Returns what a VmDiskFileQuery says of a disk: pyVmomi's VmDiskInfo, or None where it finds none."""
        query = vim.host.DatastoreBrowser.VmDiskQuery
        wanted = query(details=query.Details(diskType=True, capacityKb=True, hardwareVersion=False, controllerType=True, diskExtents=True, thin=True))
        folder, _slash, name = path.rpartition("/")
        found = [one for one in self.listing(folder, [wanted], name) if one.path.rpartition("/")[2] == name]
        return found[0] if found else None

    # Transfer

    def rules(self, trust=None):
        """Returns the :class:`transfer.Rules` of a transfer that ends when the question's time is over."""
        return transfer.Rules(host_trust=trust or self.memo.get("trust") or self.session.host_trust, deadline=time.monotonic() + self.left())

    def ways(self, file, through="auto"):
        """Returns the ways to write or read a file of the scratch folder: hosts that are known to work, then the vCenter.

        :arg file: its path below the scratch folder.
        """
        return transfer.targets(self.session, self.place, self.memo.get("hosts", ()), f"{self.name}/{file}", through)

    def put(self, file, data, ways=None):
        """Writes a file in the scratch folder. Gives the way that took it."""
        return transfer.put(self.session, ways or self.ways(file), len(data), lambda: iter([data]), self.rules())

    def put_chunked(self, file, data):
        """Writes a file in chunks (Transfer-Encoding) through a host that is known to work.

        :returns: ``(status, reason)``; the status is None where the host broke the connection.
        """
        (way,) = self.ways(file, "host")[:1]
        connection, cookie = transfer.open_way(self.session, way, "httpPut", f"write {file} in chunks through {way.via}", self.rules())
        try:
            connection.sock.settimeout(self.left())
            headers = {"Cookie": cookie, "Content-Type": "application/octet-stream", "Transfer-Encoding": "chunked"}
            connection.request("PUT", way.url, body=iter([data]), headers=headers, encode_chunked=True)
            answer = connection.getresponse()
            return answer.status, answer.reason
        except (OSError, http.client.HTTPException) as error:
            return None, str(error) or type(error).__name__
        finally:
            connection.close()

    def get(self, datastore_path):
        """Reads a file."""
        ways = transfer.targets(self.session, self.place, self.memo.get("hosts", ()), files.relative(datastore_path))
        return transfer.get(self.session, ways, b"".join, self.rules())

    def ticket(self, way):
        """Returns the ticket for one file on a host (API: SessionManagerGenericServiceTicket)."""
        spec = vim.SessionManager.HttpServiceRequestSpec(method="httpPut", url=f"https://{way.hostname}:{way.port}{way.url}")
        return self.call(f"get a ticket for {way.via}", self.session.content.sessionManager.AcquireGenericServiceTicket, spec=spec)

    # Imports

    def next_name(self):
        """Returns a name for the next virtual machine."""
        self._imports += 1
        return f"{self.name}-vm{self._imports}"

    def lease(self, name, capacity_kb=CAPACITY_KB):
        """Asks for an import lease for a virtual machine with one thin disk.

        :returns: ``(lease, its info)``.
        :raises Refused: at once, or when the lease went to the error state.
        """
        what = f"import {name}"
        pool = self.session.managed("ResourcePool", self.site.pool)
        folder = self.session.managed("Folder", self.site.vm_folder)
        host = {"host": self.session.managed("HostSystem", self.site.host)} if self.site.host else {}
        wish = leases.Import(self.site.pool, self.site.vm_folder, self.place.datastore, name, capacity_kb, "thin", 0)
        lease = self.call(what, pool.ImportVApp, spec=leases.import_spec(wish), folder=folder, **host)
        delay = 0.05
        while True:
            ((_lease, found),) = self.session.read(what, [object_spec(lease)], {vim.HttpNfcLease: ["state", "info", "error"]})
            if found["state"] == "ready":
                return lease, found["info"]
            if found["state"] == "error":
                raise Refused(found["error"])
            self.left()
            time.sleep(delay)
            delay = min(delay * 1.5, 1.0)

    @contextlib.contextmanager
    def imported(self, data, capacity_kb=CAPACITY_KB):
        """Imports a streamOptimized file. Gives the :class:`Imported`, and removes the virtual machine at the end of the ``with``.

        :raises Refused: the vCenter refused the import. :raises NovaVmwareError: the host did not take the file.
        """
        name = self.next_name()
        lease, info = self.lease(name, capacity_kb)
        try:
            device = next((one for one in info.deviceUrl if one.disk), None)
            if device is None:
                raise VSphereError("LEASE_WITHOUT_DISK", f"Failed to import {name}: the lease names no disk to send.")
            transfer.post_disk(self.session, device, len(data), iter([data]), self.rules())
            self.call(f"complete the import of {name}", lease.HttpNfcLeaseComplete)
        except BaseException:
            self.abort(lease)
            raise
        try:
            yield Imported(info.entity, self.disks_of(info.entity)[0])
        finally:
            with contextlib.suppress(Refused, Late, NovaVmwareError):  # what stays is removed at the end
                self.run(f"remove {name}", info.entity.Destroy_Task)

    def abort(self, lease):
        """Ends a lease, which removes its virtual machine. One that has ended is fine."""
        with contextlib.suppress(Refused, Late, NovaVmwareError):
            self.call("abort an import", lease.HttpNfcLeaseAbort)

    def disks_of(self, vm):
        """Returns the datastore paths of a virtual machine's disks, as the vCenter names them."""
        ((_vm, found),) = self.session.read("read a disk's path", [object_spec(vm)], {vim.VirtualMachine: ["config.hardware.device"]})
        return [device.backing.fileName for device in found["config.hardware.device"] if isinstance(device, vim.vm.device.VirtualDisk)]

    def running_folders(self):
        """Returns the folders on this datastore of virtual machines that run, sorted: datastore paths."""
        walk = traversal(vim.Datastore, "vm")
        found = self.session.read(
            "read the virtual machines of the datastore",
            [object_spec(self.session.managed("Datastore", self.site.datastore.moid), [walk], skip=True)],
            {vim.VirtualMachine: ["runtime.powerState", "config.files.vmPathName"]},
        )
        running = (value.get("config.files.vmPathName", "") for _vm, value in found if value.get("runtime.powerState") == "poweredOn")
        return sorted({path.rpartition("/")[0] for path in running if path.startswith(f"[{self.place.datastore}] ") and "/" in path})

    # Privileges

    def lacks(self, privilege, kind, moids):
        """Says whether the account lacks a privilege on one of several objects (API: AuthorizationManager.HasPrivilegeOnEntities)."""
        entities = [self.session.managed(kind, moid) for moid in moids]
        key = self.call("read the session's key", lambda: self.session.content.sessionManager.currentSession.key)
        manager = self.session.content.authorizationManager
        answer = self.call("ask for the account's privileges", manager.HasPrivilegeOnEntities, entity=entities, sessionId=key, privId=[privilege])
        return any(not granted.isGranted for one in answer for granted in one.privAvailability)

    def above(self, managed):
        """Yields what is above an object, up to the root folder or to what the account can't see.

        :returns: ``(managed object, which of its name and its overallStatus the account may read)``.
        """
        while True:
            ((_obj, found),) = self.session.read("read what is above the datastore", [object_spec(managed)], {type(managed): ["parent"]})
            parent = found.get("parent")
            if parent is None:
                return
            ((_obj, seen),) = self.session.read("read what is above the datastore", [object_spec(parent)], {type(parent): ["name", "overallStatus"]})
            yield parent, set(seen)
            managed = parent

    @property
    def _datacenter(self):
        return self.place.datacenter(self.session)
