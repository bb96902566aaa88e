# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The datastores of the chosen hypervisors, each once, with all that is needed to write to them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import ImportPlace
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, inventory, transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError


@dataclass(frozen=True)
class Location:
    """A datastore with the cache folder on it. ``hosts`` are names of hosts that can take an upload for it now, of all ``hypervisors`` (names).

    ``imports`` says where an import goes: through a hypervisor with such a host. ``through`` are the ways that files can get there, as
    :attr:`Hypervisor.ways`. ``mounts`` are ``(host moid, path of the mount)`` by the names of :attr:`hosts`.
    """

    datastore: inventory.Datastore
    place: files.Place
    base: str
    hosts: tuple
    hypervisors: tuple
    imports: ImportPlace
    through: tuple = ("host", "server")
    mounts: dict = field(default_factory=dict)

    @property
    def name(self):
        """The datastore's name."""
        return self.datastore.name

    @property
    def base_path(self):
        """The datastore path of the cache folder."""
        return self.place.path(self.base)

    @property
    def one_file_disks(self):
        """Disks on vsan are objects: a listing shows no extents."""
        return self.datastore.type == "vsan"

    def image_path(self, image_id):
        """The datastore path of an image's folder."""
        return self.place.path(self.base, image_id)

    def ways(self, session, path, through="auto"):
        """Returns the ways to write or read a file, as :func:`transfer.targets` does: two hosts are enough, then the server.

        :arg path: below the datastore's root.
        """
        return transfer.targets(session, self.place, self.hosts[:2], path, through, self.through)


def place_of(datastore, datacenter):
    """Returns the :class:`files.Place` of a datastore.

    :arg datastore: :class:`inventory.Datastore`. :arg datacenter: the :class:`inventory.Datacenter` that it is in.
    """
    is_vsan = datastore.type == "vsan" or not datastore.root_folders
    namespaces = files.Namespaces(datastore.moid, datastore.url, datastore.browser) if is_vsan else None
    return files.Place(datastore.name, datacenter.moid, datacenter.path, namespaces)


def cache_folder(params):
    """Returns the cache folder that the options of the fragment ``cache`` lead to.

    :raises NovaVmwareError: ``CACHE_FOLDER_UNKNOWN``, see :func:`nova.cache.base_folder`.
    """
    try:
        return cache.base_folder(params["cache_prefix"], params["subdirectory_name"], params["remove_unused_base_images"], params["my_ip"])
    except ValueError as error:
        raise NovaVmwareError("CACHE_FOLDER_UNKNOWN", f"The cache folder can't be told: {error}.", "Set cache_prefix (recommended) or my_ip.") from error


def ageing(params):
    """Returns the seconds after which Nova's ageing deletes an image that it has marked as unused, or None when it is off."""
    return params["remove_unused_original_minimum_age_seconds"] if params["remove_unused_base_images"] else None


def locations(hypervisors, base):
    """Returns a :class:`Location` for each datastore that Nova may use in any of the hypervisors: a shared one comes once.

    :arg hypervisors: as :func:`drivers.registry.read` returns them.
    :arg base: the cache folder, relative to the datastore's root.
    :returns: a dict by the datastore's managed object id. Of a storage that several datacenters mount one datastore is in it: they share the folder.
    """
    found, ranks = {}, {}
    for hypervisor in hypervisors:
        for datastore in hypervisor.usable:
            known, place = found.get(datastore.moid), place_of(datastore, hypervisor.datacenter)
            mounted = hypervisor.writers(datastore)
            location = Location(
                datastore=datastore,
                place=place,
                base=base,
                hosts=tuple(mounted.values()),
                hypervisors=(hypervisor.name,),
                imports=hypervisor.import_place(datastore),
                through=hypervisor.ways,
                mounts={name: (moid, datastore.paths.get(moid)) for moid, name in mounted.items()},
            )
            rank = (bool(mounted), hypervisor.import_needs_host is None)
            if known is not None:
                best = location if rank > ranks[datastore.moid] else known
                location = replace(
                    best,
                    hosts=tuple(dict.fromkeys(known.hosts + location.hosts)),
                    hypervisors=(*known.hypervisors, hypervisor.name),
                    through=tuple(dict.fromkeys(known.through + location.through)),
                    mounts={**known.mounts, **location.mounts},
                )
            found[datastore.moid] = location
            ranks[datastore.moid] = max(rank, ranks.get(datastore.moid, rank))
    return {location.datastore.moid: location for location in _one_a_storage(found.values())}


def _one_a_storage(found):
    """Leaves one location of each storage: two datacenters that mount one have a datastore each, and they share the cache folder.

    The one with most hosts stays, with the hypervisors of all.
    """
    storages = {}
    for location in found:
        storages.setdefault(location.datastore.storage, []).append(location)
    for same in storages.values():
        best = max(same, key=lambda location: len(location.hosts))
        yield replace(best, hypervisors=tuple(name for location in same for name in location.hypervisors))


def audit_all(session, places, capacities=None, opened=(), tolerant=False):
    """Lists and judges the cache folder of many datastores: a request a datastore, one more where disks are opened, and common polls.

    :arg places: list of :class:`Location`.
    :arg capacities: see :func:`audit.entries`.
    :arg opened: names of the disks' descriptors of which a host is asked what they are, with ``*`` (``files.open_disks``).
    :arg tolerant: a datastore that can't be listed does not end the call.
    :returns: a list in the same order, each ``{name: audit.Entry}``; with ``tolerant``, the ``VSphereFault`` where the server refused.
    """
    folders = [(place.datastore.browser, place.base_path) for place in places]
    trees = files.list_trees(session, folders, tolerant)
    if opened:
        trees = files.open_disks(session, folders, trees, opened)
    found = []
    for place, tree in zip(places, trees):
        if tree is not None and not isinstance(tree, dict):
            found.append(tree)
            continue
        entries = audit.entries(tree, place.base_path, place.datastore.type, capacities)
        if opened and not tolerant:
            entries = [settle(session, place, entry, f"{place.base}/{entry.name}") for entry in entries]
        found.append({entry.name: entry for entry in entries})
    return found


def settle(session, place, entry, folder):
    """Returns an entry with what can be told of disks that no host could open, for example since their data was cut: a request for each of these.

    :arg place: a :class:`Location`. :arg folder: the entry's, below the datastore's root.
    """
    lengths = {name: length_of(session, place, f"{folder}/{name}") for name in audit.doubtful(entry)}
    return audit.settled(entry, {name: length for name, length in lengths.items() if length is not None})


def length_of(session, place, path):
    """Returns the bytes of a file as who has it tells them, or None. A listing may tell what is allocated instead.

    :arg place: a :class:`Location`. :arg path: below the datastore's root.
    """
    with contextlib.suppress(VSphereError):
        return transfer.length(session, place.ways(session, path), transfer.Rules(host_trust=session.host_trust))
    return None


def look_into(session, place, image_id, path):
    """Lists and judges one folder of an image, in the cache or staged; its disks are opened.

    :arg place: a :class:`Location`. :arg path: datastore path of the folder.
    :returns: an :class:`audit.Entry`, or None where there is no such folder.
    """
    folder = [(place.datastore.browser, path)]
    (tree,) = files.open_disks(session, folder, files.list_trees(session, folder), cache.disk_names([image_id]))
    if tree is None:
        return None
    return settle(session, place, audit.entry(image_id, path, tree.get(path, ()), place.datastore.type), files.relative(path))
