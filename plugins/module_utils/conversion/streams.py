# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lays a streamOptimized file out as ESXi wants it, one that qemu-img has written or one from Glance: Nova sends an image as it is.

qemu-img writes the tables in front, and neither a footer nor an end-of-stream marker (block/vmdk.c); ESXi was seen to refuse that, and versions
below 3 (:mod:`relay`).
"""

from __future__ import annotations

import os
import shutil

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import grains, relay, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

_CHUNK = 1 << 20  # bytes


def lay_out(path, identity, adapter="lsilogic"):
    """Replaces a streamOptimized file by one with the same grains in the layout of ESXi. Memory is flat; the folder needs room for both.

    :arg identity: text that names the disk's content, for its content id.
    :arg adapter: ``ddb.adapterType`` of the descriptor.
    :raises NovaVmwareError: ``WORK_DIR_FULL``, or the file is damaged.
    """
    with open(path, "rb") as old:

        def read(offset, length):
            return os.pread(old.fileno(), length, offset)

        found = vmdk.inspect("streamOptimized", os.path.getsize(path), read)
        wanted, free = relay.size(found.stream), shutil.disk_usage(os.path.dirname(path)).free
        if wanted is not None and free < wanted:
            raise NovaVmwareError(
                "WORK_DIR_FULL",
                f"{os.path.dirname(path)} has {free} bytes free; the new image takes {wanted}.",
                "Set work_dir to a folder with room for two copies of the image.",
            )
        chunks = grains.checked(iter(lambda: old.read(_CHUNK), b""), found.grains)
        with open(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.writelines(relay.lay(chunks, found.stream, identity, adapter=adapter))
    os.replace(f"{path}.new", path)
