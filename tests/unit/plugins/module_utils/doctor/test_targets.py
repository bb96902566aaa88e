# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nova.conf says of the message broker, of Keystone and of the APIs."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import targets
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.targets import Broker, Trust


def brokers(url, section=""):
    return targets.brokers(NovaConf(f"[DEFAULT]\ntransport_url = {url}\n[oslo_messaging_rabbit]\n{section}"))


@pytest.mark.parametrize(
    "url, found",
    [
        ("rabbit://u:p@one", [Broker("one", 5672, "u", "p")]),
        ("rabbit://u:p%40ss%2F@one:5673/nova", [Broker("one", 5673, "u", "p@ss/", "nova")]),
        ("rabbit://u:p@one:1,v:q@two:2/%2Fnova", [Broker("one", 1, "u", "p", "/nova"), Broker("two", 2, "v", "q", "/nova")]),
        ("rabbit://u:p@[2001:db8::1]:5672/", [Broker("2001:db8::1", 5672, "u", "p")]),
        ("rabbit://", [Broker("localhost", 5672, "guest", "guest")]),
        ("kombu+rabbit://u:p@one//", [Broker("one", 5672, "u", "p", "/")]),
    ],
)
def test_brokers(url, found):
    assert brokers(url) == found


@pytest.mark.parametrize(
    "url, section, trust, name",
    [
        ("rabbit://u:p@one", "ssl = true", Trust(), None),
        ("rabbit://u:p@one?ssl=1", "", Trust(), None),
        ("rabbit://u:p@one?ssl=1&ssl_ca_file=/a.pem", "ssl_ca_file = /b.pem", Trust(ca_file="/a.pem"), "one"),
        ("rabbit://u:p@one,u:p@two", "ssl = true\nssl_ca_file = /b.pem", Trust(ca_file="/b.pem"), None),
        ("rabbit://u:p@one", "ssl = true\nssl_cert_file = /c.pem\nssl_key_file = /k.pem", Trust(certificate="/c.pem", key="/k.pem"), None),
        ("rabbit://u:p@one?ssl=0", "ssl = true", None, None),
    ],
)
def test_tls_of_a_broker(url, section, trust, name):
    assert {(one.trust, one.name) for one in brokers(url, section)} == {(trust, name)}


def test_no_password_is_shown():
    (broker,) = brokers("rabbit://u:secret-1@one")
    login = targets.login(NovaConf("[placement]\nauth_type = password\nauth_url = http://k\npassword = secret-2"), "placement")
    assert "secret" not in repr(broker) + repr(login) + broker.target


@pytest.mark.parametrize(
    "url, section, why",
    [
        ("kafka://one", "", "of the kind 'kafka'"),
        ("rabbit://u:p@one:many", "", "no number"),
        ("rabbit://[", "", "no URL"),
        ("rabbit://one", "rabbit_login_method = EXTERNAL", "EXTERNAL"),
    ],
)
def test_what_is_not_tried(url, section, why):
    with pytest.raises(targets.NotChecked, match=why):
        brokers(url, section)


PROJECT = {"user": {"name": "nova", "domain": {"name": "Default"}, "password": "p"}}
ACCOUNT = "auth_type = password\nauth_url = http://k/v3/\nusername = nova\npassword = p\nuser_domain_name = Default\n"


@pytest.mark.parametrize(
    "more, scope",
    [
        ("project_name = service\nproject_domain_id = default", {"project": {"name": "service", "domain": {"id": "default"}}}),
        ("project_id = 1", {"project": {"id": "1"}}),
        ("tenant_name = service\ndefault_domain_name = Default", {"project": {"name": "service", "domain": {"name": "Default"}}}),
        ("system_scope = all", {"system": {"all": True}}),
        ("trust_id = 1", {"OS-TRUST:trust": {"id": "1"}}),
        ("domain_name = Default", {"domain": {"name": "Default"}}),
        ("", None),
    ],
)
def test_login(more, scope):
    login = targets.login(NovaConf(f"[neutron]\n{ACCOUNT}{more}"), "neutron")
    assert (login.section, login.auth_url, login.trust) == ("neutron", "http://k/v3", Trust())
    assert login.body["auth"]["identity"] == {"methods": ["password"], "password": PROJECT}
    assert login.body["auth"].get("scope") == scope


def test_a_user_by_id_and_one_without_a_domain():
    by_id = targets.login(NovaConf("[neutron]\nauth_type = password\nauth_url = http://k\nuser_id = 7\npassword = p"), "neutron")
    assert by_id.body["auth"]["identity"]["password"]["user"] == {"id": "7", "password": "p"}
    bare = targets.login(NovaConf("[neutron]\nauth_type = password\nauth_url = http://k\nusername = nova\npassword = p"), "neutron")
    assert bare.body["auth"]["identity"]["password"]["user"] == {"name": "nova", "password": "p"}


def test_an_account_of_another_section():
    conf = NovaConf(f"[placement]\nauth_section = neutron\nauth_type = password\ncafile = /p.pem\n[neutron]\n{ACCOUNT}")
    assert targets.login(conf, "placement").section == "neutron" and targets.login(conf, "placement").trust == Trust(ca_file="/p.pem")


@pytest.mark.parametrize(
    "text, why",
    [
        ("auth_type = v3applicationcredential", "only password"),
        ("auth_type = password", "auth_url is not set"),
        ("auth_section = mine", "is not read"),
    ],
)
def test_accounts_that_are_not_tried(text, why):
    with pytest.raises(targets.NotChecked, match=why):
        targets.login(NovaConf(f"[placement]\n{text}"), "placement")


def test_a_section_without_an_account():
    assert targets.login(NovaConf(""), "placement") is None


def test_apis():
    conf = NovaConf(
        "[placement]\nregion_name = one\nvalid_interfaces = public\ninsecure = true\n"
        "[neutron]\nendpoint_override = http://n\n[glance]\napi_servers = http://g,http://h"
    )
    placement, neutron, glance = targets.apis(conf)
    assert (placement.service_type, placement.interfaces, placement.region, placement.endpoint) == ("placement", ("public",), "one", None)
    assert placement.trust == Trust(verify=False)
    assert (neutron.service_type, neutron.endpoint, glance.endpoint) == ("network", "http://n", "http://g")


def entry(interface, region):
    return {"interface": interface, "region_id": region, "region": region, "url": f"http://{interface}.{region}"}


CATALOG = [
    {"type": "image", "name": "glance", "endpoints": [entry("internal", "one")]},
    {"type": "placement", "name": "placement", "endpoints": [entry("public", "one"), entry("internal", "two"), entry("public", "two")]},
]


@pytest.mark.parametrize(
    "text, url",
    [
        ("", "http://internal.two"),
        ("region_name = one", "http://public.one"),
        ("valid_interfaces = publicURL,internalURL\nregion_name = two", "http://public.two"),
        ("valid_interfaces = admin", None),
        ("service_type = made-up", None),
        ("service_name = other", None),
        ("region_name = three", None),
    ],
)
def test_endpoint(text, url):
    (placement, _neutron, _glance) = targets.apis(NovaConf(f"[placement]\n{text}"))
    assert targets.endpoint(CATALOG, placement) == url
