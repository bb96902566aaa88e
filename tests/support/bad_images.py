# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that must not get into a cache, one a line: what is wrong, how to make it, which error it gives."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field

import disks
from disks import GOOD_GRAINS, GRAIN, RAW, SECTOR, descriptor, grain, iso, marker, packed, sparse, streamed

SECTORS = len(RAW) // SECTOR


@dataclass(frozen=True)
class Bad:
    """``code`` and ``text`` (a part of the message) are what the user gets.

    ``properties`` are those of the image in Glance. ``seen`` is when: ``properties`` (before any byte is read), ``content`` (before any
    byte is sent) or ``flow`` (while the bytes flow: the stage is removed again).
    """

    name: str
    code: str
    text: str
    data: bytes = b""
    properties: dict = field(default_factory=dict)
    seen: str = "content"


def _sparse(name, code, text, data, seen="content"):
    return Bad(f"sparse: {name}", code, text, data, {"hw_disk_type": "sparse"}, seen)


def _stream(name, code, text, data, seen="content"):
    return Bad(f"streamOptimized: {name}", code, text, data, {"hw_disk_type": "streamOptimized"}, seen)


def _flow(name, code, text, data):
    return _stream(name, code, text, data, "flow")


def _flat(name, code, text, data, **properties):
    return Bad(f"flat: {name}", code, text, data, {"hw_disk_type": "thin", **properties})


def _properties(name, code, text, data=RAW, **properties):
    return Bad(f"properties: {name}", code, text, data, {"hw_disk_type": "thin", **properties}, "properties")


def _extent(line, kind="monolithicSparse"):
    return sparse(descriptor(kind, extent=line))


def _cut(data, end):
    return data[:end]


def _with(number, replacement):
    grains = list(GOOD_GRAINS)
    grains[number] = replacement
    return grains


def _flipped(data):
    return data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]


SPARSE, STREAM = sparse(), streamed()
HEAD = b"\0" * 510 + b"\x55\xaa"  # of a raw disk

