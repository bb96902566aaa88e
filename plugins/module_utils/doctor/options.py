# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of the options of nova.conf that the doctor reads. Pure.

A value is judged as Nova would compute it: by type, limits, choices, default and older names. Where Nova is installed, the definitions are its own:
``compute_host_info`` asks for them. Before that they are :data:`TABLE`, which tests/nova holds against the installed Nova.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

TRUE = frozenset(["true", "1", "on", "yes"])
FALSE = frozenset(["false", "0", "off", "no"])
LOGIN_SECTIONS = ("placement", "neutron", "service_user")  # each has an account of its own (keystoneauth1/loading/conf.py)
API_SECTIONS = ("placement", "neutron", "glance")  # each names an API in Keystone's catalog (keystoneauth1/loading/adapter.py)


@dataclass(frozen=True)
class Option:
    """One option. ``deprecated`` has its older names, (section, name) each, in the order in which oslo.config tries them.

    ``type`` is the name of a class of oslo_config/types.py. A ``default`` that Nova finds out at its start, such as an address, is None.
    """

    section: str
    name: str
    type: str = "String"
    default: object = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple = ()
    deprecated: tuple = ()

    def parse(self, text):
        """Returns the value of a text as oslo.config's type gives it (oslo_config/types.py).

        :raises ValueError: it is no value of this option; says why.
        """
        if self.type == "Boolean":
            if text.lower() not in TRUE | FALSE:
                raise ValueError(f"{text!r} is no boolean")
            return text.lower() in TRUE
        if self.type in ("Integer", "Port", "Float"):
            return self._number(text)
        if self.type == "List":
            stripped = text.strip().rstrip(",")
            return [one.strip() for one in stripped.split(",")] if stripped else []
        if self.type in ("HostAddress", "HostDomain") and not is_host(text, "_" if self.type == "HostDomain" else ""):
            raise ValueError(f"{text!r} is neither an address nor the name of a host")
        if self.type in ("HostAddress", "HostDomain"):
            return text[:-1] if text.endswith(".") else text
        if self.choices and text not in self.choices:
            raise ValueError(f"{text!r} is none of {', '.join(str(one) for one in self.choices if one is not None)}")
        return text

    def _number(self, text):
        if not text.strip():
            return None
        try:
            value = float(text) if self.type == "Float" else int(text)
        except ValueError:
            raise ValueError(f"{text!r} is no {'number' if self.type == 'Float' else 'whole number'}") from None
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"{value} is less than {self.minimum:g}")
        if self.maximum is not None and value > self.maximum:
            raise ValueError(f"{value} is more than {self.maximum:g}")
        return value


