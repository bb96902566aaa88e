# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for one image: what is to be done, and what it takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, readback
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.content import Content
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import Found
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import FROM_GLANCE, Source, Target, Write, plan, sized_copies

GIB = 1 << 30


@dataclass(frozen=True)
class Work(Found):
    """What is there of one image, and what is to be done for it.

    ``steps`` has a :class:`plan.Step` for each of ``places``, ``sized`` by managed object id a tuple of :class:`SizedCopy`. ``too_small`` are GiB that
    were wanted and can't hold the image. ``set_min_disk`` says that Glance is told :attr:`min_disk`. ``targets`` are what :func:`plan.plan` was told of
    ``places``. ``content`` is what Glance has, where it was read to be compared with what is cached, else None.
    """

    steps: list
    sized: dict
    too_small: list
    set_min_disk: bool
    targets: list = field(default_factory=list)
    content: Content | None = None

    @property
    def changes(self):
        """Says whether anything is to be done."""
        actions = [step.action for step in self.steps] + [one.action for copies in self.sized.values() for one in copies]
        return self.set_min_disk or any(action != "none" for action in actions)

    @property
    def everywhere(self):
        """The locations of all datastores that may take or serve the image, by managed object id."""
        return {**self.elsewhere, **self.places}

    @property
    def rounds(self):
        """The copies to other datastores: a list for each round, in their order."""
        copies = [step for step in self.steps if step.action == "copy"]
        return [[step for step in copies if step.round == number] for number in sorted({step.round for step in copies})]

    @property
    def sized_wanted(self):
        """Where copies for linked clones are to be made: managed object ids by GiB, the smallest first."""
        wanted = [(one.root_gb, moid) for moid, copies in self.sized.items() for one in copies if one.action == "copy"]
        return {root_gb: [moid for gb, moid in wanted if gb == root_gb] for root_gb in sorted({gb for gb, _moid in wanted})}

    @property
    def min_disk(self):
        """GiB that a root disk must have to hold the image, or None for an iso and where the disk's size is not known."""
        return None if self.image.kind == "iso" or self.capacity is None else -(-self.capacity // GIB)

    @property
    def min_disk_low(self):
        """Says that Nova would take a flavor whose disk can't hold the image."""
        return self.min_disk is not None and self.image.smallest_root_gb < self.min_disk

    def from_glance(self, limits):
        """Plans anew without the datastores elsewhere: a push comes first.

        :arg limits: :class:`plan.Limits`.
        :returns: a :class:`Work`; its ``disk`` is as it was.
        """
        return replace(self, elsewhere={}, steps=plan(self.targets, limits=limits, pulls=self.pull.pulls), set_min_disk=False)

    def without_pulls(self, there, limits):
        """Plans anew, as hosts can't fetch the image.

        :arg there: managed object ids of the datastores that have it by now; their steps stay. :arg limits: :class:`plan.Limits`.
        :returns: a :class:`Work`.
        """
        targets = [replace(target, state=audit.COMPLETE) if target.moid in there else target for target in self.targets]
        planned = plan(targets, limits=limits)
        return replace(self, steps=[old if old.moid in there else new for old, new in zip(self.steps, planned)])

    @property
    def warnings(self):
        """Texts for the user."""
        named = f"Image {self.image.name} ({self.image.id})"
        found = [
            f"{named} needs {self.min_disk} GiB, so no copy of {root_gb} GiB was made: a flavor with such a disk can't boot it." for root_gb in self.too_small
        ]
        if self.min_disk_low and not self.set_min_disk:
            found.append(
                f"{named} has a disk of {self.min_disk} GiB and min_disk {self.image.min_disk}: Nova takes flavors that are too small, and their boots fail. "
                f"Set min_disk to {self.min_disk}, for example with update_min_disk."
            )
        found += [
            f"{named} on {self.places[moid].name} was left alone, and whether it is whole can't be told: {'; '.join(entry.reasons)}."
            for moid, entry in self.entries.items()
            if entry is not None and entry.state == audit.UNKNOWN
        ]
        return found

    @property
    def pushed_bytes(self):
        """Bytes that a push takes on a datastore for good, at the most.

        A streamOptimized disk is imported as a thin one, which holds the file's grains. Of a sparse file vSphere makes a preallocated disk.
        """
        if self.image.kind in ("streamOptimized", "ova") and self.disk is not None:
            return self.disk.data_bytes
        return self.copied_bytes

    @property
    def copied_bytes(self):
        """Bytes that a copy takes on a datastore, at the most: a vCenter that takes no destSpec makes each copy preallocated (API: CopyVirtualDisk_Task)."""
        return self.image.size if self.capacity is None else self.capacity

    @property
    def passing_bytes(self):
        """Bytes that a push takes in passing: a sparse file stands beside the disk that is made of it."""
        return self.image.size if self.image.kind == "sparse" else 0

    @property
    def bytes_from_glance(self):
        """Bytes that are read from Glance: for each push, and once to be compared with what is cached."""
        return self.image.size * (sum(step.action in FROM_GLANCE for step in self.steps) + (self.content is not None))

    def writes(self):
        """Yields a :class:`Write` for each step that writes."""
        for step in self.steps:
            if step.action != "none":
                there = self.entries[step.moid]
                freed = there.bytes if there else 0
                if step.action in FROM_GLANCE:
                    yield Write(step.moid, self.pushed_bytes, self.passing_bytes, freed)
                else:
                    yield Write(step.moid, self.copied_bytes, 0, freed)
            for one in self.sized[step.moid]:
                if one.action != "none":
                    yield Write(step.moid, self.sized_bytes(one))

    def planned_bytes(self, step):
        """Bytes that a step sends to vSphere, or that vSphere copies, at the most: a flat image may leave its holes behind."""
        pushed = self.disk.size if self.image.kind == "ova" and self.disk else self.image.size
        return {"none": 0, "push": pushed, "pull": pushed, "copy": self.copied_bytes}[step.action]

    @staticmethod
    def sized_bytes(copy):
        """Bytes that a copy for linked clones takes at the most: see :attr:`copied_bytes`."""
        return 0 if copy.action == "none" else copy.root_gb * GIB


def plan_image(found, offloading, extras, options, content=None):
    """Plans what is to be done for one image.

    :arg found: a :class:`look.Found`. :arg offloading: that of the :class:`look.Seen`.
    :arg extras: :class:`job.Extras`. :arg options: :class:`job.Options`. :arg content: that of the :class:`Work`.
    :returns: a :class:`Work`.
    :raises ContentError: what would be written could not be read back.
    """
    targets = [
        Target(
            moid=moid,
            name=place.name,
            state=found.entries[moid].state if found.entries[moid] else audit.MISSING,
            free_bytes=place.datastore.free_bytes,
            hosts=place.hosts,
            offloading=offloading.get(moid, frozenset()),
        )
        for moid, place in found.places.items()
    ]
    others = {moid: Source(place.hosts, offloading.get(moid, frozenset())) for moid, place in found.elsewhere.items()}
    # Where the image is read here as well, once is enough.
    limits = options.limits if found.pull.known and not options.reads_back else replace(options.limits, pulls=1)
    steps = plan(targets, others, limits, found.pull.pulls)
    if options.reads_back:
        for step in steps:
            if step.action != "none":
                readback.refuse_unreadable(found.places[step.moid])
            if step.action == "copy":
                readback.refuse_unreadable({**found.elsewhere, **found.places}[step.source])
    sizes, too_small = [], []
    if found.image.linked_clone(extras.use_linked_clone):
        sizes, too_small = cache.linked_clone_sizes(extras.linked_clone_sizes, found.capacity or 0)
    sized = {step.moid: sized_copies(found.entries[step.moid], sizes, step) for step in steps}
    work = Work(**vars(found), steps=steps, sized=sized, too_small=too_small, set_min_disk=False, targets=targets, content=content)
    return replace(work, set_min_disk=work.min_disk_low and extras.update_min_disk)
