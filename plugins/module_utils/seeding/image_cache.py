# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules ``image_cache`` and ``image_cache_info``: from options to a result."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, removal, stage
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
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack.compute import flavor_disks
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import seed
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Limits
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.present import Extras, Present, lines
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi


def run(params, check_mode):
    """The module ``image_cache``.

    :arg params: its options.
    :returns: its result.
    :raises NovaVmwareError: bad input, before anything is changed; or a step that failed, after its stage was removed.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    requires("openstacksdk", connection.IMPORT_ERROR, "to read images from Glance")
    base = cache_folder(params)
    wishes = registry.wanted(params["hypervisors"])
    cloud = connection.connect(params["openstack"] or {})
    with connection.translate("read images from Glance"):
        glance = cloud.image
        if params["state"] == "absent":
            ids = [_id_of(glance, name) for name in params["images"]]
            work = _Absent(ids)
        else:
            images = [nova_image.from_document(glance_images.find(glance, name)) for name in params["images"]]
            _refuse_bad(images)
            sizes = set(params["linked_clone_sizes"]) | (flavor_disks(cloud, params["flavors"]) if params["flavors"] else set())
            extras = Extras(tuple(sizes), params["use_linked_clone"], params["update_min_disk"])
            work = Present(glance, list({image.id: image for image in images}.values()), extras, _options(params))
        with registry.login(params, wishes) as session:
            places = locations(registry.read(session, wishes), base)
            found = stage.leftovers(session, list(places.values()))
            if not check_mode:
                removal.clear(session, found)
            result = work.run(session, places, check_mode)
            result["changed"] = result["changed"] or bool(found)
            result["leftovers"] = [leftover.path for leftover in found]
            result["warnings"] = [*result.get("warnings", ()), *session.warnings]
            return result


def info(params, _check_mode):
    """The module ``image_cache_info``."""
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    base = cache_folder(params)
    wishes = registry.wanted(params["hypervisors"])
    with registry.login(params, wishes) as session:
        places = list(locations(registry.read(session, wishes), base).values())
        return {
            "changed": False,
            "warnings": session.warnings,
            "cache_folder": base,
            "datastores": [
                {
                    "name": place.name,
                    "moid": place.datastore.moid,
                    "type": place.datastore.type,
                    "hypervisors": list(place.hypervisors),
                    "capacity_bytes": place.datastore.capacity_bytes,
                    "free_bytes": place.datastore.free_bytes,
                    "path": place.base_path,
                    "entries": [entry.describe(ageing(params)) for entry in entries],
                }
                for place, entries in zip(places, audit_all(session, places, opened=audit.EVERY_DISK))
            ],
        }


def _options(params):
    """Gives the :class:`seed.Options` of the module's.

    :raises NovaVmwareError: ``LIMIT_INVALID``.
    """
    for name in ("copies_per_datastore", "copies_per_host", "bandwidth_limit"):
        if params[name] is not None and params[name] < 1:
            raise NovaVmwareError("LIMIT_INVALID", f"{name} is {params[name]}, with which nothing would move.", "Give 1 or more, or leave it out.")
    names = ("upload_through", "host_trust", "encoding", "transfer_timeout", "verify")
    return seed.Options(
        limits=Limits(params["copies_per_datastore"], params["copies_per_host"]),
        bytes_per_second=params["bandwidth_limit"] and params["bandwidth_limit"] << 20,
        **{name: params[name] for name in names if params.get(name) is not None},
    )


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
        todo = [(place, answer["id"]) for answer in answers for place, row in zip(everywhere, answer["datastores"]) if row["action"] == "remove"]
        # All are checked before any is touched, in check mode as well: the same answer as the real run.
        removal.refuse_used(session, todo)
        if not check_mode:
            back = removal.remove(session, todo, stage.this_run())
            if back:
                raise removal.in_use(back)
        return {"changed": bool(todo), "images": answers, "diff": {"before": lines(before), "after": lines(after)}}
