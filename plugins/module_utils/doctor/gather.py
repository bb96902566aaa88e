# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers the facts: each source is asked once, and what it says is put together here and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import openstack, options, vcenter
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import Facts, Service
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import quoted
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import HypervisorError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def gather(params):
    """Asks each source that the options name.

    :arg params: the options of ``compute_check``.
    :returns: :class:`Facts`.
    :raises NovaVmwareError: an option is wrong, or the vCenter fails in the middle. A vCenter, Nova or Glance that can't be used is no error but a fact.
    """
    own = {name: definitions(told) for name, told in {None: params["compute_host"], **known_hosts(params["compute_hosts"])}.items()}
    services, api_conf = given(params["services"], own), _conf("nova-api", params["api_nova_conf"], ())
    seen = vcenter.ask(params, services) if params["hostname"] else vcenter.Seen()
    known = openstack.ask_all(params) if params["openstack"] is not None else openstack.Known()
    facts = Facts(
        services=tuple(complete(service, seen, known) for service in services),
        name=params["vcenter"] or params["hostname"],
        vcenter=seen.vcenter,
        login_error=seen.login_error,
        compute_host=params["compute_host"],
        openstack_error=known.error,
        images=known.images,
        vsphere_locations=known.vsphere_locations,
        api_conf=api_conf,
        zones=zones(known.records or {}),
        server_groups=known.server_groups,
        pulls=params["pulls"],
        glance_certificate_expires=known.certificate_expires,
    )
    return replace(facts, parts=parts(facts, params["services"], known_hosts(params["compute_hosts"])))


def known_hosts(compute_hosts):
    """Returns the option ``compute_hosts``, ``{}`` where it is not given.

    :raises NovaVmwareError: ``COMPUTE_HOST_INVALID``.
    """
    strange = [name for name, told in (compute_hosts or {}).items() if not isinstance(told, dict)]
    if strange:
        raise NovaVmwareError(
            "COMPUTE_HOST_INVALID",
            f"compute_hosts has something else than a dict for {quoted(strange)}.",
            "Give each what the module compute_host_info has returned as compute_host.",
        )
    return compute_hosts or {}


def parts(facts, options, compute_hosts):
    """Returns :class:`Facts` of each compute host alone, ``()`` where none has a name.

    :arg options: the option ``services``, in the order of ``facts.services``. :arg compute_hosts: the option ``compute_hosts``.
    :raises NovaVmwareError: ``COMPUTE_HOST_UNKNOWN``.
    """
    found = {name: [] for name in compute_hosts}
    for option, service in zip(options, facts.services):
        if not found and option["compute_host"] is None:
            continue
        if option["compute_host"] not in found:
            raise NovaVmwareError(
                "COMPUTE_HOST_UNKNOWN",
                f"The service {service.name} has the compute host {option['compute_host'] or 'none'}, and compute_hosts has {', '.join(found) or 'none'}.",
                "Give each element of services a compute_host that is a key of compute_hosts.",
            )
        found[option["compute_host"]].append(service)
    return tuple(replace(facts, services=tuple(services), compute_host=compute_hosts[name], host=name) for name, services in found.items())


def zones(records):
    """Returns ``{availability zone: nova-computes}``. :arg records: Nova's records of its services by name."""
    found = {}
    for name, record in records.items():
        found.setdefault(record.get("availability_zone"), []).append(name)
    return found


def definitions(compute_host):
    """Returns ``(definitions, known)`` for :class:`NovaConf`: those of the Nova on the compute host, ``()`` where the one that will run is another or none.

    :arg compute_host: what ``compute_host_info`` has returned, or None.
    """
    compute_host = compute_host or {}
    own = compute_host.get("options")
    if not own or own["nova"] != (compute_host.get("versions") or {}).get("nova"):
        return ()
    return options.from_documents(own["definitions"]), own["known"]


def complete(service, seen, known):
    """Returns a :class:`Service` with what the sources say of it. Pure.

    :arg seen: :class:`vcenter.Seen`. :arg known: :class:`openstack.Known`.
    """
    found = seen.hypervisors.get(service.name)
    error = found if isinstance(found, HypervisorError) else None
    return replace(
        service,
        hypervisor=None if error else found,
        hypervisor_error=(error.code, error.what.rstrip(".")) if error else None,
        caches=seen.caches.get(service.name),
        new=service.new if known.records is None else (service.host or service.name) not in known.records,
        record=(known.records or {}).get(service.host or service.name),
    )


def given(wishes, own=None):
    """Returns a :class:`Service` for each element of the option ``services``, with what the options say.

    :arg own: what :func:`definitions` gives, by the name of the compute host, None where there are no names.
    :raises NovaVmwareError: ``NOVA_CONF_INVALID`` or ``SERVICE_UNNAMED``.
    """
    found = []
    for option in wishes:
        conf = _conf(option["name"], option["nova_conf"], (own or {}).get(option["compute_host"], ()))
        driver = registry.of_service(option, conf and conf.value("DEFAULT", "compute_driver"))
        hypervisor, regex = (
            option[name] if option.get(name) is not None else conf and (conf.value("vmware", name) or None) for name in (driver.KEY, "datastore_regex")
        )
        name = option["name"] or (conf and conf.value("DEFAULT", "host")) or hypervisor
        if not name:
            raise NovaVmwareError(
                "SERVICE_UNNAMED",
                f"An element of services has no name, no {driver.KEY} and no nova_conf with [DEFAULT]host.",
                "Give one of them.",
            )
        host = (conf and conf.value("DEFAULT", "host")) or option["name"]
        found.append(Service(name, hypervisor, regex, host=host, conf=conf, driver=driver.NAME, new=option["new"]))
    return [replace(one, name=_distinct(number, found)) for number, one in enumerate(found)]


def _distinct(number, services):
    """Returns the name of a service; of those that have one name, all but the first with their number: that they are two is a finding of its own."""
    name = services[number].name
    before = sum(1 for one in services[:number] if one.name == name)
    return f"{name} ({before + 1})" if before else name


def _conf(name, text, own):
    if text is None:
        return None
    definitions, known = own or ({}, None)
    keys = {("vmware", key): options.Option("vmware", key) for key in registry.keys()}  # a driver brings the option that names its hypervisor
    try:
        return NovaConf(text, {**keys, **definitions}, known)
    except ValueError as error:
        raise NovaVmwareError(
            "NOVA_CONF_INVALID",
            f"The nova.conf of {quoted([name]) if name else 'a service'} is not in the format of nova.conf: {error}.",
            "Nova would not start with it.",
        ) from error
