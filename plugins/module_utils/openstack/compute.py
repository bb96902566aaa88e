# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute services, hypervisors and resource providers, as Nova and Placement see them: two requests for all and two a host."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack.connection import OpenStackError, translate

# Nova 16.0.0: ids are UUIDs. From 2.88 on, listing hypervisors asks each nova-compute for its uptime, which the VMware driver does not
# implement: each call would leave a traceback in its log (nova/compute/manager.py, get_host_uptime).
MICROVERSION = "2.53"
GROUPS_MICROVERSION = "2.64"  # Nova 18.0.0: a group has one policy, and its rules


def compute_nodes(connection, hosts):
    """Reads what Nova and Placement know of compute hosts.

    :arg hosts: names of Nova's service hosts (``[DEFAULT]host``); empty for all.
    :returns: a list of dicts: ``host``, ``found``, ``service`` (dict or None), ``hypervisor`` (dict or None) and
        ``resource_provider`` (dict or None), in the order asked for, else sorted by name.
    :raises OpenStackError: a service can't be reached or refuses.
    """
    services = {service.host: service for service in _services(connection)}
    with translate("read the hypervisors of Nova"):
        hypervisors = {}
        for hypervisor in connection.compute.hypervisors(details=True):
            service = hypervisor.service_details or {}
            hypervisors[service.get("host")] = hypervisor
    return [_node(connection, host, services.get(host), hypervisors.get(host)) for host in hosts or sorted(services)]


def flavor_disks(connection, names):
    """Reads the root disks of flavors: one request for all.

    :arg names: names or ids.
    :returns: the set of their ``disk``, in GiB.
    :raises OpenStackError: ``FLAVOR_NOT_FOUND``, or Nova can't be reached or refuses.
    """
    with translate("read the flavors of Nova"):
        # is_public None: an administrator's list with the private ones; for others Nova leaves these out.
        flavors = list(connection.compute.flavors(is_public="None"))
    disks = {}
    for flavor in flavors:
        disks[flavor.id] = disks[flavor.name] = flavor.disk
    missing = [name for name in names if name not in disks]
    if missing:
        raise OpenStackError("FLAVOR_NOT_FOUND", f"Nova has no flavor {', '.join(missing)} that this account can see.", "Check the names and the project.")
    return {disks[name] for name in names}


def services(connection):
    """Reads the nova-compute services: one request.

    :returns: ``{host: {state, status, disabled_reason, availability_zone, ...}}``, each as ``service`` of :func:`compute_nodes`.
    :raises OpenStackError: Nova can't be reached or refuses.
    """
    return {service.host: _service(service) for service in _services(connection)}


def server_groups(connection):
    """Reads the server groups of all projects: one request for each 1,000.

    :returns: a list of ``{name, members, limit}``: ids of servers, and how many of them one nova-compute may have; None for any number.
    :raises OpenStackError: Nova can't be reached or refuses.
    """
    with translate("read the server groups of Nova"):
        groups = list(connection.compute.server_groups(all_projects=True, microversion=GROUPS_MICROVERSION))
    return [{"name": one.name, "members": tuple(one.member_ids or ()), "limit": _limit(one.policy, one.rules)} for one in groups]


def _limit(policy, rules):
    return int((rules or {}).get("max_server_per_host") or 1) if policy == "anti-affinity" else None


def _services(connection):
    with translate("read the compute services of Nova"):
        connection.compute.default_microversion = MICROVERSION
        return list(connection.compute.services(binary="nova-compute"))


def _service(service):
    return {
        "id": str(service.id),
        "state": service.state,
        "status": service.status,
        "disabled_reason": service.disabled_reason,
        "availability_zone": service.availability_zone,
        "forced_down": bool(service.is_forced_down),
        "updated_at": service.updated_at,
    }


def _node(connection, host, service, hypervisor):
    return {
        "host": host,
        "found": service is not None,
        "service": service and _service(service),
        "hypervisor": hypervisor
        and {
            "id": str(hypervisor.id),
            "hypervisor_hostname": hypervisor.name,
            "type": hypervisor.hypervisor_type,
            "state": hypervisor.state,
            "status": hypervisor.status,
        },
        "resource_provider": hypervisor and _resource_provider(connection, hypervisor.name),
    }


def _resource_provider(connection, name):
    with translate(f"read the resource provider {name} of Placement"):
        found = list(connection.placement.resource_providers(name=name))
        if not found:
            return None
        inventories = {}
        for item in connection.placement.resource_provider_inventories(found[0]):
            inventories[item.resource_class] = {
                "total": item.total,
                "reserved": item.reserved,
                "max_unit": item.max_unit,
                "allocation_ratio": item.allocation_ratio,
            }
    return {"uuid": found[0].id, "inventories": inventories}
