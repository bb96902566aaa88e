# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``compute_node_info``: from options to a result."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute, connection


def run(params, _check_mode):
    """Returns what Nova and Placement know of the hosts asked for, or of all."""
    requires("openstacksdk", connection.IMPORT_ERROR, "to talk to Nova and Placement")
    cloud = connection.connect(params["openstack"] or {})
    return {"changed": False, "compute_nodes": compute.compute_nodes(cloud, params["hosts"] or [])}
