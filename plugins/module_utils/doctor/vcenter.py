# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the rules judge from a vCenter. The number of requests does not grow with the number of objects, other than by pages."""

from __future__ import annotations

import datetime
import socket
import ssl
from dataclasses import replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import audit_all, locations
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import HostDetails, Vcenter, Vm
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import HypervisorError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec, traversal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

TIMEOUT = 10  # seconds for the handshake that reads the certificate
NOVA_UUID = 'config.extraConfig["nvp.vm-uuid"]'  # as Nova reads it: nova/virt/vmwareapi/vm_util.py


def read(session, params, services, caches):
    """Gives ``(services with their clusters, Vcenter)``.

    :arg params: the options of the fragment ``vcenter``.
    :arg caches: read the image caches too: a request a datastore.
    """
    services = _with_clusters(session, services)
    found = [service.hypervisor for service in services if service.hypervisor is not None]
    details = _host_details(session, found)
    vcenter = Vcenter(
        server=session.server,
        version=session.about.version,
        certificate_expires=certificate_end(session, params),
        now=session.now(),
        username=params["username"],
        hosts=details,
        vms=_vms(session, found),
        missing_privileges=_missing_privileges(session, found, details) if found else None,
    )
    if caches:
        services = _with_caches(session, services)
    return services, vcenter


def _with_clusters(session, services):
    named = [service for service in services if service.cluster_name]
    wishes = registry.wanted({"cluster_name": service.cluster_name, "datastore_regex": service.datastore_regex} for service in named)
    seen = dict(zip([service.name for service in named], registry.as_nova_finds(session, wishes)))
    found = []
    for service in services:
        one = seen.get(service.name)
        if isinstance(one, HypervisorError):
            found.append(replace(service, hypervisor_error=(one.code, one.what.rstrip("."))))
        else:
            found.append(replace(service, hypervisor=one))
    return found


def certificate_end(session, params):
    """Gives when the vCenter's certificate ends, an aware datetime; None where it is not verified or a proxy is between."""
    if session.tls.verify_mode == ssl.CERT_NONE or params.get("proxy_host"):
        return None  # Python shows the fields of a verified certificate only
    try:
        with socket.create_connection((session.hostname, session.port), TIMEOUT) as plain:
            with session.tls.wrap_socket(plain, server_hostname=session.hostname) as secure:
                end = ssl.cert_time_to_seconds(secure.getpeercert()["notAfter"])
    except OSError:
        return None
    return datetime.datetime.fromtimestamp(end, datetime.timezone.utc)


def _host_details(session, hypervisors):
    """Gives ``{host moid: HostDetails}``: NTP and certificate of each host."""
    moids = list(dict.fromkeys(host.moid for hypervisor in hypervisors for host in hypervisor.hosts))
    if not moids:
        return {}
    manager = traversal(vim.HostSystem, "configManager.certificateManager")
    paths = {
        vim.HostSystem: [
            "config.dateTimeInfo.ntpConfig.server", "config.service.service", "configManager.certificateManager", "runtime.cryptoState",
        ],
        vim.host.CertificateManager: ["certificateInfo"],
    }  # fmt: skip
    objects = [object_spec(session.managed("HostSystem", moid), [manager]) for moid in moids]
    found = session.read("read time and certificates of the hosts", objects, paths)
    ends = {obj._GetMoId(): getattr(values.get("certificateInfo"), "notAfter", None) for obj, values in found if not isinstance(obj, vim.HostSystem)}
    details = {}
    for obj, values in found:
        if not isinstance(obj, vim.HostSystem) or "config.service.service" not in values:
            continue  # a host that was never connected has no configuration to tell of
        manager = values.get("configManager.certificateManager")
        details[obj._GetMoId()] = HostDetails(
            certificate_expires=ends.get(manager._GetMoId()) if manager is not None else None,
            ntp_servers=tuple(values.get("config.dateTimeInfo.ntpConfig.server") or ()),
            ntp_running=any(service.key == "ntpd" and service.running for service in values["config.service.service"]),
            crypto_safe=values.get("runtime.cryptoState") == "safe",
        )
    return details


def _vms(session, hypervisors):
    """Gives the :class:`Vm` of the root resource pools and of the datastores that Nova may use."""
    pools = dict.fromkeys(hypervisor.cluster.resource_pool for hypervisor in hypervisors)
    stores = dict.fromkeys(datastore.moid for hypervisor in hypervisors for datastore in hypervisor.usable)
    objects = [object_spec(session.managed("ResourcePool", moid), [traversal(vim.ResourcePool, "vm")], skip=True) for moid in pools]
    objects += [object_spec(session.managed("Datastore", moid), [traversal(vim.Datastore, "vm")], skip=True) for moid in stores]
    if not objects:
        return ()
    paths = {vim.VirtualMachine: ["name", "resourcePool", "datastore", "runtime.connectionState", NOVA_UUID]}
    found = session.read("read whose machines are in the clusters", objects, paths)
    return tuple(
        {
            obj._GetMoId(): Vm(
                name=value.get("name", obj._GetMoId()),
                nova_uuid=getattr(value.get(NOVA_UUID), "value", None),
                pool=value["resourcePool"]._GetMoId() if value.get("resourcePool") else None,
                datastores=tuple(datastore._GetMoId() for datastore in value.get("datastore") or ()),
                lost=value.get("runtime.connectionState") in ("orphaned", "inaccessible"),
            )
            for obj, value in found
        }.values()
    )


