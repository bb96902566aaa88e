# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``image_vmdk``: from options to a result."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile

from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import qemu, streams, upload
from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import wish as wishes
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import known, relay, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import connection


def run(params, check_mode):
    """The module ``image_vmdk``.

    :arg params: its options.
    :returns: its result.
    :raises NovaVmwareError: bad input, before a byte is moved; a file that is not what Glance says, before it is converted; or a
        step that failed, after what it left was removed.
    """
    requires("openstacksdk", connection.IMPORT_ERROR, "to read and write images")
    cloud = connection.connect(params["openstack"] or {})
    with connection.translate("read and write images in Glance"):
        project_id = cloud.current_project_id
        work = _absent if params["state"] == "absent" else _present
        return work(cloud.image, project_id, params, check_mode)


def _present(glance, project_id, params, check_mode):
    source = glance_images.find(glance, params["image"])
    image = nova_image.from_document(source)
    wanted = wishes.wish(params, source)
    _refuse_source(image, params["disk_type"])
    _refuse_wish(wanted, image)
    ours = _ours(glance, wanted.name, project_id)
    there = next((one for one in ours if one["status"] == "active" and wishes.read_note(one)[0] == wanted.content), None)
    old = [one for one in ours if one is not there]
    operations = [] if there is None else wishes.patch(there, wanted, _min_disk(wanted, wishes.read_note(there)[1]))
    action = "convert" if there is None else "update" if operations else "none"
    before = {one["id"]: wishes.state(one, wanted.properties) for one in ours}
    if there is None:
        if _is_stream_already(image, params["disk_type"]):
            _refuse_good_stream(glance, image)
        else:
            qemu.program()
        found = _planned(wanted, source) if check_mode else _convert(glance, image, wanted, params)
    elif check_mode:
        found = _patched(there, operations)
    else:
        found = upload.update(glance, there["id"], operations) if operations else there
    for one in old if not check_mode else []:
        upload.delete(glance, one["id"])
    return {
        "changed": action != "none" or bool(old),
        "action": action,
        "image": _describe(found, wanted.properties),
        "source": {key: source.get(key) for key in ("id", "name", "disk_format", "size", "os_hash_algo", "os_hash_value")},
        "removed": [one["id"] for one in old],
        "bytes_from_glance": image.size if there is None else 0,
        "bytes_to_glance": found.get("size") if there is None else 0,
        "diff": _diff(before, {found["id"] or "(new)": wishes.state(found, wanted.properties)}),
    }


def _absent(glance, project_id, params, check_mode):
    name = params["name"]
    if name is None:
        # The source may be gone; then its name is all there is.
        source = params["image"]
        name = f"{glance_images.find(glance, source)['name'] if glance_images.is_id(source) else source}-vmdk"
    ours = _ours(glance, name, project_id)
    for one in ours if not check_mode else []:
        upload.delete(glance, one["id"])
    return {
        "changed": bool(ours),
        "action": "remove" if ours else "none",
        "removed": [one["id"] for one in ours],
        "diff": _diff({one["id"]: wishes.state(one, ()) for one in ours}, {}),
    }


def _refuse_source(image, disk_type):
    """Refuses what Glance's own words already tell to be no source."""

    def refuse(code, what, hint):
        raise qemu.ConversionError(code, f"Image {image.name} ({image.id}) {what}.", hint)

    if image.status != "active":
        refuse("IMAGE_NOT_ACTIVE", f"has status {image.status}, not active", "Upload its data, then try again.")
    if image.disk_format not in qemu.DRIVERS:
        refuse(
            "IMAGE_DISK_FORMAT",
            f"has disk_format {image.disk_format}, which is not converted",
            f"These are: {', '.join(sorted(qemu.DRIVERS))}. Nova boots an iso as it is.",
        )
    if image.container_format != "bare":
        refuse("IMAGE_CONTAINER_FORMAT", f"has container_format {image.container_format}", "Upload the disk inside it with container_format bare.")
    if not image.size:
        refuse("IMAGE_EMPTY", "holds no data", "Upload its data again.")
    if image.disk_format == "vmdk":
        if image.disk_type not in nova_image.DISK_TYPES:
            refuse(
                "IMAGE_DISK_TYPE",
                f"has hw_disk_type {image.disk_type}, which Nova's VMware driver does not know",
                f"Set hw_disk_type to one of {', '.join(sorted(nova_image.DISK_TYPES))}.",
            )
        if image.kind == (disk_type if disk_type != "preallocated" else "flat") and not _is_stream_already(image, disk_type):
            refuse("IMAGE_IS_VMDK", f"is a {image.disk_type} VMDK already", "Use it as it is, or ask for another disk_type.")


