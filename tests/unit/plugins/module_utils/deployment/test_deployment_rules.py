# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule on the variables is broken on purpose."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import rules
from ansible_collections.openstack_vmware.nova.tests.unit.plugins.module_utils.deployment.variables import SITE

VC1 = SITE["vcenters"][0]
VC2 = {**VC1, "name": "vc2", "host_ip": "vc2.example.com"}
A, B = {"cluster_name": "a"}, {"cluster_name": "b"}
CHECKS = Path(__file__).resolve().parents[5] / "docs" / "checks.md"


def tree(section, option, value, **more):
    """Returns variables of one nova-compute with an option in its config tree."""
    return {"computes": [{**A, "config": {section: {option: value}}}], **more}


ESX = tree("DEFAULT", "compute_driver", "vmwareapi.VMwareESXDriver")
MULTI = tree("vmware", "cluster_name", ["a", "b"])
# id: variables that break it, and what is said.
BROKEN = {
    "VCENTER_NAME_NOT_UNIQUE": ({"vcenters": [VC1, VC1], "computes": [{**A, "vcenter": "vc1"}]}, "vc1"),
    "VCENTER_UNKNOWN": ({"computes": [{**A, "vcenter": "vc9"}]}, "it asks for vCenter vc9, and nova_vcdriver_vcenters has vc1"),
    "CLUSTER_NAME_IS_PATH": ({"computes": [{"cluster_name": "/dc/host/a"}]}, "/dc/host/a"),
    "CONFIG_TREE_INVALID": ({"config": {"vmware": {"x": "one\nsecret"}}}, "[vmware]x has several lines"),
    "SECRET_UNWRITABLE": ({"vcenters": [{**VC1, "host_password": "very\\$secret"}]}, "host_password of vCenter vc1"),
    "HOST_INVALID": ({"computes": [{**A, "host": "a/b"}]}, "a/b"),
    "HOST_NOT_UNIQUE": ({"computes": [{**A, "host": "x"}, {**B, "host": "x"}]}, "x"),
    "CLUSTER_NOT_UNIQUE": ({"computes": [{**A, "host": "x"}, {**A, "host": "y"}]}, "it has the nova-computes x, y"),
    "CACHE_PREFIX_DIFFERS": (
        {"vcenters": [VC1, {**VC2, "host_ip": VC1["host_ip"]}], "computes": [{**A, "vcenter": "vc1"}, {**B, "vcenter": "vc2"}]},
        "vc1 and vc2",
    ),
    "ESX_DRIVER_GONE": (ESX, "which Nova 34.0.0 does not have"),
    "DRIVER_FOREIGN": (tree("DEFAULT", "compute_driver", "libvirt.LibvirtDriver"), "libvirt.LibvirtDriver"),
    "CLUSTERS_OF_ONE_COMPUTE": ({**MULTI}, "has 2 values (a, b)"),
    "OPTION_HAS_VARIABLE": (tree("DEFAULT", "my_ip", "x"), "[DEFAULT]my_ip is in a config tree"),
}


def found(given, others=None):
    """Returns the findings on a site with some variables changed."""
    return rules.findings({**SITE, **given}, others or {})


def test_nothing():
    assert found({}) == []
    assert found({"vcenters": [VC1, VC2], "computes": [{**A, "vcenter": "vc1"}, {**A, "vcenter": "vc2"}]}) == []


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name):
    """It is found, with what is wrong, in the doctor's shape."""
    given, said = BROKEN[name]
    (one,) = [one for one in found(given) if one["id"] == name]
    assert said in f"{one['object']}: {one['evidence']}"
    assert set(one) == {"id", "severity", "title", "vcenter", "object", "evidence", "source", "hint"} and one["severity"] == "error"


def test_each_rule_is_broken():
    assert {one.id for one in [*rules.SHAPE, *rules.FIT]} == {*BROKEN, "DEPLOYED_ELSEWHERE"}


def test_elsewhere():
    """By the name that another host's variables give, or by the address and the name of the cluster; a vCenter's other keys are not read."""
    there = {"nova_vcdriver_vcenters": [VC1], "nova_vcdriver_computes": [A]}
    said = "the inventory has also vc1-a on two"
    assert [one["evidence"] for one in found({"computes": [A]}, {"two": there})] == [said]
    as_x = {**there, "nova_vcdriver_computes": [{**A, "host": "x"}]}
    assert [one["evidence"] for one in found({"computes": [A]}, {"two": as_x})] == ["the inventory has also cluster a of vc1.example.com as x on two"]
    assert found({"computes": [B]}, {"two": there, "three": {}}) == []


@pytest.mark.parametrize(
    ("release", "given", "refused"),
    [("2014.1", ESX, False), ("2014.2", ESX, True), ("2015.1.0", ESX, True), ("2014.2", MULTI, False), ("2015.1.4", MULTI, False), ("12.0.0", MULTI, True)],
)
def test_values_of_another_release(release, given, refused):
    """The ESXDriver and several clusters are taken where they were real."""
    assert bool(found({**given, "release": release})) == refused


def test_only_the_chosen():
    """What is wrong with a nova-compute that the run is not about does not stop it."""
    given = {"computes": [A, {**B, "config": {"DEFAULT": {"my_ip": "x"}}}]}
    assert found(given) and found({**given, "only": ["vc1-a"]}) == []


def test_shape_alone():
    """Nothing else is judged where the shape is wrong: no nova-compute could be made."""
    assert [one["id"] for one in found({"vcenters": [], "computes": [A, A]})] == ["VCENTER_UNKNOWN"]
    for config in ("x", {"a": "x"}, {"a": {"b": {"c": 1}}}):
        assert [one["id"] for one in found({"config": config})] == ["CONFIG_TREE_INVALID"]


@pytest.mark.parametrize("name", ["CONFIG_TREE_INVALID", "SECRET_UNWRITABLE"])
def test_no_secret_is_told(name):
    assert "secret" not in json.dumps([one["evidence"] for one in found(BROKEN[name][0])])


def test_each_rule_is_documented():
    expected = [(one.id, one.title, one.hint) for one in [*rules.SHAPE, *rules.FIT]]
    assert re.findall(r"(?m)^- `([A-Z_]+)`: (.+?)[.] Way out: (.+)$", CHECKS.read_text(encoding="utf-8")) == expected
