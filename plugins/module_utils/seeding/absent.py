# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``state=absent`` of the module ``image_cache``."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, removal, stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import audit_all
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.report import lines


@dataclass(frozen=True)
class Absent:
    """What is to go: ``ids`` of images."""

    ids: list

    @classmethod
    def of(cls, cloud, params):
        """Finds the images that the module's options name.

        :arg cloud: an openstacksdk connection.
        :raises NovaVmwareError: a name stands for none, or for several.
        """
        glance = cloud.image
        # An image that Glance has deleted may still be in a cache: then its id is all there is.
        found = [name if glance_images.is_id(name) else glance_images.find(glance, name)["id"] for name in params["images"]]
        return cls(list(dict.fromkeys(found)))

    def run(self, session, places, check_mode):
        """Removes the images from all caches, unless a virtual machine uses one.

        :arg places: the datastores of the hypervisors, as :func:`locations.locations` gives them.
        :returns: the module's result.
        :raises NovaVmwareError: an image is in use, or nobody can tell.
        """
        everywhere = list(places.values())
        found = audit_all(session, everywhere)
        answers, before, after = [], {}, {}
        for image_id in self.ids:
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
