# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``hypervisor_info``: from options to a result."""

from __future__ import annotations

from dataclasses import asdict

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import MIB
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import datastore as rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory, pyvmomi


def run(params, _check_mode):
    """Reads the hypervisors asked for, or all, as Nova's drivers see them.

    :raises NovaVmwareError: one is missing or ambiguous, or has no datastore that Nova could use.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    wishes = registry.wanted(params["hypervisors"])
    with registry.login(params, wishes) as session:
        hypervisors = registry.read(session, wishes)
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
            "hypervisors": [describe(hypervisor, loads) for hypervisor in hypervisors],
        }


def describe(hypervisor, loads):
    """Returns a :class:`base.Hypervisor` as a plain dict, as the module ``hypervisor_info`` documents it.

    :arg loads: ``{host moid: inventory.Load}``.
    """
    cluster = hypervisor.cluster
    of_cluster = cluster and {
        "drs": {"enabled": cluster.drs_enabled, "behavior": cluster.drs_behavior},
        "ha": {"enabled": cluster.ha_enabled, "admission_control": cluster.ha_admission_control},
    }
    names = {host.moid: host.name for host in hypervisor.hosts}
    best = rule.pick(hypervisor.usable)
    return {
        hypervisor.key: hypervisor.name,
        "moid": hypervisor.moid,
        "path": hypervisor.path,
        "datacenter": {"name": hypervisor.datacenter.name, "moid": hypervisor.datacenter.moid},
        "hypervisor_hostname": hypervisor.node_name,
        **(of_cluster or {}),
        "hosts": [_describe_host(host, loads.get(host.moid, inventory.Load())) for host in hypervisor.hosts],
        "datastore_regex": hypervisor.datastore_regex,
        "datastores": [
            {
                "name": datastore.name,
                "moid": datastore.moid,
                "type": datastore.type,
                "accessible": datastore.accessible,
                "maintenance_mode": datastore.maintenance_mode,
                "capacity_bytes": datastore.capacity_bytes,
                "free_bytes": datastore.free_bytes,
                "mounted_hosts": sorted(names[moid] for moid, writable in datastore.mounts.items() if writable and moid in names),
                "usable": refusal is None,
                "reason": refusal,
            }
            for datastore, refusal in hypervisor.verdicts
        ],
        "datastore": best and best.name,
        "datastore_reason": _why(best, hypervisor),
        "totals": asdict(hypervisor.totals),
    }


def _why(best, hypervisor):
    if best is None:
        return "no datastore is usable"
    others = len(hypervisor.usable) - 1
    if not others:
        return "it is the only usable datastore"
    return f"it has the most free space ({best.free_bytes >> 30} GiB) of {others + 1} usable datastores"


def _describe_host(host, load):
    return {
        "name": host.name,
        "moid": host.moid,
        "connection_state": host.connection_state,
        "maintenance": host.maintenance,
        "cores": host.cores,
        "threads": host.threads,
        "memory_mb": host.memory_bytes // MIB,
        "configured": {"vms": load.vms, "vcpus": load.vcpus, "memory_mb": load.memory_mb},
        "reserved": {"memory_mb": load.memory_reserved_mb, "cpu_mhz": load.cpu_reserved_mhz},
    }
