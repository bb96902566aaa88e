# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads back what the caches hold already, for ``verify=cached``, and compares it with the image in Glance.

A listing and a host that opens a disk tell its capacity. What storage loses of its data afterwards, of a thin disk above all, only a reading shows.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, readback, removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import grains, ova, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.content import Content
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import inspect, is_whole
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError

DIFFERS = "its content is not that of the image in Glance"


def recheck(job, found):
    """Compares all whole copies of an image with Glance, which is read once. Nothing is changed.

    :arg job: the :class:`job.Job`. :arg found: a :class:`look.Found`.
    :returns: ``(look.Found, content.Content)``: what differs is broken, what can't be read is unknown, and what Glance has. Without a copy it is None; then
        other datastores are no sources, since nothing was read to compare a copy of theirs with.
    :raises NovaVmwareError: Glance can't be read; or ``CONTENT_NOT_READABLE``: a datastore's disks are not files.
    """
    whole = [moid for moid, entry in found.entries.items() if is_whole(entry)]
    for moid in whole:
        readback.refuse_unreadable(found.places[moid])
    if not whole and not found.elsewhere:
        return found, None
    disk = found.disk or inspect(found.image, found.source)
    if not whole:
        return replace(found, elsewhere={}, disk=disk, capacity=disk.capacity_bytes), None
    with vmdk.naming(found.image):
        expected = _in_glance(found.image, found.source, disk)
    entries = {**found.entries, **{moid: _judged(job, found, moid, expected) for moid in whole}}
    return replace(found, entries=entries, disk=disk, capacity=disk.capacity_bytes), expected


def _in_glance(image, source, disk):
    """Reads an image from Glance, compares its hash, and returns its :class:`content.Content`."""
    content = Content(disk.capacity_bytes, disk.grain_bytes)
    verifier = glance_images.Verifier(image.id, image.size, image.os_hash_algo, image.os_hash_value)
    with progress.step("verify", image.name, "Glance", image.size) as step:
        chunks = step.count(verifier.watch(source.stream()))
        if image.kind == "sparse":
            passed = content.sparse(chunks, vmdk.grain_places(source.range))
        elif image.kind == "ova":
            passed = grains.checked(ova.disk_bytes(chunks, disk), disk.grains, content.add)
        elif image.kind == "streamOptimized":
            passed = grains.checked(chunks, disk.grains, content.add)
        else:
            passed = content.flat(chunks)
        for _chunk in passed:
            pass
    return content


def _judged(job, found, moid, expected):
    """Returns the :class:`audit.Entry` of one datastore after its disk was read."""
    entry, place = found.entries[moid], found.places[moid]
    try:
        actual = readback.read(job.session, found.image, place, f"{place.base}/{found.image.id}", expected, job.rules, job.cancelled)
    except VSphereError as error:
        return replace(entry, state=audit.UNKNOWN, reasons=(f"it could not be read back: {error.what}",))
    return entry if actual == expected else replace(entry, state=audit.BROKEN, reasons=(DIFFERS,))


def remove_differing(job, works):
    """Removes from the caches what differs from Glance, before it is put there anew: by its size alone it would be taken for whole.

    :arg works: list of :class:`work.Work`.
    :raises RemovalError: a virtual machine uses one of them. Then all are where they were.
    """
    todo = [(work.places[moid], work.image.id) for work in works for moid, entry in work.entries.items() if entry and entry.reasons == (DIFFERS,)]
    try:
        removal.refuse_used(job.session, todo)
        back = removal.remove(job.session, todo, job.run_id)
        if back:
            raise removal.in_use(back)
    except removal.RemovalError as error:
        error.what = f"What is cached differs from the image in Glance, and can't be replaced. {error.what}"
        error.args = (error.what,)
        raise