def _is_stream_already(image, disk_type):
    """Says whether a streamOptimized image is asked for of a streamOptimized one: it is laid out anew, without qemu-img."""
    return image.disk_format == "vmdk" and image.kind == disk_type == "streamOptimized"


def _refuse_good_stream(glance, image):
    """Refuses a streamOptimized image that ESXi takes as it is. Its tables are read from Glance, not its data.

    :raises NovaVmwareError: ``IMAGE_IS_VMDK``, or the file is not what it says.
    """
    with vmdk.naming(image):
        found = vmdk.inspect(image.kind, image.size, glance_images.Blocks(glance, image.id, image.size).range)
    if not relay.is_needed(found.stream):
        raise qemu.ConversionError(
            "IMAGE_IS_VMDK",
            f"Image {image.name} ({image.id}) is a streamOptimized VMDK already, laid out as ESXi wants it.",
            "Use it as it is, or ask for another disk_type.",
        )


def _refuse_wish(wanted, image):
    """Refuses properties with which Nova could not boot the new image, by the rules that image_cache goes by."""
    if wanted.name == image.name:
        raise qemu.ConversionError("NAME_OF_SOURCE", f"The new image can't have the name of its source, {image.name}.", "Choose another name.")
    properties = {name: value for name, value in wanted.properties.items() if value is not None}
    planned = nova_image.Image("new", wanted.name, "active", 1024, "vmdk", "bare", "sha512", "of what is not there yet", properties)
    for refusal in nova_image.refusals(planned):
        raise qemu.ConversionError(refusal.code, refusal.what, refusal.hint)


def _ours(glance, name, project_id):
    """Returns the images of that name, all of them made by this module."""
    found = glance_images.named(glance, name, owner=project_id, visibility="all", sort="created_at:asc")
    foreign = [one["id"] for one in found if wishes.SOURCE not in one]
    if foreign:
        raise NovaVmwareError(
            "IMAGE_NOT_OURS",
            f"The project has an image {name} that this module did not make: {', '.join(foreign)}.",
            "Choose another name, or rename or delete it.",
            {"ids": foreign},
        )
    return found


def _min_disk(wanted, capacity_bytes):
    """Returns the GiB of ``min_disk``: what is asked for, else what the disk needs; None while that is not known.

    :raises NovaVmwareError: ``MIN_DISK_TOO_SMALL``.
    """
    if capacity_bytes is None:
        return wanted.min_disk
    least = wishes.min_disk(capacity_bytes)
    if wanted.min_disk is not None and wanted.min_disk < least:
        raise NovaVmwareError(
            "MIN_DISK_TOO_SMALL",
            f"The image {wanted.name} has a disk of {capacity_bytes} bytes, which min_disk of {wanted.min_disk} GiB can't hold.",
            f"Leave min_disk out, or set it to {least} or more.",
        )
    return least if wanted.min_disk is None else wanted.min_disk


def _document(wanted, capacity_bytes):
    return {
        "name": wanted.name,
        "disk_format": "vmdk",
        "container_format": "bare",
        "visibility": wanted.visibility,
        "min_disk": _min_disk(wanted, capacity_bytes),
        "min_ram": wanted.min_ram or 0,
        wishes.SOURCE: wishes.note(wanted.content, capacity_bytes),
        **{name: value for name, value in wanted.properties.items() if value is not None},
    }


