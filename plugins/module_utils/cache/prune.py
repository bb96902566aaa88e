# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``image_cache_prune``: which cached images nobody needs any more, from evidence, never from a guess."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import removal, stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import (
    ageing,
    audit_all,
    cache_folder,
    locations,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi


@dataclass(frozen=True)
class Verdict:
    """What is to become of an entry: ``verdict`` is ``keep`` or ``remove``, ``reason`` a code, ``evidence`` a sentence."""

    verdict: str
    reason: str
    evidence: str


def judge(entry, in_glance, wanted, use, age, minimum_age):
    """Decides on one entry of a cache. Pure.

    :arg entry: an :class:`audit.Entry`.
    :arg in_glance: whether Glance has the image.
    :arg wanted: ids of the images to keep, or None: all that Glance has.
    :arg use: the :class:`removal.Use` of the image.
    :arg age: seconds since its youngest file was written, or None where that is not known.
    :arg minimum_age: seconds.
    :returns: a :class:`Verdict`.
    """
    if not is_image(entry):
        return Verdict("keep", "NOT_RECOGNISED", "; ".join(entry.reasons) if not entry.is_image else _foreign(entry))
    if wanted is not None and entry.name in wanted:
        return Verdict("keep", "WANTED", "It is one of the images to keep.")
    if wanted is None and in_glance:
        return Verdict("keep", "IN_GLANCE", "Glance has the image.")
    if use.vms:
        name, file = use.vms[0]
        others = f", as do {len(use.names) - 1} other virtual machines" if len(use.names) > 1 else ""
        return Verdict("keep", "IN_USE", f"The virtual machine {name} uses {file}{others}.")
    if use.unknown:
        return Verdict("keep", "USE_UNKNOWN", f"Whether it is in use can't be told: {use.unknown}. {use.hint}")
    if use.unreadable:
        return Verdict("keep", "USE_UNKNOWN", f"vCenter can't tell which disks the virtual machine {use.unreadable[0]} on this datastore uses.")
    if age is None:
        return Verdict("keep", "AGE_UNKNOWN", "vCenter does not tell when it was written.")
    if age < minimum_age:
        return Verdict("keep", "TOO_YOUNG", f"It was written {int(age)} seconds ago, and the minimum age is {minimum_age}.")
    if not in_glance:
        return Verdict("remove", "DELETED_IN_GLANCE", f"Glance answered 404 for the image; it was written {int(age)} seconds ago and nobody uses it.")
    return Verdict("remove", "NOT_WANTED", f"It is none of the images to keep; it was written {int(age)} seconds ago and nobody uses it.")


def is_image(entry):
    """Says whether an entry is the folder of an image with nothing in it but what Nova and this collection put there."""
    return entry.is_image and glance_images.is_id(entry.name) and not entry.foreign


def run(params, check_mode):
    """The module ``image_cache_prune``.

    :raises NovaVmwareError: bad input, Glance can't be asked or does not show all; nothing is changed then.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    requires("openstacksdk", connection.IMPORT_ERROR, "to ask Glance for images")
    base = cache_folder(params)
    wishes = registry.wanted(params["hypervisors"])
    cloud = connection.connect(params["openstack"] or {})
    project_id, roles = connection.account(cloud)
    with connection.translate("ask Glance for images"):
        glance = cloud.image
        proof = glance_images.refuse_limited_view(glance, project_id, roles)
        wanted = _wanted(glance, params["keep"])
        with registry.login(params, wishes) as session:
            places = list(locations(registry.read(session, wishes), base).values())
            left = stage.leftovers(session, places)
            found = [list(entries.values()) for entries in audit_all(session, places)]
            # Glance is asked after the caches were listed: an image that is uploaded and cached meanwhile is not taken for a deleted one.
            in_glance = _ask(glance, {entry.name for entries in found for entry in entries if is_image(entry)})
            uses = removal.Uses(session, places)
            rows, todo = _judge_all(params, places, found, in_glance, wanted, uses, session.now())
            if not check_mode:
                removal.clear(session, left)
                _remove(session, todo)
    gone = [row for row in rows if row["verdict"] == "remove"]
    return {
        "changed": bool(gone or left),
        "glance_view": proof,
        "entries": rows,
        "bytes": sum(row["bytes"] for row in gone),
        "leftovers": [leftover.path for leftover in left],
        "warnings": session.warnings,
        "diff": _diff(rows),
    }


def _wanted(glance, keep):
    """Returns the ids of the images to keep, or None. A name that Glance does not know is an error: it may be a typing error."""
    if keep is None:
        return None
    if not keep:
        raise NovaVmwareError(
            "NOTHING_TO_KEEP",
            "The list of images to keep is empty: every image that no virtual machine uses would be removed.",
            "Leave keep out to remove only what was deleted in Glance.",
        )
    return frozenset(glance_images.find(glance, name)["id"] for name in keep)


def _ask(glance, ids):
    """Returns ``{image id: whether Glance has it}``."""
    answers = {image_id: glance_images.exists(glance, image_id) for image_id in sorted(ids)}
    if answers and not any(answers.values()):
        raise NovaVmwareError(
            "GLANCE_KNOWS_NONE",
            f"This Glance has none of the {len(answers)} images in the caches: it may be the Glance of another cloud or region.",
            "Check the option openstack. If all of them were really deleted, remove them by their ids with image_cache and state absent.",
            {"images": sorted(answers)},
        )
    return answers


def _judge_all(params, places, found, in_glance, wanted, uses, now):
    """Returns the rows of the result and ``[(location, image id, row)]`` of what is to be removed."""
    rows, todo = [], []
    for place, entries in zip(places, found):
        for entry in entries:
            use = uses.of(place, entry.name)
            age = None if entry.modified is None else max(0.0, (now - entry.modified).total_seconds())
            verdict = judge(entry, in_glance.get(entry.name, False), wanted, use, age, params["minimum_age"])
            rows.append(
                {
                    "datastore": place.name,
                    "image_id": entry.name if is_image(entry) else None,
                    "path": entry.path,
                    "state": entry.state,
                    "verdict": verdict.verdict,
                    "reason": verdict.reason,
                    "evidence": verdict.evidence,
                    "virtual_machines": use.names if use.vms else [],
                    "bytes": entry.bytes,
                    "age_seconds": None if age is None else int(age),
                    "age_marker": entry.age_marker and entry.age_marker.isoformat(),
                    "ageing_deletes_at": entry.ageing_deletes_at(ageing(params)),
                }
            )
            if verdict.verdict == "remove":
                todo.append((place, entry.name, rows[-1]))
    return rows, todo


def _remove(session, todo):
    """Removes what was judged so. What came into use meanwhile stays, and its row says so."""
    by_path = {row["path"]: row for _place, _image_id, row in todo}
    for use in removal.remove(session, [(place, image_id) for place, image_id, _row in todo], stage.this_run()):
        by_path[use.path].update(
            verdict="keep", reason="IN_USE", evidence="A virtual machine came to use it while it was about to be removed.", virtual_machines=use.names
        )


def _foreign(entry):
    return f"Its folder has what no Nova puts there: {', '.join(entry.foreign[:5])}." if entry.foreign else f"{entry.name} is not the id of an image."


def _diff(rows):
    before = [f"{row['path']}\n" for row in rows]
    return {"before": "".join(before), "after": "".join(f"{row['path']}\n" for row in rows if row["verdict"] == "keep")}
