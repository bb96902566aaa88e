# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules ``image_cache`` and ``image_cache_info``: from options to a result."""

from __future__ import annotations

from dataclasses import dataclass

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
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.absent import Absent
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.carry_out import carry_out
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Extras, Job, Options, from_params
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import look, look_at
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import refuse_full, rooms
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.recheck import recheck, remove_differing
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.report import Report
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import plan_image
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
        state = {"present": Present, "absent": Absent}[params["state"]].of(cloud, params)
        with registry.login(params, wishes) as session:
            places = locations(registry.read(session, wishes), base)
            found = stage.leftovers(session, list(places.values()))
            if not check_mode:
                removal.clear(session, found)
            result = state.run(session, places, check_mode)
            result["changed"] = result["changed"] or bool(found)
            result["leftovers"] = [leftover.path for leftover in found]
            result["warnings"] = [*result.get("warnings", ()), *session.warnings]
            return result


@dataclass(frozen=True)
class Present:
    """``state=present``: what is wanted.

    ``cloud`` is an openstacksdk connection, ``images`` a list of :class:`nova_image.Image` that Nova could boot.
    """

    cloud: object
    images: list
    extras: Extras
    options: Options

    @classmethod
    def of(cls, cloud, params):
        """Reads the images, and the disks of the flavors, that the module's options name.

        :arg cloud: an openstacksdk connection.
        :raises NovaVmwareError: there is no such image, or Nova could not boot it; or ``LIMIT_INVALID``.
        """
        glance = cloud.image
        images = [nova_image.from_document(glance_images.find(glance, name)) for name in params["images"]]
        _refuse_bad(images)
        sizes = set(params["linked_clone_sizes"]) | (flavor_disks(cloud, params["flavors"]) if params["flavors"] else set())
        extras = Extras(tuple(sizes), params["use_linked_clone"], params["update_min_disk"])
        return cls(cloud, list({image.id: image for image in images}.values()), extras, from_params(params))

    def run(self, session, places, check_mode):
        """Looks at all caches, plans all images together, and carries the plan out.

        :arg places: the datastores of the hypervisors, as :func:`locations.locations` gives them.
        :returns: the module's result.
        :raises NovaVmwareError: the plan was refused, before a byte moved; or steps failed, after all others were done.
        """
        job = Job.begin(session, self.cloud, self.options)
        seen = look(session, self.images, places, self.options)
        found = [look_at(seen, image, chosen, job.glance, self.options) for image, chosen in seen.wanted]
        compared = [recheck(job, one) if self.options.verify == "cached" else (one, None) for one in found]
        works = [plan_image(one, seen.offloading, self.extras, self.options, content) for one, content in compared]
        room = rooms(
            {moid: (place.name, place.datastore.free_bytes) for moid, place in places.items()},
            [write for work in works for write in work.writes()],
        )
        refuse_full(room)
        report = Report(works, room, places)
        if not check_mode:
            remove_differing(job, works)
            carry_out(job, works, report)
        return report.result


def _refuse_bad(images):
    """Refuses images that Nova could not boot, all at once."""
    found = [refusal for image in images for refusal in nova_image.refusals(image)]
    if found:
        raise NovaVmwareError(
            found[0].code,
            " ".join(dict.fromkeys(refusal.what for refusal in found)),
            " ".join(dict.fromkeys(refusal.hint for refusal in found)),
            {"refusals": [{"code": refusal.code, "what": refusal.what, "hint": refusal.hint} for refusal in found]},
        )


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
                    "entries": [entry.describe(ageing(params)) for entry in entries.values()],
                }
                for place, entries in zip(places, audit_all(session, places, opened=audit.EVERY_DISK))
            ],
        }
