# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification misses in Nova and Placement, and what vSphere has, by nova-compute. Pure."""

from __future__ import annotations

from datetime import datetime

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

# Placement's resource classes -> the key of `totals` of hypervisor_info.
RESOURCES = {"VCPU": "vcpus", "MEMORY_MB": "memory_mb", "DISK_GB": "disk_gb"}


def by_compute(results, computes):
    """Returns what ``hypervisor_info`` has said about the cluster of each nova-compute, by the name of the nova-compute.

    :arg results: a result for each vCenter, each with ``__nova_vcdriver_name``, the vCenter's name, and ``hypervisors``.
    :arg computes: nova-computes as the filter ``computes`` gives them.
    :raises NovaVmwareError: ``HYPERVISOR_NOT_REPORTED``.
    """
    found = {}
    for result in results:
        for compute in computes:
            if compute["vcenter"] != result["__nova_vcdriver_name"]:
                continue
            name = compute["cluster"]["cluster_name"]
            ours = [one for one in result["hypervisors"] if name in (one["cluster_name"], one["path"], one["moid"])]
            if not ours:
                raise NovaVmwareError("HYPERVISOR_NOT_REPORTED", f"hypervisor_info has not reported the cluster {name} of {compute['host']}.")
            found[compute["host"]] = ours[0]
    return found


def missing(nodes, computes, hypervisors, started, states, rpc, rollout=False):
    """Returns a line, ``<nova-compute>: <what>``, for each thing that Nova or Placement misses.

    A service stays up in Nova for a minute after its process ended, so only a report that is younger than the process counts.

    :arg nodes: what ``compute_node_info`` returned, or None where it was not asked.
    :arg computes: the nova-computes that were to be there, as the filter ``computes`` gives them.
    :arg hypervisors: ``{nova-compute: what hypervisor_info returned for its cluster}``; what is not in it is not compared.
    :arg started: ``{nova-compute: second of the epoch at which its process started}``.
    :arg states: a result of ``systemctl is-active`` for each nova-compute, its ``item``.
    :arg rpc: a result of a call by RPC for each nova-compute, its ``item``.
    :arg rollout: a service that is disabled is left so, and is nothing that is missing.
    """
    found = []
    if nodes is not None and "compute_nodes" not in nodes:
        found += [f"{compute['host']}: OpenStack could not be asked: {nodes.get('msg', 'no answer')}" for compute in computes]
    for unit in rpc:
        if unit.get("rc", 1) != 0:
            found.append(f"{unit['item']}: {unit.get('stdout') or unit.get('stderr') or 'no answer by RPC'}")
    for unit in states:
        if unit.get("rc", 1) != 0:
            found.append(f"{unit['item']}: its unit is {unit.get('stdout', 'unknown')}, so that another process reports under its name")
    for node in (nodes or {}).get("compute_nodes", ()):
        host = node["host"]
        found += [f"{host}: {what}" for what in _missing_of(node, hypervisors.get(host, {}), started.get(host, 0), rollout)]
    return found


def _missing_of(node, hypervisor, started, rollout):
    """Yields what is missing of one nova-compute."""
    if not node["found"]:
        yield "Nova has no service of this name; nova-compute did not get as far as reporting"
        return
    service, expected = node["service"], hypervisor.get("hypervisor_hostname")
    if service["state"] != "up":
        yield f"its service is {service['state']}"
    elif service["status"] != "enabled" and not rollout:
        reason = service.get("disabled_reason") or "no reason given"
        way_out = f"openstack compute service set --enable {node['host']} nova-compute"
        yield f"its service is {service['status']} ({reason}); if that is over: {way_out}"
    elif service.get("updated_at") and _seconds(service["updated_at"]) < started:
        yield "it has not reported since its last start"
    elif not node["hypervisor"]:
        yield "Nova lists no hypervisor; it is not mapped to a cell, or its first report is not in"
    elif expected and node["hypervisor"]["hypervisor_hostname"] != expected:
        yield f"its hypervisor is {node['hypervisor']['hypervisor_hostname']}, and the cluster is {expected}"
    else:
        inventories = (node["resource_provider"] or {}).get("inventories") or {}
        yield from _placement(inventories, hypervisor.get("totals") or {})


def _placement(inventories, totals):
    """Yields where Placement's inventories are not what vCenter has."""
    for name, key in RESOURCES.items():
        total = (inventories.get(name) or {}).get("total", 0)
        if total <= 0:
            yield f"Placement has no {name}"
        elif total != totals.get(key, total):
            yield f"Placement has {total} {name}, and vCenter has {totals[key]}"


def _seconds(moment):
    """Returns the second of the epoch of a time of Nova's API, which is UTC, such as ``2025-11-21T10:00:00.000000``."""
    return datetime.strptime(moment[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z").timestamp()
