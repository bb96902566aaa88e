# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what to do before a byte moves. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.audit import COMPLETE

COPIES_PER_SOURCE = 2  # at once: more only share the same disks


@dataclass(frozen=True)
class Target:
    """A datastore that must hold the image. ``free_bytes`` and ``hosts`` (those that can write to it) choose where the push goes.

    ``moid`` tells datastores apart: those of two datacenters may have one name.
    """

    moid: str
    name: str
    state: str
    free_bytes: int
    hosts: int


@dataclass(frozen=True)
class Step:
    """``action`` is ``none``, ``push`` (from Glance) or ``copy`` (by vSphere, from ``source``); both datastores by their ``moid``."""

    moid: str
    state: str
    action: str
    source: str | None = None
    round: int = 0


def plan(targets, size, capacity, elsewhere=()):
    """Gives a :class:`Step` for each target: at most one push, then copies whose number doubles and more with each round.

    :arg targets: list of :class:`Target`.
    :arg size: bytes of the image in Glance.
    :arg capacity: bytes that the image may take on a datastore at the most while it is made there.
    :arg elsewhere: ``moid`` of other datastores that hold the whole image; they serve where no target holds it.
    :raises NovaVmwareError: ``DATASTORE_FULL``: a datastore has no room, with all such datastores in the details.
    """
    steps = {target.moid: Step(target.moid, target.state, "none") for target in targets}
    sources = [target.moid for target in targets if target.state == COMPLETE]
    todo = [target for target in targets if target.state != COMPLETE]
    full = {target.name: target.free_bytes for target in todo if target.free_bytes < capacity}
    if full:
        names = ", ".join(f"{name} ({free} bytes free)" for name, free in sorted(full.items()))
        raise NovaVmwareError(
            "DATASTORE_FULL",
            f"There is no room for the image, which needs {capacity} bytes, on {names}.",
            "Make room, or narrow datastore_regex so that Nova does not choose it.",
            {"free_bytes": full, "needed_bytes": capacity, "image_bytes": size},
        )
    sources = sources or list(elsewhere)
    if todo and not sources:
        # Where most hosts can take the bytes, then where most room is.
        first = max(todo, key=lambda target: (target.hosts, target.free_bytes))
        steps[first.moid] = Step(first.moid, first.state, "push")
        sources.append(first.moid)
        todo.remove(first)
    number = 1
    while todo:
        batch, todo = todo[: len(sources) * COPIES_PER_SOURCE], todo[len(sources) * COPIES_PER_SOURCE :]
        for index, target in enumerate(batch):
            source = sources[index % len(sources)]
            steps[target.moid] = Step(target.moid, target.state, "copy", source, number)
        sources += [target.moid for target in batch]
        number += 1
    return list(steps.values())
