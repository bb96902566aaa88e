# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for, and what makes two conversions the same. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image

SOURCE = "openstack_vmware_source"  # the property that says what an image was made of; only images that have it are ever replaced
GIB = 1 << 30

# hw_scsi_model, or ide -> adapter_type of qemu-img. As Nova's own descriptors: the newer controllers are written as
# lsilogic (nova/virt/vmwareapi/vm_util.py, get_vmdk_adapter_type).
ADAPTERS = {"ide": "ide", "buslogic": "buslogic", "lsilogic": "lsilogic", "lsisas1068": "lsilogic", "vmpvscsi": "lsilogic"}
# Attributes of each image (Image Service API v2, schema of an image), which are no properties of their own.
_ATTRIBUTES = frozenset(
    "checksum container_format created_at direct_url disk_format file id locations min_disk min_ram name os_hash_algo os_hash_value"
    " os_hidden owner protected schema self size status stores tags updated_at virtual_size visibility".split()
)
# Properties that are about the original alone, by how their names begin: of its bytes (signatures; what clients note of an upload), of the image service, of
# Cinder's encryption of them, and of the server that it is a snapshot of (nova/compute/utils.py, ``create_image``; nova/compute/api.py, ``_create_image``).
_OF_THE_ORIGINAL = (
    "img_signature", "owner_specified.", "os_glance", "openstack_vmware", "cinder_encryption", "signature_verified", "image_", "base_image_ref",
    "instance_uuid", "owner_", "user_id", "block_device_mapping", "bdm_v2", "root_device_name", "mappings", "vmware_disktype", "vmware_adaptertype",
)  # fmt: skip
_FROM_OPTIONS = {
    "hw_disk_type": "disk_type", "hw_disk_bus": "adapter_type", "hw_scsi_model": "adapter_type", "os_distro": "os_distro",
    "hw_firmware_type": "firmware",
}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """The image that is asked for. ``content`` decides its bytes; ``min_disk`` is in GiB, None is what the disk needs. ``min_ram`` is in MiB, None where it
    does not matter."""

    name: str
    content: dict
    properties: dict
    visibility: str
    min_disk: int | None
    min_ram: int | None = None


def wish(params, source):
    """Returns the :class:`Wish`.

    :arg params: the options of the module.
    :arg source: the image document of Glance that is to be converted.
    :raises NovaVmwareError: ``PROPERTY_RESERVED``.
    """
    disk_type = params["disk_type"]
    chosen = properties(params, source)
    content = {
        "id": source["id"],
        "os_hash_value": source.get("os_hash_value"),
        "disk_type": disk_type,
        # A raw disk has no descriptor that could name an adapter.
        "adapter_type": None if disk_type == "preallocated" else ADAPTERS[chosen["hw_scsi_model"] or "ide"],
    }
    return Wish(
        name=params["name"] or f"{source.get('name') or source['id']}-vmdk",
        content=content,
        properties=chosen,
        visibility=params["visibility"] or source["visibility"],
        min_disk=params["min_disk"],
        min_ram=source.get("min_ram") or 0 if params["keep_properties"] else None,
    )


def properties(params, source):
    """Returns the properties that the new image has; None stands for one that it must not have.

    :arg params: the options of the module. :arg source: the image document of Glance that is to be converted.
    :raises NovaVmwareError: ``PROPERTY_RESERVED``: one is not to be set like this.
    """
    image = nova_image.from_document(source)
    adapter = params["adapter_type"] or _adapter(image)
    more = params["properties"] or {}
    for name in more:
        if name in _FROM_OPTIONS:
            raise _reserved(name, f"Use the option {_FROM_OPTIONS[name]}.")
        if name in _ATTRIBUTES or name == SOURCE or name.startswith("os_glance"):
            raise _reserved(name, "Remove it from the option properties.")
    chosen = {
        "hw_disk_type": params["disk_type"],
        "hw_disk_bus": "ide" if adapter == "ide" else "scsi",
        "hw_scsi_model": None if adapter == "ide" else adapter,
    }
    if params["os_distro"]:
        chosen["os_distro"] = params["os_distro"]
    if params["firmware"]:
        chosen["hw_firmware_type"] = params["firmware"]
    kept = _kept(image, chosen) if params["keep_properties"] else {}
    return {**kept, **chosen, **{name: _text(value) for name, value in more.items()}}


def _adapter(image):
    """Returns the ``adapter_type`` of the disk in a VMDK image as Nova's driver would attach it; lsilogic for other images."""
    if image.disk_format != "vmdk":
        return "lsilogic"
    return "ide" if image.adapter_type == "ide" else image.scsi_model if image.scsi_model in ADAPTERS else "lsilogic"


def _kept(image, chosen):
    """Returns the properties of an image that the new one keeps: what is about the original alone goes, and what Nova's driver would boot nothing with."""
    new = replace(image, status="active", size=1024, disk_format="vmdk", container_format="bare", os_hash_algo="sha512", os_hash_value="of what comes")
    given = {name: value for name, value in chosen.items() if value is not None}
    return {
        name: value
        for name, value in image.properties.items()
        if not (name in chosen or name in _ATTRIBUTES or name.startswith(_OF_THE_ORIGINAL))
        and not nova_image.refusals(replace(new, properties={**given, name: value}))
    }


def note(content, capacity_bytes):
    """Returns the value of the property :data:`SOURCE`.

    :arg content: :attr:`Wish.content`.
    :arg capacity_bytes: what the guest sees.
    """
    return json.dumps({**content, "capacity_bytes": capacity_bytes}, sort_keys=True, separators=(",", ":"))


def read_note(document):
    """Returns the pair of content and capacity in bytes that an image document was made with; two None where it can't be read."""
    try:
        content = json.loads(document[SOURCE])
        return content, content.pop("capacity_bytes")
    except (KeyError, ValueError, AttributeError, TypeError):
        return None, None


def min_disk(capacity_bytes):
    """Returns the GiB that a flavor's root disk needs at least: Nova can't make a disk smaller than its image."""
    return -(-capacity_bytes // GIB)


def patch(document, wanted, disk):
    """Returns the JSON patch that makes an image what is asked for; an empty list when it is.

    :arg document: the image document of Glance.
    :arg wanted: a :class:`Wish`.
    :arg disk: its ``min_disk`` in GiB, or None to leave it.
    """
    operations = []
    for name, value in {**wanted.properties, "visibility": wanted.visibility, "min_disk": disk, "min_ram": wanted.min_ram}.items():
        path = "/" + name.replace("~", "~0").replace("/", "~1")  # RFC 6901
        if value is None:
            if name in wanted.properties and name in document:
                operations.append({"op": "remove", "path": path})
        elif document.get(name) != value:
            operations.append({"op": "replace" if name in document else "add", "path": path, "value": value})
    return operations


def state(document, names):
    """Returns the part of an image document that a diff shows.

    :arg document: as Glance gives it, or as it will be.
    :arg names: the properties that are asked for.
    """
    shown = [*names, "visibility", "min_disk"]
    return {"source": read_note(document)[0], **{name: document[name] for name in shown if document.get(name) is not None}}


def _text(value):
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def _reserved(name, hint):
    return NovaVmwareError("PROPERTY_RESERVED", f"The property {name} can't be set by the option properties.", hint)
