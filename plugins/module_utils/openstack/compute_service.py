# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``compute_service``: takes a nova-compute into service, out of it, and out of Nova and Placement."""

from __future__ import annotations

import dataclasses

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute, connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack.connection import OpenStackError, translate

# A migration in one of these no longer moves anything (nova/db/main/api.py, migration_get_in_progress_by_host_and_node).
# Nova counts 'finished', a resize that waits for its confirmation, as in progress when a service is to be deleted.
ENDED = {"confirmed", "reverted", "error", "failed", "completed", "cancelled", "done"}
SHOWN = 20  # names in an error's text; its details have all


@dataclasses.dataclass(frozen=True)
class Found:
    """What Nova and Placement have of one host.

    ``service``: as ``compute_node_info`` gives it, or None. ``servers`` and ``migrations``: lists of dicts.
    ``provider``: UUID of the resource provider, or None. ``consumers``: ids of what has allocations there.
    """

    service: dict | None
    servers: list
    migrations: list
    provider: str | None
    consumers: list


def run(params, check_mode):
    """Brings the service to the state asked for.

    :returns: the module's result: ``compute_service`` and ``before``, ``servers``, ``migrations``, ``busy``, ``diff``.
    :raises OpenStackError: ``OPTION_NOT_FOR_STATE``, ``SERVICE_NOT_FOUND``, ``SERVICE_HAS_SERVERS``, ``SERVICE_HAS_MIGRATIONS``,
        ``RESOURCE_PROVIDER_IN_USE``; nothing was changed then. Else what a service answered.
    """
    requires("openstacksdk", connection.IMPORT_ERROR, "to talk to Nova and Placement")
    cloud = connection.connect(params["openstack"] or {})
    host, state = params["host"], params["state"]
    for option, only in (("disabled_reason", "disabled"), ("resource_provider", "absent")):
        if params[option] is not None and state != only:
            raise OpenStackError("OPTION_NOT_FOR_STATE", f"{option} is for state {only} only, and the state is {state}.")
    found = read(cloud, host, params["resource_provider"])
    if state == "absent":
        refuse(host, found)
    elif found.service is None:
        known = ", ".join(node["host"] for node in compute.compute_nodes(cloud, [])) or "none"
        raise OpenStackError("SERVICE_NOT_FOUND", f"Nova has no nova-compute with the host {host}.", f"It has: {known}.", {"host": host})
    after = wanted(found.service, state, params["disabled_reason"])
    changed = after != found.service or (state == "absent" and found.provider is not None)
    if changed and not check_mode:
        if state == "absent":
            remove(cloud, host, found)
        else:
            enable(cloud, host, after)
    return {
        "changed": changed,
        "before": found.service,
        "compute_service": after,
        "servers": found.servers,
        "migrations": found.migrations,
        "busy": busy(found),
        "diff": {
            "before": shown(found.service, found.provider),
            "after": shown(after, None if state == "absent" else found.provider),
        },
    }


def wanted(service, state, reason):
    """Returns the service as it shall be: a dict as ``service``, or None for ``absent``.

    :arg reason: None keeps the reason of a service that is disabled already.
    """
    if state == "absent":
        return None
    if state == "enabled":
        return {**service, "status": "enabled", "disabled_reason": None}
    kept = service["disabled_reason"] if service["status"] == "disabled" else None
    return {**service, "status": "disabled", "disabled_reason": kept if reason is None else reason}


def busy(found):
    """Returns one line for each thing that is under way: servers with a task, migrations that have not ended."""
    lines = [
        f"server {server['name']} ({server['id']}): {server['task_state'] or server['status'].lower()}"
        for server in found.servers
        if server["task_state"] or server["status"] == "BUILD"
    ]
    # A resize that is finished waits for its owner, for days if need be: nothing is under way.
    moving = [migration for migration in found.migrations if migration["status"] != "finished"]
    return lines + [f"{migration['type']} of server {migration['server_id']}: {migration['status']}" for migration in moving]