BAD = (
    # What the file is at all.
    _sparse("no header, zeros", "IMAGE_CONTENT", "no sparse extent header", bytes(4096)),
    _sparse("text", "IMAGE_CONTENT", "no sparse extent header", b"<html>404 Not Found</html>\n" * 100),
    _sparse("a raw disk", "IMAGE_CONTENT", "no sparse extent header", RAW),
    _sparse("qcow2", "IMAGE_CONTENT", "no sparse extent header", b"QFI\xfb\0\0\0\3" + bytes(4096)),
    _sparse("shorter than a header", "IMAGE_CONTENT", "no sparse extent header", SPARSE[:100]),
    _sparse("a streamOptimized disk", "IMAGE_DISK_TYPE_DIFFERS", "the file is streamOptimized", STREAM),
    _stream("a sparse disk", "IMAGE_DISK_TYPE_DIFFERS", "the file is sparse", SPARSE),
    _flat("qcow2", "IMAGE_CONTENT", "the file is qcow2", b"QFI\xfb\0\0\0\3".ljust(4096, b"\0")),
    _flat("vdi", "IMAGE_CONTENT", "the file is vdi", b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0") + b"\x7f\x10\xda\xbe" + bytes(4028)),
    _flat("dynamic vhd", "IMAGE_CONTENT", "the file is vhd", b"conectix".ljust(4096, b"\0")),
    _flat("fixed vhd, which has a footer", "IMAGE_SIZE", "not a multiple of 1024", RAW + b"conectix".ljust(512, b"\0")),
    _flat("vhdx", "IMAGE_CONTENT", "the file is vhdx", b"vhdxfile".ljust(4096, b"\0")),
    _flat("a VMDK", "IMAGE_CONTENT", "a sparse or streamOptimized VMDK", SPARSE.ljust(-(-len(SPARSE) // 1024) * 1024, b"\0")),
    _flat("a descriptor alone", "IMAGE_CONTENT", "descriptor without its data", descriptor("vmfs").ljust(1024, b"\n")),
    _flat("an error page", "IMAGE_CONTENT", "the file is text", b"<!DOCTYPE html><title>502 Bad Gateway</title>\n".ljust(1024)),
    _flat("compressed with gzip", "IMAGE_CONTENT", "compressed with gzip", gzip.compress(RAW).ljust(200 << 10, b"\0")),
    _flat("a tar archive", "IMAGE_CONTENT", "tar archive", b"disk.vmdk".ljust(257, b"\0") + b"ustar".ljust(767, b"\0")),
    _flat("half a sector too much", "IMAGE_SIZE", "not a multiple of 1024", HEAD * 2 + b"\0" * 256),
    _flat("one byte cut off", "IMAGE_SIZE", "not a multiple of 1024", RAW[:-1]),
    Bad("iso: a raw disk", "IMAGE_CONTENT", "no ISO 9660 or UDF volume", RAW, {"disk_format": "iso"}),
    Bad("iso: text", "IMAGE_CONTENT", "the file is text", b"moved\n" * 1000, {"disk_format": "iso"}),
    Bad("iso: a VMDK", "IMAGE_CONTENT", "a sparse or streamOptimized VMDK", SPARSE, {"disk_format": "iso"}),
    Bad("iso: cut in its system area", "IMAGE_CONTENT", "no ISO 9660 or UDF volume", iso()[: 16 * 2048], {"disk_format": "iso"}),
    Bad("iso: cut short", "ISO_TRUNCATED", "its volume has 2048000 bytes", iso(sectors=1000), {"disk_format": "iso"}),
    # The header.
    _sparse("version 7", "VMDK_VERSION", "version 7", sparse(version=7)),
    _sparse("transferred as text", "VMDK_DAMAGED", "line ends were changed", sparse(newlines=b"\n \n\n")),
    _sparse("capacity 0", "VMDK_DAMAGED", "capacity 0", sparse(capacity=0)),
    _sparse("capacity absurd", "VMDK_DAMAGED", "makes no sense", sparse(capacity=1 << 60)),
    _sparse("capacity beyond what is supported", "VMDK_TOO_LARGE", "beyond", sparse(descriptor("monolithicSparse", 50 << 31), capacity=50 << 31)),
    _sparse("grain size 0", "VMDK_DAMAGED", "grain 0 sectors", sparse(grain=0)),
    _sparse("grain size no power of two", "VMDK_DAMAGED", "grain 100 sectors", sparse(grain=100)),
    _sparse("grain size of 1 GiB", "VMDK_DAMAGED", "makes no sense", sparse(grain=1 << 21)),
    _sparse("7 entries a grain table", "VMDK_DAMAGED", "7 entries", sparse(entries=7)),
    _stream("7 entries a grain table", "VMDK_DAMAGED", "7 entries", streamed(entries=7)),
    _stream("compressed, but with no markers", "VMDK_DAMAGED", "makes no sense", streamed(flags=3 | 1 << 16)),
    _stream("unknown compression", "VMDK_DAMAGED", "compression 2", streamed(compression=2)),
    # The descriptor.
    _sparse("descriptor missing", "VMDK_DESCRIPTOR", "is missing", sparse(descriptor_offset=0, descriptor_size=0)),
    _sparse("descriptor too long", "VMDK_DESCRIPTOR", "bytes long", sparse(descriptor_size=1 << 20)),
    _sparse("descriptor behind the end", "VMDK_TRUNCATED", "inside its descriptor", sparse(descriptor_offset=1 << 20)),
    _sparse("descriptor is binary", "VMDK_DESCRIPTOR", "no text", sparse(b"# Disk DescriptorFile\n\x01\x02\x7fELF")),
    _sparse("descriptor is zeros", "VMDK_DESCRIPTOR", "no text", sparse(b"")),
    _sparse("descriptor with a line that nobody understands", "VMDK_DESCRIPTOR", "nobody understands", _extent('RW 512 SPARSE "disk.vmdk"\nREAD /etc/shadow')),
    _sparse("createType twice", "VMDK_DESCRIPTOR", "twice", sparse(descriptor("monolithicSparse", more='createType="vmfs"'))),
    _sparse("createType of another kind", "VMDK_DESCRIPTOR", "createType is twoGbMaxExtentSparse", sparse(descriptor("twoGbMaxExtentSparse"))),
    _stream("createType of another kind", "VMDK_DESCRIPTOR", "createType is monolithicSparse", streamed(descriptor("monolithicSparse"))),
    _sparse("parentCID", "VMDK_HAS_PARENT", "parentCID 12345678", sparse(descriptor("monolithicSparse", parent="12345678"))),
    _sparse(
        "parentFileNameHint",
        "VMDK_HAS_PARENT",
        "/vmfs/volumes/secret",
        sparse(descriptor("monolithicSparse", more='parentFileNameHint="/vmfs/volumes/secret/a.vmdk"')),
    ),
    _sparse("no extent", "VMDK_EXTENTS", "spread over 0 files", _extent("")),
    _sparse("two extents", "VMDK_EXTENTS", "spread over 2 files", _extent('RW 256 SPARSE "a.vmdk"\nRW 256 SPARSE "b.vmdk"')),
    _sparse("extent with ../", "VMDK_EXTENTS", "outside the file", _extent('RW 512 SPARSE "../other/disk.vmdk"')),
    _sparse("extent with an absolute path", "VMDK_EXTENTS", "outside the file", _extent('RW 512 SPARSE "/vmfs/volumes/nova/x.vmdk"')),
    _sparse("extent with a backslash", "VMDK_EXTENTS", "outside the file", _extent('RW 512 SPARSE "..\\other.vmdk"')),
    _sparse("flat extent on a device", "VMDK_EXTENTS", "FLAT '/dev/sda'", _extent('RW 512 FLAT "/dev/sda" 0')),
    _sparse("raw device mapping", "VMDK_EXTENTS", "VMFSRDM", _extent('RW 512 VMFSRDM "disk.vmdk"')),
    _sparse("extent in lower case, indented", "VMDK_EXTENTS", "FLAT", _extent('  rw 512 flat "/dev/sda" 0')),
    _sparse(
        "change tracking file elsewhere", "VMDK_EXTENTS", "outside the file", sparse(descriptor("monolithicSparse", more='changeTrackPath="/vmfs/volumes/a/b"'))
    ),
    _sparse("extent larger than the header says", "VMDK_DAMAGED", "descriptor says 99999", _extent('RW 99999 SPARSE "disk.vmdk"')),
    _sparse("extent smaller than the header says", "VMDK_DAMAGED", "descriptor says 8", _extent('RW 8 SPARSE "disk.vmdk"')),
    # Tables and grains.
    _sparse("cut in the descriptor", "VMDK_TRUNCATED", "", _cut(SPARSE, 2048)),
    _sparse("cut in the grain directory", "VMDK_TRUNCATED", "grain directory", _cut(SPARSE, 21 * SECTOR)),
    _sparse("cut in a grain table", "VMDK_TRUNCATED", "a grain table", _cut(SPARSE, 23 * SECTOR)),
    _sparse("cut in the last grain", "VMDK_TRUNCATED", "a grain lies", SPARSE[:-1]),
    _sparse("grain directory behind the end", "VMDK_TRUNCATED", "grain directory", sparse(directory=1 << 20)),
    _sparse("grain table behind the end", "VMDK_TRUNCATED", "a grain table", sparse(tables=(1 << 20,))),
    _sparse(
        "two directory entries for one table", "VMDK_DAMAGED", "one grain table", sparse(descriptor("monolithicSparse", 2 << 16), (22, 22), capacity=2 << 16)
    ),
    _sparse("grain behind the end", "VMDK_TRUNCATED", "a grain lies", sparse(places=(128, 0, 256, 1 << 22))),
    _sparse("grain in the header", "VMDK_DAMAGED", "among its tables", sparse(places=(2, 0, 256, 384))),
    _stream("cut in half", "VMDK_TRUNCATED", "end-of-stream", _cut(STREAM, len(STREAM) // 2)),
    _stream("cut in the header", "IMAGE_CONTENT", "no sparse extent header", _cut(STREAM, 300)),
    _stream("end-of-stream marker cut off", "VMDK_TRUNCATED", "end-of-stream", STREAM[:-SECTOR]),
    _stream("no footer", "VMDK_TRUNCATED", "footer", streamed(end=False)),
    _stream("footer with another capacity", "VMDK_DAMAGED", "footer is not the copy", streamed(footer={"capacity": 1024})),
    _stream("footer with another grain size", "VMDK_DAMAGED", "footer is not the copy", streamed(footer={"grain": 64})),
    _stream("footer without a directory", "VMDK_DAMAGED", "footer is not the copy", streamed(footer={"directory": disks.AT_END})),
    _stream("footer's directory behind the end", "VMDK_TRUNCATED", "grain directory", streamed(footer={"directory": 1 << 24})),
    _flow("a grain that unpacks to 64 MiB", "VMDK_DAMAGED", "unpacks to more than 65536", streamed(grains=_with(1, grain(256, bytes(64 << 20))))),
    _flow("a grain that unpacks to less", "VMDK_DAMAGED", "unpacks to 1000 bytes", streamed(grains=_with(1, grain(256, b"x" * 1000)))),
    _flow("a grain of garbage", "VMDK_DAMAGED", "can't be unpacked", streamed(grains=_with(1, packed(256, b"garbage" * 50)))),
    _flow("a flipped bit in a grain", "VMDK_DAMAGED", "can't be unpacked", streamed(grains=_with(0, _flipped(GOOD_GRAINS[0])))),
    _flow("a grain that ends early", "VMDK_DAMAGED", "unpacks to", streamed(grains=_with(1, packed(256, zlib.compress(b"nova" * (GRAIN // 4))[:-20])))),
    _flow("a grain larger than zlib makes", "VMDK_DAMAGED", "takes", streamed(grains=_with(0, packed(0, zlib.compress(RAW[:GRAIN]) + bytes(3000))))),
    _flow("grains out of order", "VMDK_DAMAGED", "comes after", streamed(grains=[GOOD_GRAINS[1], GOOD_GRAINS[0], GOOD_GRAINS[2]], numbers=(2, 0, 3))),
    _flow("one address twice", "VMDK_DAMAGED", "comes after", streamed(grains=[GOOD_GRAINS[0], GOOD_GRAINS[0], GOOD_GRAINS[2]])),
    _flow("a grain beyond the capacity", "VMDK_DAMAGED", f"sector 1024 of {SECTORS}", streamed(grains=_with(2, grain(1024, RAW[:GRAIN])))),
    _flow("a grain between two places", "VMDK_DAMAGED", "sector 300 of", streamed(grains=_with(1, grain(300, RAW[:GRAIN])))),
    _flow("a marker of an unknown type that announces more than there is", "VMDK_TRUNCATED", "cut short", streamed(middle=marker(9, 1 << 20))),
    _flow("end-of-stream marker with a size", "VMDK_DAMAGED", "announces 2 sectors", streamed(middle=marker(0, 2) + bytes(2 * SECTOR))),
    _flow("end-of-stream marker in the middle", "VMDK_DAMAGED", "behind the end-of-stream", streamed(middle=marker(0))),
    _flow(
        "a grain that no table names",
        "VMDK_DAMAGED",
        "tables name 3 grains, and it has 4",
        streamed(grains=[GOOD_GRAINS[0] + grain(128, RAW[:GRAIN]), *GOOD_GRAINS[1:]]),
    ),
    _flow("a table that names another place", "VMDK_DAMAGED", "a grain table names", streamed(numbers=(0, 3, 2))),
    # What Nova makes of the properties.
    _properties("empty", "IMAGE_EMPTY", "holds no data", b""),
    _properties("qcow2", "IMAGE_DISK_FORMAT", "disk_format qcow2", disk_format="qcow2"),
    _properties("raw", "IMAGE_DISK_FORMAT", "disk_format raw", disk_format="raw"),
    _properties("docker", "IMAGE_CONTAINER_FORMAT", "container_format docker", container_format="docker"),
    _properties("disk type in another case", "IMAGE_DISK_TYPE", "hw_disk_type Sparse", hw_disk_type="Sparse"),
    _properties("unknown disk type", "IMAGE_DISK_TYPE", "hw_disk_type monolithicFlat", hw_disk_type="monolithicFlat"),
    _properties("os_distro that is no guest id", "IMAGE_OS_DISTRO", "os_distro ubuntu", os_distro="ubuntu"),
    _properties("os_distro beats a good vmware_ostype", "IMAGE_OS_DISTRO", "os_distro rhel", os_distro="rhel", vmware_ostype="rhel8_64Guest"),
    _properties("hw_disk_bus without a model", "IMAGE_SCSI_MODEL", "without a hw_scsi_model", hw_disk_bus="scsi"),
    _properties("a model of another hypervisor", "IMAGE_SCSI_MODEL", "without a hw_scsi_model", hw_disk_bus="scsi", hw_scsi_model="virtio-scsi"),
    _properties("a bus that no driver knows", "IMAGE_PROPERTY", "hw_disk_bus nvme", hw_disk_bus="nvme"),
    _properties("a network card of another hypervisor", "IMAGE_PROPERTY", "hw_vif_model virtio", hw_vif_model="virtio"),
    _properties("unknown firmware", "IMAGE_PROPERTY", "hw_firmware_type efi", hw_firmware_type="efi"),
    _properties("another hypervisor", "IMAGE_PROPERTY", "img_hv_type kvm", img_hv_type="kvm"),
    _properties("another hypervisor by its legacy name", "IMAGE_PROPERTY", "img_hv_type qemu", hypervisor_type="qemu"),
    _properties("another processor", "IMAGE_PROPERTY", "hw_architecture aarch64", hw_architecture="aarch64"),
    _properties("config drive", "IMAGE_CONFIG_DRIVE", "config drive", img_config_drive="mandatory"),
)

# What looks odd and is fine.
GOOD = (
    ("sparse", SPARSE),
    ("sparse", sparse(descriptor("monolithicSparse", adapter="ide"))),  # Nova reads hw_scsi_model, and never the descriptor's adapter
    ("sparse", sparse(version=2, places=(128, 1, 256, 384))),  # with grains of zeros
    ("sparse", sparse(descriptor("monolithicSparse", SECTORS - 8), capacity=SECTORS - 8)[: -8 * SECTOR]),  # half a grain at its end
    ("sparse", sparse(descriptor("monolithicSparse", more='encoding="windows-1252"\nisNativeSnapshot="no"'))),
    ("streamOptimized", STREAM),
    ("streamOptimized", streamed(version=1)),
    ("streamOptimized", streamed(middle=marker(4, 1) + b"\1" * SECTOR + marker(4))),  # VMware's progress markers (open-vmdk, vmware_vmdk.h)
    ("streamOptimized", streamed(middle=marker(9))),  # a marker says itself how long it is
    ("streamOptimized", streamed(grains=(), numbers=())),  # nothing but a hole
    ("streamOptimized", streamed(descriptor("streamOptimized", SECTORS - 8), capacity=SECTORS - 8)),
    ("flat", HEAD * 2),
    ("flat", bytes(1024)),  # an empty disk
    ("iso", iso()),
    ("iso", iso(sectors=32 + 150)),  # mkisofs counts its padding
    ("iso", iso(magic=b"\0BEA01\x01")),  # UDF alone
)
