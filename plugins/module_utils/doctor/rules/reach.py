# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nova-compute needs besides its vCenter, as the compute host sees it. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.compute_host import SKEW_SECONDS
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, WARNING, rule, some

NO_ANSWER = ("unreachable", "answer")
APIS = ("placement", "neutron", "glance")


def _troubles(facts, services, problems):
    """Yields ``(entry, finding)`` of each target that has one of these problems."""
    for one in facts.compute_host["openstack"]:
        if one["service"] in services and one["problem"] in problems:
            yield one, (one["target"] or one["service"], f"{one['error']} (needed by {some(one['computes'])})")


def _has_another(facts, trouble):
    """Tells whether each nova-compute of a broker's host that fails has another host of the broker that works."""
    well = [set(one["computes"]) for one in facts.compute_host["openstack"] if one["service"] == "broker" and one["problem"] is None]
    return all(any(name in names for names in well) for name in trouble["computes"])


@rule(
    ERROR,
    "The compute host does not reach the message broker",
    ["broker"],
    "oslo_messaging/_drivers/impl_rabbit.py (nova-compute waits for it at its start; its service is down without it)",
    "Open the way from the compute host to the address in [DEFAULT]transport_url, and see that TLS is on at both ends or at neither.",
    scope="all",
    site=True,
)
def broker_unreachable(facts):
    yield from (found for one, found in _troubles(facts, ["broker"], NO_ANSWER) if not _has_another(facts, one))


@rule(
    WARNING,
    "One host of the message broker does not answer",
    ["broker"],
    "oslo_messaging/_drivers/impl_rabbit.py (it goes on to the next host of transport_url)",
    "Bring it back, or open the way to it: nova-compute works with the others, and pauses when it tries this one.",
    scope="all",
    site=True,
)
def broker_host_down(facts):
    yield from (found for one, found in _troubles(facts, ["broker"], NO_ANSWER) if _has_another(facts, one))


@rule(
    ERROR,
    "The message broker refuses the account",
    ["broker"],
    "oslo_messaging/_drivers/impl_rabbit.py (Connection.ensure_connection)",
    "Correct the user, the password and the virtual host of [DEFAULT]transport_url, or add the user: rabbitmqctl add_user, set_permissions.",
    scope="all",
    site=True,
)
def broker_login_refused(facts):
    yield from (found for _one, found in _troubles(facts, ["broker"], ["login"]))


@rule(
    ERROR,
    "The certificate of the message broker is not trusted",
    ["broker"],
    "oslo_messaging/_drivers/impl_rabbit.py (_fetch_ssl_params), amqp/transport.py",
    "Set [oslo_messaging_rabbit]ssl_ca_file to the broker's CA, a file on the compute host, and use a name of the certificate in transport_url.",
    scope="all",
    site=True,
)
def broker_certificate_not_trusted(facts):
    yield from (found for _one, found in _troubles(facts, ["broker"], ["certificate"]))


@rule(
    ERROR,
    "The compute host does not reach Keystone",
    ["keystone"],
    "nova/scheduler/client/report.py (nova-compute needs a token for Placement at its start)",
    "Correct auth_url, or open the way from the compute host to it.",
    scope="all",
    site=True,
)
def keystone_unreachable(facts):
    yield from (found for _one, found in _troubles(facts, ["keystone"], NO_ANSWER))


@rule(
    ERROR,
    "Keystone refuses the service's account",
    ["keystone"],
    "nova/scheduler/client/report.py, nova/network/neutron.py, nova/service_auth.py",
    "Correct username, password, project and their domains in the section that the evidence names.",
    scope="all",
    site=True,
)
def keystone_login_refused(facts):
    yield from (found for _one, found in _troubles(facts, ["keystone"], ["login"]))


@rule(
    ERROR,
    "The certificate of an API is not trusted",
    ["keystone"],
    "keystoneauth1/loading/session.py (without cafile, the CAs of requests count, which in a virtual environment are not the machine's)",
    "Set cafile in the sections that use it to the CA, a file on the compute host.",
    scope="all",
    site=True,
)
def api_certificate_not_trusted(facts):
    yield from (found for _one, found in _troubles(facts, ["keystone", *APIS], ["certificate"]))


@rule(
    ERROR,
    "Nova cannot use Placement",
    ["placement"],
    "nova/scheduler/client/report.py (nova-compute reports its resources there)",
    "Correct its endpoint in Keystone's catalog or [placement]valid_interfaces, region_name, endpoint_override; open the way; give the account its role.",
    scope="all",
    site=True,
)
def placement_unusable(facts):
    yield from (found for _one, found in _troubles(facts, ["placement"], [*NO_ANSWER, "login", "missing"]))


@rule(
    ERROR,
    "Nova cannot use Neutron",
    ["neutron"],
    "nova/network/neutron.py (each boot makes or binds ports)",
    "Correct its endpoint in Keystone's catalog or [neutron]valid_interfaces, region_name, endpoint_override; open the way; give the account its role.",
    scope="all",
    site=True,
)
def neutron_unusable(facts):
    yield from (found for _one, found in _troubles(facts, ["neutron"], [*NO_ANSWER, "login", "missing"]))


@rule(
    ERROR,
    "Nova cannot use Glance",
    ["glance"],
    "nova/image/glance.py (get_api_servers)",
    "Correct its endpoint in Keystone's catalog or [glance]valid_interfaces, region_name, endpoint_override; open the way.",
    scope="all",
    site=True,
)
def glance_unusable(facts):
    yield from (found for _one, found in _troubles(facts, ["glance"], [*NO_ANSWER, "login", "missing"]))


@rule(
    WARNING,
    "The clocks of the compute host and of Keystone differ",
    ["keystone_clock"],
    "tokens are judged by the clock (keystoneauth1/identity/base.py: a token that seems to end soon is thrown away)",
    "Let the compute host and the controllers use the same NTP servers.",
    scope="all",
    site=True,
)
def keystone_clock_skew(facts):
    for one in facts.compute_host["openstack"]:
        seconds = one["clock_skew_seconds"]
        if seconds is not None and abs(seconds) > SKEW_SECONDS:
            yield "compute host", f"its clock is {abs(seconds):.0f} seconds {'ahead of' if seconds > 0 else 'behind'} that of Keystone at {one['target']}"