def is_host(text, also=""):
    """Tells whether a text is an IP address or the name of a host, as oslo.config's HostAddress and HostDomain do (RFC 1912).

    :arg also: more characters that a name may have.
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = (text[:-1] if text.endswith(".") else text).split(".")
        label = re.compile(f"(?!-)[A-Za-z0-9{also}-]{{1,63}}(?<!-)$")
        return len(text) <= 253 and all(map(label.match, labels)) and re.search("[A-Za-z-]", labels[-1]) is not None
    return True


def from_documents(documents):
    """Returns ``{(section, name): Option}`` of what ``compute_host_info`` gives as ``options.definitions``."""
    options = (
        Option(
            one["section"], one["name"], one["type"], one["default"], one["minimum"], one["maximum"],
            tuple(one["choices"]), tuple((section, name) for section, name in one["deprecated"]),
        )
        for one in documents
    )  # fmt: skip
    return {(option.section, option.name): option for option in options}


def _login(section):
    """Returns the options of the account of a section (keystoneauth1/loading/_plugins/identity/v3.py, session.py)."""
    names = (
        "auth_url", "password", "user_id", "user_domain_id", "user_domain_name", "project_domain_id", "project_domain_name", "default_domain_id",
        "default_domain_name", "domain_id", "domain_name", "system_scope", "trust_id", "auth_section", "cafile", "certfile", "keyfile",
    )  # fmt: skip
    found = [Option(section, name) for name in names]
    found.append(Option(section, "auth_type", deprecated=((section, "auth_plugin"),)))
    found.append(Option(section, "username", deprecated=((section, "user-name"), (section, "user_name"))))
    found.append(Option(section, "project_name", deprecated=((section, "tenant-name"), (section, "tenant_name"))))
    found.append(Option(section, "project_id", deprecated=((section, "tenant-id"), (section, "tenant_id"))))
    found.append(Option(section, "insecure", "Boolean", False))
    return found


def _api(section, service_type):
    """Returns the options by which an API is found in the catalog of Keystone."""
    return [
        Option(section, "service_type", default=service_type),
        Option(section, "service_name"),
        Option(section, "region_name"),
        Option(section, "endpoint_override"),
        Option(section, "valid_interfaces", "List", ["internal", "public"]),
    ]


_OPTIONS = [
    Option("DEFAULT", "compute_driver"),
    Option("DEFAULT", "host", "HostDomain"),  # Nova takes the machine's name
    Option("DEFAULT", "my_ip"),  # and the address of its default route
    Option("DEFAULT", "state_path", default="$pybasedir"),
    Option("DEFAULT", "transport_url", default="rabbit://"),
    Option("DEFAULT", "force_config_drive", "Boolean", False),
    Option("DEFAULT", "reserved_host_memory_mb", "Integer", 512, 0),
    Option("DEFAULT", "allow_resize_to_same_host", "Boolean", False),
    Option("DEFAULT", "concurrency_backend", default="auto", choices=("auto", "threading", "eventlet")),
    Option("vmware", "host_ip", "HostAddress"),
    Option("vmware", "host_port", "Port", 443, 0, 65535),
    Option("vmware", "host_username"),
    Option("vmware", "ca_file"),
    Option("vmware", "insecure", "Boolean", False),
    Option("vmware", "cluster_name"),
    Option("vmware", "datastore_regex"),
    Option("vmware", "cache_prefix"),
    Option("vmware", "integration_bridge"),
    Option("vmware", "pbm_enabled", "Boolean", False),
    Option("vmware", "pbm_wsdl_location"),
    Option("image_cache", "manager_interval", "Integer", 2400, -1, deprecated=(("DEFAULT", "image_cache_manager_interval"),)),
    Option("image_cache", "remove_unused_base_images", "Boolean", True, deprecated=(("DEFAULT", "remove_unused_base_images"),)),
    Option("image_cache", "subdirectory_name", default="_base", deprecated=(("DEFAULT", "image_cache_subdirectory_name"),)),
    Option("vnc", "enabled", "Boolean", True, deprecated=(("DEFAULT", "vnc_enabled"),)),
    Option("glance", "verify_glance_signatures", "Boolean", False),
    Option("glance", "enable_certificate_validation", "Boolean", False),
    Option("glance", "api_servers", "List"),
    Option("glance", "cafile"),
    Option("glance", "certfile"),
    Option("glance", "keyfile"),
    Option("glance", "insecure", "Boolean", False),
    Option("workarounds", "disable_group_policy_check_upcall", "Boolean", False),
    Option("oslo_concurrency", "lock_path"),
    Option("oslo_messaging_rabbit", "ssl", "Boolean", False),
    Option("oslo_messaging_rabbit", "ssl_ca_file", default=""),
    Option("oslo_messaging_rabbit", "ssl_cert_file", default=""),
    Option("oslo_messaging_rabbit", "ssl_key_file", default=""),
    Option("oslo_messaging_rabbit", "rabbit_login_method", default="AMQPLAIN", choices=("PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO")),
    *(option for section in LOGIN_SECTIONS for option in _login(section)),
    *_api("placement", "placement"),
    *_api("neutron", "network"),
    *_api("glance", "image"),
]
TABLE = {(option.section, option.name): option for option in _OPTIONS}

# All options of sections that are this driver's alone. Nova does not tell of one that it does not know.
KNOWN = {
    "vmware": (
        "api_retry_count", "ca_file", "cache_prefix", "cluster_name", "connection_pool_size", "console_delay_seconds", "datastore_regex", "host_ip",
        "host_password", "host_port", "host_username", "insecure", "integration_bridge", "maximum_objects", "pbm_default_policy", "pbm_enabled",
        "pbm_wsdl_location", "serial_log_dir", "serial_port_proxy_uri", "serial_port_service_uri", "task_poll_interval", "use_linked_clone", "vnc_keymap",
        "vnc_port", "vnc_port_total",
    ),
}  # fmt: skip
