# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``compute_check``: asks each source that was given, then judges."""

from __future__ import annotations

import re
from dataclasses import replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import judge, vcenter
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import Facts, Service
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import SEVERITIES
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.sources import compiles
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as image_rules
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute, connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi

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


class CheckFailed(NovaVmwareError):
    """The check found what it was asked to fail on. ``result`` is the module's whole answer."""

    def __init__(self, what, hint, result):
        super().__init__("CHECK_FAILED", what, hint)
        self.result = result

    def to_result(self):
        """Gives the module's failure with all findings."""
        return {**self.result, **super().to_result()}


def run(params, _check_mode):
    """Judges the services.

    :raises CheckFailed: there is a finding of the severity ``fail_on`` or worse.
    :raises NovaVmwareError: an option is wrong, or a source that was given does not answer.
    """
    services = wanted(params["services"])
    facts = Facts(services=tuple(services), compute_host=params["compute_host"], api_conf=_conf("nova-api", params["api_nova_conf"]))
    if params["hostname"]:
        facts = _ask_vcenter(facts, params)
    if params["openstack"] is not None:
        facts = _ask_openstack(facts, params)
    result = {"changed": False, **judge.judge(facts)}
    counts = {severity: sum(1 for one in result["findings"] if one["severity"] == severity) for severity in SEVERITIES}
    result["counts"] = {
        **counts,
        "passed": len(result["passed"]),
        "not_checked": len({one["id"] for one in result["not_checked"]}),
    }
    worse = SEVERITIES[: SEVERITIES.index(params["fail_on"]) + 1] if params["fail_on"] != "never" else ()
    bad = [one for one in result["findings"] if one["severity"] in worse]
    if bad:
        lines = [f"{one['severity']} {one['id']} {one['object']}: {one['evidence']}" for one in bad]
        raise CheckFailed(f"{len(bad)} findings: {'; '.join(lines)}.", "The way out of each is in hint of its finding.", result)
    return result


def wanted(options):
    """Gives a :class:`Service` for each element of the option ``services``."""
    found = []
    for option in options:
        conf = _conf(option["name"], option["nova_conf"])
        known = {name: option[name] if option[name] is not None else conf and conf.get("vmware", name) for name in ("cluster_name", "datastore_regex")}
        name = option["name"] or (conf and conf.get("DEFAULT", "host")) or known["cluster_name"]
        if not name:
            raise NovaVmwareError(
                "SERVICE_UNNAMED",
                "An element of services has no name, no cluster_name and no nova_conf with [DEFAULT]host.",
                "Give one of them.",
            )
        found.append(Service(name=name, conf=conf, new=option["new"], **known))
    names = [service.name for service in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise NovaVmwareError("SERVICE_TWICE", f"services has {', '.join(twice)} more than once.", "Give each a name of its own.")
    return found


def _conf(name, text):
    if text is None:
        return None
    try:
        return NovaConf(text)
    except ValueError as error:
        raise NovaVmwareError(
            "NOVA_CONF_INVALID",
            f"The nova.conf of {name or 'a service'} is not in the format of nova.conf: {error}.",
            "Nova would not start with it.",
        ) from error


def _ask_vcenter(facts, params):
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    # A regular expression that is none is a finding; what needs it is not judged.
    services = [service if compiles(service.datastore_regex) else replace(service, datastore_regex=None) for service in facts.services]
    try:
        session = registry.login(params)
    except NovaVmwareError as error:
        if error.code not in LOGIN_ERRORS:
            raise
        return replace(facts, login_error=(error.code, error.what.rstrip(".")))
    with session:
        services, seen = vcenter.read(session, params, services, params["image_cache"])
    services = [replace(service, datastore_regex=asked.datastore_regex) for service, asked in zip(services, facts.services)]
    services = [as_it_will_be(service, params["cluster_settings"] or ()) for service in services]
    return replace(facts, services=tuple(services), vcenter=seen)


def as_it_will_be(service, settings):
    """Gives a :class:`Service` whose cluster has the DRS and HA that ``vsphere_cluster_settings`` will leave. Pure.

    :arg settings: ``clusters`` of that module's result; a cluster that is not in it stays as it is.
    """
    for one in settings:
        if service.hypervisor is not None and one["path"] == service.hypervisor.cluster.path:
            cluster = replace(
                service.hypervisor.cluster,
                drs_enabled=one["drs"]["enabled"],
                drs_behavior=one["drs"]["behavior"],
                ha_enabled=one["ha"]["enabled"],
                ha_admission_control=one["ha"]["admission_control"],
            )
            return replace(service, hypervisor=replace(service.hypervisor, cluster=cluster))
    return service


def _ask_openstack(facts, params):
    requires("openstacksdk", connection.IMPORT_ERROR, "to ask Nova and Glance")
    cloud = connection.connect(params["openstack"])
    records = compute.services(cloud)
    services = [replace(service, new=service.name not in records, record=records.get(service.name)) for service in facts.services]
    facts = replace(facts, services=tuple(services))
    if params["images"] is None:
        return facts
    found = [images.find(cloud.image, name) for name in params["images"]]
    return replace(
        facts,
        images=tuple(image_rules.from_document(document) for document in found),
        vsphere_locations=tuple(document.get("name") or document["id"] for document in found if _vsphere(document)),
    )


def _vsphere(document):
    urls = [document.get("direct_url")] + [location.get("url") for location in document.get("locations") or ()]
    return any(re.match("vsphere://", url) for url in urls if url)
