# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which datastores Nova's vmwareapi driver would use, and which it would pick. Pure.

Rules: nova/virt/vmwareapi/ds_util.py (``_is_datastore_valid``, ``_select_datastore``, ``get_allowed_datastore_types``).
"""

from __future__ import annotations

import re

SUPPORTED_TYPES = frozenset(["VMFS", "NFS", "NFS41", "vsan"])


def allowed_types(disk_type):
    """Returns the datastore types on which an image of this ``hw_disk_type`` may be cached: vsan only takes streamOptimized."""
    if disk_type == "streamOptimized":
        return SUPPORTED_TYPES
    return SUPPORTED_TYPES - {"vsan"}


def refusal(name, type_, accessible, maintenance_mode, datastore_regex=None, types=SUPPORTED_TYPES):
    """Says why Nova passes over a datastore, or None when it may use it.

    :arg maintenance_mode: ``summary.maintenanceMode`` of vSphere, or None.
    :arg datastore_regex: the text of ``[vmware]datastore_regex``; Nova anchors it at the start of the name only.
    """
    if not accessible:
        return "is not accessible"
    if maintenance_mode not in (None, "normal"):
        return f"is in maintenance mode ({maintenance_mode})"
    if type_ not in types:
        return f"is of type {type_}, and Nova uses {', '.join(sorted(types))} here"
    if datastore_regex is not None and not re.match(datastore_regex, name):
        return f"does not match datastore_regex {datastore_regex!r}"
    return None


def pick(datastores):
    """Returns the one that Nova would choose now: the first with the most free bytes; None when there is none.

    :arg datastores: usable ones, each with an attribute ``free_bytes``, in vSphere's order.
    """
    best = None
    for datastore in datastores:
        if best is None or datastore.free_bytes > best.free_bytes:
            best = datastore
    return best


def node_name(cluster_moid, instance_uuid):
    """Returns the hypervisor_hostname of a cluster (nova/virt/vmwareapi/driver.py, ``_create_nodename``)."""
    return f"{cluster_moid}.{instance_uuid}"
