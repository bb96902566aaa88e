"""The demo: seeds images on every cluster, then boots servers from seeded images and from their unseeded twins."""

import os
import shutil
import subprocess
import sys
import time

import openstack.exceptions

from . import base, outputs, services

IMAGES = base.LAB / "images"
GIB = 1024**3
MIB = 1024**2
PROPERTIES = {"hw_disk_bus": "scsi", "hw_scsi_model": "lsilogic"}
# name: (file, disk format, hw_disk_type). The names of the unseeded twins end in -unseeded.
KINDS = {
    "demo-sparse": ("sparse.vmdk", "vmdk", "sparse"),
    "demo-stream": ("stream.vmdk", "vmdk", "streamOptimized"),
    "demo-flat": ("disk.raw", "vmdk", "preallocated"),
    "demo-iso": ("disk.iso", "iso", None),
}
# Which images are booted on the first cluster of the scenario, on the second, and so on.
BOOTS = (("demo-sparse", "demo-flat"), ("demo-stream",))
# Booted and deleted first on each cluster: Nova's first server there makes folders in vCenter, which would count against the image that comes first.
THROW_AWAY = "demo-iso"
# Of random data in the disk of 1 GiB: enough that its way from Glance is seen in the time of a boot, and a quarter, so that it is sent without its holes.
DATA = 256 * MIB
BOOT_SECONDS = 180


