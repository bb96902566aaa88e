# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``state=present`` of the module ``image_cache``."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack.compute import flavor_disks
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import options
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.carry_out import carry_out
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Job
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import look, look_at
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import refuse_full, rooms
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.report import Report
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import plan_image


@dataclass(frozen=True)
class Present:
    """What is wanted.

    ``glance`` is the image adapter of an openstacksdk connection, ``images`` a list of :class:`nova_image.Image` that Nova could boot.
    """

    glance: object
    images: list
    extras: options.Extras
    options: options.Options

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
        extras = options.Extras(tuple(sizes), params["use_linked_clone"], params["update_min_disk"])
        return cls(glance, list({image.id: image for image in images}.values()), extras, options.from_params(params))

    def run(self, session, places, check_mode):
        """Looks at all caches, plans all images together, and carries the plan out.

        :arg places: the datastores of the hypervisors, as :func:`locations.locations` gives them.
        :returns: the module's result.
        :raises NovaVmwareError: the plan was refused, before a byte moved; or steps failed, after all others were done.
        """
        seen = look(session, self.images, places)
        works = [plan_image(look_at(seen, image, chosen, self.glance), seen.offloading, self.extras, self.options) for image, chosen in seen.wanted]
        room = rooms(
            {moid: (place.name, place.datastore.free_bytes) for moid, place in places.items()},
            [write for work in works for write in work.writes()],
        )
        refuse_full(room)
        report = Report(works, room, places)
        if not check_mode:
            carry_out(Job.begin(session, self.glance, self.options), works, report)
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
