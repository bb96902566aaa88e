# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``state=present`` of the module ``image_cache``: looks at all caches, plans all images together, carries the plan out."""

from __future__ import annotations

import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, readback, stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import audit_all, locations
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import ova, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import datastore as rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import seed, sized
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import (
    Source,
    Target,
    Write,
    groups,
    plan,
    refuse_full,
    rooms,
    sized_copies,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault

GIB = 1 << 30


@dataclass(frozen=True)
class Extras:
    """What is wanted besides the images: the module's options of the same names. ``linked_clone_sizes`` are GiB."""

    linked_clone_sizes: tuple = ()
    use_linked_clone: bool = True
    update_min_disk: bool = False


@dataclass(frozen=True)
class Work:
    """What is to be done for one image. ``disk`` is None where Glance need not be read, ``capacity`` is in bytes.

    ``places`` are the datastores that must hold the image, ``targets`` what :func:`plan` was told of them, ``elsewhere`` others that hold it,
    ``entries`` what each of ``places`` holds of it, all but ``targets`` by managed object id; so is ``sized``, a tuple of :class:`SizedCopy` for each of ``places``. ``too_small`` are GiB that were wanted and
    can't hold the image. ``set_min_disk`` says that Glance is told :attr:`min_disk`.
    """

    image: nova_image.Image
    source: glance_images.Blocks
    places: dict
    elsewhere: dict
    entries: dict
    disk: object
    capacity: int | None
    steps: list
    sized: dict
    too_small: list
    set_min_disk: bool
    targets: list = field(default_factory=list)

    @property
    def changes(self):
        """Says whether anything is to be done."""
        actions = [step.action for step in self.steps] + [one.action for copies in self.sized.values() for one in copies]
        return self.set_min_disk or any(action != "none" for action in actions)

    @property
    def min_disk(self):
        """GiB that a root disk must have to hold the image, or None for an iso and where the disk's size is not known."""
        return None if self.image.kind == "iso" or self.capacity is None else -(-self.capacity // GIB)

    @property
    def min_disk_low(self):
        """Says that Nova would take a flavor whose disk can't hold the image."""
        return self.min_disk is not None and self.image.smallest_root_gb < self.min_disk

    def from_glance(self, rows, limits):
        """Gives the work anew without the datastores elsewhere: a push comes first.

        :arg rows: the module's answer for each datastore, by managed object id: it gets the new steps. :arg limits: :class:`Limits`.
        :raises NovaVmwareError: the image can't be read, or is not what it says.
        """
        steps = plan(self.targets, limits=limits)
        for step in steps:
            source = step.source and self.places[step.source].name
            rows[step.moid].update(action=step.action, source=source, round=step.round, planned_bytes=self.planned_bytes(step))
        return replace(self, elsewhere={}, steps=steps, disk=self.disk or _inspect(self.image, self.source), set_min_disk=False)

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

    def writes(self):
        """Yields a :class:`Write` for each step that writes."""
        for step in self.steps:
            if step.action != "none":
                there = self.entries[step.moid]
                freed = there.bytes if there else 0
                if step.action == "push":
                    yield Write(step.moid, self.pushed_bytes, self.passing_bytes, freed)
                else:
                    yield Write(step.moid, self.copied_bytes, 0, freed)
            for one in self.sized[step.moid]:
                if one.action != "none":
                    yield Write(step.moid, self.sized_bytes(one))

    def planned_bytes(self, step):
        """Bytes that a step sends to vSphere, or that vSphere copies, at the most: a flat image may leave its holes behind."""
        pushed = self.disk.size if self.image.kind == "ova" and self.disk else self.image.size
        return {"none": 0, "push": pushed, "copy": self.copied_bytes}[step.action]

    @staticmethod
    def sized_bytes(copy):
        """Bytes that a copy for linked clones takes at the most: see :attr:`copied_bytes`."""
        return 0 if copy.action == "none" else copy.root_gb * GIB


class Present:
    """The images of one call.

    :arg glance: the image adapter of an openstacksdk connection.
    :arg images: list of :class:`nova_image.Image` that Nova could boot.
    :arg extras: :class:`Extras`. :arg options: :class:`seed.Options`.
    """

    def __init__(self, glance, images, extras=Extras(), options=seed.Options()):
        self._glance = glance
        self._images = images
        self._extras = extras
        self._options = options

    def run(self, session, places, check_mode):
        """Gives the module's result.

        :arg places: the datastores of the clusters, as :func:`locations.locations` gives them.
        :raises NovaVmwareError: the plan was refused, before a byte moved; or steps failed, after all others were done.
        """
        # Each image may go to other datastores: vsan takes streamOptimized only.
        wanted = [(image, self._datastores_for(image, places)) for image in self._images]
        capacities = {image.id: image.size for image in self._images if image.kind in ("flat", "iso")}
        audits = audit_all(session, list(places.values()), capacities, self._disks)
        found = {moid: {entry.name: entry for entry in entries} for moid, entries in zip(places, audits)}
        elsewhere = self._elsewhere(session, wanted, places, found)
        offloading = self._offloading(session, wanted, found, {**elsewhere, **places})
        works = [self._plan(image, chosen, found, elsewhere, offloading) for image, chosen in wanted]
        datastores = {moid: (place.name, place.datastore.free_bytes) for moid, place in places.items()}
        room = rooms(datastores, [write for work in works for write in work.writes()])
        refuse_full(room)
        result = {
            "changed": any(work.changes for work in works),
            "images": [_describe(work) for work in works],
            "datastores": [
                {
                    "name": one.name,
                    "moid": one.moid,
                    "hypervisors": list(places[one.moid].hypervisors),
                    "free_bytes": one.free,
                    "needed_bytes": one.needed,
                    "free_bytes_after": one.free_after,
                }
                for one in room
            ],
            "totals": _totals(works, len(places)),
            "warnings": [text for work in works for text in work.warnings],
            "diff": _diff(works),
        }
        if not check_mode:
            result["warnings"] += _carry_out(session, self._glance, works, result["images"], self._options)
        return result

    @staticmethod
    def _datastores_for(image, places):
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

    @property
    def _disks(self):
        """Names of the disks that are looked at: only these need be opened."""
        return cache.disk_names(image.id for image in self._images)

    def _elsewhere(self, session, wanted, places, found):
        """Looks for images that no target holds on the other datastores of the vCenter; only then is it worth the requests.

        :returns: ``{moid: Location}``; what is in their caches is added to ``found``.
        """
        if all(any(_is_whole(found[moid].get(image.id)) for moid in chosen) for image, chosen in wanted):
            return {}
        base = next(iter(places.values())).base
        try:
            everywhere = locations(registry.read(session, [], tell=False), base)
        except VSphereFault as fault:
            session.warnings.append(f"No datastore of other clusters was looked at for copies: {fault.what}")
            return {}
        storages = {place.datastore.storage for place in places.values()}
        others = {moid: place for moid, place in everywhere.items() if place.datastore.storage not in storages}
        # They are possible sources, no more: what can't be read there is read from Glance. An account of Nova need not see them.
        for moid, entries in zip(list(others), audit_all(session, list(others.values()), opened=self._disks, tolerant=True)):
            if isinstance(entries, VSphereFault):
                session.warnings.append(f"{others.pop(moid).name} was not looked at for copies: {entries.what}")
            else:
                found[moid] = {entry.name: entry for entry in entries}
        return others

    @staticmethod
    def _offloading(session, wanted, found, everywhere):
        """Gives ``{moid: names of hosts for which its storage copies by itself}``. It is worth a request only where something is to be copied."""
        if len(everywhere) < 2 or not any(_is_to_do(found[moid].get(image.id)) for image, chosen in wanted for moid in chosen):
            return {}
        try:
            supported = inventory.offloads(session, sorted({moid for place in everywhere.values() for moid, _path in place.mounts.values()}))
        except VSphereFault:
            return {}  # then no storage is known to
        return {moid: frozenset(name for name, mount in place.mounts.items() if mount in supported) for moid, place in everywhere.items()}

    def _plan(self, image, places, found, elsewhere, offloading):
        """Gives the :class:`Work`. The image's content is read only where something is to be done and no whole copy tells its size."""
        entries = {moid: found[moid].get(image.id) for moid in places}
        sources = {moid: place for moid, place in elsewhere.items() if _is_whole(found[moid].get(image.id))}
        whole = [entry for entry in entries.values() if _is_whole(entry)]
        known = whole + [found[moid][image.id] for moid in sources]
        source = glance_images.Blocks(self._glance, image.id, image.size)
        disk, capacity = None, next((entry.capacity_bytes for entry in known if entry.capacity_bytes is not None), None)
        if any(_is_to_do(entry) for entry in entries.values()) and capacity is None:
            disk = _inspect(image, source)
            capacity = disk.capacity_bytes
        targets = [
            Target(
                moid=moid,
                name=place.name,
                state=entries[moid].state if entries[moid] else audit.MISSING,
                free_bytes=place.datastore.free_bytes,
                hosts=place.hosts,
                offloading=offloading.get(moid, frozenset()),
            )
            for moid, place in places.items()
        ]
        others = {moid: Source(place.hosts, offloading.get(moid, frozenset())) for moid, place in sources.items()}
        steps = plan(targets, others, self._options.limits)
        if self._options.verify == "content":
            for step in steps:
                if step.action != "none":
                    readback.refuse_unreadable(places[step.moid])
                if step.action == "copy":
                    readback.refuse_unreadable({**sources, **places}[step.source])
        sizes, too_small = [], []
        if image.linked_clone(self._extras.use_linked_clone):
            sizes, too_small = cache.linked_clone_sizes(self._extras.linked_clone_sizes, capacity or 0)
        sized = {
            step.moid: () if step.state == audit.UNKNOWN else sized_copies(entries[step.moid].sized if entries[step.moid] else (), sizes, step.action != "none")
            for step in steps
        }
        work = Work(image, source, places, sources, entries, disk, capacity, steps, sized, too_small, False, targets)
        return replace(work, set_min_disk=work.min_disk_low and self._extras.update_min_disk)


def _carry_out(session, glance, works, answers, options):
    """Does the steps of all images and notes in the rows of the answers how they went. Gives warnings.

    The copies of an image run in a thread of their own while the next image is pushed: a push is bound by the network, a copy by
    the datastores. An image that fails does not stop the others.

    :raises NovaVmwareError: the error of the one image that failed; ``SEED_INCOMPLETE`` where several did.
    """
    run_id = stage.this_run()
    failures = []
    warnings = []
    made = []  # (image, Location, whether the disk is thin)
    unserved = []  # (Work, rows): what other datastores hold, and could not be copied from there

    def fan_out(work, rows, cancelled, expected):
        own = []
        try:
            _copy(session, work, rows, run_id, cancelled, expected, options, own)
        except NovaVmwareError as error:
            if work.elsewhere and not own:
                session.warnings.append(f"The image {work.image.name} was read from Glance, since it could not be copied: {error.what}")
                unserved.append((work, rows))
            else:
                failures.append(error)
        made.extend(own)

    with _worker() as (worker, cancelled):

        def carry_out(todo):
            copying = []
            for work, rows in todo:
                expected = None
                try:
                    if work.set_min_disk:
                        glance_images.set_min_disk(glance, work.image.id, work.min_disk)
                    for step in work.steps:
                        if step.action == "push":
                            place = work.places[step.moid]
                            pushed = seed.push(session, work.source, work.image, work.disk, place, run_id, options)
                            _note_done(rows[step.moid], pushed)
                            made.append((work.image, place, pushed.thin))
                            expected = pushed.content
                            warnings.extend([pushed.warning] if pushed.warning else [])
                except NovaVmwareError as error:
                    failures.append(error)
                else:
                    copying.append(worker.submit(fan_out, work, rows, cancelled, expected))
            for future in copying:
                future.result()

        carry_out([(work, dict(zip((step.moid for step in work.steps), answer["datastores"]))) for work, answer in zip(works, answers)])
        again = []
        for work, rows in unserved:
            try:
                again.append((work.from_glance(rows, options.limits), rows))
            except NovaVmwareError as error:
                failures.append(error)
            else:
                next(answer for answer in answers if answer["id"] == work.image.id)["bytes_from_glance"] = work.image.size
        carry_out(again)
    if len(failures) == 1:
        failures[0].details["images"] = answers
        raise failures[0]
    if failures:
        raise NovaVmwareError(
            "SEED_INCOMPLETE",
            f"{len(failures)} of {len(works)} images are not everywhere: " + " ".join(error.what for error in failures),
            "The others are. Run this again after mending the cause: only what is missing is done again.",
            {"failures": [error.to_result() for error in failures], "images": answers},
        )
    return warnings + other_types(made)


def other_types(made):
    """Gives a warning where disks are thick that should be thin, as a list of one text at the most. (On NFS the opposite is usual, and costs nothing.)

    :arg made: list of ``(nova_image.Image, locations.Location, whether its disk is thin or None)``.
    """
    thick = [(image.name, place.name) for image, place, thin in made if thin is False and image.cached_type == "thin"]
    if not thick:
        return []
    images, places = (", ".join(sorted(set(names))) for names in zip(*thick))
    return [f"vSphere made thick disks of the thin images {images} on {places}: they take all of their size there. It takes no disk type for copies."]


@contextlib.contextmanager
def _worker():
    """Gives ``(executor with one thread, function that says whether it must stop)``; at the end its work is done.

    When the main thread is cancelled, the thread stops at its next look, and what it staged is removed as well.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as executor:
        try:
            yield executor, stop.is_set
        except BaseException:
            stop.set()
            raise


def _copy(session, work, rows, run_id, cancelled, expected, options, made):
    """Copies one image to where it is missing, round after round.

    :arg expected: the :class:`content.Content` of what was pushed, or None. Where copies are to be compared and nothing was pushed, the first
        source is read back.
    :arg made: a list, which gets ``(image, location, whether the disk is thin)`` of each copy that was made.

    :raises NovaVmwareError: ``SEED_INCOMPLETE``: some copies failed, or some copies for linked clones.
    """
    everywhere = {**work.elsewhere, **work.places}
    failures = {}
    for number in sorted({step.round for step in work.steps if step.action == "copy"}):
        batch = [step for step in work.steps if step.action == "copy" and step.round == number]
        failures.update({step.moid: failures[step.source] for step in batch if step.source in failures})
        pairs = [(everywhere[step.source], work.places[step.moid]) for step in batch if step.source not in failures]
        if not pairs:
            continue
        if options.verify == "content" and expected is None:
            expected = seed.content_of(session, work.image, work.capacity, pairs[0][0], options, cancelled)
        for target, outcome in seed.copy(session, work.image, work.capacity, pairs, run_id, cancelled, expected, options):
            if isinstance(outcome, NovaVmwareError):
                failures[target.datastore.moid] = outcome
            else:
                _note_done(rows[target.datastore.moid], outcome)
                made.append((work.image, target, outcome.thin))
    for root_gb in sorted({one.root_gb for copies in work.sized.values() for one in copies}):
        wanted = [moid for moid, copies in work.sized.items() if moid not in failures and (root_gb, "copy") in {(one.root_gb, one.action) for one in copies}]
        for places in groups([(work.places[moid], work.places[moid].hosts) for moid in wanted], options.limits):
            for target, error in sized.make(session, work.image, root_gb, work.capacity or 0, places, run_id, cancelled):
                if error is not None:
                    failures[target.datastore.moid] = error
    if failures:
        reasons = sorted((work.places[moid].name, error.what) for moid, error in failures.items())
        raise NovaVmwareError(
            "SEED_INCOMPLETE",
            f"The image {work.image.name} ({work.image.id}) is not complete on {len(failures)} of {len(work.steps)} datastores: "
            + " ".join(f"{name}: {reason}" for name, reason in reasons),
            "The others have it. Run this again after mending the cause: only these are done again.",
        )


def _inspect(image, source):
    """Looks into an image without reading it whole. Gives a :class:`vmdk.Disk`."""
    with vmdk.naming(image):
        if image.kind == "ova":
            return ova.inspect(image.size, source.range)
        return vmdk.inspect(image.kind, image.size, source.range)


def _is_to_do(entry):
    return entry is None or entry.state == audit.BROKEN


def _is_whole(entry):
    return entry is not None and entry.state == audit.COMPLETE


def _describe(work):
    image = work.image
    return {
        "id": image.id,
        "name": image.name,
        "kind": image.kind,
        "size": image.size,
        "os_hash_algo": image.os_hash_algo,
        "os_hash_value": image.os_hash_value,
        "datastores": [
            {
                "name": work.places[step.moid].name,
                "path": work.places[step.moid].image_path(image.id),
                "state": step.state,
                "reasons": list(work.entries[step.moid].reasons) if work.entries[step.moid] else [],
                "action": step.action,
                "source": step.source and {**work.elsewhere, **work.places}[step.source].name,
                "round": step.round,
                "planned_bytes": work.planned_bytes(step),
                "sized_copies": [{"root_gb": one.root_gb, "state": one.state, "action": one.action} for one in work.sized[step.moid]],
                "via": None,
                "encoding": None,
                "seconds": None,
                "bytes": None,
                "bytes_per_second": None,
            }
            for step in work.steps
        ],
        "bytes_from_glance": sum(image.size for step in work.steps if step.action == "push"),
        "min_disk": work.min_disk if work.set_min_disk else image.min_disk,
        "min_disk_needed": work.min_disk,
    }


def _totals(works, datastores):
    """Sums the plan up, so that a reader of many images and datastores, or of many vCenters, sees what a run does."""
    steps = [(work, step) for work in works for step in work.steps]
    sized_ones = [(work, one) for work in works for copies in work.sized.values() for one in copies if one.action != "none"]

    def count(name, value):
        return sum(getattr(step, name) == value for _work, step in steps)

    def planned(action):
        return sum(work.planned_bytes(step) for work, step in steps if step.action == action)

    return {
        "images": len(works),
        "datastores": datastores,
        "complete": count("state", audit.COMPLETE),
        "broken": count("state", audit.BROKEN),
        "missing": count("state", audit.MISSING),
        "unknown": count("state", audit.UNKNOWN),
        "pushes": count("action", "push"),
        "copies": count("action", "copy"),
        "sized_copies": len(sized_ones),
        "rounds": max((step.round for _work, step in steps), default=0),
        "bytes_from_glance": sum(work.image.size for work, step in steps if step.action == "push"),
        "bytes_to_vsphere": planned("push"),
        "bytes_copied": planned("copy") + sum(work.sized_bytes(one) for work, one in sized_ones),
    }


def _note_done(row, done):
    row["via"] = done.via
    row["encoding"] = done.encoding
    row["seconds"] = round(done.seconds, 3)
    row["bytes"] = done.bytes
    row["bytes_per_second"] = round(done.bytes / done.seconds) if done.seconds else None


def _diff(works):
    before, after = {}, {}
    for work in works:
        label = f"{work.image.id} ({work.image.name})"
        for step in work.steps:
            before.setdefault(work.places[step.moid].name, {})[label] = step.state
            after.setdefault(work.places[step.moid].name, {})[label] = audit.COMPLETE
            for one in work.sized[step.moid]:
                before[work.places[step.moid].name][f"{label}, {one.root_gb} GiB"] = one.state
                after[work.places[step.moid].name][f"{label}, {one.root_gb} GiB"] = audit.COMPLETE
        if work.set_min_disk:
            before.setdefault("min_disk", {})[label] = work.image.min_disk
            after.setdefault("min_disk", {})[label] = work.min_disk
    return {"before": lines(before), "after": lines(after)}


def lines(tree):
    """Gives a dict as text for Ansible's diff."""
    return json.dumps(tree, indent=2, sort_keys=True) + "\n"