def refuse(host, found):
    """Raises what speaks against removing the service."""
    if found.servers:
        names = [f"{server['name']} ({server['id']})" for server in found.servers]
        raise OpenStackError(
            "SERVICE_HAS_SERVERS",
            f"{len(names)} servers live on {host}: {_some(names)}.",
            "Delete or migrate them first. Nova would lose them, and they would stay in vCenter.",
            {"host": host, "servers": found.servers},
        )
    if found.migrations:
        names = [f"{migration['type']} of {migration['server_id']} ({migration['status']})" for migration in found.migrations]
        raise OpenStackError(
            "SERVICE_HAS_MIGRATIONS",
            f"{len(names)} migrations of {host} have not ended: {_some(names)}.",
            "Wait for them; confirm or revert those that are finished.",
            {"host": host, "migrations": found.migrations},
        )
    if found.consumers:
        raise OpenStackError(
            "RESOURCE_PROVIDER_IN_USE",
            f"The resource provider {found.provider} of {host} has allocations of {_some(found.consumers)}, and no server of these lives there.",
            "See `nova-manage placement audit`; delete what is stale with `openstack resource provider allocation delete`.",
            {"host": host, "resource_provider": found.provider, "consumers": found.consumers},
        )


def _some(names):
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def shown(service, provider):
    """Returns what a diff shows of a service; an empty dict for none."""
    result = {} if service is None else {name: service[name] for name in ("status", "disabled_reason", "forced_down")}
    return {**result, **({"resource_provider": provider} if provider else {})}


def read(cloud, host, provider):
    """Reads everything about one host.

    :arg provider: UUID of the resource provider, or None; the one of Nova's hypervisor wins.
    :returns: :class:`Found`.
    :raises OpenStackError: a service can't be reached or refuses.
    """
    (node,) = compute.compute_nodes(cloud, [host])
    with translate(f"read the servers of {host}"):
        servers = [
            {
                "id": server.id,
                "name": server.name,
                "status": server.status,
                "task_state": server.task_state,
                "project_id": server.project_id,
            }
            for server in cloud.compute.servers(all_projects=True, compute_host=host)
        ]
    with translate(f"read the migrations of {host}"):
        migrations = [
            {"id": str(migration.id), "type": migration.migration_type, "status": migration.status, "server_id": migration.server_id}
            for migration in cloud.compute.migrations(host=host)
            if migration.status not in ENDED
        ]
    consumers = []
    # The UUID of a compute node is that of its resource provider (nova/scheduler/client/report.py).
    provider = node["hypervisor"]["id"] if node["hypervisor"] else provider
    if provider:
        with translate(f"read the allocations of the resource provider {provider}"):
            # Placement has no provider: 404. The proxy of openstacksdk 1.0 has no method for this.
            answer = cloud.placement.get(f"/resource_providers/{provider}/allocations", raise_exc=False)
            if answer.status_code == 404:
                provider = None
            else:
                connection.check(answer)
                consumers = sorted(answer.json()["allocations"])
    return Found(node["service"], servers, migrations, provider, consumers)


def enable(cloud, host, after):
    """Enables or disables a service. Nova tells the nova-compute by RPC, which keeps the scheduler away from it at once.

    :arg after: the service as it shall be.
    :raises OpenStackError: Nova refuses.
    """
    with translate(f"make the compute service {host} {after['status']}"):
        attributes = {"status": after["status"]}
        if after["disabled_reason"] is not None:
            attributes["disabled_reason"] = after["disabled_reason"]
        cloud.compute.update_service(after["id"], **attributes)


def remove(cloud, host, found):
    """Deletes a service with its host mapping, and its resource provider.

    Nova deletes all three in one call (nova/api/openstack/compute/services.py), but only logs when Placement refuses; and a run
    that was cut short may have left the provider.

    :raises OpenStackError: Nova or Placement refuses, for example since a server came meanwhile.
    """
    if found.service is not None:
        with translate(f"delete the compute service {host}"):
            cloud.compute.delete_service(found.service["id"])
    if found.provider is not None:
        with translate(f"delete the resource provider {found.provider} of {host}"):
            cloud.placement.delete_resource_provider(found.provider)
