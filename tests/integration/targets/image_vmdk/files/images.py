"""Images for the tests of image_vmdk. Reads {"auth": ..., "compare": [names]} from standard input.

Without names, makes what is missing of the sources; with names, compares the disk in each of these images with the disk in the
sources. Prints {name: id} as JSON.
"""

from __future__ import annotations

import json
import pathlib
import random
import subprocess
import sys
import tempfile

import openstack

CAPACITY = 64 << 20  # bytes
# name: file and disk_format. iv-lie is not what it says; Glance itself refuses a qcow2 with a backing file, but not such a vhd.
IMAGES = {
    "iv-raw": ("disk.raw", "raw"),
    "iv-vhd": ("disk.vhd", "vhd"),
    "iv-vhdx": ("disk.vhdx", "vhdx"),
    "iv-vdi": ("disk.vdi", "vdi"),
    "iv-backing": ("backing.vhd", "vhd"),
    "iv-encrypted": ("encrypted.qcow2", "qcow2"),
    "iv-lie": ("disk.raw", "qcow2"),
}


# What each has: of this a new image keeps what is for Nova's VMware driver.
PROPERTIES = {"os_version": "9", "hw_vif_model": "virtio", "min_ram": 64}


def qemu_img(*arguments):
    """Runs qemu-img."""
    subprocess.run(["qemu-img", *arguments], check=True, stdout=subprocess.DEVNULL)


def make_disk(folder):
    """Makes the disk that setup_images makes: data at both ends, nothing in between."""
    noise = random.Random(1)
    raw = folder / "disk.raw"
    raw.write_bytes(noise.randbytes(4 << 20) + bytes(CAPACITY - (8 << 20)) + noise.randbytes(4 << 20))
    return raw


def make_files(folder):
    """Makes the files of IMAGES below a folder."""
    raw = make_disk(folder)
    qemu_img("convert", "-f", "raw", "-O", "vpc", "-o", "force_size=on", raw, folder / "disk.vhd")
    qemu_img("convert", "-f", "raw", "-O", "vhdx", raw, folder / "disk.vhdx")
    qemu_img("convert", "-f", "raw", "-O", "vdi", raw, folder / "disk.vdi")
    child = bytearray((folder / "disk.vhd").read_bytes())
    for footer in (0, len(child) - 512):
        child[footer + 60 : footer + 64] = (4).to_bytes(4, "big")  # disk type: differencing
    (folder / "backing.vhd").write_bytes(child)
    # By its header alone: on a busy machine qemu-img fails to choose the cost of a key.
    qemu_img("create", "-f", "qcow2", folder / "encrypted.qcow2", "1M")
    with open(folder / "encrypted.qcow2", "r+b") as file:
        file.seek(32)
        file.write((2).to_bytes(4, "big"))  # crypt_method: LUKS


def compare(glance, image, folder):
    """Fails unless the disk in an image is the one in the sources."""
    path = folder / "image"
    with open(path, "wb") as file:
        for chunk in glance.download_image(image.id, stream=True).iter_content(1 << 20):
            file.write(chunk)
    kind = "raw" if image.properties["hw_disk_type"] == "preallocated" else "vmdk"
    qemu_img("compare", "-f", kind, "-F", "raw", path, make_disk(folder))


def main():
    """Makes or compares."""
    asked = json.load(sys.stdin)
    glance = openstack.connect(auth=asked["auth"], region_name="RegionOne", load_envvars=False, load_yaml_config=False).image
    have = {image.name: image for image in glance.images() if image.name.startswith(("iv-", "it-"))}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for image in asked.get("compare", []):
            compare(glance, have[image], folder)
        if not asked.get("compare"):
            if set(IMAGES) - set(have):
                make_files(folder)
            for image, (file, disk_format) in IMAGES.items():
                if image in have:
                    continue
                made = glance.create_image(name=image, container_format="bare", disk_format=disk_format, validate_checksum=False, **PROPERTIES)
                with open(folder / file, "rb") as data:
                    made.upload(glance, data=data)
                have[image] = glance.get_image(made.id)
    print(json.dumps({image: have[image].id for image in have}))


main()
