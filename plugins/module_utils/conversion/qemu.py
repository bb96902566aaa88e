# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges disk images and converts them with ``qemu-img``.

qemu-img is told each format and never guesses one: a guest can write any header to a raw disk. What reaches for other files is
refused before qemu-img opens it, since ``qemu-img info`` alone opens an external data file (CVE-2024-32498) and a VMDK's
extents (CVE-2022-47951).
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

# Glance's disk_format -> qemu's driver. A vmdk is whatever its hw_disk_type says.
DRIVERS = {"qcow2": "qcow2", "raw": "raw", "vhd": "vpc", "vhdx": "vhdx", "vdi": "vdi", "vmdk": "vmdk"}
# disk_type -> the arguments of qemu-img convert.
_OUTPUTS = {"streamOptimized": "streamOptimized", "sparse": "monolithicSparse", "preallocated": None}
_INFO_SECONDS = 60
_CONVERT_SECONDS = 24 * 3600
_SECTOR = 512
_DATA_FILE = 1 << 2  # incompatible feature of a qcow2
_VHD_TYPES = (2, 3)  # fixed, dynamic; 4 is a child of another disk


class ConversionError(NovaVmwareError):
    """The image can't be converted, or qemu-img failed."""


def program():
    """Returns the path of qemu-img.

    :raises ConversionError: ``QEMU_IMG_MISSING``.
    """
    path = shutil.which("qemu-img")
    if path is None:
        raise ConversionError(
            "QEMU_IMG_MISSING",
            "There is no qemu-img in PATH where the module runs.",
            "Install the package qemu-utils (Debian, Ubuntu) or qemu-img (RHEL, Fedora).",
        )
    return path


def driver(image):
    """Returns the name of qemu's driver for an image: ``disk_format``, and for a vmdk ``hw_disk_type``, decide.

    :arg image: a :class:`nova.image.Image`; its disk_format is one of :data:`DRIVERS`.
    """
    return "raw" if image.disk_format == "vmdk" and image.kind == "flat" else DRIVERS[image.disk_format]


def judge_file(image, size, read):
    """Refuses a file that is not what Glance says, or that reaches for another file, by its first bytes alone.

    Formats: docs/interop/qcow2.txt of QEMU, Virtual Hard Disk Image Format Specification (Hard Disk Footer Format).

    :arg image: a :class:`nova.image.Image`.
    :arg size: bytes of the file.
    :arg read: a function ``(offset, length) -> bytes``.
    :raises NovaVmwareError: ``IMAGE_CONTENT``, ``IMAGE_HAS_BACKING_FILE``, ``IMAGE_HAS_DATA_FILE``, ``IMAGE_ENCRYPTED``, or
        what :func:`disks.vmdk.inspect` raises.
    """
    kind = driver(image)
    if kind == "raw":
        vmdk.inspect("flat", size, read)
    elif kind == "vmdk":
        vmdk.inspect(image.kind, size, read)
    elif kind == "qcow2":
        head = read(0, 104)
        if len(head) < 72 or not head.startswith(b"QFI\xfb"):
            raise _content(image)
        version, backing = struct.unpack_from(">IQ", head, 4)
        if backing:
            raise _backing("another file")
        if struct.unpack_from(">I", head, 32)[0]:
            raise _encrypted()
        if version >= 3 and (len(head) < 80 or struct.unpack_from(">Q", head, 72)[0] & _DATA_FILE):
            raise _data_file()
    elif kind == "vpc":
        footer = read(size - _SECTOR, _SECTOR) if size >= _SECTOR else b""
        if not footer.startswith(b"conectix"):
            raise _content(image)
        if struct.unpack_from(">I", footer, 60)[0] not in _VHD_TYPES:
            raise _backing("another disk")
    elif kind == "vhdx" and read(0, 8) != b"vhdxfile":
        raise _content(image)
    elif kind == "vdi" and read(64, 4) != b"\x7f\x10\xda\xbe":
        raise _content(image)


