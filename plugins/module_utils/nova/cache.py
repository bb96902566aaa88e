# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Nova's vmwareapi driver looks for a cached image. Pure.

Rules: nova/virt/vmwareapi/vmops.py (``_get_base_folder``, ``VirtualMachineInstanceConfigInfo``,
``_use_disk_image_as_linked_clone``) and nova/virt/vmwareapi/imagecache.py (markers). ``tests/nova`` holds these functions
against the installed Nova.
"""

from __future__ import annotations

import datetime
import re

_MARKER = re.compile(r"ts-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)\Z")
_SIDECAR = re.compile(r"(?P<image_id>[0-9a-f-]{36})\.(?P<capacity>\d+)\.seed\.json\Z")


def base_folder(cache_prefix=None, subdirectory_name="_base", remove_unused_base_images=True, my_ip=None):
    """Returns the cache folder, relative to the datastore's root.

    The arguments are the options of nova.conf: ``[vmware]cache_prefix``, ``[image_cache]subdirectory_name``,
    ``[image_cache]remove_unused_base_images`` and ``[DEFAULT]my_ip``.

    :raises ValueError: the folder would carry ``my_ip``, which was not given.
    """
    if cache_prefix:
        return f"{cache_prefix}{subdirectory_name}"
    if remove_unused_base_images:
        if not my_ip:
            raise ValueError("without cache_prefix and with remove_unused_base_images, Nova puts my_ip into the folder's name")
        return f"{my_ip}{subdirectory_name}"
    return subdirectory_name


def image_file(image_id, disk_format="vmdk"):
    """Returns the name of the file whose presence makes Nova use the cache: ``<image_id>.vmdk`` or ``.iso``."""
    return f"{image_id}.{disk_format}"


def extent_of(descriptor):
    """Returns the name of the data of a VMFS disk, beside its descriptor: ``<name>-flat.vmdk`` for ``<name>.vmdk``."""
    return f"{descriptor.removesuffix('.vmdk')}-flat.vmdk"


def extent_file(image_id):
    """Returns the name of the data of a VMFS disk, beside its descriptor ``<image_id>.vmdk``."""
    return f"{image_id}-flat.vmdk"


def linked_clone_sizes(wanted, capacity_bytes):
    """Returns the ``root_gb`` of which Nova makes sized copies of a disk, and those that are too small for it.

    vmops.py, ``_use_disk_image_as_linked_clone``: 0 boots from the cached disk itself; ``_extend_if_required`` can't shrink a disk.

    :arg wanted: GiB each; :arg capacity_bytes: of the disk.
    :returns: ``(sizes, too small)``, sorted.
    """
    sizes = sorted({root_gb for root_gb in wanted if root_gb > 0})
    return [gb for gb in sizes if gb << 30 >= capacity_bytes], [gb for gb in sizes if gb << 30 < capacity_bytes]


def sized_file(image_id, root_gb):
    """Returns the name of the copy for linked clones with a root disk of ``root_gb`` GiB."""
    return f"{image_id}.{root_gb}.vmdk"


def disk_names(image_ids):
    """Returns the names of all disks in the folders of images, as patterns: the image itself and its copies for linked clones."""
    return [name for image_id in image_ids for name in (image_file(image_id), f"{image_id}.*.vmdk")]


def parse_sized_file(image_id, name):
    """Returns ``root_gb`` when ``name`` is the descriptor of a sized copy of this image, else None."""
    match = re.fullmatch(re.escape(image_id) + r"\.(\d+)\.vmdk", name)
    return int(match.group(1)) if match else None


def parse_age_marker(name):
    """Returns the time (aware, UTC) of Nova's ageing marker folder ``ts-YYYY-MM-DD-HH-MM-SS``, or None for another name."""
    match = _MARKER.match(name)
    if not match:
        return None
    try:
        return datetime.datetime.strptime(match.group(1), "%Y-%m-%d-%H-%M-%S").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None


def ageing_deletes_at(marker, minimum_age):
    """Returns the time from which on a pass of Nova's ageing deletes an image that it has marked as unused.

    :arg marker: see :func:`parse_age_marker`; None gives None: a pass would first have to mark it.
    :arg minimum_age: ``[image_cache]remove_unused_original_minimum_age_seconds``.
    """
    return marker and marker + datetime.timedelta(seconds=minimum_age)


def foreign_files(image_id, names):
    """Returns those of the names in an image's folder that neither Nova, we nor the storage put there."""
    pattern = re.compile(rf"{re.escape(image_id)}(\.\d+)?(-flat)?\.vmdk|{re.escape(image_id)}\.(iso|\d+\.seed\.json)|ts-\d{{4}}(-\d\d){{5}}")
    return tuple(name for name in names if not pattern.fullmatch(name) and not is_storages(name))


def is_storages(name):
    """Says whether a file is the storage's own: a lock of ESXi on NFS 3 (vSphere Storage, "NFS File Locking"), or what an NFS server keeps for who has
    a deleted file open."""
    return name.startswith((".lck-", ".nfs"))


def sidecar_file(image_id, capacity_bytes):
    """Returns the name of the note that we put beside a seeded image.

    The name carries the size that the extent (of an iso, the file) must have, so that one listing of the cache
    tells a whole image from a cut one, without a read per image. Nova looks for exact names and ignores it.
    """
    return f"{image_id}.{capacity_bytes}.seed.json"


def parse_sidecar(name):
    """Returns ``(image_id, capacity_bytes)`` of a sidecar's name, or None for another name."""
    match = _SIDECAR.match(name)
    return (match.group("image_id"), int(match.group("capacity"))) if match else None