def _planned(wanted, source):
    """Returns the document that a conversion would make, as far as Glance's own words tell."""
    return {"id": None, **_document(wanted, source.get("virtual_size"))}


def _patched(document, operations):
    changed = dict(document)
    for operation in operations:
        name = operation["path"][1:].replace("~1", "/").replace("~0", "~")
        changed[name] = operation.get("value")
    return changed


def _describe(document, names):
    return {
        **{key: document.get(key) for key in ("id", "name", "size", "min_disk", "visibility", "os_hash_algo", "os_hash_value")},
        "capacity_bytes": wishes.read_note(document)[1],
        "properties": {name: document[name] for name in names if document.get(name) is not None},
    }


def _convert(glance, image, wanted, params):
    """Reads, judges, converts, inspects and writes. Gives the new image's document."""
    with _folder(params["work_dir"], image.size) as folder:
        source, target = os.path.join(folder, "source"), os.path.join(folder, "target")
        _download(glance, image, source)
        if _is_stream_already(image, wanted.content["disk_type"]):
            os.rename(source, target)
        else:
            _convert_by_qemu(image, wanted, source, target)
        if wanted.content["disk_type"] == "streamOptimized":
            # Two conversions of one image in one way hold the same, and may have one content id.
            with vmdk.naming(image):
                streams.lay_out(target, json.dumps(wanted.content, sort_keys=True), wanted.content["adapter_type"])
        made = vmdk.inspect(nova_image.from_document({"id": "", "status": "", **_document(wanted, 0)}).kind, *_file(target))
        document = upload.create(glance, _document(wanted, made.capacity_bytes), target)
        if made.kind != "streamOptimized":
            return document
        # With this a host can fetch the image (seeding/choice.py). It names the image, whose id was not known before.
        facts = known.Known(document["size"], upload.sha256(target), made.capacity_bytes, made.data_bytes)
        return upload.update(glance, document["id"], [{"op": "add", "path": f"/{known.PROPERTY}", "value": known.write(document["id"], facts)}])


def _convert_by_qemu(image, wanted, source, target):
    """Judges the file of an image, and makes another of it. The first is gone afterwards."""
    kind = qemu.driver(image)
    qemu.judge_file(image, *_file(source))
    capacity = qemu.judge_info(qemu.info(source, kind), kind)
    _min_disk(wanted, capacity)  # refuses one that is too small before the long work
    qemu.convert(source, kind, target, wanted.content["disk_type"], wanted.content["adapter_type"])
    os.unlink(source)  # its room is Glance's or anyone's from here on


@contextlib.contextmanager
def _folder(work_dir, size):
    """Makes a folder of our own that is gone afterwards, also when the module is cancelled."""
    try:
        with tempfile.TemporaryDirectory(prefix="image_vmdk-", dir=work_dir) as folder:  # mode 0700
            free = shutil.disk_usage(folder).free
            if free < size:
                raise NovaVmwareError(
                    "WORK_DIR_FULL",
                    f"{os.path.dirname(folder)} has {free} bytes free; the image has {size}.",
                    "Set work_dir to a folder with room for two copies of the image.",
                )
            yield folder
    except OSError as error:
        raise NovaVmwareError(
            "WORK_DIR_FAILED", f"Failed to work in {work_dir or tempfile.gettempdir()}: {error.strerror or error}.", "Check work_dir."
        ) from error


def _download(glance, image, path):
    verifier = glance_images.Verifier(image.id, image.size, image.os_hash_algo, image.os_hash_value)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in verifier.watch(glance_images.read(glance, image.id, image.size)):
            file.write(chunk)


def _file(path):
    """Returns the size in bytes and the reader that the inspections want."""

    def read(offset, length):
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(length)

    return os.path.getsize(path), read


def _diff(before, after):
    return {
        "before": json.dumps(before, indent=2, sort_keys=True) + "\n" if before else "",
        "after": json.dumps(after, indent=2, sort_keys=True) + "\n" if after else "",
    }
