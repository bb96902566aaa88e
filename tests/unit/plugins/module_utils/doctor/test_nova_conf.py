# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A nova.conf is read as oslo.config reads it."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf


@pytest.mark.parametrize(
    "text, value",
    [
        ("[vmware]\nhost_ip = vc", "vc"),
        ("[vmware]\nhost_ip: vc", "vc"),
        ("[vmware]\nhost-ip=vc", "vc"),
        ("[vmware]\nhost_ip = 'vc'", "vc"),
        ('[vmware]\nhost_ip = "vc"', "vc"),
        ("[vmware]\nhost_ip = one\nhost_ip = two", "two"),
        ("[vmware]\nhost_ip = one\n[other]\nhost_ip = x\n[vmware]\nhost_ip = two", "two"),
        ("[vmware]\nhost_ip = a\n  b\n# no\n c", "a\nb\nc"),
        ("[vmware]\n# host_ip = vc\n; host_ip = vc", None),
        ("[vmware]\nhost_ip =", None),
        ("host_ip = vc", None),
    ],
)
def test_get(text, value):
    assert NovaConf(text).get("vmware", "host_ip") == value


def test_default():
    assert NovaConf("").get("image_cache", "subdirectory_name", "_base") == "_base"


@pytest.mark.parametrize(
    "value, resolved",
    [
        ("$state_path/lock", "/var/lib/nova/lock"),
        ("${state_path}x", "/var/lib/novax"),
        ("$vmware.host_ip", "vc"),
        ("$host_ip", "$host_ip"),
        ("$$state_path", "$state_path"),
        ("$deep", "/var/lib/nova/deep"),
    ],
)
def test_references(value, resolved):
    conf = NovaConf(f"[DEFAULT]\nstate_path = /var/lib/nova\ndeep = $state_path/deep\n[vmware]\nhost_ip = vc\n[oslo_concurrency]\nlock_path = {value}")
    assert conf.get("oslo_concurrency", "lock_path") == resolved


def test_a_circle_of_references_ends():
    assert "$" in NovaConf("a = $b\nb = $a").get("DEFAULT", "a")


@pytest.mark.parametrize(
    "text, line",
    [("  continued", 1), ("[vmware]\n\n continued", 3), ("[vmware", 1), ("[]", 1), ("[vmware]\nhost_ip", 2), ("= value", 1)],
)
def test_what_is_no_nova_conf(text, line):
    with pytest.raises(ValueError, match=f"line {line} "):
        NovaConf(text)


@pytest.mark.parametrize("text, value", [("True", True), ("ON", True), ("0", False), ("no", False), ("maybe", None), ("", None)])
def test_boolean(text, value):
    assert NovaConf(f"[vmware]\ninsecure = {text}").boolean("vmware", "insecure", None) is value


@pytest.mark.parametrize("text, value", [("10", 10), ("-1", -1), ("ten", 5), ("", 5)])
def test_integer(text, value):
    assert NovaConf(f"[image_cache]\nmanager_interval = {text}").integer("image_cache", "manager_interval", 5) == value
