# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a cache folder, and whether Nova could boot from it. Pure, on listings of ``vsphere.files``.

Nova only looks for the descriptor (nova/virt/vmwareapi/vmops.py, ``_fetch_image_if_missing``). Here the extent must be there, and the disk must have the
capacity that is known of the image. What a listing says of an extent's size counts only where it is all of the extent: of a disk on VMFS that is not thin.
Of a thin one it may be what is allocated (hashicorp/terraform#11722), and what NFS says depends on the server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache

MIB = 1 << 20
COMPLETE = "complete"
BROKEN = "broken"
MISSING = "missing"
UNKNOWN = "unknown"
EVERY_DISK = ("*.vmdk",)


@dataclass(frozen=True)
class Entry:
    """One thing in a cache folder.

    ``state`` is ``complete``, ``broken`` or ``unknown``: it can't be told, or it is no image's folder (then ``is_image`` is false). ``reasons`` says why
    it is not complete. ``capacity_bytes`` is what the guest sees of the disk (of an iso, the file's size), or None where it was not asked for or is
    not told; so is ``thin``. ``has_data`` says that the extent is there too, and ``expected_bytes`` what our note or Glance says of its size.
    ``bytes`` is the sum of all files.
    ``writer`` is ``openstack_vmware.nova`` where our note lies beside the image, else ``nova or another``.
    ``sized`` has ``(root_gb, bytes, complete)`` for each copy for linked clones; ``complete`` is None where it can't be told. ``foreign`` names what no
    Nova and none of us put there. ``modified`` is when the youngest file was written, of an empty folder the folder itself; it may be None.
    """

    name: str
    path: str
    state: str
    reasons: tuple
    disk_format: str | None
    capacity_bytes: int | None
    bytes: int
    writer: str | None
    sized: tuple
    age_marker: object
    files: tuple
    foreign: tuple = ()
    modified: object = None
    is_image: bool = True
    thin: bool | None = None
    has_data: bool = False
    expected_bytes: int | None = None

    def ageing_deletes_at(self, minimum_age):
        """Returns as text when Nova's ageing may delete it, or None when Nova has not marked it as unused.

        :arg minimum_age: seconds, see :func:`nova.cache.ageing_deletes_at`; None when Nova's ageing is off.
        """
        at = None if minimum_age is None else cache.ageing_deletes_at(self.age_marker, minimum_age)
        return at and at.isoformat()

    def describe(self, minimum_age=None):
        """Returns the entry as a plain dict, as the module ``image_cache_info`` documents it.

        :arg minimum_age: see :meth:`ageing_deletes_at`.
        """
        return {
            "image_id": self.name if self.is_image else None,
            "name": self.name,
            "path": self.path,
            "state": self.state,
            "reasons": list(self.reasons),
            "disk_format": self.disk_format,
            "capacity_bytes": self.capacity_bytes,
            "thin": self.thin,
            "bytes": self.bytes,
            "writer": self.writer,
            "sized_copies": [{"root_gb": gb, "bytes": size, "complete": whole} for gb, size, whole in self.sized],
            "age_marker": self.age_marker and self.age_marker.isoformat(),
            "ageing_deletes_at": self.ageing_deletes_at(minimum_age),
            "files": [{"name": file.name, "bytes": file.size, "modified": file.modified and file.modified.isoformat()} for file in self.files],
        }


def entries(tree, base, datastore_type="VMFS", capacities=None):
    """Judges everything in a cache folder.

    :arg tree: listing of the cache folder (``vsphere.files.list_trees``, and ``open_disks`` where capacities are to count), or None where it does not
        exist.
    :arg base: datastore path of the cache folder.
    :arg datastore_type: ``summary.type`` of the datastore.
    :arg capacities: ``{image id: bytes}`` that the disks of flat images, and isos, must have.
    :returns: a list of :class:`Entry`, sorted by name.
    """
    found = []
    for item in (tree or {}).get(base, ()):
        path = f"{base}/{item.name}"
        if cache.is_storages(item.name):
            continue
        if path not in tree:
            found.append(_unknown(item.name, path, (item,), "is a file; Nova keeps a folder for each image"))
        elif not _is_image_id(item.name):
            found.append(_unknown(item.name, path, tuple(tree[path]), "is not the id of an image"))
        else:
            one = entry(item.name, path, tree[path], datastore_type, (capacities or {}).get(item.name))
            found.append(one if one.files else replace(one, modified=item.modified))
    return sorted(found, key=lambda one: one.name)


def entry(image_id, path, listing, datastore_type="VMFS", capacity=None):
    """Judges the folder of one image.

    :arg listing: the folder's files. :arg datastore_type: ``summary.type`` of the datastore.
    :arg capacity: bytes that its disk, or the iso, must have, where that is known from Glance.
    """
    files = {file.name: file for file in listing if not file.is_folder}
    noted = next((found[1] for found in map(cache.parse_sidecar, files) if found and found[0] == image_id), None)
    markers = [marker for marker in (cache.parse_age_marker(file.name) for file in listing if file.is_folder) if marker]
    disk_format, actual, has_data, reasons = _judge(image_id, files, datastore_type)
    state = BROKEN if reasons else COMPLETE
    disk = files[cache.image_file(image_id)].disk if disk_format == "vmdk" else None
    if not reasons and actual is not None:
        for expected, source in ((noted, "was seeded with"), (capacity, "has in Glance")):
            if expected is not None and not same_size(actual, expected, disk_format):
                state, reasons = BROKEN, [f"it has {actual} bytes, and the image {source} {expected}"]
                break
    elif not reasons and disk is not None:  # it was asked for
        state, reasons = UNKNOWN, [f"no host tells the size of {cache.image_file(image_id)}: it may be locked, or damaged"]
    return Entry(
        name=image_id,
        path=path,
        state=state,
        reasons=tuple(reasons),
        disk_format=disk_format,
        capacity_bytes=actual,
        bytes=sum(file.size for file in files.values()),
        writer="openstack_vmware.nova" if noted is not None else "nova or another",
        sized=tuple(sized(image_id, files.values(), datastore_type)),
        age_marker=max(markers, default=None),
        files=tuple(files.values()),
        foreign=cache.foreign_files(image_id, [file.name for file in listing]),
        modified=max((file.modified for file in files.values() if file.modified is not None), default=None),
        thin=disk.thin if disk else None,
        has_data=has_data,
        expected_bytes=capacity if noted is None else noted,
    )


def doubtful(one):
    """Returns the extents of an entry's disks that no host could open, with the bytes that each must have: ``{name: bytes}``."""
    found = {cache.extent_of(cache.sized_file(one.name, root_gb)): root_gb << 30 for root_gb, _size, whole in one.sized if whole is None}
    if one.is_image and one.state == UNKNOWN and one.has_data and one.expected_bytes is not None:
        found[cache.extent_file(one.name)] = one.expected_bytes
    there = {file.name for file in one.files}
    return {name: wanted for name, wanted in found.items() if name in there}


def settled(one, lengths):
    """Returns the entry with what the lengths of extents tell of disks that no host could open: one that is too short is broken, any other stays unknown.

    :arg lengths: ``{name: bytes}`` of extents that :func:`doubtful` named; one that nobody tells is left out.
    """
    short = {name for name, wanted in doubtful(one).items() if name in lengths and not same_size(lengths[name], wanted, "vmdk")}
    sized_ones = tuple((root_gb, size, False if cache.extent_of(cache.sized_file(one.name, root_gb)) in short else whole) for root_gb, size, whole in one.sized)
    extent = cache.extent_file(one.name)
    if extent not in short:
        return replace(one, sized=sized_ones)
    return replace(one, sized=sized_ones, state=BROKEN, reasons=(f"{extent} has {lengths[extent]} bytes, and the image {one.expected_bytes}",))


def _judge(image_id, files, datastore_type):
    """Returns ``(disk format, bytes that the guest sees or None, whether the data is there, [reasons])``."""
    iso, disk = cache.image_file(image_id, "iso"), cache.image_file(image_id)
    if iso in files:
        size = files[iso].size
        return "iso", size, True, [] if size else [f"{iso} is empty"]
    if disk not in files:
        return None, None, False, [f"there is no {disk}"]
    extent = files.get(cache.extent_file(image_id))
    told = files[disk].disk
    return "vmdk", told and told.capacity, extent is not None, _faults_of_extent(files[disk], extent, datastore_type)


def _faults_of_extent(descriptor, extent, datastore_type):
    """Returns what is wrong with the data of a disk, a list of one reason at the most."""
    if datastore_type == "vsan":  # a disk there is an object: listings show no extents
        return []
    if extent is None:
        return [f"{descriptor.name} has no data: there is no {cache.extent_of(descriptor.name)}"]
    told = descriptor.disk
    if datastore_type == "VMFS" and told and told.thin is False and told.capacity is not None and extent.size < told.capacity:
        return [f"{extent.name} has {extent.size} bytes, and the disk {told.capacity}"]
    return []


def same_size(actual, expected, disk_format):
    """Says whether what is there may be what is meant, both in bytes: vSphere tells capacities in KiB, and may round one up to the next MiB."""
    if disk_format == "iso":
        return actual == expected
    return expected // 1024 * 1024 <= actual < expected + MIB


def sized(image_id, listing, datastore_type="VMFS"):
    """Yields ``(root_gb, bytes, whether it is whole or None)`` for each copy for linked clones in the folder of an image."""
    files = {file.name: file for file in listing}
    for name, file in files.items():
        root_gb = cache.parse_sized_file(image_id, name)
        if root_gb is None:
            continue
        extent = files.get(cache.extent_of(name))
        whole = not _faults_of_extent(file, extent, datastore_type)
        if whole and file.disk is not None:
            whole = None if file.disk.capacity is None else same_size(file.disk.capacity, root_gb << 30, "vmdk")
        yield root_gb, (extent or file).size, whole


def _unknown(name, path, files, reason):
    return Entry(
        name=name, path=path, state=UNKNOWN, reasons=(f"{name} {reason}",), disk_format=None, capacity_bytes=None,
        bytes=sum(file.size for file in files), writer=None, sized=(), age_marker=None, files=files, is_image=False,
    )  # fmt: skip


def _is_image_id(name):
    return len(name) == 36 and name.count("-") == 4
