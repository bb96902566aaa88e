# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a disk back from a datastore, and compares what a guest will read of it with what was sent."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.content import Content
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.pump import read_ahead
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import transfer


class ContentError(NovaVmwareError):
    """The datastore does not hold the bytes that were sent."""


def refuse_unreadable(place):
    """Refuses a datastore (:class:`locations.Location`) from which a disk's bytes can't be read: on vsan a disk is an object, not a file.

    :raises ContentError: ``CONTENT_NOT_READABLE``.
    """
    if place.one_file_disks:
        raise ContentError(
            "CONTENT_NOT_READABLE",
            f"The content of a disk on the datastore {place.name}, which is {place.datastore.type}, can't be read back as a file.",
            "Let verify be size for these clusters. Nothing was written.",
        )


def read(session, image, location, path, like, rules, cancelled=lambda: False):
    """Reads a disk back from a datastore.

    :arg path: the image's folder, below the datastore's root.
    :arg like: the :class:`Content` whose capacity and grain count.
    :arg cancelled: asked at each chunk; True ends it with an error.
    :returns: a :class:`Content`.
    :raises NovaVmwareError: it can't be read.
    """
    name = cache.image_file(image.id, "iso") if image.kind == "iso" else cache.extent_file(image.id)
    ways = location.ways(session, f"{path}/{name}", rules.through)
    with progress.step("verify", image.name, location.name, like.capacity) as step:

        def take(chunks):
            found = Content(like.capacity, like.grain)
            for _chunk in found.flat(read_ahead(step.count(chunks), deadline=rules.deadline)):
                if cancelled():
                    raise ContentError("CANCELLED", f"The verification of the image {image.name} on {location.name} was cancelled.")
            return found

        return transfer.get(session, ways, take, rules)


def verify(session, image, stage, expected, rules, cancelled=lambda: False):
    """Compares a staged disk with what was sent.

    :arg expected: a :class:`Content`.
    :raises ContentError: ``SEED_CONTENT_DIFFERS``.
    """
    location = stage.location
    if read(session, image, location, stage.file("").rstrip("/"), expected, rules, cancelled) != expected:
        raise ContentError(
            "SEED_CONTENT_DIFFERS",
            f"What {location.name} holds of the image {image.name} ({image.id}) has the right size, but not the bytes that were sent.",
            "Nothing was published. Look for errors of the storage and the network, then run this again.",
            {"datastore": location.name, "image_id": image.id},
        )