def make_files():
    """Makes the image files once: a disk of 1 GiB with data that does not compress, in each format. Returns whether there was something to make."""
    inputs = ["images", 3, DATA]
    if base.fresh("images", *inputs):
        return False
    base.undone("images")
    shutil.rmtree(IMAGES, ignore_errors=True)
    IMAGES.mkdir()
    raw = IMAGES / "disk.raw"
    with open(raw, "wb") as disk:
        disk.truncate(GIB)
        for offset in range(0, GIB, GIB // 8):
            disk.seek(offset)
            disk.write(os.urandom(DATA // 8))
    for subformat, name in (("monolithicSparse", "sparse.vmdk"), ("streamOptimized", "stream.vmdk")):
        options = f"subformat={subformat},adapter_type=lsilogic"
        base.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", options, raw, IMAGES / name])
    lay_out(IMAGES / "stream.vmdk")
    payload = IMAGES / "payload"
    payload.write_bytes(os.urandom(16 * MIB))
    base.run(["genisoimage", "-quiet", "-input-charset", "utf-8", "-V", "DEMO", "-o", IMAGES / "disk.iso", payload])
    payload.unlink()
    base.done("images", *inputs)
    return True


def lay_out(path):
    """Lays a stream of qemu-img out as image_vmdk does: Nova sends the unseeded twin as it is, and ESXi may refuse it as qemu-img made it."""
    sys.path.insert(0, str(base.LAB / "collections"))
    from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import streams

    streams.lay_out(str(path), path.name)


def make_image(cloud, kind, name):
    """Makes a Glance image with the bytes of that kind, unless an active image has the name already."""
    file, disk_format, disk_type = KINDS[kind]
    for image in cloud.image.images(name=name):
        if image.status == "active":
            return image
        cloud.image.delete_image(image)
    properties = {**PROPERTIES, "hw_disk_type": disk_type} if disk_type else {}
    image = cloud.image.create_image(name=name, disk_format=disk_format, container_format="bare", validate_checksum=False, allow_duplicates=True, **properties)
    with open(IMAGES / file, "rb") as data:
        image.upload(cloud.image, data=data)
    return cloud.image.get_image(image.id)


def prepare(cloud):
    """Removes what an earlier demo left, makes images and a flavor. Returns {image name: image} and the flavor.

    The twins are new each time: the boots of an earlier demo have put theirs into the cache.
    """
    servers = [server for server in cloud.compute.servers() if server.name.startswith("demo-")]
    for server in servers:
        cloud.compute.delete_server(server)
    for server in servers:
        cloud.compute.wait_for_delete(server, interval=1, wait=BOOT_SECONDS)
    twins = {f"{kind}-unseeded": kind for kind in sorted({kind for kinds in BOOTS for kind in kinds})}
    for image in list(cloud.image.images()):
        if image.name in twins:
            cloud.image.delete_image(image)
    images = {name: make_image(cloud, kind, name) for name, kind in [*((name, name) for name in KINDS), *twins.items()]}
    # ESXi wants memory in multiples of 4 MiB.
    flavor = cloud.compute.find_flavor("demo") or cloud.compute.create_flavor(name="demo", ram=256, vcpus=1, disk=2)
    return images, flavor


def playbook():
    """Runs playbooks/site.yml on the lab and prints its output as it comes. Raises LabError if it fails."""
    command = [base.VENV / "bin/ansible-playbook", base.ROOT / "playbooks/site.yml"]
    environment = {**os.environ, **{key: str(value) for key, value in outputs.environment().items()}}
    environment["ANSIBLE_FORCE_COLOR"] = "true" if sys.stdout.isatty() else "false"
    with (
        open(base.LOG / "site.log", "w", encoding="utf-8") as copy,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True, cwd=base.LAB
        ) as process,
    ):
        for line in process.stdout:
            copy.write(line)
            print(line, end="", flush=True)
    if process.returncode:
        raise base.LabError(f"ansible-playbook failed ({process.returncode}), see .lab/log/site.log")


def image_bytes(image_id, offset):
    """Returns how many bytes of an image's data Glance has sent, by the lines of its access log after that offset."""
    with open(base.LOG / "glance-access.log", encoding="utf-8") as log:
        log.seek(offset)
        words = [line.split() for line in log]
    return sum(int(word[3]) for word in words if word[:2] == ["GET", f"/v2/images/{image_id}/file"])


def boot(cloud, host, image, flavor):
    """Boots a server on a nova-compute. Returns (server, seconds until it was ACTIVE or ERROR, bytes read from Glance)."""
    offset = (base.LOG / "glance-access.log").stat().st_size
    start = time.monotonic()
    server = cloud.compute.create_server(name=f"{image.name}-{host}", image_id=image.id, flavor_id=flavor.id, networks="none", availability_zone=f"nova:{host}")
    while server.status not in ("ACTIVE", "ERROR") and time.monotonic() - start < BOOT_SECONDS:
        time.sleep(0.25)
        server = cloud.compute.get_server(server.id)
    return server, time.monotonic() - start, image_bytes(image.id, offset)


def size(count):
    """Returns a number of bytes as text."""
    return f"{count / MIB:.1f} MiB" if count else "0"


def table(rows):
    """Prints rows as aligned columns; the first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def boots(cloud, images, flavor):
    """Boots every pair of a seeded image and its twin, and prints the table. Returns the list of what went wrong."""
    rows = [("cluster", "image", "seeded", "status", "ACTIVE after", "read from Glance")]
    wrong = []
    vcenter = base.scenario()["vcenter"]["name"]
    for cluster, kinds in zip(base.clusters(), BOOTS):
        host = f"{vcenter}-{cluster['name']}"
        server, _seconds, _count = boot(cloud, host, images[THROW_AWAY], flavor)
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, interval=0.25, wait=BOOT_SECONDS)
        for kind in kinds:
            for seeded in (True, False):
                name = kind if seeded else f"{kind}-unseeded"
                server, seconds, count = boot(cloud, host, images[name], flavor)
                rows.append((cluster["name"], name, "yes" if seeded else "no", server.status, f"{seconds:.1f} s", size(count)))
                base.say(f"{cluster['name']}: {name}: {server.status} after {seconds:.1f} s, {size(count)} from Glance")
                if server.status != "ACTIVE":
                    fault = (server.fault or {}).get("message", "no message")
                    wrong.append(f"server from {name} on {cluster['name']} is {server.status}: {fault}")
                if seeded and count:
                    wrong.append(f"the boot from {name} on {cluster['name']} read {count} bytes of a seeded image")
                if not seeded and not count and server.status == "ACTIVE":
                    wrong.append(f"the boot from {name} on {cluster['name']} read nothing, so the comparison shows nothing")
    print()
    table(rows)
    print()
    return wrong


def demo():
    """Runs the demo on a running lab. Returns the exit status."""
    began = time.monotonic()
    with base.timed("compute host"):
        for name, address in outputs.compute().items():
            base.run([base.SOURCES / "hosts/hosts", "up", name, address], log="hosts.log")
    with services.connect() as cloud:
        with base.timed("images and flavor"):
            make_files()  # on a lab that was started without the demo
            try:
                images, flavor = prepare(cloud)
            except openstack.exceptions.SDKException as error:
                raise base.LabError(f"cannot prepare images and flavor: {error}") from error
        base.say("ansible-playbook playbooks/site.yml")
        with base.timed("playbook"):
            playbook()
        with base.timed("boots"):
            wrong = boots(cloud, images, flavor)
    for text in wrong:
        base.say(f"error: {text}")
    base.say(f"demo {'failed' if wrong else 'done'} ({time.monotonic() - began:.1f} s after the lab was up)")
    print(
        f"""
The lab stays up. Look around:
  . lab/openrc
  {base.OPENSTACK.relative_to(base.ROOT)}/bin/openstack server list --long
  {base.OPENSTACK.relative_to(base.ROOT)}/bin/openstack hypervisor list
  govc ls                 (if you have govc)
  .lab/venv/bin/ansible-playbook playbooks/site.yml    (again: it changes nothing)
  less .lab/log/glance-access.log
Stop it:
  make lab-down"""
    )
    return 1 if wrong else 0
