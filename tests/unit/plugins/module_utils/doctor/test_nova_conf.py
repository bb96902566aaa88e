# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A nova.conf is read as oslo.config reads it."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.options import Option


@pytest.mark.parametrize(
    "text, value",
    [
        ("[vmware]\ncache_prefix = vc", "vc"),
        ("[vmware]\ncache_prefix: vc", "vc"),
        ("[vmware]\ncache-prefix=vc", None),
        ("[vmware]\ncache_prefix = 'vc'", "vc"),
        ('[vmware]\ncache_prefix = "vc"', "vc"),
        ("[vmware]\ncache_prefix = one\ncache_prefix = two", "two"),
        ("[vmware]\ncache_prefix = one\n[other]\ncache_prefix = x\n[vmware]\ncache_prefix = two", "two"),
        ("[vmware]\ncache_prefix = a\n  b\n # c", "a\nb\n# c"),
        ("[vmware]\n# cache_prefix = vc\n; cache_prefix = vc", None),
        ("[vmware]\ncache_prefix =", ""),
        ("[VMware]\ncache_prefix = vc", "vc"),
        ("cache_prefix = vc", None),
    ],
)
def test_get(text, value):
    assert NovaConf(text).value("vmware", "cache_prefix") == value


def test_default():
    assert NovaConf("").value("image_cache", "subdirectory_name") == "_base"


@pytest.mark.parametrize(
    "value, resolved",
    [
        ("$state_path/lock", "/var/lib/nova/lock"),
        ("${state_path}x", "/var/lib/novax"),
        ("$vmware.host_ip", "vc"),
        ("$nothing", "$nothing"),
        ("$host", "$host"),
        ("\\$state_path", "$state_path"),
        ("^nova-[0-9]+$", "^nova-[0-9]+$"),
        ("$vmware.host_port", "443"),
        ("$$state_path", "$state_path"),
        ("$deep", "/var/lib/nova/deep"),
    ],
)
def test_references(value, resolved):
    conf = NovaConf(f"[DEFAULT]\nstate_path = /var/lib/nova\ndeep = $state_path/deep\n[vmware]\nhost_ip = vc\n[oslo_concurrency]\nlock_path = {value}")
    assert conf.value("oslo_concurrency", "lock_path") == resolved


def test_a_circle_of_references_ends():
    assert "$" in NovaConf("state_path = $b\nb = $state_path").value("DEFAULT", "state_path")


@pytest.mark.parametrize(
    "text, line",
    [
        ("  continued", 1),
        ("[vmware]\n\n continued", 3),
        ("[vmware", 1),
        ("[vmware] # no", 1),
        ("a = b\n# no\n c", 3),
        ("[]", 1),
        ("[vmware]\nhost_ip", 2),
        ("= value", 1),
    ],
)
def test_what_is_no_nova_conf(text, line):
    with pytest.raises(ValueError, match=f"line {line} "):
        NovaConf(text)


@pytest.mark.parametrize(
    "text, value",
    [
        ("[image_cache]\nmanager_interval = -1", -1),
        ("[DEFAULT]\nimage_cache_manager_interval = -1", -1),
        ("image_cache_manager_interval = 60\n[image_cache]\nmanager_interval = -1", -1),
        ("[image_cache]\nmanager_interval = ten", 2400),
        ("[image_cache]\nmanager_interval =", None),
        ("", 2400),
    ],
)
def test_an_older_name_counts_where_the_new_one_is_not_set(text, value):
    assert NovaConf(text).value("image_cache", "manager_interval") == value


def test_where_an_option_is_set():
    conf = NovaConf("[DEFAULT]\nremove_unused_base_images = true")
    assert conf.place("image_cache", "remove_unused_base_images") == "[DEFAULT]remove_unused_base_images"
    assert conf.place("image_cache", "manager_interval") == "[image_cache]manager_interval"


def test_what_nova_does_not_take():
    conf = NovaConf("[vmware]\npbm_enabled = maybe\nhost_port = 65536\nhost_ip = https://vc\n[DEFAULT]\nimage_cache_manager_interval = -2")
    assert conf.errors() == [
        "[vmware]host_ip: 'https://vc' is neither an address nor the name of a host",
        "[vmware]host_port: 65536 is more than 65535",
        "[vmware]pbm_enabled: 'maybe' is no boolean",
        "[DEFAULT]image_cache_manager_interval: -2 is less than -1",
    ]


def test_what_nova_does_not_know():
    """Of a section that is not this driver's alone nothing is said."""
    conf = NovaConf("[vmware]\nwsdl_location = x\nhost_pi = vc\n[other]\nmade_up = 1")
    assert conf.unknown() == ["[vmware]wsdl_location (did you mean 'pbm_wsdl_location'?)", "[vmware]host_pi (did you mean 'host_ip'?)"]


def test_the_installed_nova_knows_better():
    """Its definitions win over the table, for the options that it has."""
    newer = {("image_cache", "manager_interval"): Option("image_cache", "manager_interval", "Integer", -1)}
    conf = NovaConf("[vmware]\nmade_up = 1", newer, {"vmware": ["made_up"]})
    assert conf.value("image_cache", "manager_interval") == -1 and conf.value("vmware", "host_port") == 443
    assert conf.unknown() == []
