# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova's vmwareapi driver makes of an image's properties, and what it would choke on. Pure.

Rules: nova/virt/vmwareapi/images.py (``VMwareImage.from_image``), nova/objects/image_meta.py (legacy names are applied
first, current names win), nova/virt/vmwareapi/vmops.py (``_get_image_callbacks``, ``_get_vm_config_info``).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

FLAT_TYPES = frozenset(["thin", "preallocated", "thick", "eagerZeroedThick"])
DISK_TYPES = FLAT_TYPES | {"sparse", "streamOptimized"}

# hw_scsi_model -> VirtualDiskAdapterType of a disk's descriptor. The Virtual Disk Manager knows no newer controllers,
# so Nova writes lsiLogic for them (vm_util.py, get_vmdk_adapter_type).
_SCSI_MODELS = {
    "buslogic": "busLogic",
    "lsilogic": "lsiLogic",
    "lsisas1068": "lsiLogic",
    "vmpvscsi": "lsiLogic",
}
# What nova/objects/fields.py (SCSIModel.coerce) makes of vmware_adaptertype's values, in lower case.
_LEGACY_SCSI = {"lsilogicsas": "lsisas1068", "paravirtual": "vmpvscsi"}

# Properties of which Nova takes few values, (name, legacy name, case matters, values): with another one each boot fails, or the
# scheduler finds no host. nova/objects/fields.py, nova/virt/vmwareapi/vm_util.py (convert_vif_model) and host.py (supported_instances).
# Of hw_disk_bus the driver ignores what it does not know, but Nova's object refuses what no driver knows.
_VALUES = (
    ("hw_firmware_type", None, True, ("bios", "uefi")),
    ("hw_disk_bus", None, True, ("ide", "scsi", "sata", "virtio", "usb", "fdc", "xen", "lxc", "uml")),
    ("hw_vif_model", None, False, (
        "e1000", "e1000e", "pcnet", "sriov", "vmxnet", "vmxnet3",
        "virtuale1000", "virtuale1000e", "virtualpcnet32", "virtualsriovethernetcard", "virtualvmxnet", "virtualvmxnet3",
    )),
    ("img_hv_type", "hypervisor_type", False, ("vmware",)),
    ("hw_architecture", "architecture", False, ("x86_64", "i686", "amd64", "i386", "i486", "i586")),
)  # fmt: skip

# Every VirtualMachineGuestOsIdentifier of the vSphere API ends like this.
_GUEST_ID = re.compile(r"\w*Guest(64)?\Z")


# What to do about an image that is not active (Image Service API, "Image statuses").
_BY_STATUS = {
    "queued": "Upload its data, then try again.",
    "saving": "Its upload is under way: try again when it has ended.",
    "uploading": "Its data are staged: import it, then try again.",
    "importing": "Its import is under way: try again when it has ended.",
    "deactivated": "An administrator has deactivated it, so Glance gives its data to nobody: reactivate it, or take it out of the list of images.",
    "killed": "Its upload has failed: upload it again under a new id.",
    "deleted": "Take it out of the list of images.",
    "pending_delete": "Take it out of the list of images.",
}


def _can_hash(algorithm):
    """Says whether this Python computes a hash of that kind; one without a fixed length, such as shake_128, compares with nothing."""
    try:
        return hashlib.new(algorithm).digest_size > 0
    except (ValueError, TypeError):  # TypeError: of bytes that are no text; a Python under FIPS refuses what it lists
        return False


