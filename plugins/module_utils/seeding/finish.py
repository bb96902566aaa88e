# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finishes what is staged, pushed or copied: verify, note beside it what it is, publish with one move."""

from __future__ import annotations

import json

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, readback
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import look_into
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.publish import publish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.errors import SeedError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError

# Codes of errors by which nobody tells how long a file is, while the disk itself may have come by a lease.
_UNTOLD = {"DOWNLOAD_FAILED", "DOWNLOAD_NOT_PERMITTED", "CERTIFICATE_NOT_TRUSTED", "HOST_THUMBPRINT_UNKNOWN", "CONNECTION_FAILED"}


def finish(job, image, stage, capacity, expected=None, pushed=False):
    """Verifies what is staged, notes beside it what it is, and publishes it.

    :arg capacity: bytes that the guest sees; the disk may be up to 1 MiB larger, since vSphere rounds.
    :arg expected: the :class:`content.Content` that it must have, or None where only sizes are compared.
    :arg pushed: the data came from here: whether it is all there is asked of who has the file, where a listing does not tell.
    :returns: an :class:`audit.Entry`: what was staged.
    :raises SeedError: what is staged is not the whole image.
    :raises ContentError: it has other bytes.
    """
    location = stage.location
    found = look_into(job.session, location, image.id, stage.folder)
    reason = _what_is_wrong(job, image, stage, found, capacity, pushed)
    if reason:
        raise SeedError(
            "SEED_NOT_WHOLE",
            f"What {location.name} took for the image {image.name} ({image.id}) is not whole: {reason}.",
            "Nothing was published. Run this again; if it stays, look into the log of the ESXi hosts.",
            {"datastore": location.name, "files": {file.name: file.size for file in found.files} if found else {}},
        )
    if expected is not None:
        readback.verify(job.session, image, stage, expected, job.rules, job.cancelled)
    actual = found.capacity_bytes if found.capacity_bytes is not None else capacity
    _note(job, image, stage, actual)
    publish(job.session, image, stage, actual)
    return found


def _what_is_wrong(job, image, stage, found, capacity, pushed):
    """Returns why a staged image is not whole, or None."""
    if found is None:
        return "there is nothing"
    if found.state == audit.BROKEN:
        return "; ".join(found.reasons)
    if found.capacity_bytes is not None and not audit.same_size(found.capacity_bytes, capacity, found.disk_format):
        return f"it has {found.capacity_bytes} bytes instead of {capacity}"
    name = cache.extent_file(image.id)
    listed = {file.name: file.size for file in found.files}.get(name)
    if found.disk_format == "iso" or listed is None:  # of an iso the size in a listing is all there is; vsan shows no extents
        return "; ".join(found.reasons) or None
    if audit.same_size(listed, capacity, found.disk_format) or not pushed and found.capacity_bytes is not None:
        return None
    # A thin disk: what a listing says of its extent may be what is allocated.
    try:
        actual = transfer.length(job.session, stage.location.ways(job.session, stage.file(name), job.rules.through), job.rules)
    except VSphereError as error:
        if error.code in _UNTOLD and found.capacity_bytes is not None:
            return None  # nobody tells: what took the bytes said that it has all
        raise
    return None if audit.same_size(actual, capacity, found.disk_format) else f"its data has {actual} bytes instead of {capacity}"


def _note(job, image, stage, capacity):
    """Writes our note beside the image, by the ways of a disk. One that can't be written is a warning.

    What is staged was judged just before, and publishing changes nothing in it, so the image is as good without. The note is for those who come
    later: with it they need not open the disk to tell a whole image from a cut one, nor Glance to tell whose it is.
    """
    text = json.dumps(
        {
            "image_id": image.id,
            "os_hash_algo": image.os_hash_algo,
            "os_hash_value": image.os_hash_value,
            "size": image.size,
            "capacity_bytes": capacity,
            "disk_type": image.disk_type,
            "seeded_by": "openstack_vmware.nova",
        },
        indent=1,
    ).encode()
    location = stage.location
    try:
        ways = location.ways(job.session, stage.file(cache.sidecar_file(image.id, capacity)), job.rules.through)
        # Whoever refuses it, or is not trusted with it, another may take it: it holds nothing that is secret.
        transfer.put(job.session, ways, len(text), lambda: iter([text]), job.rules, final={"TRANSFER_TIMEOUT"})
    except VSphereError as error:
        if error.code == "TRANSFER_TIMEOUT":
            raise
        job.session.warnings.append(
            f"The image {image.name} is on {location.name} without the note that tells who put it there: {error.what} {error.hint}".strip()
        )