def _missing_privileges(session, hypervisors, details):
    """Gives ``{object: [privileges]}`` that the session's account lacks: one request for each kind of object.

    :arg details: ``{host moid: HostDetails}``.
    """
    clusters = [hypervisor.cluster for hypervisor in hypervisors]
    networks = session.read(
        "read the networks of the clusters",
        [object_spec(session.managed("ClusterComputeResource", cluster.moid), [traversal(vim.ComputeResource, "network")]) for cluster in clusters],
        {vim.Network: ["name"]},
    )
    stores = {datastore.moid: datastore for one in hypervisors for datastore in one.usable}
    safe = {host.moid: host for one in hypervisors for host in one.hosts if details.get(host.moid, HostDetails()).crypto_safe}
    always, features = privileges.PRIVILEGES, privileges.FEATURES
    asked = [
        (always["root"], {session.content.rootFolder: "the root folder"}),
        ([privileges.DATACENTER], {session.managed("Datacenter", one.datacenter.moid): f"datacenter {one.datacenter.name}" for one in clusters}),
        (always["folder"], {session.managed("Folder", one.datacenter.vm_folder): f"VM folder of {one.datacenter.name}" for one in clusters}),
        (always["pool"], {session.managed("ResourcePool", one.resource_pool): f"root resource pool of {one.path}" for one in clusters}),
        (always["datastore"], {session.managed("Datastore", moid): f"datastore {one.name}" for moid, one in stores.items()}),
        (always["network"], {obj: f"network {value.get('name', obj._GetMoId())}" for obj, value in networks}),
        (
            features["vsan"]["datastore"],
            {session.managed("Datastore", moid): f"datastore {one.name}" for moid, one in stores.items() if one.type == "vsan"},
        ),
        (features["encryption"]["host"], {session.managed("HostSystem", moid): f"host {host.name}" for moid, host in safe.items()}),
    ]
    session_key = session.call("read the session's key", lambda: session.content.sessionManager.currentSession.key)
    missing = {}
    for wanted, names in asked:
        for obj, lacking in _lacking(session, session_key, names, sorted(wanted)).items():
            missing.setdefault(names[obj], []).extend(lacking)
    return missing


def _lacking(session, session_key, names, wanted):
    """Gives ``{managed object: [privileges that the account lacks]}`` for some objects of one kind.

    vSphere Web Services API, ``AuthorizationManager.HasPrivilegeOnEntities``. It asks for System.Read on each entity, and refuses all of them where one
    lacks it; then they are asked one by one.

    :arg names: ``{managed object: its name}``.
    """
    if not names:
        return {}

    def ask(objects):
        answer = session.call(
            f"ask for the account's privileges on {names[objects[0]]}{' and others' if len(objects) > 1 else ''}",
            session.content.authorizationManager.HasPrivilegeOnEntities, entity=objects, sessionId=session_key, privId=wanted,
        )  # fmt: skip
        found = {one.entity: [granted.privId for granted in one.privAvailability if not granted.isGranted] for one in answer}
        return {obj: lacking for obj, lacking in found.items() if lacking}

    try:
        return ask(list(names))
    except VSphereFault as fault:
        if fault.fault != "NoPermission":
            raise
    found = {}
    for obj in names:
        try:
            found.update(ask([obj]))
        except VSphereFault as fault:
            if fault.fault != "NoPermission":
                raise
            found[obj] = ["System.Read"]
    return found


def _with_caches(session, services):
    """Adds what is in the cache folders of the services whose nova.conf is known; None where the account may not list one of them."""
    found = []
    for base in dict.fromkeys(service.base_folder for service in services):
        mine = [service for service in services if service.base_folder == base and service.hypervisor is not None]
        if base is None or not mine:
            continue
        places = [
            place
            for place in locations([service.hypervisor for service in mine], base).values()
            if place.hosts  # what no host mounts nobody can read
        ]
        listings = dict(zip([place.datastore.moid for place in places], audit_all(session, places, tolerant=True)))
        for service in mine:
            caches = {datastore.name: listings[datastore.moid] for datastore in service.hypervisor.usable if datastore.moid in listings}
            refused = [one for one in caches.values() if isinstance(one, VSphereFault)]
            for fault in refused:
                if fault.fault != "NoPermission":
                    raise fault
            # The privilege that is missing is a finding of its own.
            found.append(replace(service, caches=None if refused else caches))
    by_name = {service.name: service for service in found}
    return [by_name.get(service.name, service) for service in services]
