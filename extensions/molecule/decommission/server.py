"""A server on one nova-compute, for which Nova refuses that the service goes.

usage: server.py boot HOST | delete HOST

The cloud is the lab's, of OS_CLIENT_CONFIG_FILE.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

import openstack

SECONDS = 180  # to boot, and to be deleted
IMAGE = {"disk_format": "vmdk", "container_format": "bare", "hw_disk_type": "streamOptimized", "hw_scsi_model": "lsilogic", "hw_disk_bus": "scsi"}


def main(verb, host):
    """Boots the server `decommission` on a nova-compute, or deletes it with its image and its flavor."""
    cloud = openstack.connect(cloud="lab")
    delete(cloud)
    if verb == "delete":
        return
    flavor = cloud.compute.create_flavor(name="decommission", ram=256, vcpus=1, disk=1)
    image = cloud.image.create_image(name="decommission", validate_checksum=False, **IMAGE)
    with tempfile.TemporaryDirectory() as folder:
        raw, disk = pathlib.Path(folder, "disk.raw"), pathlib.Path(folder, "disk.vmdk")
        raw.write_bytes(bytes(1 << 20))
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, disk], check=True)
        with open(disk, "rb") as data:
            image.upload(cloud.image, data=data)
    server = cloud.compute.create_server(name="decommission", image_id=image.id, flavor_id=flavor.id, networks="none", availability_zone=f"nova:{host}")
    cloud.compute.wait_for_server(server, wait=SECONDS, interval=1)


def delete(cloud):
    """Deletes the server, its image and its flavor, as far as they are there."""
    for server in list(cloud.compute.servers(name="^decommission$")):
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, interval=1, wait=SECONDS)
    for image in list(cloud.image.images(name="decommission")):
        cloud.image.delete_image(image)
    if flavor := cloud.compute.find_flavor("decommission"):
        cloud.compute.delete_flavor(flavor)


main(*sys.argv[1:])
