# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports a streamOptimized disk through an NFC lease. What fills the disk is a :class:`Push` of bytes from here, or a :class:`pull.Pull` by the host.

vSphere Web Services API: ``ResourcePool.ImportVApp``, ``HttpNfcLease``. Nova does the same in nova/virt/vmwareapi/images.py
(``fetch_image_stream_optimized``); the virtual machine is never switched on.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import partial

from ansible_collections.openstack_vmware.nova.plugins.module_utils.periodic import every
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import run_task

KEEPALIVE = 30  # seconds; vCenter ends a lease after 300 without a sign of life (HttpNfcLeaseInfo.leaseTimeout)
GONE = 60  # seconds for the server to remove the virtual machine of a lease that failed: it does so in its own time (API: ImportVApp)
# What the server says while a virtual machine of that name is being removed.
_BUSY = {"DUPLICATE_NAME", "TASK_IN_PROGRESS", "FILE_ALREADY_EXISTS", "ALREADY_EXISTS"}


@dataclass(frozen=True)
class Import:
    """What is imported and where to: moids of the pool and the folder, names of the datastore and of the virtual machine.

    ``disk_type`` is ``thin``, ``preallocated`` or ``thick``; ``size`` are the bytes of the streamOptimized file. ``host`` is the managed object id of a host,
    which a cluster without DRS wants.
    """

    resource_pool: str
    folder: str
    datastore: str
    name: str
    capacity_kb: int
    disk_type: str
    size: int
    host: str | None = None

    @property
    def silence(self):
        """Seconds that the server may need to make the empty disk: one that is not thin takes its room, which some storage fills with zeros."""
        return transfer.TIMEOUT if self.disk_type == "thin" else transfer.patience(self.capacity_kb << 10)


@dataclass(frozen=True)
class Open:
    """A lease that is ready to be filled. ``device`` is the ``HttpNfcLeaseDeviceUrl`` of its disk, ``vm`` what the lease has made; ``what`` is a verb phrase
    with the object, for errors. ``told`` keeps the lease alive, and wants to know how far it is."""

    session: object
    lease: object
    device: object
    vm: object
    wish: Import
    rules: transfer.Rules
    told: "_Told"
    what: str


@dataclass(frozen=True)
class Push:
    """Sends the file's bytes from here.

    :arg chunks: a function that gives an iterator over the bytes from the start; called once a try.
    """

    chunks: object

    def fill(self, opened):
        """Sends the bytes to the host of the lease.

        :arg opened: an :class:`Open`.
        :raises VSphereError: as :func:`transfer.post_disk`.
        """
        size, wish = opened.wish.size, opened.wish
        with transfer.explained(partial(_crypto_state, opened.session, opened.vm)):
            transfer.post_disk(opened.session, opened.device, size, opened.told.count(self.chunks(), size), opened.rules, wish.silence)


def import_disk(session, wish, way, rules=transfer.Rules()):
    """Makes a virtual machine on a datastore with the disk as its only one, and unregisters it again.

    A lease that breaks, as one does whose session the server ended, is replaced once, when what it made is gone.

    :arg wish: :class:`Import`.
    :arg way: a :class:`Push` or a :class:`pull.Pull`, used once a try.
    :arg rules: :class:`transfer.Rules`.
    :returns: the datastore path of the disk, for example ``[ds] name/name.vmdk``; its folder is then the caller's.
    :raises VSphereError: nothing of the virtual machine is left, as far as the server could be asked.
    """
    replaced, busy_since = False, None
    while True:
        try:
            return _import_once(session, wish, way, rules)
        except BaseException as error:
            with contextlib.suppress(VSphereError):  # the first error is what matters
                remove_import(session, wish.folder, wish.name)
            code = getattr(error, "code", None)
            if code in _BUSY:
                # The name is this run's own, so what has it is what an earlier try left.
                busy_since = busy_since or time.monotonic()
                if time.monotonic() - busy_since > GONE:
                    raise
                time.sleep(rules.remaining(1, f"import the disk as {wish.name}"))
            elif replaced or code not in ("UPLOAD_BROKEN", "MANAGED_OBJECT_NOT_FOUND"):
                raise
            else:
                replaced = True


def _import_once(session, wish, way, rules):
    what = f"import the disk as {wish.name} on {wish.datastore}"
    pool = session.managed("ResourcePool", wish.resource_pool)
    folder = session.managed("Folder", wish.folder)
    host = session.managed("HostSystem", wish.host) if wish.host else None
    lease = session.call(what, pool.ImportVApp, spec=import_spec(wish), folder=folder, host=host)
    told = None
    try:
        info = _ready(session, lease, what, wish.silence)
        device = next((device for device in info.deviceUrl if device.disk), None)
        if device is None:
            raise VSphereError("LEASE_WITHOUT_DISK", f"Failed to {what}: the lease names no disk to send.")
        told = _Told(session, lease)
        with every(KEEPALIVE, told.tell):
            way.fill(Open(session, lease, device, info.entity, wish, rules, told, what))
        session.call(what, lambda: session.patient(lease).HttpNfcLeaseComplete())
    except VSphereError as error:
        _abort(lease)
        if told:
            told.explain(error)
        raise
    except BaseException:
        _abort(lease)
        raise
    vm = info.entity
    try:
        path = _disk_path(session, vm, what)
        session.call(f"unregister the imported {wish.name}", lambda: session.patient(vm).UnregisterVM())
    except BaseException:
        with contextlib.suppress(VSphereError):
            run_task(session, f"remove the imported {wish.name}", vm.Destroy_Task)
        raise
    return path


