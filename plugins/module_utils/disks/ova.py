# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the one disk in an ova, and takes it out while the file flows past.

Format: DMTF DSP0243 "Open Virtualization Format": a tar with a descriptor (.ovf), the files that it names and maybe a manifest (.mf) with
their digests. Nova's own path for ova images is broken since oslo.vmware 3.4.0 (it announces the size of the whole file and sends the disk), but
it boots what it finds in the cache.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import vmdk

_MOST_MEMBERS = 64
_MOST_TEXT = 4 << 20  # bytes of a descriptor or a manifest
_BLOCK = 64 << 10  # bytes that are read at once while the index is read
_LINE = re.compile(r"(SHA1|SHA256|SHA512)\s*\((.+)\)\s*=\s*([0-9a-fA-F]+)")


class OvaError(vmdk.VmdkError):
    """The ova has not exactly one disk that can be imported."""


@dataclass(frozen=True)
class OvaDisk(vmdk.Disk):
    """The disk in an ova: ``name``, and where it is, in bytes. ``digest`` is ``(algorithm, hexadecimal)`` of the manifest, or None."""

    name: str = ""
    offset: int = 0
    size: int = 0
    digest: tuple | None = None


def inspect(size, read):
    """Reads the index, the descriptor and the manifest of an ova, and checks that its one disk can be imported.

    :arg size: bytes of the file. :arg read: a function ``(offset, length) -> bytes``.
    :returns: an :class:`OvaDisk`.
    :raises vmdk.VmdkError: :class:`OvaError`, or of :func:`vmdk.inspect`.
    """
    members = _members(size, read)
    descriptor = _only(members, ".ovf", "OVA_NO_DESCRIPTOR")
    text = _text(descriptor, read)
    name = _disk_file(text)
    if name not in members and _is_plain(unquote(name)):
        name = unquote(name)  # a href is a URI reference (DSP0243, 7.1): a blank in a file's name is %20 there
    disk = members.get(name)
    if disk is None:
        raise OvaError("OVA_DISK_MISSING", f"The ova's descriptor names the disk {name}, which is not in it.", "Export the virtual machine again.")
    digests = _manifest(members, read)
    if descriptor.name in digests:
        algorithm = digests[descriptor.name][0]
        _judge(descriptor.name, digests[descriptor.name], hashlib.new(algorithm, text).hexdigest())
    if digests and name not in digests:
        raise OvaError("OVA_MANIFEST", f"The ova's manifest does not name its disk {name}.", "Export the virtual machine again.")
    try:
        found = vmdk.inspect("streamOptimized", disk.size, lambda offset, length: read(disk.offset_data + offset, max(0, min(length, disk.size - offset))))
    except vmdk.VmdkError as error:
        if error.code not in ("IMAGE_CONTENT", "IMAGE_DISK_TYPE_DIFFERS"):
            raise
        raise OvaError(
            "OVA_DISK_TYPE",
            f"The disk {name} in the ova is not a streamOptimized VMDK.",
            "Export the virtual machine again with ovftool or the vSphere Client, which make such disks.",
        ) from error
    return OvaDisk(
        "ova", found.capacity_bytes, found.create_type, found.data_bytes, found.grains, found.grain_bytes, found.stream,
        name=name, offset=disk.offset_data, size=disk.size, digest=digests.get(name),
    )  # fmt: skip


def disk_bytes(chunks, disk):
    """Yields the disk's bytes out of those of the whole ova, the last of them when all chunks were taken and the digest was right.

    :arg chunks: an iterator over the ova's bytes, to the end. :arg disk: an :class:`OvaDisk`.
    :raises OvaError: ``OVA_MANIFEST``: the disk is not the one that the manifest names.
    """
    digest = hashlib.new(disk.digest[0]) if disk.digest else None
    at = 0
    held = b""
    for chunk in chunks:
        piece = chunk[max(0, disk.offset - at) : max(0, disk.offset + disk.size - at)]
        at += len(chunk)
        if piece:
            if digest is not None:
                digest.update(piece)
            if held:
                yield held
            held = piece
    if digest is not None:
        _judge(disk.name, disk.digest, digest.hexdigest())
    yield held


