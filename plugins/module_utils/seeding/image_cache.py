# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules ``image_cache`` and ``image_cache_info``: from options to a result."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import vc
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import datastore as rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import audit, removal, seed, stage, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.locations import (
    audit_all,
    cache_folder,
    locations,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Target, plan
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import from_params


def run(params, check_mode):
    """The module ``image_cache``.

    :arg params: its options.
    :returns: its result.
    :raises NovaVmwareError: bad input, before anything is changed; or a step that failed, after its stage was removed.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    requires("openstacksdk", connection.IMPORT_ERROR, "to read images from Glance")
    base = cache_folder(params)
    wishes = vc.wanted(params["clusters"])
    cloud = connection.connect(params["openstack"] or {})
    with connection.translate("read images from Glance"):
        glance = cloud.image
        if params["state"] == "absent":
            ids = [_id_of(glance, name) for name in params["images"]]
            work = _Absent(ids)
        else:
            images = [nova_image.from_document(glance_images.find(glance, name)) for name in params["images"]]
            _refuse_bad(images)
            work = _Present(glance, list({image.id: image for image in images}.values()))
        with from_params(params) as session:
            places = locations(vc.hypervisors(session, wishes), base)
            found = stage.leftovers(session, list(places.values()))
            if not check_mode:
                stage.remove(session, found)
            result = work.run(session, places, check_mode)
            result["changed"] = result["changed"] or bool(found)
            result["leftovers"] = [leftover.path for leftover in found]
            return result


def info(params, _check_mode):
    """The module ``image_cache_info``."""
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    base = cache_folder(params)
    wishes = vc.wanted(params["clusters"])
    with from_params(params) as session:
        places = list(locations(vc.hypervisors(session, wishes), base).values())
        return {
            "changed": False,
            "cache_folder": base,
            "datastores": [
                {
                    "name": place.name,
                    "moid": place.datastore.moid,
                    "type": place.datastore.type,
                    "clusters": list(place.clusters),
                    "capacity_bytes": place.datastore.capacity_bytes,
                    "free_bytes": place.datastore.free_bytes,
                    "path": place.base_path,
                    "entries": [entry.describe() for entry in entries],
                }
                for place, entries in zip(places, audit_all(session, places))
            ],
        }


def _id_of(glance, name):
    """An image that Glance has deleted may still be in a cache: then its id is all there is."""
    return name if glance_images.is_id(name) else glance_images.find(glance, name)["id"]


def _refuse_bad(images):
    found = [refusal for image in images for refusal in nova_image.refusals(image)]
    if found:
        raise NovaVmwareError(
            found[0].code,
            " ".join(dict.fromkeys(refusal.what for refusal in found)),
            " ".join(dict.fromkeys(refusal.hint for refusal in found)),
            {"refusals": [{"code": refusal.code, "what": refusal.what, "hint": refusal.hint} for refusal in found]},
        )


@dataclass(frozen=True)
class _Work:
    """What is to be done for one image. ``disk`` is None where Glance need not be read, ``capacity`` is in bytes.

    ``places`` are the datastores that must hold the image, ``elsewhere`` others that do, both by managed object id.
    """

    image: nova_image.Image
    places: dict
    elsewhere: dict
    disk: object
    capacity: int | None
    steps: list


class _Present:
    def __init__(self, glance, images):
        self._glance = glance
        self._images = images

    def run(self, session, places, check_mode):
        # Each image may go to other datastores: vsan takes streamOptimized only.
        wanted = [(image, self._datastores_for(image, places)) for image in self._images]
        capacities = {image.id: image.size for image in self._images if image.kind in ("flat", "iso")}
        audits = audit_all(session, list(places.values()), capacities)
        found = {moid: {entry.name: entry for entry in entries} for moid, entries in zip(places, audits)}
        elsewhere = self._elsewhere(session, wanted, places, found)
        todo = [self._plan(image, chosen, found, elsewhere) for image, chosen in wanted]
        result = {
            "changed": any(step.action != "none" for work in todo for step in work.steps),
            "images": [_describe(work) for work in todo],
            "diff": _diff(todo),
        }
        if not check_mode:
            for work, answer in zip(todo, result["images"]):
                self._carry_out(session, work, answer["datastores"])
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

    @staticmethod
    def _elsewhere(session, wanted, places, found):
        """Looks for images that no target holds on the other datastores of the vCenter; only then is it worth the requests.

        :returns: ``{moid: Location}``; what is in their caches is added to ``found``.
        """
        if all(any(_is_whole(found[moid].get(image.id)) for moid in chosen) for image, chosen in wanted):
            return {}
        base = next(iter(places.values())).base
        others = {
            moid: place for moid, place in locations(vc.hypervisors(session, []), base).items() if moid not in places
        }
        for moid, entries in zip(others, audit_all(session, list(others.values()))):
            found[moid] = {entry.name: entry for entry in entries}
        return others

    def _plan(self, image, places, found, elsewhere):
        """Gives the :class:`_Work`. The image's content is read only where something is to be done and no whole copy tells its size."""
        states = {moid: found[moid].get(image.id) for moid in places}
        sources = {moid: place for moid, place in elsewhere.items() if _is_whole(found[moid].get(image.id))}
        whole = [entry for entry in states.values() if _is_whole(entry)]
        known = whole + [found[moid][image.id] for moid in sources]
        disk, capacity = None, next((entry.capacity_bytes for entry in known if entry.capacity_bytes is not None), None)
        if len(whole) < len(places) and capacity is None:
            disk = vmdk.inspect(
                image.kind, image.size, lambda offset, length: glance_images.read_range(self._glance, image.id, offset, length)
            )
            capacity = disk.capacity_bytes
        targets = [
            Target(
                moid=moid,
                name=place.name,
                state=states[moid].state if states[moid] else audit.MISSING,
                free_bytes=place.datastore.free_bytes,
                hosts=len(place.hosts),
            )
            for moid, place in places.items()
        ]
        steps = plan(targets, image.size, _room(image, capacity), sources)
        return _Work(image, places, sources, disk, capacity, steps)

    def _carry_out(self, session, work, answer):
        """Does the steps and notes in the rows of the answer how they went.

        :raises NovaVmwareError: the push failed, or ``SEED_INCOMPLETE``: some copies did.
        """
        rows = dict(zip((step.moid for step in work.steps), answer))
        run_id = stage.this_run()
        for step in work.steps:
            if step.action == "push":
                _note_done(rows[step.moid], seed.push(session, self._glance, work.image, work.disk, work.places[step.moid], run_id))
        everywhere = {**work.elsewhere, **work.places}
        failures = {}
        for number in sorted({step.round for step in work.steps if step.action == "copy"}):
            batch = [step for step in work.steps if step.action == "copy" and step.round == number]
            failures.update({step.moid: failures[step.source] for step in batch if step.source in failures})
            pairs = [(everywhere[step.source], work.places[step.moid]) for step in batch if step.source not in failures]
            for target, outcome in seed.copy(session, work.image, work.capacity, pairs, run_id):
                if isinstance(outcome, NovaVmwareError):
                    failures[target.datastore.moid] = outcome
                else:
                    _note_done(rows[target.datastore.moid], outcome)
        if failures:
            reasons = sorted((work.places[moid].name, error.what) for moid, error in failures.items())
            raise NovaVmwareError(
                "SEED_INCOMPLETE",
                f"The image {work.image.name} ({work.image.id}) did not reach {len(failures)} of {len(work.steps)} datastores: "
                + " ".join(f"{name}: {reason}" for name, reason in reasons),
                "The others have it. Run this again after mending the cause: only these are done again.",
                {"datastores": answer},
            )


class _Absent:
    def __init__(self, ids):
        self._ids = list(dict.fromkeys(ids))

    def run(self, session, places, check_mode):
        everywhere = list(places.values())
        found = [{entry.name: entry for entry in entries} for entries in audit_all(session, everywhere)]
        answers, before, after = [], {}, {}
        for image_id in self._ids:
            rows = []
            for place, entries in zip(everywhere, found):
                entry = entries.get(image_id)
                rows.append(
                    {
                        "name": place.name,
                        "path": place.image_path(image_id),
                        "state": entry.state if entry else audit.MISSING,
                        "action": "remove" if entry else "none",
                        "bytes": entry.bytes if entry else 0,
                    }
                )
                before.setdefault(place.name, {})[image_id] = rows[-1]["state"]
                after.setdefault(place.name, {})[image_id] = audit.MISSING
            answers.append({"id": image_id, "datastores": rows})
        todo = [
            (place, answer["id"])
            for answer in answers
            for place, row in zip(everywhere, answer["datastores"])
            if row["action"] == "remove"
        ]
        # All are checked before any is touched, in check mode as well: the same answer as the real run.
        removal.refuse_used(session, todo)
        if not check_mode:
            back = removal.remove(session, todo, stage.this_run())
            if back:
                raise removal.in_use(back)
        return {"changed": bool(todo), "images": answers, "diff": {"before": _lines(before), "after": _lines(after)}}


def _is_whole(entry):
    return entry is not None and entry.state == audit.COMPLETE


def _room(image, capacity):
    """The bytes that a datastore must have free while the image is made there.

    A sparse file stands beside the disk that is made of it, which vSphere may make thick; of a streamOptimized one it makes a
    thin disk, which holds what the file holds, or more.

    :arg capacity: bytes that the guest sees, or None where nothing is to be made.
    """
    if image.kind == "sparse" and capacity is not None:
        return image.size + capacity
    return image.size


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
                "action": step.action,
                "source": step.source and {**work.elsewhere, **work.places}[step.source].name,
                "round": step.round,
                "via": None,
                "seconds": None,
                "bytes": None,
                "bytes_per_second": None,
            }
            for step in work.steps
        ],
        "bytes_from_glance": sum(image.size for step in work.steps if step.action == "push"),
    }


def _note_done(row, done):
    row["via"] = done.via
    row["seconds"] = round(done.seconds, 3)
    row["bytes"] = done.bytes
    row["bytes_per_second"] = round(done.bytes / done.seconds) if done.seconds else None


def _diff(todo):
    before, after = {}, {}
    for work in todo:
        label = f"{work.image.id} ({work.image.name})"
        for step in work.steps:
            before.setdefault(work.places[step.moid].name, {})[label] = step.state
            after.setdefault(work.places[step.moid].name, {})[label] = audit.COMPLETE
    return {"before": _lines(before), "after": _lines(after)}


def _lines(tree):
    return json.dumps(tree, indent=2, sort_keys=True) + "\n"