def remove_import(session, folder_moid, name, seconds=GONE):
    """Removes the virtual machine of an import that nobody finished, with its files. None of that name is fine.

    The server may be at it already, and then refuses to do it for us.

    :arg seconds: how long to wait until it is gone.
    :raises VSphereError: it is still there.
    """
    what = f"remove the imported {name}"
    folder = session.managed("Folder", folder_moid)
    deadline = time.monotonic() + seconds
    delay = 0.1
    while True:
        found = session.call(what, session.content.searchIndex.FindChild, entity=folder, name=name)
        if found is None:
            return
        try:
            run_task(session, what, found.Destroy_Task)
        except VSphereFault as error:
            if error.code == "NO_PERMISSION" or time.monotonic() > deadline:
                raise
        time.sleep(delay)
        delay = min(delay * 1.5, 2.0)


def import_spec(wish):
    """Returns the ImportSpec of an :class:`Import`: the virtual machine of nova/virt/vmwareapi/images.py ``_build_shadow_vm_config_spec``, with the
    disk's real size and type.

    The controller is LsiLogic whatever the image's adapter is, as there: the one of a server comes from the image's properties, and Nova never
    reads the adapter in a cached disk's descriptor.
    """
    controller = vim.vm.device.VirtualLsiLogicController(key=-100, busNumber=0, sharedBus="noSharing")
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=f"[{wish.datastore}]", diskMode="persistent", thinProvisioned=wish.disk_type == "thin", eagerlyScrub=False
    )
    disk = vim.vm.device.VirtualDisk(key=-101, controllerKey=-100, unitNumber=0, capacityInKB=max(1, int(wish.capacity_kb)), backing=backing)
    change = vim.vm.device.VirtualDeviceSpec
    return vim.vm.VmImportSpec(
        configSpec=vim.vm.ConfigSpec(
            name=wish.name, guestId="otherGuest", numCPUs=1, memoryMB=128,
            files=vim.vm.FileInfo(vmPathName=f"[{wish.datastore}]"),
            deviceChange=[
                change(operation="add", device=controller),
                change(operation="add", fileOperation="create", device=disk),
            ],
        )
    )  # fmt: skip


def _ready(session, lease, what, seconds):
    deadline = time.monotonic() + seconds
    delay = 0.05
    while True:
        found = session.read(what, [object_spec(lease)], {vim.HttpNfcLease: ["state", "info", "error"]})
        if not found:  # it went with the session that it belonged to
            raise VSphereError("MANAGED_OBJECT_NOT_FOUND", f"Failed to {what}: the vCenter no longer knows the lease.", "Run this again.")
        ((_lease, properties),) = found
        if properties["state"] == "ready":
            return properties["info"]
        if properties["state"] == "error":
            raise VSphereFault(what, properties["error"])
        if time.monotonic() > deadline:
            raise VSphereError("LEASE_TIMEOUT", f"Failed to {what}: the lease was not ready within {seconds} seconds.")
        time.sleep(delay)
        delay = min(delay * 1.5, 2.0)


def _disk_path(session, vm, what):
    ((_vm, properties),) = session.read(what, [object_spec(vm)], {vim.VirtualMachine: ["config.hardware.device"]})
    disks = [d for d in properties["config.hardware.device"] if isinstance(d, vim.vm.device.VirtualDisk)]
    return disks[0].backing.fileName


def _crypto_state(session, vm):
    """Returns the name and ``runtime.cryptoState`` of the host that a virtual machine is on."""
    ((_vm, properties),) = session.read("read the imported machine", [object_spec(vm)], {vim.VirtualMachine: ["runtime.host"]})
    ((_host, host),) = session.read("read its host", [object_spec(properties["runtime.host"])], {vim.HostSystem: ["name", "runtime.cryptoState"]})
    return host.get("name"), host.get("runtime.cryptoState")


def _abort(lease):
    try:
        lease.HttpNfcLeaseAbort()
    except Exception:  # pylint: disable=broad-except
        pass  # the server ended it already, or is gone and ends it by its own time-out: the first error is what matters


class _Told:
    """Tells the lease how far the transfer is."""

    def __init__(self, session, lease):
        self._session = session
        self._lease = lease
        self._percent = 0
        self._gone = False
        self._problem = None  # of the last call

    def count(self, chunks, size):
        """Passes the chunks on and counts their bytes; ``size`` is how many there are."""
        sent = 0
        for chunk in chunks:
            yield chunk
            sent += len(chunk)
            self.reach(100 * sent // max(1, size))

    def reach(self, percent):
        """Notes how far it is. The lease hears it next time."""
        self._percent = min(99, percent)

    def tell(self):
        """Tells the lease, which also keeps the session alive. A fault that passes ends nothing; after a lease that is gone nothing is told."""
        if self._gone:
            return
        try:
            self._session.call("keep the lease alive", self._lease.HttpNfcLeaseProgress, percent=self._percent)
            self._problem = None
        except VSphereError as error:
            self._problem = error
            self._gone = error.code == "MANAGED_OBJECT_NOT_FOUND"

    def explain(self, error):
        """Adds to an error of the transfer what kept the lease from being told at the end, if anything did."""
        if self._problem is not None:
            error.what = f"{error.what} Before that the lease could not be kept alive: {self._problem.what}"
            error.args = (error.what,)
