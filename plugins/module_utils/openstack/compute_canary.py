# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``compute_canary``: boots a server on one nova-compute, takes the time, and deletes it whatever happens."""

from __future__ import annotations

import datetime
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute, connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack.connection import OpenStackError, translate

# On each of our servers, with the host as its value: a later run finds by it what a killed one left.
MARK = "openstack_vmware_nova_canary"
POLL = 0.5  # seconds


def run(params, check_mode):
    """Boots and deletes a server.

    :returns: the module's result: ``canary``, null in check mode. ``changed`` is false: nothing stays.
    :raises OpenStackError: ``SERVICE_NOT_FOUND``, ``SERVICE_NOT_UP``, ``IMAGE_NOT_FOUND``, ``FLAVOR_NOT_FOUND`` before anything
        was made; ``CANARY_FAILED`` or ``CANARY_TIMEOUT`` when it does not come up or does not go.
    """
    requires("openstacksdk", connection.IMPORT_ERROR, "to talk to Nova, Glance and Placement")
    cloud = connection.connect(params["openstack"] or {})
    host, seconds = params["host"], params["timeout"]
    (node,) = compute.compute_nodes(cloud, [host])
    service = node["service"]
    if service is None:
        raise OpenStackError("SERVICE_NOT_FOUND", f"Nova has no nova-compute with the host {host}.")
    if (service["state"], service["status"]) != ("up", "enabled"):
        raise OpenStackError("SERVICE_NOT_UP", f"The compute service {host} is {service['state']} and {service['status']}.", "No server can be booted there.")
    image = _find("image", params["image"], cloud.image.find_image)
    flavor = _find("flavor", params["flavor"], cloud.compute.find_flavor)
    if check_mode:
        return {"changed": False, "canary": None}
    # Microversion 2.37: a server without a network.
    cloud.compute.default_microversion = "2.53"
    sweep(cloud, host, seconds)
    return {"changed": False, "canary": boot(cloud, host, f"{service['availability_zone']}:{host}", image, flavor, seconds)}


def _find(kind, name, find):
    with translate(f"find the {kind} {name}"):
        found = find(name)
    if found is None:
        raise OpenStackError(f"{kind.upper()}_NOT_FOUND", f"There is no {kind} {name}.", "Give its name or id.")
    return found


def sweep(cloud, host, seconds):
    """Deletes what killed runs have left on a host: canaries that are older than a run can be.

    :arg seconds: the time-out of a run's two waits.
    """
    with translate(f"look for canaries on {host}"):
        for server in cloud.compute.servers(all_projects=True, compute_host=host):
            if (server.metadata or {}).get(MARK) == host and age(server.created_at) > 2 * seconds + 60:
                cloud.compute.delete_server(server, ignore_missing=True)


def age(created_at):
    """Returns the seconds since a time as Nova writes it: ``2026-11-21T10:00:00Z``."""
    created = datetime.datetime.strptime(created_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    return (datetime.datetime.now(datetime.timezone.utc) - created).total_seconds()


def boot(cloud, host, zone, image, flavor, seconds):
    """Boots a server on a host, waits for it, and deletes it, also after an error and when the module is cancelled.

    :arg zone: ``<availability zone>:<host>``, which only an admin may name.
    :arg seconds: how long it may take to be ACTIVE, and again to be gone.
    :returns: a dict: ``server``, ``hypervisor_hostname``, ``seconds`` with ``active`` and ``deleted``.
    """
    server, result = None, {}
    began = time.monotonic()
    try:
        with translate(f"boot a canary on {host}"):
            server = cloud.compute.create_server(
                name=f"canary-{host}", image_id=image.id, flavor_id=flavor.id, networks="none", availability_zone=zone, metadata={MARK: host}
            )
            while server.status not in ("ACTIVE", "ERROR") and time.monotonic() - began < seconds:
                time.sleep(POLL)
                server = cloud.compute.get_server(server.id)
        result = {
            "server": server.id,
            "hypervisor_hostname": server.hypervisor_hostname,
            "seconds": {"active": round(time.monotonic() - began, 1)},
        }
        if server.status == "ERROR":
            why = (server.fault or {}).get("message", "Nova gives no reason")
            raise OpenStackError("CANARY_FAILED", f"The canary {server.id} on {host} is in ERROR: {why}.", "See nova-compute's log.", result)
        if server.status != "ACTIVE":
            raise OpenStackError(
                "CANARY_TIMEOUT", f"The canary {server.id} on {host} is {server.status} ({server.task_state}) after {seconds} s.",
                "See nova-compute's log. The image may not be seeded on this cluster.", result,
            )  # fmt: skip
    finally:
        if server is not None:
            began = time.monotonic()
            gone = delete(cloud, host, server.id, seconds)
            if result:
                result["seconds"]["deleted"] = round(time.monotonic() - began, 1)
    if not gone:
        raise OpenStackError("CANARY_TIMEOUT", f"The canary {server.id} on {host} is not gone after {seconds} s.", "Delete it.", result)
    return result


def delete(cloud, host, server_id, seconds):
    """Deletes a server and waits for its end. Tells whether it is gone after so many seconds."""
    began = time.monotonic()
    with translate(f"delete the canary {server_id} on {host}"):
        cloud.compute.delete_server(server_id, ignore_missing=True)
        while time.monotonic() - began < seconds:
            if cloud.compute.find_server(server_id, ignore_missing=True) is None:
                return True
            time.sleep(POLL)
    return False
