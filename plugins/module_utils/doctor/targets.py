# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nova-compute needs besides its vCenter, as its nova.conf says: the message broker, Keystone, and three APIs. Pure.

Passwords are in what is returned here; none is in an ``__repr__``.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.options import API_SECTIONS, LOGIN_SECTIONS

AMQP_PORT = 5672  # oslo_messaging/_drivers/impl_rabbit.py takes it for TLS as well
RABBIT = frozenset(["rabbit", "kombu+rabbit", "amqp", "kombu+amqp"])


@dataclass(frozen=True)
class Trust:
    """How a server is verified. ``ca_file`` is None for the certificates that Nova's requests has; ``certificate`` and ``key`` are the client's own."""

    verify: bool = True
    ca_file: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Broker:
    """One host of ``transport_url``. ``trust`` is None without TLS; ``name`` is what the certificate must be for, None where any name will do."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    virtual_host: str = "/"
    method: str = "AMQPLAIN"
    trust: Trust | None = None
    name: str | None = None

    @property
    def target(self):
        """The address as text."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Login:
    """The account of a section. ``body`` is what Keystone is asked for a token with."""

    section: str
    auth_url: str
    body: dict = field(repr=False)
    trust: Trust = Trust()


@dataclass(frozen=True)
class Api:
    """An API. ``endpoint`` is ``endpoint_override``; without one it is found in the catalog by the other fields."""

    service: str
    section: str
    service_type: str
    interfaces: tuple
    region: str | None
    service_name: str | None
    endpoint: str | None
    trust: Trust


class NotChecked(ValueError):
    """What this configuration asks for cannot be tried here; says why."""


def brokers(conf):
    """Returns a :class:`Broker` for each host of ``[DEFAULT]transport_url``.

    Its form is that of oslo.messaging (``transport.py``, ``TransportURL.parse``): ``rabbit://user:password@host:port,user:password@host:port/virtual_host``;
    options of ``[oslo_messaging_rabbit]`` may follow as a query, and win over that section (``_drivers/common.py``, ``ConfigOptsProxy``).

    :arg conf: :class:`..nova_conf.NovaConf`.
    :raises NotChecked: it is of another kind than RabbitMQ, or no URL.
    """
    try:
        url = urllib.parse.urlsplit(conf.value("DEFAULT", "transport_url") or "")
    except ValueError:
        raise NotChecked("[DEFAULT]transport_url is no URL") from None
    if url.scheme not in RABBIT:
        raise NotChecked(f"[DEFAULT]transport_url is of the kind '{url.scheme}'; only RabbitMQ is checked")
    query = dict(urllib.parse.parse_qsl(url.query))

    def option(name):
        return query.get(name, conf.value("oslo_messaging_rabbit", name))

    method = option("rabbit_login_method")
    if method not in ("PLAIN", "AMQPLAIN"):
        raise NotChecked(f"rabbit_login_method is '{method}'; only PLAIN and AMQPLAIN are checked")
    trust = None
    if str(option("ssl")).lower() in ("true", "1", "on", "yes"):
        trust = Trust(ca_file=option("ssl_ca_file") or None, certificate=option("ssl_cert_file") or None, key=option("ssl_key_file") or None)
    found, account = [], ("guest", "guest")
    parts = url.netloc.split(",")
    for part in parts:
        login, separator, address = part.rpartition("@")
        if separator:
            username, _colon, password = login.partition(":")
            account = urllib.parse.unquote(username), urllib.parse.unquote(password)
        host, port = _address(address)
        found.append(
            Broker(
                host or "localhost", port, *account, urllib.parse.unquote(url.path[1:]) or "/", method, trust,
                # As oslo.messaging: where there are several hosts, it asks for no name (_get_ssl_server_hostname).
                host if trust and trust.ca_file and len(parts) == 1 else None,
            )
        )  # fmt: skip
    return found


