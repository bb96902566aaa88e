# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports a streamOptimized disk through an NFC lease.

vSphere Web Services API: ``ResourcePool.ImportVApp``, ``HttpNfcLease``. Nova does the same in nova/virt/vmwareapi/images.py
(``fetch_image_stream_optimized``); the virtual machine is never switched on.
"""

from __future__ import annotations

import contextlib
import threading
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import collect, object_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

KEEPALIVE = 30  # seconds; vCenter ends a lease after 300 without a sign of life (HttpNfcLeaseInfo.leaseTimeout)
READY_TIMEOUT = 300  # seconds for the server to make the empty virtual machine


def import_disk(session, resource_pool_moid, folder_moid, datastore, name, capacity_kb, adapter_type, size, chunks):
    """Makes a virtual machine ``name`` on a datastore with the disk as its only one, and unregisters it again.

    :arg capacity_kb: KiB that the guest sees.
    :arg size: bytes of the streamOptimized file.
    :arg chunks: an iterator over those bytes.
    :returns: the datastore path of the disk, for example ``[ds] name/name.vmdk``; its folder is then the caller's.
    :raises VSphereError: nothing of the virtual machine is left.
    """
    what = f"import the disk as {name} on {datastore}"
    pool = session.managed("ResourcePool", resource_pool_moid)
    folder = session.managed("Folder", folder_moid)
    spec = _import_spec(name, datastore, capacity_kb, adapter_type)
    lease = session.call(what, pool.ImportVApp, spec=spec, folder=folder)
    try:
        info = _ready(session, lease, what)
        url = next((device for device in info.deviceUrl if device.disk), None)
        if url is None:
            raise VSphereError("LEASE_WITHOUT_DISK", f"Failed to {what}: the lease names no disk to send.")
        with _KeepAlive(lease, size) as keepalive:
            transfer.post_disk(session, url.url, url.sslThumbprint, size, keepalive.count(chunks))
        session.call(what, lease.HttpNfcLeaseComplete)
    except BaseException:
        _abort(lease)
        raise
    vm = info.entity
    try:
        path = _disk_path(session, vm, what)
        session.call(f"unregister the imported {name}", vm.UnregisterVM)
    except BaseException:
        with contextlib.suppress(VSphereError):  # the first error is what matters
            session.run(f"remove the imported {name}", vm.Destroy_Task)
        raise
    return path


def remove_import(session, folder_moid, name):
    """Removes the virtual machine of an import that nobody finished, with its files. None of that name is fine."""
    what = f"remove the imported {name}"
    folder = session.managed("Folder", folder_moid)
    found = session.call(what, session.content.searchIndex.FindChild, entity=folder, name=name)
    if found is not None:
        session.run(what, found.Destroy_Task)


def _import_spec(name, datastore, capacity_kb, adapter_type):
    """The same virtual machine as nova/virt/vmwareapi/images.py ``_build_shadow_vm_config_spec``, with the disk's real size."""
    if adapter_type == "ide":
        controller = vim.vm.device.VirtualIDEController(key=-100, busNumber=0)
    else:
        bus = vim.vm.device.VirtualBusLogicController if adapter_type == "busLogic" else vim.vm.device.VirtualLsiLogicController
        controller = bus(key=-100, busNumber=0, sharedBus="noSharing")
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=f"[{datastore}]", diskMode="persistent", thinProvisioned=True
    )
    disk = vim.vm.device.VirtualDisk(
        key=-101, controllerKey=-100, unitNumber=0, capacityInKB=max(1, int(capacity_kb)), backing=backing
    )
    change = vim.vm.device.VirtualDeviceSpec
    return vim.vm.VmImportSpec(
        configSpec=vim.vm.ConfigSpec(
            name=name, guestId="otherGuest", numCPUs=1, memoryMB=128,
            files=vim.vm.FileInfo(vmPathName=f"[{datastore}]"),
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
        ((_lease, properties),) = session.call(
            what,
            lambda: list(
                collect(
                    session.content.propertyCollector, [object_spec(lease)], {vim.HttpNfcLease: ["state", "info", "error"]}
                )
            ),
        )
        if properties["state"] == "ready":
            return properties["info"]
        if properties["state"] == "error":
            raise VSphereFault(what, properties["error"])
        if time.monotonic() > deadline:
            raise VSphereError("LEASE_TIMEOUT", f"Failed to {what}: the lease was not ready within {READY_TIMEOUT} seconds.")
        time.sleep(delay)
        delay = min(delay * 1.5, 2.0)


def _disk_path(session, vm, what):
    ((_vm, properties),) = session.call(
        what,
        lambda: list(
            collect(session.content.propertyCollector, [object_spec(vm)], {vim.VirtualMachine: ["config.hardware.device"]})
        ),
    )
    disks = [d for d in properties["config.hardware.device"] if isinstance(d, vim.vm.device.VirtualDisk)]
    return disks[0].backing.fileName


def _abort(lease):
    try:
        lease.HttpNfcLeaseAbort()
    except Exception:  # pylint: disable=broad-except
        pass  # the server ended it already, or is gone and ends it by its own time-out: the first error is what matters


class _KeepAlive:
    """Tells the lease every 30 seconds that the transfer goes on."""

    def __init__(self, lease, size):
        self._lease = lease
        self._size = max(1, size)
        self._sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self._stop.set()
        self._thread.join()

    def count(self, chunks):
        """Passes the chunks on and counts their bytes."""
        for chunk in chunks:
            yield chunk
            self._sent += len(chunk)

    def _run(self):
        while not self._stop.wait(KEEPALIVE):
            try:
                self._lease.HttpNfcLeaseProgress(percent=min(99, 100 * self._sent // self._size))
            except Exception:  # pylint: disable=broad-except
                return  # a dead lease makes the transfer itself fail, with a better reason
