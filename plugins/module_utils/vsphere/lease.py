# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports a streamOptimized disk through an NFC lease.

vSphere Web Services API: ``ResourcePool.ImportVApp``, ``HttpNfcLease``. Nova does the same in nova/virt/vmwareapi/images.py
(``fetch_image_stream_optimized``); the virtual machine is never switched on.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.periodic import every
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

KEEPALIVE = 30  # seconds; vCenter ends a lease after 300 without a sign of life (HttpNfcLeaseInfo.leaseTimeout)
READY_TIMEOUT = 300  # seconds for the server to make the empty virtual machine


@dataclass(frozen=True)
class Import:
    """What is imported and where to: moids of the pool and the folder, names of the datastore and of the virtual machine.

    ``disk_type`` is ``thin``, ``preallocated``, ``thick`` or ``eagerZeroedThick``; ``size`` are the bytes of the streamOptimized file.
    """

    resource_pool: str
    folder: str
    datastore: str
    name: str
    capacity_kb: int
    adapter_type: str
    disk_type: str
    size: int


def import_disk(session, wish, chunks, rules=transfer.Rules()):
    """Makes a virtual machine on a datastore with the disk as its only one, and unregisters it again.

    A lease that breaks, as one does whose session the server ended, is replaced once.

    :arg wish: :class:`Import`.
    :arg chunks: a function that gives an iterator over the file's bytes from the start; called once a try.
    :arg rules: :class:`transfer.Rules`.
    :returns: the datastore path of the disk, for example ``[ds] name/name.vmdk``; its folder is then the caller's.
    :raises VSphereError: nothing of the virtual machine is left.
    """
    for last in (False, True):
        try:
            return _import_once(session, wish, chunks, rules)
        except VSphereError as error:
            with contextlib.suppress(VSphereError):  # the first error is what matters
                remove_import(session, wish.folder, wish.name)
            if last or error.code not in ("UPLOAD_BROKEN", "MANAGED_OBJECT_NOT_FOUND"):
                raise
    raise AssertionError


def _import_once(session, wish, chunks, rules):
    what = f"import the disk as {wish.name} on {wish.datastore}"
    pool = session.managed("ResourcePool", wish.resource_pool)
    folder = session.managed("Folder", wish.folder)
    lease = session.call(what, pool.ImportVApp, spec=_import_spec(wish), folder=folder)
    try:
        info = _ready(session, lease, what)
        url = next((device for device in info.deviceUrl if device.disk), None)
        if url is None:
            raise VSphereError("LEASE_WITHOUT_DISK", f"Failed to {what}: the lease names no disk to send.")
        sent = _Transfer(session, lease, wish.size)
        with every(KEEPALIVE, sent.tell):
            transfer.post_disk(session, url.url, url.sslThumbprint, wish.size, sent.count(chunks()), rules)
        session.call(what, lease.HttpNfcLeaseComplete)
    except BaseException:
        _abort(lease)
        raise
    vm = info.entity
    try:
        path = _disk_path(session, vm, what)
        session.call(f"unregister the imported {wish.name}", vm.UnregisterVM)
    except BaseException:
        with contextlib.suppress(VSphereError):
            session.run(f"remove the imported {wish.name}", vm.Destroy_Task)
        raise
    return path


def remove_import(session, folder_moid, name):
    """Removes the virtual machine of an import that nobody finished, with its files. None of that name is fine."""
    what = f"remove the imported {name}"
    folder = session.managed("Folder", folder_moid)
    found = session.call(what, session.content.searchIndex.FindChild, entity=folder, name=name)
    if found is not None:
        session.run(what, found.Destroy_Task)


def _import_spec(wish):
    """The same virtual machine as nova/virt/vmwareapi/images.py ``_build_shadow_vm_config_spec``, with the disk's real size and type."""
    if wish.adapter_type == "ide":
        controller = vim.vm.device.VirtualIDEController(key=-100, busNumber=0)
    else:
        bus = vim.vm.device.VirtualBusLogicController if wish.adapter_type == "busLogic" else vim.vm.device.VirtualLsiLogicController
        controller = bus(key=-100, busNumber=0, sharedBus="noSharing")
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=f"[{wish.datastore}]", diskMode="persistent", thinProvisioned=wish.disk_type == "thin",
        eagerlyScrub=wish.disk_type == "eagerZeroedThick",
    )
    disk = vim.vm.device.VirtualDisk(
        key=-101, controllerKey=-100, unitNumber=0, capacityInKB=max(1, int(wish.capacity_kb)), backing=backing
    )
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


def _ready(session, lease, what):
    deadline = time.monotonic() + READY_TIMEOUT
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
            raise VSphereError("LEASE_TIMEOUT", f"Failed to {what}: the lease was not ready within {READY_TIMEOUT} seconds.")
        time.sleep(delay)
        delay = min(delay * 1.5, 2.0)


def _disk_path(session, vm, what):
    ((_vm, properties),) = session.read(what, [object_spec(vm)], {vim.VirtualMachine: ["config.hardware.device"]})
    disks = [d for d in properties["config.hardware.device"] if isinstance(d, vim.vm.device.VirtualDisk)]
    return disks[0].backing.fileName


def _abort(lease):
    try:
        lease.HttpNfcLeaseAbort()
    except Exception:  # pylint: disable=broad-except
        pass  # the server ended it already, or is gone and ends it by its own time-out: the first error is what matters


class _Transfer:
    """Counts what was sent, and tells the lease how far the transfer is."""

    def __init__(self, session, lease, size):
        self._session = session
        self._lease = lease
        self._size = max(1, size)
        self._sent = 0

    def count(self, chunks):
        """Passes the chunks on and counts their bytes."""
        for chunk in chunks:
            yield chunk
            self._sent += len(chunk)

    def tell(self):
        """Tells the lease, which also keeps the session alive. A dead lease makes the transfer itself fail, with a better reason.

        :raises VSphereError: the lease or the server is gone.
        """
        percent = min(99, 100 * self._sent // self._size)
        self._session.call("keep the lease alive", self._lease.HttpNfcLeaseProgress, percent=percent)
