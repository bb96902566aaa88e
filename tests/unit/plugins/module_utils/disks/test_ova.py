# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disks/ova.py: archives as tools make them, and as nobody should."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding, grains, ova
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

CAPACITY = 4 << 20
RAW = random.Random(5).randbytes(1 << 20) + bytes(CAPACITY - (1 << 20))


def stream(raw=RAW):
    encoder = encoding.Encoder(len(raw), "an image")
    return b"".join([encoder.start(), *encoder.feed(raw), *encoder.finish()])


DISK = stream()
ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- made by a test -->
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <References><File ovf:id="file1" ovf:href="{href}"{file}/></References>
  <DiskSection><Info>disks</Info>
    <Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:capacity="4194304"{disk}/>{more}
  </DiskSection>
</Envelope>
"""


def envelope(href="vm-disk1.vmdk", file="", disk="", more=""):
    return ENVELOPE.format(href=href, file=file, disk=disk, more=more).encode()


def manifest(algorithm, **files):
    return "".join(f"{algorithm.upper()}({name})= {hashlib.new(algorithm, data).hexdigest()}\n" for name, data in files.items()).encode()


def archive(files, change=None, style=tarfile.USTAR_FORMAT):
    """Gives a tar of ``[(name, bytes)]``; ``change`` may alter each header."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=style) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if change:
                change(info)
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return file.getvalue()


def whole(**signed):
    return [("vm.ovf", envelope()), *signed.get("files", ()), ("vm-disk1.vmdk", DISK)]


def inspect(data):
    asked = []

    def read(offset, length):
        asked.append((offset, length))
        return data[offset : offset + length]

    found = ova.inspect(len(data), read)
    assert sum(length for _offset, length in asked) < 400_000, "the disk itself was read"
    return found


@pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("algorithm", ["sha1", "sha256", None])
def test_disk_comes_out(style, algorithm):
    files = whole()
    if algorithm:
        files.insert(1, ("vm.mf", manifest(algorithm, **{"vm.ovf": envelope(), "vm-disk1.vmdk": DISK})))
    data = archive(files, style=style)
    disk = inspect(data)
    assert (disk.kind, disk.capacity_bytes, disk.size, disk.name) == ("ova", CAPACITY, len(DISK), "vm-disk1.vmdk")
    for chunk in (1 << 20, 999):
        chunks = (data[at : at + chunk] for at in range(0, len(data), chunk))
        assert b"".join(grains.checked(ova.disk_bytes(chunks, disk), disk.grains)) == DISK


@pytest.mark.parametrize("href, name", [("a%20disk%2e1.vmdk", "a disk.1.vmdk"), ("100%25.vmdk", "100%.vmdk"), ("as%20is.vmdk", "as%20is.vmdk")])
def test_an_href_is_a_uri(href, name):
    text = envelope(href=href)
    data = archive([("vm.ovf", text), ("vm.mf", manifest("sha256", **{"vm.ovf": text, name: DISK})), (name, DISK)])
    assert inspect(data).name == name


def test_what_the_disk_says_of_itself_comes_along():
    disk = inspect(archive(whole()))
    assert disk.stream.footer and disk.stream.version == 3 and disk.grain_bytes == encoding.GRAIN


def test_a_changed_disk_is_never_given_whole():
    files = whole() + [("vm.mf", manifest("sha256", **{"vm.ovf": envelope(), "vm-disk1.vmdk": DISK + b"x"}))]
    data = archive(files)
    disk = inspect(data)
    got = []
    with pytest.raises(ova.OvaError) as caught:
        for piece in ova.disk_bytes((data[at : at + 65536] for at in range(0, len(data), 65536)), disk):
            got.append(piece)
    assert caught.value.code == "OVA_MANIFEST"
    assert sum(map(len, got)) < len(DISK)


def link(info):
    if info.name.endswith(".vmdk"):
        info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


