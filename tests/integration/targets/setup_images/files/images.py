"""Makes the images of the tests in Glance, once. Reads the auth dict from standard input; prints {name: {id, size}} as JSON."""

from __future__ import annotations

import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tarfile
import tempfile

import openstack

CAPACITY = 64 << 20  # bytes
VMDK = {"disk_format": "vmdk", "hw_disk_bus": "scsi", "hw_scsi_model": "lsilogic"}
LARGE = 2 << 30  # bytes
# name: file and what Glance is told. it-large is as large as a flavor that Nova would take may not be, it-dense is small on the wire and large on a
# datastore, it-lie is not what its
# hw_disk_type says, it-cut ends in the middle.
IMAGES = {
    "it-sparse": ("sparse.vmdk", {**VMDK, "hw_disk_type": "sparse"}),
    "it-stream": ("stream.vmdk", {**VMDK, "hw_disk_type": "streamOptimized"}),
    "it-dense": ("dense.vmdk", {**VMDK, "hw_disk_type": "streamOptimized"}),
    "it-large": ("large.vmdk", {**VMDK, "hw_disk_type": "sparse"}),
    "it-flat": ("disk.raw", {**VMDK, "hw_disk_type": "thin"}),
    "it-iso": ("disk.iso", {"disk_format": "iso"}),
    "it-ova": ("disk.ova", {**VMDK, "hw_disk_type": "streamOptimized", "container_format": "ova"}),
    "it-lie": ("sparse.vmdk", {**VMDK, "hw_disk_type": "streamOptimized"}),
    "it-cut": ("cut.vmdk", {**VMDK, "hw_disk_type": "sparse"}),
    "it-qcow2": ("disk.qcow2", {"disk_format": "qcow2"}),
    "it-distro": ("sparse.vmdk", {**VMDK, "hw_disk_type": "sparse", "os_distro": "ubuntu"}),
    "it-queued": (None, {**VMDK, "hw_disk_type": "sparse"}),
}


def make_files(folder):
    """Makes one disk in all formats below a folder: data at both ends, nothing in between."""
    noise = random.Random(1)
    raw = folder / "disk.raw"
    raw.write_bytes(noise.randbytes(4 << 20) + bytes(CAPACITY - (8 << 20)) + noise.randbytes(4 << 20))
    dense = folder / "dense.raw"
    dense.write_bytes(b"openstack" * (CAPACITY // 9) + bytes(CAPACITY % 9))
    large = folder / "large.raw"
    large.write_bytes(noise.randbytes(1 << 20))
    os.truncate(large, LARGE)
    for source, name, kind in (
        (large, "large.vmdk", "monolithicSparse"),
        (raw, "sparse.vmdk", "monolithicSparse"), (raw, "stream.vmdk", "streamOptimized"), (dense, "dense.vmdk", "streamOptimized"),
    ):  # fmt: skip
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", f"subformat={kind}", source, folder / name], check=True)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, folder / "disk.qcow2"], check=True)
    # An iso as far as anybody looks: its primary volume descriptor, with no more sectors than the file (ECMA-119, 8.4).
    iso = bytearray(raw.read_bytes())
    iso[32768:34816] = (b"\x01CD001\x01".ljust(80, b"\0") + struct.pack("<I", len(iso) // 2048)).ljust(128, b"\0").ljust(2048, b"\0")
    (folder / "disk.iso").write_bytes(iso)
    (folder / "disk.ovf").write_text(
        '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:o="http://schemas.dmtf.org/ovf/envelope/1"><References>'
        '<File o:id="f" o:href="stream.vmdk"/></References><DiskSection><Disk o:diskId="d" o:fileRef="f"/></DiskSection></Envelope>',
        encoding="utf-8",
    )
    with tarfile.open(folder / "disk.ova", "w", format=tarfile.USTAR_FORMAT) as ova:
        for name in ("disk.ovf", "stream.vmdk"):
            ova.add(folder / name, name)
    (folder / "cut.vmdk").write_bytes((folder / "sparse.vmdk").read_bytes()[:5000000])


def main():
    """Makes what is missing."""
    cloud = openstack.connect(auth=json.load(sys.stdin), region_name="RegionOne", load_envvars=False, load_yaml_config=False)
    glance, compute = cloud.image, cloud.compute
    have = {image.name: image for image in glance.images() if image.name.startswith("it-")}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if set(IMAGES) - set(have):
            make_files(folder)
        for image, (file, properties) in IMAGES.items():
            if image in have:
                continue
            made = glance.create_image(name=image, validate_checksum=False, **{"container_format": "bare", **properties})
            if file:
                with open(folder / file, "rb") as data:
                    made.upload(glance, data=data)
            have[image] = glance.get_image(made.id)
    if compute.find_flavor("it-one") is None:
        compute.create_flavor(name="it-one", ram=256, vcpus=1, disk=1)
    # Some tests raise it.
    for image in have.values():
        if image.min_disk:
            glance.update_image(image, min_disk=0)
    print(json.dumps({image: {"id": have[image].id, "size": have[image].size} for image in IMAGES}))


main()