class _Ranges(io.RawIOBase):
    """A file that is read in ranges. Headers lie close to each other only where files are small, so a block at a time is enough."""

    def __init__(self, size, read):
        super().__init__()
        self._size = size
        self._read = read
        self._at = 0
        self._block = (0, b"")

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._at

    def seek(self, offset, whence=io.SEEK_SET):
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer):
        begin, data = self._block
        if not begin <= self._at < begin + len(data):
            wanted = min(_BLOCK, self._size - self._at)
            begin, data = self._block = (self._at, self._read(self._at, wanted) if wanted > 0 else b"")
        found = data[self._at - begin : self._at - begin + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def _members(size, read):
    """Returns ``{name: tarfile.TarInfo}``. Reads headers only."""
    found = {}
    try:
        with tarfile.open(fileobj=_Ranges(size, read), mode="r:") as archive:
            for member in archive:
                if len(found) == _MOST_MEMBERS:
                    raise OvaError("OVA_INDEX", f"The ova has more than {_MOST_MEMBERS} files.", "Export the virtual machine again.")
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not _is_plain(member.name) or member.name in found:
                    raise OvaError(
                        "OVA_INDEX",
                        f"The ova has an entry {member.name!r} that is no plain file at its top, or is there twice.",
                        "Do not use this file: an ova has files side by side, no folders and no links.",
                    )
                if member.offset_data + member.size > size:
                    raise _truncated(f"{member.name} ends at byte {member.offset_data + member.size}", size)
                found[member.name] = member
    except tarfile.TarError as error:
        if found:
            raise _truncated(f"its index breaks off ({error})", size) from error
        raise OvaError(
            "IMAGE_CONTENT",
            f"The image's container_format is ova, but the file is no tar archive ({error}).",
            "Set container_format and hw_disk_type to what it is, or upload the right file.",
        ) from error
    return found


def _is_plain(name):
    return bool(name) and name not in (".", "..") and not set(name) & set("/\\\0")


def _only(members, suffix, code):
    named = [member for name, member in members.items() if name.lower().endswith(suffix)]
    if len(named) != 1:
        raise OvaError(
            code, f"The ova has {len(named)} files of the kind {suffix} instead of one: {', '.join(sorted(members)) or 'it is empty'}.",
            "Export the virtual machine again.",
        )  # fmt: skip
    return named[0]


def _text(member, read):
    if member.size > _MOST_TEXT:
        raise OvaError("OVA_DESCRIPTOR", f"{member.name} in the ova has {member.size} bytes.", "Export the virtual machine again.")
    return read(member.offset_data, member.size) if member.size else b""


def _disk_file(text):
    """Returns the name of the file of the one disk in an OVF descriptor."""
    # Without a document type there are no entities, and so none that grow or reach for other files. UTF-16 would hide one.
    if b"<!" in re.sub(rb"<!--.*?-->", b"", text, flags=re.DOTALL) or b"\0" in text:
        raise OvaError("OVA_DESCRIPTOR", "The ova's descriptor declares a document type or entities, or is not UTF-8.", "Do not use this file.")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise OvaError("OVA_DESCRIPTOR", f"The ova's descriptor is no XML: {error}.", "Export the virtual machine again.") from error
    files = {_value(item, "id"): item for item in root.iter() if _tag(item) == "File"}
    disks = [item for item in root.iter() if _tag(item) == "Disk" and (_value(item, "diskId") or _value(item, "fileRef"))]
    if len(disks) != 1:
        raise OvaError("OVA_DISKS", f"The ova has {len(disks)} disks; Nova boots from one.", "Upload the one disk to boot from as a streamOptimized image.")
    file = files.get(_value(disks[0], "fileRef"))
    name = _value(file, "href") if file is not None else None
    if not name or not _is_plain(name):
        raise OvaError("OVA_DISK_MISSING", f"The ova's descriptor names {name!r} as the file of its disk.", "Export the virtual machine again.")
    if _value(disks[0], "parentRef") or _value(file, "chunkSize") or _value(file, "compression") not in (None, "identity"):
        raise OvaError(
            "OVA_DISK_TYPE", f"The disk {name} in the ova is compressed or cut as a whole, or is a child of another.",
            "Export the virtual machine again, as one file and without compression.",
        )  # fmt: skip
    return name


def _tag(item):
    return item.tag.rpartition("}")[2] if isinstance(item.tag, str) else ""


def _value(item, name):
    return next((value for key, value in item.attrib.items() if key.rpartition("}")[2] == name), None)


def _manifest(members, read):
    """Returns ``{file name: (algorithm, hexadecimal)}``, empty without a manifest."""
    if not any(name.lower().endswith(".mf") for name in members):
        return {}
    member = _only(members, ".mf", "OVA_MANIFEST")
    found = {}
    for line in _text(member, read).decode("utf-8", "replace").splitlines():
        match = _LINE.fullmatch(line.strip())
        if line.strip() and not match:
            raise OvaError("OVA_MANIFEST", f"The ova's manifest has a line that says nothing: {line[:80]!r}.", "Export the virtual machine again.")
        if match:
            found[match[2]] = (match[1].lower(), match[3].lower())
    missing = sorted(set(found) - set(members))
    if missing:
        raise OvaError("OVA_MANIFEST", f"The ova's manifest names {', '.join(missing)}, not in it.", "Export the virtual machine again.")
    return found


def _judge(name, digest, found):
    if found != digest[1]:
        raise OvaError(
            "OVA_MANIFEST",
            f"{name} in the ova has not the {digest[0]} that the manifest promises.",
            "The file was changed after it was exported. Export the virtual machine again.",
            {"manifest": digest[1], "found": found},
        )


def _truncated(evidence, size):
    return OvaError("OVA_TRUNCATED", f"The ova is cut short: {evidence}, the file has {size} bytes.", "Upload the whole file to Glance as a new image.")
