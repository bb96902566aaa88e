"""Makes and removes what the tests of image_cache_prune need. Reads options as JSON from standard input; prints JSON.

actions: ``make`` (an account that is no administrator, with a private image, and three images of the administrator), ``delete`` (an image), ``clone``
(a virtual machine ``name`` whose disk is a child of ``disk``; ``kind`` vm, template or snapshot), ``destroy`` (that machine), ``clean`` (all of it).
"""

from __future__ import annotations

import json
import ssl
import sys

import openstack
from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim

MEMBER = "it-prune-member"
IMAGES = ("it-prune-gone", "it-prune-used", "it-prune-stays")
SIZE = 1 << 20  # bytes


def connect(auth):
    """Gives a connection that takes nothing from the environment."""
    return openstack.connect(auth=auth, region_name="RegionOne", load_envvars=False, load_yaml_config=False)


def image(cloud, name):
    """Makes a small flat image and gives its id."""
    made = cloud.image.create_image(
        name=name, disk_format="vmdk", container_format="bare", visibility="private", validate_checksum=False, allow_duplicates=True,
        hw_disk_type="thin",
    )  # fmt: skip
    made.upload(cloud.image, data=(b"\0" + name.encode()).ljust(SIZE, b"\0"))
    return made.id


def make(options):
    """Gives ``{image name: id}`` and the auth dict of the account that is no administrator."""
    clean(options)
    cloud = connect(options["auth"])
    project = cloud.identity.create_project(name=MEMBER, domain_id="default")
    user = cloud.identity.create_user(name=MEMBER, domain_id="default", password=MEMBER, default_project_id=project.id)
    role = cloud.identity.find_role("member")
    cloud.identity.assign_project_role_to_user(project, user, role)
    auth = {**options["auth"], "username": MEMBER, "password": MEMBER, "project_name": MEMBER}
    ids = {name: image(cloud, name) for name in IMAGES}
    return {"ids": ids, "auth": auth}


def theirs(options):
    """Makes a private image of the account that is no administrator. Gives its id."""
    return {"id": image(connect(options["auth"]), MEMBER)}


def delete(options):
    """Deletes an image."""
    connect(options["auth"]).image.delete_image(options["id"])
    return {}


def clean(options):
    """Removes all that ``make`` made."""
    cloud = connect(options["auth"])
    for one in list(cloud.image.images()):
        if one.name in (*IMAGES, MEMBER):
            cloud.image.delete_image(one.id)
    user, project = cloud.identity.find_user(MEMBER), cloud.identity.find_project(MEMBER)
    for one, remove in ((user, cloud.identity.delete_user), (project, cloud.identity.delete_project)):
        if one:
            remove(one.id)
    return {}


def vcenter(options):
    """Gives a session and the datacenter."""
    context = ssl.create_default_context(cafile=options["ca_path"])
    instance = SmartConnect(host=options["hostname"], port=int(options["port"]), user=options["username"], pwd=options["password"], sslContext=context)
    return instance, instance.content.rootFolder.childEntity[0]


def clone(options):
    """Makes a virtual machine as Nova's linked clones are: its disk is a child of the cached one."""
    instance, datacenter = vcenter(options)
    cluster = next(one for one in datacenter.hostFolder.childEntity if one.name == "cluster-b")
    device = vim.vm.device
    parent = device.VirtualDisk.FlatVer2BackingInfo(fileName=options["disk"], diskMode="persistent")
    backing = device.VirtualDisk.FlatVer2BackingInfo(fileName="", diskMode="persistent", parent=parent)
    disk = device.VirtualDisk(key=-101, controllerKey=-100, unitNumber=0, backing=backing)
    spec = vim.vm.ConfigSpec(
        name=options["name"], guestId="otherGuest", numCPUs=1, memoryMB=128, files=vim.vm.FileInfo(vmPathName="[nova-shared]"),
        deviceChange=[
            device.VirtualDeviceSpec(operation="add", device=device.VirtualLsiLogicController(key=-100, busNumber=0, sharedBus="noSharing")),
            device.VirtualDeviceSpec(operation="add", fileOperation="create", device=disk),
        ],
    )  # fmt: skip
    task = datacenter.vmFolder.CreateVM_Task(config=spec, pool=cluster.resourcePool)
    WaitForTask(task)
    vm = task.info.result
    if options["kind"] == "snapshot":
        # The snapshot needs the disk; the machine itself no longer does.
        WaitForTask(vm.CreateSnapshot_Task(name="one", memory=False, quiesce=False))
        (added,) = [one for one in vm.config.hardware.device if isinstance(one, device.VirtualDisk)]
        WaitForTask(vm.ReconfigVM_Task(spec=vim.vm.ConfigSpec(deviceChange=[device.VirtualDeviceSpec(operation="remove", device=added)])))
    if options["kind"] == "template":
        vm.MarkAsTemplate()
    Disconnect(instance)
    return {}


def destroy(options):
    """Removes the virtual machine again, if it is there."""
    instance, datacenter = vcenter(options)
    found = instance.content.searchIndex.FindChild(datacenter.vmFolder, options["name"])
    if found:
        WaitForTask(found.Destroy_Task())
    Disconnect(instance)
    return {}


def main():
    """Does one action."""
    actions = {one.__name__: one for one in (make, theirs, delete, clean, clone, destroy)}
    print(json.dumps(actions[sys.argv[1]](json.load(sys.stdin))))


main()
