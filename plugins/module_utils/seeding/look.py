# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at what is there, before anything is planned: the caches, those of other datastores, whose storage copies by itself, an image's header."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import audit_all, locations
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import ova, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import datastore as rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory, pull
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault


@dataclass(frozen=True)
class Seen:
    """What is there. Datastores by their managed object ids.

    ``wanted`` are pairs of an image and the datastores that must hold it, ``{moid: Location}``. ``elsewhere`` are other datastores that may hold
    images, in the same form. ``entries`` is what the caches of all of them hold, ``{moid: {name: audit.Entry}}``. ``offloading`` are names of the hosts
    for which a datastore's storage copies by itself, ``{moid: names}``. ``firewalls`` say which hosts may fetch images, ``{host moid: bool}``.
    """

    wanted: list
    elsewhere: dict
    entries: dict
    offloading: dict
    firewalls: dict


@dataclass(frozen=True)
class Found:
    """What is there of one image. ``disk`` is None where Glance need not be read, ``capacity`` is in bytes.

    ``places`` are the datastores that must hold the image, ``elsewhere`` others that hold it whole, ``entries`` what each of ``places`` holds of it,
    or None: all by managed object id. ``pull`` says whether a host fetches it.
    """

    image: nova_image.Image
    source: glance_images.Blocks
    places: dict
    elsewhere: dict
    entries: dict
    disk: vmdk.Disk | None
    capacity: int | None
    pull: choice.Choice


def look(session, images, places, options):
    """Looks at all caches: a listing a datastore, and one more search where the images are, in which a host opens their disks.

    :arg images: list of :class:`nova_image.Image`. :arg places: the datastores of the hypervisors, as :func:`locations.locations` gives them.
    :arg options: :class:`job.Options`.
    :returns: a :class:`Seen`.
    :raises NovaVmwareError: ``NO_USABLE_DATASTORE``, or a cache can't be listed.
    """
    # Each image may go to other datastores: vsan takes streamOptimized only.
    wanted = [(image, _datastores_for(image, places)) for image in images]
    capacities = {image.id: image.size for image in images if image.kind in ("flat", "iso")}
    disks = cache.disk_names(image.id for image in images)  # only these need be opened
    entries = dict(zip(places, audit_all(session, list(places.values()), capacities, disks)))
    elsewhere = {}
    if not all(any(is_whole(entries[moid].get(image.id)) for moid in chosen) for image, chosen in wanted):
        for moid, (place, held) in _elsewhere(session, places, disks).items():
            elsewhere[moid], entries[moid] = place, held
    offloading = {}
    if any(is_to_do(entries[moid].get(image.id)) for image, chosen in wanted for moid in chosen):
        offloading = _offloading(session, {**elsewhere, **places})
    fetched = {
        host for image, chosen in wanted if image.kind in choice.KINDS and choice.may_pull(options) for moid in chosen
        if is_to_do(entries[moid].get(image.id)) for host in chosen[moid].imports.hosts
    }  # fmt: skip
    return Seen(wanted, elsewhere, entries, offloading, pull.open_hosts(session, sorted(fetched)) if fetched else {})


def _datastores_for(image, places):
    """Returns those of the datastores that Nova takes for an image."""
    types = rule.allowed_types(image.disk_type)
    chosen = {moid: place for moid, place in places.items() if place.datastore.type in types}
    if not chosen:
        raise NovaVmwareError(
            "NO_USABLE_DATASTORE",
            f"Nova could put the image {image.name} ({image.id}), which is {image.disk_type}, on none of the datastores "
            f"{', '.join(place.name for place in places.values())}.",
            "On vsan Nova boots streamOptimized images only: convert the image.",
        )
    return chosen


def _elsewhere(session, places, disks):
    """Looks at the other datastores of the vCenter. It is worth the requests only for images that no target holds.

    They are possible sources, no more: what can't be read there is read from Glance. An account of Nova need not see them.

    :returns: ``{moid: (Location, {name: entry of its cache})}``.
    """
    base = next(iter(places.values())).base
    try:
        everywhere = locations(registry.read(session, [], tell=False), base)
    except VSphereFault as fault:
        session.warnings.append(f"No datastore of other clusters was looked at for copies: {fault.what}")
        return {}
    storages = {place.datastore.storage for place in places.values()}
    others = {moid: place for moid, place in everywhere.items() if place.datastore.storage not in storages}
    found = {}
    for (moid, place), entries in zip(others.items(), audit_all(session, list(others.values()), opened=disks, tolerant=True)):
        if isinstance(entries, VSphereFault):
            session.warnings.append(f"{place.name} was not looked at for copies: {entries.what}")
        else:
            found[moid] = (place, entries)
    return found


def _offloading(session, everywhere):
    """Asks for which hosts a datastore's storage copies by itself. It is worth a request only where something is to be copied."""
    if len(everywhere) < 2:
        return {}
    try:
        supported = inventory.offloads(session, sorted({moid for place in everywhere.values() for moid, _path in place.mounts.values()}))
    except VSphereFault:
        return {}  # then no storage is known to
    return {moid: frozenset(name for name, mount in place.mounts.items() if mount in supported) for moid, place in everywhere.items()}


def look_at(seen, image, places, glance, options):
    """Looks at one image. Its header is read only where something is to be done, and neither a whole copy nor the image's properties tell its size.

    :arg seen: :class:`Seen`. :arg places: the datastores that must hold it. :arg glance: the image adapter of an openstacksdk connection.
    :arg options: :class:`job.Options`.
    :returns: a :class:`Found`.
    :raises NovaVmwareError: it can't be read, or is not what it says.
    """
    entries = {moid: seen.entries[moid].get(image.id) for moid in places}
    elsewhere = {moid: place for moid, place in seen.elsewhere.items() if is_whole(seen.entries[moid].get(image.id))}
    whole = [entry for entry in entries.values() if is_whole(entry)] + [seen.entries[moid][image.id] for moid in elsewhere]
    source = glance_images.Blocks(glance, image.id, image.size)
    disk, capacity = None, next((entry.capacity_bytes for entry in whole if entry.capacity_bytes is not None), None)
    chosen = choice.Choice()
    if capacity is None and any(is_to_do(entry) for entry in entries.values()):
        first = [place for moid, place in places.items() if is_to_do(entries[moid])]
        chosen = choice.choose(image, first, options, seen.firewalls)
        disk = chosen.known.disk if chosen.known else inspect(image, source)
        chosen = choice.after_look(image, chosen, disk, options)
        capacity = disk.capacity_bytes
    return Found(image, source, places, elsewhere, entries, disk, capacity, chosen)


def inspect(image, source):
    """Looks into an image without reading it whole.

    :arg source: a :class:`glance_images.Blocks`.
    :returns: a :class:`vmdk.Disk`, of an ova with where in the archive it is.
    :raises NovaVmwareError: it can't be read, or is not what it says.
    """
    with vmdk.naming(image):
        if image.kind == "ova":
            return ova.inspect(image.size, source.range)
        return vmdk.inspect(image.kind, image.size, source.range)


def is_to_do(entry):
    """Says whether an image is to be put where a cache has this :class:`audit.Entry`, or None."""
    return entry is None or entry.state == audit.BROKEN


def is_whole(entry):
    """Says whether an :class:`audit.Entry`, or None, is a whole image."""
    return entry is not None and entry.state == audit.COMPLETE
