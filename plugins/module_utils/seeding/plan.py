# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what to do before a byte moves. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.audit import BROKEN, COMPLETE, MISSING, UNKNOWN
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

# vCenter lets a host work on 8 provisioning operations at once ("Limits on Simultaneous Migrations"); more wait in its queue.
OPERATIONS_PER_HOST = 8
FROM_GLANCE = ("push", "pull")  # actions that bring an image from Glance
SIZED_AT_ONCE = 8  # datastores on which copies for linked clones are made at the same time


@dataclass(frozen=True)
class Limits:
    """How many copies may run at once: ``per_datastore`` from one, and ``per_host`` through one, where no storage copies by itself. ``pulls`` is how many
    hosts may fetch from Glance at once.

    More from one datastore only share the same disks. Half of what vCenter lets a host do is left to others.
    """

    per_datastore: int = 2
    per_host: int = 4
    pulls: int = 1


@dataclass(frozen=True)
class Source:
    """A datastore that may serve copies. ``hosts`` are names of hosts that can write to it now, ``offloading`` those of them for which its storage
    copies by itself (``inventory.offloads``)."""

    hosts: tuple
    offloading: frozenset = frozenset()


@dataclass(frozen=True)
class Target:
    """A datastore that must hold the image.

    ``moid`` tells datastores apart: those of two datacenters may have one name. ``hosts`` and ``offloading`` as of :class:`Source`.
    """

    moid: str
    name: str
    state: str
    free_bytes: int
    hosts: tuple
    offloading: frozenset = frozenset()


@dataclass(frozen=True)
class Step:
    """``action`` is ``none``, ``push`` (from Glance, through here), ``pull`` (from Glance, by an ESXi host) or ``copy`` (by vSphere, from ``source``); both
    datastores by their ``moid``."""

    moid: str
    state: str
    action: str
    source: str | None = None
    round: int = 0


@dataclass(frozen=True)
class SizedCopy:
    """A copy for linked clones on one datastore. ``action`` is ``none`` or ``copy`` (of the cached disk beside it); ``root_gb`` is in GiB."""

    root_gb: int
    state: str
    action: str


@dataclass(frozen=True)
class Write:
    """What a step takes of a datastore, in bytes: ``kept`` at the most for good, ``passing`` more while it runs; ``freed`` is what it replaces."""

    moid: str
    kept: int
    passing: int = 0
    freed: int = 0


@dataclass(frozen=True)
class Room:
    """A datastore's bytes: ``needed`` at the most at any moment, ``free_after`` at the least when all is done."""

    moid: str
    name: str
    free: int
    needed: int
    free_after: int


def plan(targets, elsewhere=None, limits=Limits(), pulls=False):
    """Plans a :class:`Step` for each target: at most one push, then copies whose number doubles and more with each round.

    Hosts that fetch the image may do so side by side. Then each datastore that shares no host with one that gets the image is given it by a pull of its own:
    a copy would go through the network between two hosts.

    :arg targets: list of :class:`Target`. One whose state is unknown is left alone, and is no source.
    :arg elsewhere: ``{moid: Source}`` of other datastores that hold the whole image; they serve where no target holds it.
    :arg limits: :class:`Limits` of one round. :arg pulls: hosts fetch the image, so that no push but a pull comes first.
    """
    steps = {target.moid: Step(target.moid, target.state, "none") for target in targets}
    sources = {target.moid: target for target in targets if target.state == COMPLETE} or dict(elsewhere or {})
    todo = [target for target in targets if target.state not in (COMPLETE, UNKNOWN)]
    if todo and not sources:
        # Where most hosts can take the bytes, then where most room is.
        ranked = sorted(todo, key=lambda target: (len(target.hosts), target.free_bytes), reverse=True)
        for first in ranked if pulls and limits.pulls > 1 else ranked[:1]:
            if not any(set(first.hosts) & set(source.hosts) for source in sources.values()):
                steps[first.moid] = Step(first.moid, first.state, "pull" if pulls else "push")
                sources[first.moid] = first
                todo.remove(first)
    number = 1
    while todo:
        batch = _round(todo, sources, limits)
        for target, source in batch:
            steps[target.moid] = Step(target.moid, target.state, "copy", source, number)
            sources[target.moid] = target
        todo = [target for target in todo if steps[target.moid].action == "none"]
        number += 1
    return list(steps.values())