def info(path, kind):
    """Returns what ``qemu-img info`` says of a file, parsed.

    :arg path: the file, absolute; :func:`judge_file` has passed it.
    :arg kind: qemu's driver.
    :raises ConversionError: ``QEMU_IMG_FAILED``.
    """
    return json.loads(_run(_INFO_SECONDS, "info", "--output=json", "-f", kind, path))


def judge_info(found, kind):
    """Judges what ``qemu-img info`` says before anything is converted.

    :arg found: the parsed JSON of ``qemu-img info --output=json``.
    :arg kind: qemu's driver that the image must have.
    :returns: the capacity in bytes.
    :raises ConversionError: ``IMAGE_CONTENT``, ``IMAGE_HAS_BACKING_FILE``, ``IMAGE_HAS_DATA_FILE``, ``IMAGE_ENCRYPTED``,
        ``IMAGE_DAMAGED`` or ``IMAGE_EMPTY``.
    """
    if found.get("format") != kind:
        raise ConversionError(
            "IMAGE_CONTENT",
            f"qemu-img takes the file for {found.get('format')}, not {kind}.",
            "Set disk_format to what the file is, or upload the right file.",
        )
    specific = (found.get("format-specific") or {}).get("data") or {}
    backing = found.get("full-backing-filename") or found.get("backing-filename")
    if backing:
        raise _backing(backing)
    if specific.get("data-file") or specific.get("data-file-raw"):
        raise _data_file()
    if found.get("encrypted") or specific.get("encrypt"):
        raise _encrypted()
    if found.get("dirty-flag") or specific.get("corrupt"):
        raise ConversionError("IMAGE_DAMAGED", "The image is marked as damaged or as not closed.", "Repair it with qemu-img check -r and upload it again.")
    if not found.get("virtual-size"):
        raise ConversionError("IMAGE_EMPTY", "The image's disk has no bytes.", "Upload the right file.")
    return found["virtual-size"]


def convert(source, kind, target, disk_type, adapter_type):
    """Writes the disk of one file to a new file.

    :arg source: the file to read, absolute; :func:`judge_info` has passed it.
    :arg kind: qemu's driver for it.
    :arg target: the file to write, absolute.
    :arg disk_type: ``streamOptimized``, ``sparse`` or ``preallocated``.
    :arg adapter_type: a value of :data:`wish.ADAPTERS`, or None for ``preallocated``.
    :raises ConversionError: ``QEMU_IMG_FAILED``.
    """
    subformat = _OUTPUTS[disk_type]
    output = ["-O", "raw"] if subformat is None else ["-O", "vmdk", "-o", f"subformat={subformat},adapter_type={adapter_type}"]
    _run(_CONVERT_SECONDS, "convert", "-f", kind, *output, source, target)
    if subformat is None:
        size = os.path.getsize(target)
        os.truncate(target, -(-size // 1024) * 1024)  # vSphere counts a disk in KiB


def _run(seconds, verb, *arguments):
    try:
        done = subprocess.run(
            [program(), verb, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, umask=0o077, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ConversionError("QEMU_IMG_FAILED", f"qemu-img {verb} was ended after {seconds} seconds.") from error
    if done.returncode:
        raise ConversionError(
            "QEMU_IMG_FAILED",
            f"qemu-img {verb} failed: {done.stderr.decode('utf-8', 'replace').strip()[-1000:]}",
            details={"returncode": done.returncode},
        )
    return done.stdout


def _content(image):
    return ConversionError(
        "IMAGE_CONTENT",
        f"The image's disk_format is {image.disk_format}, but the file is not of that format.",
        "Set disk_format to what the file is, or upload the right file.",
    )


def _backing(name):
    return ConversionError("IMAGE_HAS_BACKING_FILE", f"The image holds only the changes to {name}.", "Flatten it with qemu-img convert and upload it again.")


def _data_file():
    return ConversionError("IMAGE_HAS_DATA_FILE", "The image keeps its data in another file.", "Make one file of it with qemu-img convert and upload it again.")


def _encrypted():
    return ConversionError("IMAGE_ENCRYPTED", "The image is encrypted; vSphere could not read it.", "Decrypt it and upload it again.")
