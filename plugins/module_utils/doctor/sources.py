# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of facts that rules need: each is named here and nowhere else. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One source.

    ``have(facts, service)`` tells whether it is there; ``service`` is None for a rule about all. ``why`` says why not, where ``cause(facts, service)`` knows
    nothing more exact. ``of_host`` tells that the compute host tells it.
    """

    name: str
    why: str
    have: object
    cause: object = None
    of_host: bool = False

    def reason(self, facts, service):
        """Returns why the source is not there, as text."""
        return (self.cause and self.cause(facts, service)) or self.why


def compiles(regex):
    """Tells whether a text is a regular expression; none at all is one."""
    try:
        re.compile(regex or "")
    except re.error:
        return False
    return True


def _no_login(facts, _service):
    return "the vCenter could not be used" if facts.vcenter is None and facts.login_error else None


def _no_hypervisor(facts, service):
    return service.hypervisor_error[1] if service.hypervisor_error else _no_login(facts, service)


def _no_openstack(facts, _service):
    return "Nova or Glance did not tell" if facts.openstack_error else None


def _no_record(facts, service):
    return "Nova knows no such service yet" if service.new else _no_openstack(facts, service)


def _seen(name):
    return lambda facts, _service: facts.vcenter is not None and getattr(facts.vcenter, name) is not None


def _sees_certificates(facts, service):
    """Says whether the vCenter told of a host's certificate at all: to read one takes a privilege that the role has not (docs/security.md)."""
    if facts.vcenter is None or service.hypervisor is None:
        return False
    hosts = service.hypervisor.hosts
    told = [facts.vcenter.hosts[host.moid].certificate_expires for host in hosts if host.moid in facts.vcenter.hosts]
    return not told or any(end is not None for end in told)


def _tried(service):
    """Whether ``compute_host_info`` has tried the broker or API of this name."""
    return lambda facts, _service: any(one["problem"] != "unknown" for one in _asked(facts, service))


def _untried(service):
    return lambda facts, _service: "; ".join(dict.fromkeys(one["error"] for one in _asked(facts, service) if one["error"])) or None


def _asked(facts, service):
    return [one for one in (facts.compute_host or {}).get("openstack") or () if one["service"] == service]


def _told(name):
    """What ``compute_host_info`` has told under this name, if anything; a clock that is right differs by 0."""
    return lambda facts, _service: (facts.compute_host or {}).get(name) not in (None, [], {})


SOURCES = {
    source.name: source
    for source in (
        # One nova-compute.
        Source("nova_conf", "nova.conf was not given", lambda _facts, service: service.conf is not None),
        Source("host", "no name in Nova is known", lambda _facts, service: service.host is not None),
        Source("cluster_name", "no cluster name is known", lambda _facts, service: service.hypervisor_name is not None),
        Source("datastore_regex", "there is no datastore_regex", lambda _facts, service: bool(service.datastore_regex)),
        Source("valid_regex", "datastore_regex is not a regular expression", lambda _facts, service: compiles(service.datastore_regex)),
        Source("host_ip", "[vmware]host_ip is not set", lambda _facts, service: bool(service.conf and service.conf.value("vmware", "host_ip"))),
        Source("hypervisor", "the cluster is not known", lambda _facts, service: service.hypervisor is not None, _no_hypervisor),
        Source("caches", "the image cache was not read", lambda _facts, service: service.caches is not None, _no_login),
        Source("record", "Nova was not asked about the service", lambda _facts, service: service.record is not None, _no_record),
        Source("new", "it is not known whether Nova knows the service", lambda _facts, service: service.new is not None, _no_openstack),
        # The vCenter.
        Source("asked", "no vCenter was given", lambda facts, _service: facts.vcenter is not None or facts.login_error is not None),
        Source("vcenter", "no vCenter was given", lambda facts, _service: facts.vcenter is not None, _no_login),
        Source("certificate", "the certificate of the vCenter was not verified", _seen("certificate_expires"), _no_login),
        Source(
            "host_certificates",
            "the account may not read the certificates of ESXi hosts: that needs Certificate.Manage, which the role leaves out on purpose",
            _sees_certificates,
        ),
        Source("privileges", "no cluster is known", _seen("missing_privileges"), _no_login),
        Source("pulls", "ESXi hosts are not to fetch images themselves (option pulls)", lambda facts, _service: facts.pulls),
        Source("firewalls", "the firewalls of the hosts were not read", _seen("firewalls"), _no_login),
        Source(
            "glance_certificate",
            "Glance was not asked, its endpoint is not https, or its certificate was not verified",
            lambda facts, _service: facts.glance_certificate_expires is not None,
            _no_openstack,
        ),
        Source("addresses", "it is not known which addresses the vCenter has", _seen("addresses"), _no_login),
        Source("vms", "no cluster is known", _seen("vms"), _no_login),
        # The compute host.
        Source(
            "versions",
            "the versions on the compute host are not known",
            lambda facts, _service: bool(((facts.compute_host or {}).get("versions") or {}).get("oslo.vmware")),
            of_host=True,
        ),
        Source(
            "nova_versions",
            "the versions of Nova and oslo.vmware on the compute host are not known",
            lambda facts, _service: all(((facts.compute_host or {}).get("versions") or {}).get(name) for name in ("nova", "oslo.vmware")),
            of_host=True,
        ),
        Source("broker", "the compute host was not asked whether it reaches the message broker", _tried("broker"), _untried("broker"), of_host=True),
        Source("keystone", "the compute host was not asked whether it reaches Keystone", _tried("keystone"), _untried("keystone"), of_host=True),
        Source("placement", "the compute host was not asked whether it reaches Placement", _tried("placement"), _untried("placement"), of_host=True),
        Source("neutron", "the compute host was not asked whether it reaches Neutron", _tried("neutron"), _untried("neutron"), of_host=True),
        Source("glance", "the compute host was not asked whether it reaches Glance", _tried("glance"), _untried("glance"), of_host=True),
        Source(
            "keystone_clock",
            "the compute host's clock was not compared with that of Keystone",
            lambda facts, _service: any(one["clock_skew_seconds"] is not None for one in _asked(facts, "keystone")),
            of_host=True,
        ),
        Source("peers", "the compute host was not asked whether it reaches the hosts", _told("peers"), of_host=True),
        Source("skew", "the compute host's clock was not compared", _told("clock_skew_seconds"), of_host=True),
        Source("compute_ids", "the compute host was not asked for compute_id", _told("compute_ids"), of_host=True),
        # nova-api and Glance.
        Source("server_groups", "Nova was not asked for its server groups", lambda facts, _service: facts.server_groups is not None, _no_openstack),
        Source("api_conf", "the nova.conf of nova-api was not given", lambda facts, _service: facts.api_conf is not None),
        Source("images", "no images were given", lambda facts, _service: facts.images is not None, _no_openstack),
        Source(
            "openstack",
            "Nova was not asked",
            lambda facts, _service: facts.openstack_error is not None or facts.server_groups is not None,
        ),
    )
}
