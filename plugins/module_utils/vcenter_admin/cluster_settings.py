# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``vsphere_cluster_settings``: DRS and HA of clusters as Nova needs them."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.clusters import demand_vcenter, find
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory, pyvmomi
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import from_params
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import wait_for


def run(params, check_mode):
    """Sets what was asked for and differs; leaves all else of the clusters as it is.

    :raises NovaVmwareError: a cluster is missing or ambiguous, or vCenter refuses. Clusters that were changed before stay changed.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    with from_params(params) as session:
        demand_vcenter(session)
        everything = inventory.clusters(session)
        clusters = list({one.moid: one for one in (find(everything, name, session.server) for name in params["clusters"])}.values())
        before = {cluster.path: settings(cluster) for cluster in clusters}
        after = {path: wanted(now, params["drs"], params["ha"]) for path, now in before.items()}
        changing = [cluster for cluster in clusters if before[cluster.path] != after[cluster.path]]
        if not check_mode:
            _reconfigure(session, {cluster: after[cluster.path] for cluster in changing})
    return {
        "changed": bool(changing),
        "clusters": [
            {
                "cluster_name": cluster.name,
                "path": cluster.path,
                "changed": cluster in changing,
                "before": before[cluster.path],
                **after[cluster.path],
            }
            for cluster in clusters
        ],
        "diff": {"before": before, "after": after},
    }


def settings(cluster):
    """Returns DRS and HA of an :class:`inventory.Cluster` in the words of the module."""
    return {
        "drs": {"enabled": cluster.drs_enabled, "behavior": cluster.drs_behavior},
        "ha": {"enabled": cluster.ha_enabled, "admission_control": cluster.ha_admission_control},
    }


def wanted(now, drs, ha):
    """Returns the settings after the change: ``now``, and what of ``drs`` and ``ha`` is not None. Pure."""
    asked = {"drs": drs or {}, "ha": ha or {}}
    return {part: {**now[part], **{name: value for name, value in asked[part].items() if value is not None}} for part in ("drs", "ha")}


def _reconfigure(session, changes):
    """vSphere Web Services API, ``ComputeResource.ReconfigureComputeResource_Task`` with ``modify``: what the spec leaves out stays."""
    tasks = []
    for cluster, after in changes.items():
        spec = vim.cluster.ConfigSpecEx(
            drsConfig=vim.cluster.DrsConfigInfo(enabled=after["drs"]["enabled"], defaultVmBehavior=after["drs"]["behavior"]),
            dasConfig=vim.cluster.DasConfigInfo(enabled=after["ha"]["enabled"], admissionControlEnabled=after["ha"]["admission_control"]),
        )
        tasks.append(
            session.call(
                f"change cluster {cluster.path}",
                session.managed("ClusterComputeResource", cluster.moid).ReconfigureComputeResource_Task,
                spec=spec,
                modify=True,
            )  # fmt: skip
        )
    for cluster, (_result, fault) in zip(changes, wait_for(session, tasks)):
        if fault is not None:
            raise VSphereFault(f"change cluster {cluster.path}", fault)
