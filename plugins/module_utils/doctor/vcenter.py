# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the rules judge from a vCenter. The number of requests does not grow with the number of objects, other than by pages."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import audit_all, locations
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import account
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import HostDetails, Vcenter, Vm
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.sources import compiles
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import HypervisorError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pull, pyvmomi, tls
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec, traversal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

NOVA_UUID = 'config.extraConfig["nvp.vm-uuid"]'  # as Nova reads it: nova/virt/vmwareapi/vm_util.py
# What is wrong with the vCenter itself is a finding; anything else, for example a fault in the middle, is an error.
LOGIN_ERRORS = frozenset(
    [
        "CONNECTION_FAILED",
        "CERTIFICATE_NOT_TRUSTED",
        "INVALID_LOGIN",
        "NOT_A_VCENTER",
        "CA_PATH_UNREADABLE",
        "THUMBPRINT_MISMATCH",
    ]
)


@dataclass(frozen=True)
class Seen:
    """What a vCenter says. ``login_error`` is ``(code, text)`` where it can't be used.

    By the name of the service: ``hypervisors`` has its :class:`Hypervisor` or the :class:`HypervisorError` that says why there is none, ``caches`` the
    entries of its cache folders by the name of the datastore.
    """

    vcenter: Vcenter | None = None
    login_error: tuple | None = None
    hypervisors: dict = field(default_factory=dict)
    caches: dict = field(default_factory=dict)


def ask(params, services):
    """Logs in and reads all that the rules judge.

    :arg params: the options of ``compute_check``. :arg services: list of :class:`Service`.
    :returns: :class:`Seen`.
    :raises NovaVmwareError: anything but :data:`LOGIN_ERRORS`, for example a fault in the middle.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    try:
        session = registry.login(params)
    except NovaVmwareError as error:
        if error.code not in LOGIN_ERRORS:
            raise
        # What to do about a certificate differs: an unknown CA, another name, a wrong thumbprint.
        text = f"{error.what} {error.hint}" if error.code == "CERTIFICATE_NOT_TRUSTED" else error.what
        return Seen(login_error=(error.code, text.rstrip(".")))
    with session:
        return _read(session, params, services)


def _read(session, params, services):
    found = _hypervisors(session, services)
    there = {name: one for name, one in found.items() if not isinstance(one, HypervisorError)}
    hypervisors = list(there.values())
    details = _host_details(session, hypervisors)
    vcenter = Vcenter(
        server=session.server,
        version=session.about.version,
        # Through a proxy it is not looked at.
        certificate_expires=None if params.get("proxy_host") else tls.certificate_end(session.hostname, session.port, session.tls),
        now=session.now(),
        username=params["username"],
        hosts=details,
        vms=_vms(session, hypervisors),
        addresses=addresses(params, services),
        missing_privileges=account.missing_privileges(session, hypervisors, details, params["pulls"]) if hypervisors else None,
        firewalls=_firewalls(session, hypervisors) if params["pulls"] and hypervisors else None,
    )
    caches = _caches(session, services, there) if params["image_cache"] else {}
    changed = {name: as_it_will_be(one, params["cluster_settings"] or ()) for name, one in there.items()}
    return Seen(vcenter, None, {**found, **changed}, caches)


def addresses(params, services):
    """Returns each ``(host_ip, host_port)`` of the services that is the vCenter which the options name.

    It is by its name, or since the two names have an address in common.
    """
    port, mine = params["port"], None
    wishes = {(one.conf.value("vmware", "host_ip"), one.conf.value("vmware", "host_port")) for one in services if one.conf is not None}
    found = {(params["hostname"], port)}
    for name, its_port in wishes:
        if name and its_port == port and name != params["hostname"]:
            mine = _resolved(params["hostname"]) if mine is None else mine
            if mine & _resolved(name):
                found.add((name, port))
    return frozenset(found)


def _resolved(name):
    try:
        return {one[4][0] for one in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()


def _hypervisors(session, services):
    """Returns ``{name of the service: Hypervisor or HypervisorError}`` for those that name a hypervisor."""
    named = [service for service in services if service.hypervisor_name]
    wishes = registry.wanted(
        # A regular expression that is none is a finding of its own: here it chooses nothing.
        {
            registry.key(service.driver): service.hypervisor_name,
            "datastore_regex": service.datastore_regex if compiles(service.datastore_regex) else None,
        }
        for service in named
    )
    return dict(zip([service.name for service in named], registry.as_nova_finds(session, wishes)))


def as_it_will_be(hypervisor, settings):
    """Returns a :class:`Hypervisor` with the DRS and HA that ``vsphere_cluster_settings`` will leave. Pure.

    :arg settings: ``clusters`` of that module's result; what is not in it, or no cluster, stays as it is.
    """
    one = next((one for one in settings if hypervisor.cluster is not None and one["path"] == hypervisor.path), None)
    if one is None:
        return hypervisor
    cluster = replace(
        hypervisor.cluster,
        drs_enabled=one["drs"]["enabled"],
        drs_behavior=one["drs"]["behavior"],
        ha_enabled=one["ha"]["enabled"],
        ha_admission_control=one["ha"]["admission_control"],
    )
    return replace(hypervisor, cluster=cluster)


def _host_details(session, hypervisors):
    """Returns ``{host moid: HostDetails}``: NTP and certificate of each host."""
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


def _firewalls(session, hypervisors):
    """Returns ``{host moid: whether it may connect to web servers}`` of the hosts that tell."""
    moids = list(dict.fromkeys(host.moid for hypervisor in hypervisors for host in hypervisor.hosts))
    return pull.open_hosts(session, moids)


def _vms(session, hypervisors):
    """Returns the :class:`Vm` of the root resource pools and of the datastores that Nova may use."""
    pools = dict.fromkeys(hypervisor.resource_pool for hypervisor in hypervisors)
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


def _caches(session, services, hypervisors):
    """Lists the cache folders of the services whose nova.conf is known: a request a datastore.

    :arg hypervisors: ``{name of the service: Hypervisor}``.
    :returns: ``{name of the service: {name of the datastore: entries}}``, without a service of which the account may not list one of the datastores.
    """
    found = {}
    for base in dict.fromkeys(service.base_folder for service in services):
        mine = {service.name: hypervisors[service.name] for service in services if service.base_folder == base and service.name in hypervisors}
        if base is None or not mine:
            continue
        places = [place for place in locations(list(mine.values()), base).values() if place.hosts]  # what no host mounts nobody can read
        listings = dict(zip([place.datastore.moid for place in places], audit_all(session, places, tolerant=True)))
        for name, hypervisor in mine.items():
            caches = {datastore.name: listings[datastore.moid] for datastore in hypervisor.usable if datastore.moid in listings}
            refused = [one for one in caches.values() if isinstance(one, VSphereFault)]
            for fault in refused:
                if fault.fault != "NoPermission":
                    raise fault
            if not refused:  # else the privilege that is missing is a finding of its own
                found[name] = {datastore: list(entries.values()) for datastore, entries in caches.items()}
    return found
