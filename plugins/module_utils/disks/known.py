# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a property of an image remembers of its stream, so that it can be fetched by a host without being read here. Pure.

Whoever has read the whole image writes it: ``image_vmdk`` when it makes one, ``image_cache`` after a read to verify it. The value names the image: Nova gives
the properties of an image to snapshots of its servers, of which nothing here is true.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.ova import OvaDisk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.vmdk import SECTOR, Disk, Stream

PROPERTY = "openstack_vmware_stream"


@dataclass(frozen=True)
class Known:
    """A streamOptimized disk that ESXi takes as it is: bytes of the file, its SHA-256, what a guest sees and what a thin disk takes at most.

    ``member`` is its name in the archive where the image is an ova, else None.
    """

    size: int
    sha256: str
    capacity_bytes: int
    data_bytes: int
    member: str | None = None

    @property
    def disk(self):
        """The :class:`vmdk.Disk`, as an inspection would find it."""
        stream = Stream(version=encoding.VERSION, footer=True, capacity=self.capacity_bytes // SECTOR, grain_size=encoding.GRAIN // SECTOR)
        if self.member is not None:
            return OvaDisk("ova", self.capacity_bytes, "streamOptimized", self.data_bytes, stream=stream, name=self.member, size=self.size)
        return Disk("streamOptimized", self.capacity_bytes, "streamOptimized", self.data_bytes, stream=stream)


def write(image_id, known):
    """Returns the property's value for an image."""
    return json.dumps({"image": image_id, **asdict(known)}, sort_keys=True)


def read(image):
    """Returns the :class:`Known` of a :class:`nova.image.Image`, or None where the property is not there, is of another image or makes no sense."""
    try:
        found = json.loads(image.properties[PROPERTY])
        known = Known(**{name: found[name] for name in ("size", "sha256", "capacity_bytes", "data_bytes", "member")})
    except (KeyError, TypeError, ValueError):
        return None
    if found.get("image") != image.id or not all(isinstance(number, int) for number in (known.size, known.capacity_bytes, known.data_bytes)):
        return None
    if known.size < 1 or known.capacity_bytes < 1 or known.data_bytes < 0:
        return None
    if not isinstance(known.sha256, str) or not re.fullmatch("[0-9a-f]{64}", known.sha256):
        return None
    if (known.member is not None) != (image.kind == "ova") or (known.member is None and known.size != image.size):
        return None
    return None if known.capacity_bytes % encoding.GRAIN else known
