# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a run: its plan, and how the steps went."""

from __future__ import annotations

import json

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit


class Report:
    """The module's result while it grows: at first the plan, then how each step went. Steps of two threads report here.

    ``failures`` are the errors of images that could not be put everywhere.

    :arg works: list of :class:`work.Work`. :arg rooms: list of :class:`plan.Room`. :arg places: the datastores that were chosen, ``{moid: Location}``.
    """

    def __init__(self, works, rooms, places):
        self.failures = []
        self._warnings = [text for work in works for text in work.warnings]
        self._made = []  # (image, Location, whether its disk is thin)
        self._images = {work.image.id: _describe(work) for work in works}
        self._rows = {work.image.id: dict(zip((step.moid for step in work.steps), self._images[work.image.id]["datastores"])) for work in works}
        self._plan = {
            "changed": any(work.changes for work in works),
            "datastores": [
                {
                    "name": one.name,
                    "moid": one.moid,
                    "hypervisors": list(places[one.moid].hypervisors),
                    "free_bytes": one.free,
                    "needed_bytes": one.needed,
                    "free_bytes_after": one.free_after,
                }
                for one in rooms
            ],
            "totals": _totals(works, len(places)),
            "diff": _diff(works),
        }

    @property
    def images(self):
        """The answer for each image, as it is by now."""
        return list(self._images.values())

    @property
    def result(self):
        """The module's result, as it is by now."""
        return {**self._plan, "images": self.images, "warnings": self._warnings + other_types(self._made)}

    def done(self, image, place, done):
        """Notes a step that went well.

        :arg place: the :class:`locations.Location` that has the image now. :arg done: a :class:`job.Done`.
        """
        row = self._rows[image.id][place.datastore.moid]
        row["action"] = done.action
        row["via"] = done.via
        row["encoding"] = done.encoding
        row["seconds"] = round(done.seconds, 3)
        row["bytes"] = done.bytes
        row["bytes_per_second"] = round(done.bytes / done.seconds) if done.seconds else None
        self._made.append((image, place, done.thin))
        if done.warning:
            self._warnings.append(done.warning)

    def has_made(self, image):
        """Says whether any step of an image went well."""
        return any(made.id == image.id for made, _place, _thin in self._made)

    def replanned(self, work):
        """Notes the steps of an image whose plan is another one now."""
        for step in work.steps:
            source = step.source and work.places[step.source].name
            self._rows[work.image.id][step.moid].update(action=step.action, source=source, round=step.round, planned_bytes=work.planned_bytes(step))

    def reads_glance(self, image):
        """Notes that an image is read from Glance after all."""
        self._images[image.id]["bytes_from_glance"] += image.size


def other_types(made):
    """Returns a warning where disks are thick that should be thin, as a list of one text at the most. (On NFS the opposite is usual, and costs nothing.)

    :arg made: list of ``(nova_image.Image, locations.Location, whether its disk is thin or None)``.
    """
    thick = [(image.name, place.name) for image, place, thin in made if thin is False and image.cached_type == "thin"]
    if not thick:
        return []
    images, places = (", ".join(sorted(set(names))) for names in zip(*thick))
    return [f"vSphere made thick disks of the thin images {images} on {places}: they take all of their size there. It takes no disk type for copies."]


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
                "source": step.source and work.everywhere[step.source].name,
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
        "bytes_from_glance": work.bytes_from_glance,
        "not_pulled": work.pull.reason or None,
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
        "pulls": count("action", "pull"),
        "copies": count("action", "copy"),
        "sized_copies": len(sized_ones),
        "rounds": max((step.round for _work, step in steps), default=0),
        "bytes_from_glance": sum(work.bytes_from_glance for work in works),
        "bytes_to_vsphere": planned("push"),
        "bytes_pulled": planned("pull"),
        "bytes_copied": planned("copy") + sum(work.sized_bytes(one) for work, one in sized_ones),
    }


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
    """Returns a dict as text for Ansible's diff."""
    return json.dumps(tree, indent=2, sort_keys=True) + "\n"
