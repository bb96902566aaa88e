# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``hypervisor_info``: from options to a result."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import vc
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory, pyvmomi
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import from_params


def run(params, _check_mode):
    """Gives the VC driver's view of the clusters asked for, or of all.

    :raises NovaVmwareError: a cluster is missing or ambiguous, or has no datastore that Nova could use.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    wishes = vc.wanted(params["hypervisors"])
    with from_params(params) as session:
        hypervisors = vc.hypervisors(session, wishes)
        loads = inventory.loads(session, [host.moid for hypervisor in hypervisors for host in hypervisor.hosts])
        about = session.about
        return {
            "changed": False,
            "warnings": session.warnings,
            "vcenter": {
                "name": about.name,
                "full_name": about.fullName,
                "version": about.version,
                "api_version": about.apiVersion,
                "instance_uuid": about.instanceUuid,
            },
            "hypervisors": [vc.describe(hypervisor, about.instanceUuid, loads) for hypervisor in hypervisors],
        }