def _address(text):
    if text.startswith("["):
        host, _bracket, port = text[1:].partition("]")
        port = port.lstrip(":")
    else:
        host, _colon, port = text.partition(":")
    try:
        return host, int(port) if port else AMQP_PORT
    except ValueError:
        raise NotChecked("[DEFAULT]transport_url has a port that is no number") from None


def login(conf, section):
    """Returns the :class:`Login` of a section; None where it has none.

    :raises NotChecked: its ``auth_type`` is not tried here, or it has no ``auth_url``.
    """
    own = conf.value(section, "auth_section") or section
    if own != section and own not in LOGIN_SECTIONS:
        raise NotChecked(f"[{section}]auth_section is '{own}', which is not read")

    def get(name):
        return conf.value(own, name)

    kind = get("auth_type")
    if not kind:
        return None
    if kind not in ("password", "v3password"):
        raise NotChecked(f"[{own}]auth_type is '{kind}'; only password is tried")
    if not get("auth_url"):
        raise NotChecked(f"[{own}]auth_url is not set")
    user = _named(get("user_id"), get("username"), get("user_domain_id") or get("default_domain_id"), get("user_domain_name") or get("default_domain_name"))
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": {**user, "password": get("password") or ""}}}}}
    scope = _scope(get)
    if scope:
        body["auth"]["scope"] = scope
    return Login(own, get("auth_url").rstrip("/"), body, trust(conf, section))


def _named(id_, name, domain_id, domain_name):
    """Returns a user or project as the Identity API v3 takes it: by its id, or by its name in a domain."""
    if id_:
        return {"id": id_}
    domain = {"id": domain_id} if domain_id else {"name": domain_name} if domain_name else None
    return {"name": name or "", **({"domain": domain} if domain else {})}  # without a domain Keystone says what is missing


def _scope(get):
    if get("system_scope"):
        return {"system": {get("system_scope"): True}}
    if get("trust_id"):
        return {"OS-TRUST:trust": {"id": get("trust_id")}}
    if get("project_id") or get("project_name"):
        domain = get("project_domain_id") or get("default_domain_id"), get("project_domain_name") or get("default_domain_name")
        return {"project": _named(get("project_id"), get("project_name"), *domain)}
    if get("domain_id") or get("domain_name"):
        return {"domain": {"id": get("domain_id")} if get("domain_id") else {"name": get("domain_name")}}
    return None


def trust(conf, section):
    """Returns the :class:`Trust` of a section (keystoneauth1/loading/session.py): ``insecure`` wins over ``cafile``."""

    def get(name):
        return conf.value(section, name)

    return Trust(not get("insecure"), get("cafile") or None, get("certfile") or None, get("keyfile") or None)


def apis(conf):
    """Returns the :class:`Api` of Placement, Neutron and Glance (nova/utils.py, ``get_ksa_adapter``; nova/image/glance.py, ``get_api_servers``)."""
    found = []
    for section in API_SECTIONS:
        endpoint = conf.value(section, "endpoint_override")
        if section == "glance" and conf.value("glance", "api_servers"):
            endpoint = conf.value("glance", "api_servers")[0]
        found.append(
            Api(
                section, section, conf.value(section, "service_type"), tuple(conf.value(section, "valid_interfaces")),
                conf.value(section, "region_name"), conf.value(section, "service_name"), endpoint, trust(conf, section),
            )
        )  # fmt: skip
    return found


def endpoint(catalog, api):
    """Returns the URL of an :class:`Api` in a token's catalog; None where it has none.

    As keystoneauth1/access/service_catalog.py: of the interfaces the first that there is, in the order of ``valid_interfaces``.
    """
    for interface in api.interfaces:
        for service in catalog:
            if service.get("type") != api.service_type or (api.service_name and service.get("name") != api.service_name):
                continue
            for one in service.get("endpoints") or ():
                if one.get("interface") == re.sub("URL$", "", interface) and api.region in (None, one.get("region_id"), one.get("region")):
                    return one["url"]
    return None