def _round(todo, sources, limits):
    """Chooses the copies that may run at once, ``[(target, moid of its source)]``; at least one."""
    serving, carried, busy = Counter(), Counter(), Counter()
    batch = []
    for target in todo:
        best = None
        for moid, source in sources.items():
            if serving[moid] >= limits.per_datastore:
                continue
            # A host that mounts both datastores copies alone; otherwise the bytes cross the network between two hosts. Where their storage copies by
            # itself, the host only asks it to.
            both = [host for host in source.hosts if host in target.hosts]
            asking = [host for host in both if host in source.offloading and host in target.offloading]
            able = {
                host: host not in asking
                for host in asking or both or source.hosts
                if busy[host] < OPERATIONS_PER_HOST and (host in asking or carried[host] < limits.per_host)
            }
            if source.hosts and not able:
                continue
            host = min(able, key=lambda name: (carried[name], busy[name]), default=None)
            rank = (not both, not asking, serving[moid], carried[host], busy[host])
            if best is None or rank < best[0]:
                best = (rank, moid, host, able.get(host))
        if best is not None:
            _rank, moid, host, is_carried = best
            serving[moid] += 1
            busy[host] += 1
            carried[host] += bool(is_carried)
            batch.append((target, moid))
    return batch


def groups(places, limits=Limits()):
    """Shares copies that stay on one datastore each out to groups that may run at once, one after the other.

    :arg places: ``[(anything, names of hosts that can write there)]``. :arg limits: :class:`Limits` of one group.
    :returns: a list of lists of the first of each pair.
    """
    found = []
    todo = list(places)
    while todo:
        busy, group, rest = Counter(), [], []
        for place, hosts in todo:
            host = min(hosts, key=lambda name: busy[name], default=None)
            if len(group) >= SIZED_AT_ONCE or host is not None and busy[host] >= limits.per_host:
                rest.append((place, hosts))
                continue
            busy[host] += 1
            group.append(place)
        found.append(group)
        todo = rest
    return found


def sized_copies(entry, sizes, step):
    """Says what to do about the copies for linked clones on one datastore.

    :arg entry: the :class:`audit.Entry` of what is there, or None.
    :arg sizes: the ``root_gb`` that are wanted, in GiB.
    :arg step: the datastore's :class:`Step`: an image that is left alone gets no copies, and one that is put there anew has none left.
    :returns: a tuple of :class:`SizedCopy`.
    """
    if step.state == UNKNOWN:
        return ()
    states = {root_gb: {None: UNKNOWN, True: COMPLETE, False: BROKEN}[whole] for root_gb, _bytes, whole in (entry.sized if entry else ())}
    return tuple(
        SizedCopy(root_gb, state, "none" if state in (COMPLETE, UNKNOWN) and step.action == "none" else "copy")
        for root_gb, state in ((root_gb, states.get(root_gb, MISSING)) for root_gb in sizes)
    )


def rooms(datastores, writes):
    """Adds up what all images need on each datastore.

    Pushes come one after the other, so only the largest of what they need in passing counts.

    :arg datastores: ``{moid: (name, free bytes)}``.
    :arg writes: list of :class:`Write`.
    :returns: a list of :class:`Room`, one for each datastore.
    """
    kept, passing, freed = Counter(), Counter(), Counter()
    for write in writes:
        kept[write.moid] += write.kept
        passing[write.moid] = max(passing[write.moid], write.passing)
        freed[write.moid] += write.freed
    return [Room(moid, name, free, kept[moid] + passing[moid], free - kept[moid] + freed[moid]) for moid, (name, free) in datastores.items()]


def refuse_full(found):
    """Refuses a plan for which there is no room.

    :arg found: list of :class:`Room`.
    :raises NovaVmwareError: ``DATASTORE_FULL``, with all such datastores in the details.
    """
    full = [room for room in found if room.needed > room.free]
    if not full:
        return
    names = ", ".join(f"{room.name} ({room.free} bytes free, {room.needed} needed)" for room in sorted(full, key=lambda room: (room.name, room.moid)))
    raise NovaVmwareError(
        "DATASTORE_FULL",
        f"There is not enough free space for the images on {len(full)} of {len(found)} datastores: {names}.",
        "Make room, or narrow datastore_regex so that Nova does not choose them. Nothing was written.",
        {"datastores": [{"name": room.name, "moid": room.moid, "free_bytes": room.free, "needed_bytes": room.needed} for room in full]},
    )