DTD = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
BAD = {
    "no tar": (b"KDMV" * 10000, "IMAGE_CONTENT"),
    "nothing": (b"", "IMAGE_CONTENT"),
    "no descriptor": (archive([("vm-disk1.vmdk", DISK)]), "OVA_NO_DESCRIPTOR"),
    "two descriptors": (archive([*whole(), ("other.ovf", envelope())]), "OVA_NO_DESCRIPTOR"),
    "two disks": (
        archive([("vm.ovf", envelope(more='<Disk ovf:diskId="b" ovf:capacity="1"/>')), ("vm-disk1.vmdk", DISK)]), "OVA_DISKS",
    ),
    "no disk": (archive([("vm.ovf", b"<Envelope/>")]), "OVA_DISKS"),
    "disk is elsewhere": (archive([("vm.ovf", envelope(href="other.vmdk")), ("vm-disk1.vmdk", DISK)]), "OVA_DISK_MISSING"),
    "disk on the web": (archive([("vm.ovf", envelope(href="http://example.com/a.vmdk"))]), "OVA_DISK_MISSING"),
    "disk in a folder above, as a URI": (archive([("vm.ovf", envelope(href="%2e%2e%2fa.vmdk")), ("a.vmdk", DISK)]), "OVA_DISK_MISSING"),
    "disk in a folder above": (archive([("vm.ovf", envelope(href="../a.vmdk"))]), "OVA_DISK_MISSING"),
    "compressed": (archive([("vm.ovf", envelope(file=' ovf:compression="gzip"')), ("vm-disk1.vmdk", DISK)]), "OVA_DISK_TYPE"),
    "cut into chunks": (archive([("vm.ovf", envelope(file=' ovf:chunkSize="5"')), ("vm-disk1.vmdk", DISK)]), "OVA_DISK_TYPE"),
    "child": (archive([("vm.ovf", envelope(disk=' ovf:parentRef="x"')), ("vm-disk1.vmdk", DISK)]), "OVA_DISK_TYPE"),
    "raw": (archive([("vm.ovf", envelope()), ("vm-disk1.vmdk", RAW)]), "OVA_DISK_TYPE"),
    "cut disk": (archive([("vm.ovf", envelope()), ("vm-disk1.vmdk", DISK[:-512])]), "VMDK_TRUNCATED"),
    "cut archive": (archive(whole())[:600_000], "OVA_TRUNCATED"),
    "cut in the index": (archive(whole())[:1800], "OVA_TRUNCATED"),
    "link": (archive(whole(), link), "OVA_INDEX"),
    "folder": (archive([("a/vm.ovf", envelope())]), "OVA_INDEX"),
    "above": (archive([("../vm.ovf", envelope())]), "OVA_INDEX"),
    "twice": (archive([*whole(), ("vm-disk1.vmdk", DISK)]), "OVA_INDEX"),
    "many": (archive([(f"f{number}", b"") for number in range(70)]), "OVA_INDEX"),
    "entities": (archive([("vm.ovf", DTD + b"<Envelope>&a;</Envelope>")]), "OVA_DESCRIPTOR"),
    "entities in UTF-16": (archive([("vm.ovf", (DTD + b"<x/>").decode().encode("utf-16"))]), "OVA_DESCRIPTOR"),
    "no XML": (archive([("vm.ovf", b"<Envelope>")]), "OVA_DESCRIPTOR"),
    "wrong manifest": (archive(whole(files=[("vm.mf", manifest("sha1", **{"vm.ovf": b"", "vm-disk1.vmdk": DISK}))])), "OVA_MANIFEST"),
    "manifest without the disk": (archive(whole(files=[("vm.mf", manifest("sha1", **{"vm.ovf": envelope()}))])), "OVA_MANIFEST"),
    "manifest of others": (archive(whole(files=[("vm.mf", manifest("sha1", other=b""))])), "OVA_MANIFEST"),
    "manifest without sense": (archive(whole(files=[("vm.mf", b"hello\n")])), "OVA_MANIFEST"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_refusals(name):
    data, code = BAD[name]
    with pytest.raises(NovaVmwareError) as caught:
        inspect(data)
    assert caught.value.code == code, caught.value.what
    assert caught.value.hint
