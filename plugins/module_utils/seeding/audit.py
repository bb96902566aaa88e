# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a cache folder, and whether Nova could boot from it. Pure, on listings of ``vsphere.files``.

Nova only looks for the descriptor (nova/virt/vmwareapi/vmops.py, ``_fetch_image_if_missing``); here the extent and its size count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache

COMPLETE = "complete"
BROKEN = "broken"
MISSING = "missing"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Entry:
    """One thing in a cache folder.

    ``state`` is ``complete``, ``broken`` or, for what is no image's folder, ``unknown``; ``reasons`` says why it is not complete.
    ``capacity_bytes`` is the size of the extent (of an iso, the file), ``bytes`` the sum of all files.
    ``writer`` is ``openstack_vmware.nova`` where our note lies beside the image, else ``nova or another``.
    ``sized`` has ``(root_gb, bytes, complete)`` for each copy for linked clones. ``foreign`` names what no Nova and none of us put there.
    ``modified`` is when the youngest file was written, of an empty folder the folder itself; it may be None.
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

    def ageing_deletes_at(self, minimum_age):
        """Gives as text when Nova's ageing may delete it, or None when Nova has not marked it as unused.

        :arg minimum_age: seconds, see :func:`nova.cache.ageing_deletes_at`; None when Nova's ageing is off.
        """
        at = None if minimum_age is None else cache.ageing_deletes_at(self.age_marker, minimum_age)
        return at and at.isoformat()

    def describe(self, minimum_age=None):
        """Gives the entry as a plain dict, as the module ``image_cache_info`` documents it.

        :arg minimum_age: see :meth:`ageing_deletes_at`.
        """
        return {
            "image_id": self.name if self.state != UNKNOWN else None,
            "name": self.name,
            "path": self.path,
            "state": self.state,
            "reasons": list(self.reasons),
            "disk_format": self.disk_format,
            "capacity_bytes": self.capacity_bytes,
            "bytes": self.bytes,
            "writer": self.writer,
            "sized_copies": [{"root_gb": gb, "bytes": size, "complete": whole} for gb, size, whole in self.sized],
            "age_marker": self.age_marker and self.age_marker.isoformat(),
            "ageing_deletes_at": self.ageing_deletes_at(minimum_age),
            "files": [
                {"name": file.name, "bytes": file.size, "modified": file.modified and file.modified.isoformat()}
                for file in self.files
            ],
        }


def entries(tree, base, one_file_disks=False, capacities=None):
    """Judges everything in a cache folder.

    :arg tree: listing of the cache folder (``vsphere.files.list_trees``), or None where it does not exist.
    :arg base: datastore path of the cache folder.
    :arg one_file_disks: the datastore shows no extents (vsan).
    :arg capacities: ``{image id: bytes}`` that the extents of flat images must have.
    :returns: a list of :class:`Entry`, sorted by name.
    """
    found = []
    for item in (tree or {}).get(base, ()):
        path = f"{base}/{item.name}"
        if path not in tree:
            found.append(_unknown(item.name, path, (item,), "is a file; Nova keeps a folder for each image"))
        elif not _is_image_id(item.name):
            found.append(_unknown(item.name, path, tuple(tree[path]), "is not the id of an image"))
        else:
            one = entry(item.name, path, tree[path], one_file_disks, (capacities or {}).get(item.name))
            found.append(one if one.files else replace(one, modified=item.modified))
    return sorted(found, key=lambda one: one.name)


def entry(image_id, path, listing, one_file_disks=False, capacity=None):
    """Judges the folder of one image.

    :arg listing: the folder's files.
    :arg capacity: bytes that its extent must have, where that is known from Glance.
    """
    files = {file.name: file for file in listing if not file.is_folder}
    noted = next((found[1] for found in map(cache.parse_sidecar, files) if found and found[0] == image_id), None)
    markers = [marker for marker in (cache.parse_age_marker(file.name) for file in listing if file.is_folder) if marker]
    disk_format, actual, reasons = _judge(image_id, files, one_file_disks)
    if not reasons and actual is not None:
        for expected, source in ((noted, "was seeded with"), (capacity, "has in Glance")):
            if expected is not None and actual != expected:
                reasons.append(f"its data has {actual} bytes, and the image {source} {expected}")
                break
    return Entry(
        name=image_id,
        path=path,
        state=BROKEN if reasons else COMPLETE,
        reasons=tuple(reasons),
        disk_format=disk_format,
        capacity_bytes=actual,
        bytes=sum(file.size for file in files.values()),
        writer="openstack_vmware.nova" if noted is not None else "nova or another",
        sized=tuple(sized(image_id, files.values(), one_file_disks)),
        age_marker=max(markers, default=None),
        files=tuple(files.values()),
        foreign=cache.foreign_files(image_id, [file.name for file in listing]),
        modified=max((file.modified for file in files.values() if file.modified is not None), default=None),
    )


def _judge(image_id, files, one_file_disks):
    """Gives ``(disk format, bytes of the data or None, [reasons])``."""
    iso, disk, extent = cache.image_file(image_id, "iso"), cache.image_file(image_id), cache.extent_file(image_id)
    if iso in files:
        size = files[iso].size
        return "iso", size, [] if size else [f"{iso} is empty"]
    if disk not in files:
        return None, None, [f"there is no {disk}"]
    if one_file_disks:
        return "vmdk", None, []
    if extent not in files:
        return "vmdk", None, [f"{disk} has no data: there is no {extent}"]
    size = files[extent].size
    if not size or size % 512:
        return "vmdk", size, [f"{extent} has {size} bytes, which no disk has"]
    return "vmdk", size, []


def sized(image_id, listing, one_file_disks=False):
    """Yields ``(root_gb, bytes, whether it is whole)`` for each copy for linked clones in the folder of an image."""
    files = {file.name: file for file in listing}
    for name, file in files.items():
        root_gb = cache.parse_sized_file(image_id, name)
        if root_gb is None:
            continue
        extent = files.get(cache.extent_of(name))
        whole = one_file_disks or (extent is not None and extent.size == root_gb << 30)
        yield root_gb, (extent or file).size, whole


def _unknown(name, path, files, reason):
    return Entry(
        name=name, path=path, state=UNKNOWN, reasons=(f"{name} {reason}",), disk_format=None, capacity_bytes=None,
        bytes=sum(file.size for file in files), writer=None, sized=(), age_marker=None, files=files,
    )  # fmt: skip


def _is_image_id(name):
    return len(name) == 36 and name.count("-") == 4