@dataclass(frozen=True)
class Image:
    """A Glance image as Nova's driver sees it. Sizes in bytes."""

    id: str
    name: str
    status: str
    size: int
    disk_format: str
    container_format: str
    os_hash_algo: str | None
    os_hash_value: str | None
    properties: dict = field(default_factory=dict, compare=False)
    min_disk: int = 0  # GiB

    def get(self, name, legacy=None, default=None):
        """Returns a property as Nova reads it: by its current name, else by its legacy one."""
        value = self.properties.get(name)
        if value is None and legacy:
            value = self.properties.get(legacy)
        return default if value is None else value

    @property
    def disk_type(self):
        """``hw_disk_type`` as the driver reads it."""
        return self.get("hw_disk_type", "vmware_disktype", "preallocated")

    @property
    def cached_type(self):
        """The VirtualDiskType of the disk in the cache, as Nova makes it. CopyVirtualDisk without a destSpec gives a preallocated one of a sparse file."""
        return {"sparse": "preallocated", "streamOptimized": "thin"}.get(self.disk_type, self.disk_type)

    @property
    def smallest_root_gb(self):
        """GiB of the smallest root disk with which Nova takes a flavor for the image, other than 0, which it does not compare.

        nova/compute/api.py, ``_validate_flavor_image_nostatus``: it compares with the size in Glance and with min_disk, never with the disk in the image.
        """
        return max(1, self.min_disk, -(-self.size // (1 << 30)))

    @property
    def os_distro(self):
        """What becomes the guestId of the virtual machine, or None."""
        return self.get("os_distro", "vmware_ostype")

    @property
    def scsi_model(self):
        """``hw_scsi_model`` in lower case, or None."""
        model = self.get("hw_scsi_model", "vmware_adaptertype")
        return None if model is None else _LEGACY_SCSI.get(model.lower(), model.lower())

    @property
    def adapter_type(self):
        """The VirtualDiskAdapterType for a disk's descriptor: ``ide``, ``busLogic`` or ``lsiLogic``."""
        legacy = self.properties.get("vmware_adaptertype")
        bus = self.properties.get("hw_disk_bus") or (legacy and ("ide" if legacy == "ide" else "scsi"))
        if bus == "ide":
            return "ide"
        if bus == "scsi":
            return _SCSI_MODELS.get(self.scsi_model, "lsiLogic")
        return "lsiLogic"

    def linked_clone(self, use_linked_clone=True):
        """Says whether Nova makes linked clones of the image (``VMwareImage.from_image``, oslo.utils ``bool_from_string``).

        :arg use_linked_clone: ``[vmware]use_linked_clone``, for an image that says nothing.
        """
        value = self.get("img_linked_clone", "vmware_linked_clone")
        if self.disk_format != "vmdk":
            return False
        return use_linked_clone if value is None else value.strip().lower() in ("1", "t", "true", "on", "y", "yes")

    @property
    def kind(self):
        """How the image travels: ``iso``, ``flat``, ``sparse``, ``streamOptimized`` or ``ova`` (a streamOptimized disk in an archive)."""
        if self.disk_format == "iso":
            return "iso"
        if self.container_format == "ova":
            return "ova"
        return "flat" if self.disk_type in FLAT_TYPES else self.disk_type


def from_document(document):
    """Returns an :class:`Image` of an image document, as Glance's API v2 answers."""
    algorithm, value = document.get("os_hash_algo"), document.get("os_hash_value")
    if not algorithm and document.get("checksum"):  # images from before Glance 17 (Rocky) have only the MD5
        algorithm, value = "md5", document["checksum"]
    return Image(
        id=document["id"],
        name=document.get("name") or document["id"],
        status=document["status"],
        size=document.get("size") or 0,
        disk_format=document.get("disk_format"),
        container_format=document.get("container_format"),
        os_hash_algo=algorithm or None,
        os_hash_value=value or None,
        properties={name: value for name, value in document.items() if isinstance(value, str)},
        min_disk=document.get("min_disk") or 0,
    )


@dataclass(frozen=True)
class Refusal:
    """Why an image can't be seeded, and what to do. ``code`` is stable."""

    code: str
    what: str
    hint: str


def refusals(image):
    """Returns each reason (:class:`Refusal`) for which Nova could not boot this image; an empty list is good news."""
    if image.disk_format not in ("vmdk", "iso"):
        found = [*_status(image), _disk_format(image)]  # what Nova would ask of a disk says nothing about another file
    else:
        found = [*_status(image), *_disk(image), *_properties(image), *_hash(image)]
    return [Refusal(code, f"Image {image.name} ({image.id}) {what}.", hint) for code, what, hint in found]


# Each of these gives triples: the code, a clause on the image, what to do.


def _status(image):
    if image.status != "active":
        yield "IMAGE_NOT_ACTIVE", f"has status {image.status}, not active", _BY_STATUS.get(image.status, "Wait until it is active, then try again.")


def _disk_format(image):
    return (
        "IMAGE_DISK_FORMAT",
        f"has disk_format {image.disk_format}; Nova's VMware driver boots vmdk and iso only",
        "Convert it, for example with the module openstack_vmware.nova.image_vmdk.",
    )


def _disk(image):
    if image.container_format not in ("bare", "ova") or (image.container_format == "ova" and image.disk_format == "iso"):
        yield (
            "IMAGE_CONTAINER_FORMAT",
            f"has container_format {image.container_format}, in which Nova's VMware driver finds no {image.disk_format}",
            "Upload the disk inside it with container_format bare.",
        )
    if image.disk_format == "vmdk" and image.disk_type not in DISK_TYPES:
        yield (
            "IMAGE_DISK_TYPE",
            f"has hw_disk_type {image.disk_type}, which Nova's VMware driver does not know",
            f"Set hw_disk_type to one of {', '.join(sorted(DISK_TYPES))}.",
        )
    if image.kind == "ova" and image.disk_type != "streamOptimized":
        yield (
            "IMAGE_DISK_TYPE",
            f"is an ova with hw_disk_type {image.disk_type}, but the disk in an ova is streamOptimized",
            "Set hw_disk_type to streamOptimized.",
        )
    if image.status == "active" and not image.size:
        yield "IMAGE_EMPTY", "holds no data", "Upload its data again."
    if image.disk_format == "vmdk" and image.kind == "flat" and image.size % 1024:
        yield (
            "IMAGE_SIZE",
            f"is a flat disk of {image.size} bytes, which is not a multiple of 1024 as vSphere needs",
            "It was cut short, or hw_disk_type is wrong: a flat disk is preallocated or thin, others are sparse or streamOptimized.",
        )


def _properties(image):
    if image.os_distro is not None and not _GUEST_ID.match(image.os_distro):
        yield (
            "IMAGE_OS_DISTRO",
            f"has os_distro {image.os_distro}; Nova hands it to vSphere as the guest id, which fails each boot",
            "Set os_distro to a vSphere guest id such as ubuntu64Guest, or remove it.",
        )
    if image.properties.get("hw_disk_bus") == "scsi" and image.scsi_model not in _SCSI_MODELS:
        yield (
            "IMAGE_SCSI_MODEL",
            "has hw_disk_bus scsi without a hw_scsi_model that Nova's VMware driver knows",
            f"Set hw_scsi_model to one of {', '.join(sorted(_SCSI_MODELS))}.",
        )
    for name, legacy, exact, values in _VALUES:
        value = image.get(name, legacy)
        if value is not None and (value if exact else value.lower()) not in values:
            yield (
                "IMAGE_PROPERTY",
                f"has {name} {value}, with which Nova's VMware driver boots nothing",
                f"Set {name} to one of {', '.join(values[:6])}, or remove it.",
            )
    if image.properties.get("img_config_drive") == "mandatory":
        yield (
            "IMAGE_CONFIG_DRIVE",
            "asks for a config drive (img_config_drive mandatory), which Nova's VMware driver can't make on Python 3",
            "Use the metadata service and remove the property.",
        )


def _hash(image):
    if image.status == "active" and image.os_hash_algo is None:
        yield (
            "IMAGE_NO_HASH",
            "has no hash in Glance, so nothing tells whether its bytes are right",
            "Upload it again; Glance computes os_hash_value while it takes the bytes.",
        )
    elif image.os_hash_algo is not None and not _can_hash(image.os_hash_algo):
        yield (
            "IMAGE_HASH_ALGORITHM",
            f"has a hash of the kind {image.os_hash_algo}, which this Python can't compute",
            "Set hashing_algorithm in glance-api.conf to sha512, and upload the image again.",
        )
    elif image.status == "active" and image.os_hash_algo is not None and not image.os_hash_value:
        yield (
            "IMAGE_NO_HASH",
            f"has os_hash_algo {image.os_hash_algo} and no os_hash_value in Glance, so nothing tells whether its bytes are right",
            "Upload it again; Glance computes os_hash_value while it takes the bytes.",
        )
