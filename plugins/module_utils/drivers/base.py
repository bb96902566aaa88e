# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a driver of Nova is to this collection, and what it says of its hypervisors. docs/architecture.md, "A second driver"."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import host as rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory

MIB = 1 << 20


class HypervisorError(NovaVmwareError):
    """A hypervisor, its datastore_regex or the server is not what the driver needs."""


@dataclass(frozen=True)
class Wish:
    """One nova-compute, as its element of the option ``hypervisors`` has it: ``{key: name, "datastore_regex": ...}``."""

    key: str
    name: str
    datastore_regex: str | None = None


@dataclass(frozen=True)
class ImportPlace:
    """Where a disk may be imported: managed object ids. ``host`` is None where vSphere picks one; ``why`` is a sentence on the host that is named.

    ``hosts`` are those that can make the disk, ``{moid: name}``.
    """

    resource_pool: str
    vm_folder: str
    host: str | None = None
    why: str | None = None
    hosts: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Totals:
    """What Nova reports of a hypervisor to Placement: ``max_unit_*`` are those of the largest host."""

    vcpus: int
    memory_mb: int
    max_unit_vcpus: int
    max_unit_memory_mb: int
    disk_gb: int
    hosts_counted: int


@dataclass(frozen=True)
class Hypervisor:
    """What Nova takes for one hypervisor, with all that decides where Nova would put things.

    ``key`` and ``name`` are the element of the option ``hypervisors`` that means it; ``kind`` is the word for it in texts, such as ``cluster``. ``path`` is its
    inventory path: names may be there twice. ``node_name`` is Nova's hypervisor_hostname. ``hosts`` are :class:`inventory.Host`.
    ``verdicts`` holds a pair for each of its datastores, in vSphere's order: :class:`inventory.Datastore`, and why Nova passes over it or None.
    ``import_needs_host`` says why an import must name a host, as the beginning of a sentence; None where vSphere picks one.
    ``ways`` are those by which files get to its datastores: straight to a ``host``, through the ``server`` that the session is with.
    ``cluster`` is None where it is none.
    """

    key: str
    kind: str
    name: str
    moid: str
    path: str
    node_name: str
    datacenter: inventory.Datacenter
    resource_pool: str
    hosts: tuple
    verdicts: tuple
    datastore_regex: str | None = None
    import_needs_host: str | None = None
    ways: tuple = ("host", "server")
    cluster: inventory.Cluster | None = None

    @property
    def usable(self):
        """The datastores that Nova may use, for streamOptimized images and for its inventory."""
        return [datastore for datastore, refusal in self.verdicts if refusal is None]

    @property
    def counted(self):
        """The hosts that Nova counts."""
        return [host for host in self.hosts if rule.counts(host)]

    @property
    def totals(self):
        """The :class:`Totals`: hosts and datastores that Nova counts."""
        threads = [host.threads for host in self.counted]
        memory = [host.memory_bytes // MIB for host in self.counted]
        disk = sum(datastore.capacity_bytes for datastore in self.usable) >> 30
        return Totals(sum(threads), sum(memory), max(threads, default=0), max(memory, default=0), disk, len(threads))

    def writers(self, datastore):
        """Returns the hosts that can work on a datastore's files now, ``{moid: name}``: those that count and mount it for writing."""
        names = {host.moid: host.name for host in self.counted}
        return {moid: names[moid] for moid, writable in datastore.mounts.items() if writable and moid in names}

    def import_place(self, datastore):
        """Returns the :class:`ImportPlace` of a datastore. Without a host that can write to it none is named."""
        writers = self.writers(datastore)
        place = ImportPlace(self.resource_pool, self.datacenter.vm_folder, hosts=writers)
        moid, name = next(iter(writers.items()), (None, None))
        if moid is None or not self.import_needs_host:
            return place
        return replace(place, host=moid, why=f"{self.import_needs_host}, so the disk was to be made by its host {name}.")


@runtime_checkable
class Driver(Protocol):
    """What the file of a driver has. A module is enough: ``vc.py`` is one.

    ``NAME`` is the driver's in rules of the doctor. ``KEY`` is the key by which an element of the options ``hypervisors`` and ``services`` names one of its
    hypervisors, and the option of ``[vmware]`` that does so. ``KIND`` is the word for it in texts.
    ``COMPUTE_DRIVER`` is what ``[DEFAULT]compute_driver`` has for it.
    ``PRIVILEGES`` are what Nova's account needs, as :data:`nova.privileges.PRIVILEGES`: where, which, what for.
    """

    NAME: str
    KEY: str
    KIND: str
    COMPUTE_DRIVER: str
    PRIVILEGES: dict

    def refusal(self, session):
        """Returns a :class:`HypervisorError` where it has no hypervisors on the session's server, else None. Asks the server nothing."""

    def read(self, session, wishes, tell=True, for_nova=False):
        """Reads hypervisors. The number of requests must not grow with their number, other than by pages.

        :arg wishes: list of :class:`Wish` with its :attr:`KEY`; empty for all that the server has, without a regex.
        :arg tell: name what the account may not read in the session's warnings.
        :arg for_nova: names are what nova.conf has; else what is handy for people may be taken as well.
        :returns: a list in the order of the wishes, each a :class:`Hypervisor`, or the :class:`HypervisorError` that says why there is none.
        :raises VSphereError: as the server said.
        """

    def networks(self, session, hypervisors):
        """Reads the networks that its hypervisors have. The number of requests must not grow with theirs, other than by pages.

        :returns: ``{managed object: its name}``.
        :raises VSphereError: as the server said.
        """
