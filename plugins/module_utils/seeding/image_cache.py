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
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.absent import Absent
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.present import Present
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
