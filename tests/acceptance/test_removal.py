# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image comes into use while it is removed, and the removal is broken: no virtual machine loses its disk."""

from __future__ import annotations

import ssl
import time

import pytest
from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim
from simulated import CACHE, NO_HOSTS, Run, VCenter, options, run, scenario

MOVE = {"method": "MoveDatastoreFile_Task"}


@pytest.fixture
def vcenter(tmp_path):
    with VCenter(tmp_path / "vcenter", scenario(datastores=("n1",)), NO_HOSTS) as one:
        yield one


def clone(vcenter, image_id, datastore="n1", start=False):
    """Makes a virtual machine whose disk is a child of the cached one, in the datacenter of the datastore. ``start`` powers it on."""
    connection = vcenter.connection
    instance = SmartConnect(
        host=connection["hostname"], port=connection["port"], user=connection["username"], pwd=connection["password"],
        sslContext=ssl.create_default_context(cafile=connection["ca_path"]),
    )  # fmt: skip
    (datacenter,) = [one for one in instance.content.rootFolder.childEntity if datastore in [store.name for store in one.datastore]]
    (cluster,) = datacenter.hostFolder.childEntity
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo
    parent = backing(fileName=f"[{datastore}] {CACHE}/{image_id}/{image_id}.vmdk", diskMode="persistent")
    disk = vim.vm.device.VirtualDisk(key=-101, controllerKey=-100, unitNumber=0, backing=backing(fileName="", diskMode="persistent", parent=parent))
    controller = vim.vm.device.VirtualLsiLogicController(key=-100, busNumber=0, sharedBus="noSharing")
    spec = vim.vm.ConfigSpec(
        name="clone", guestId="otherGuest", numCPUs=1, memoryMB=128, files=vim.vm.FileInfo(vmPathName=f"[{datastore}]"),
        deviceChange=[
            vim.vm.device.VirtualDeviceSpec(operation="add", device=controller),
            vim.vm.device.VirtualDeviceSpec(operation="add", fileOperation="create", device=disk),
        ],
    )  # fmt: skip
    task = datacenter.vmFolder.CreateVM_Task(config=spec, pool=cluster.resourcePool)
    WaitForTask(task)
    if start:
        WaitForTask(task.info.result.PowerOnVM_Task())
    Disconnect(instance)


def removal_in_use(vcenter, image_id):
    """Removes an image; a virtual machine is made of it when it is known to be unused and was not moved yet. Gives the answer of the run."""
    with vcenter.rule(MOVE, {"hang": {"seconds": 3}}, nth=1):
        removal = Run(options(vcenter.connection, [image_id], state="absent"))
        deadline = time.monotonic() + 30
        while not vcenter.fired():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        clone(vcenter, image_id)
        return removal.wait()


def test_it_goes_back(vcenter, images):
    made, content = images
    run(options(vcenter.connection, [made["flat"]]))
    _result, code, _text = removal_in_use(vcenter, made["flat"])
    assert code == "IMAGE_IN_USE"
    assert vcenter.disks(made["flat"]) == [content]
    assert vcenter.left() == []


def test_it_cannot_go_back_at_once(vcenter, images):
    """What is in use is kept where it is until a run can put it back."""
    made, content = images
    run(options(vcenter.connection, [made["flat"]]))
    # The oldest rule fires: this one is for the move back, which is the second.
    with vcenter.rule(MOVE, {"fault": {"name": "FileLocked", "task": True}}, nth=2):
        _result, code, text = removal_in_use(vcenter, made["flat"])
    assert code == "FILE_LOCKED", text
    assert vcenter.whole(made["flat"]) == []
    (stage,) = vcenter.left()
    assert list(stage.glob(f"removed/{CACHE}/*/*-flat.vmdk"))
    # It was a run of another process, which has ended.
    result, code, text = run(options(vcenter.connection, [made["flat"]]))
    assert code is None, text
    assert result["changed"]
    assert result["totals"]["bytes_from_glance"] == 0
    assert vcenter.disks(made["flat"]) == [content]
    assert vcenter.left() == []


def test_a_removal_that_broke(vcenter, images):
    """Nobody uses the image: the next run ends what the first began."""
    made, _content = images
    run(options(vcenter.connection, [made["flat"]]))
    with vcenter.rule({"method": "DeleteDatastoreFile_Task"}, {"fault": {"name": "FileLocked", "task": True}}):
        _result, code, text = run(options(vcenter.connection, [made["flat"]], state="absent"))
    assert code == "FILE_LOCKED", text
    (stage,) = vcenter.left()
    assert list(stage.glob(f"removed/{CACHE}/*/*-flat.vmdk"))
    result, code, text = run(options(vcenter.connection, [made["flat"]], state="absent"))
    assert code is None, text
    assert len(result["leftovers"]) == 1
    assert vcenter.whole(made["flat"]) == []
    assert vcenter.left() == []
