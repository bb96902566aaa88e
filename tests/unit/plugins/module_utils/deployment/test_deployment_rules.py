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
    "COMPUTES_EMPTY": ({"computes": []}, "it is empty on each compute host"),
    "RELEASE_INVALID": ({"release": "dalmatian"}, "'dalmatian': it is not the number of a release"),
    "FILE_NOT_FOUND": (
        {"files": {"ca_file of vCenter vc1": {"path": "/a/x", "found": False, "tried": ["/a/x", "/b/x"]}}},
        "ca_file of vCenter vc1: there is no file /a/x and no file /b/x",
    ),
    "CONSTRAINTS_NOT_FOUND": (
        {"files": {"nova_vcdriver_constraints": {"path": "/c", "found": False, "tried": ["/c"]}}, "release": "35.0.0"},
        "Nova 35.0.0: there is no file /c; the role has pins for 33.0.2, 34.0.0",
    ),
    "VCENTER_UNKNOWN": ({"computes": [{**A, "vcenter": "vc9"}]}, "it asks for vCenter 'vc9' (did you mean 'vc1'?), and nova_vcdriver_vcenters has 'vc1'"),
    "CLUSTER_NAME_IS_PATH": ({"computes": [{"cluster_name": "/dc/host/a"}]}, "/dc/host/a"),
    "CONFIG_TREE_INVALID": ({"config": {"vmware": {"x": "one\nsecret"}}}, "[vmware]x has several lines"),
    "VALUE_UNWRITABLE": ({"vcenters": [{**VC1, "host_password": "very\\$secret"}]}, "host_password of vCenter vc1"),
    "ONLY_UNKNOWN": ({"only": ["vc1-clustr-a"]}, "nova_vcdriver_only: it has 'vc1-clustr-a' (did you mean 'vc1-cluster-a'?)"),
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
    "CACHE_FOLDER_NOT_LITERAL": (tree("vmware", "cache_prefix", "$my_ip-"), "[vmware]cache_prefix has a dollar sign"),
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


@pytest.mark.parametrize("release", ["2024.2", "2026.1", "master", "34.x", "", "34-0"])
def test_no_release(release):
    """A name, a year of OpenStack, or a typing error."""
    assert [one["id"] for one in found({"release": release})] == ["RELEASE_INVALID"]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"vcenters": [{**VC1, "host_username": "a\\$b"}]}, ["host_username of vCenter vc1"]),
        ({"auth": {"password": "a\nb"}}, ["password of nova_vcdriver_auth"]),
        ({"transport_url": "rabbit://a\\$b"}, ["nova_vcdriver_transport_url"]),
        ({"computes": [{**A, "datastore_regex": "a\x85"}]}, ["datastore_regex of a"]),
        ({"computes": [{**A, "datastore_regex": "^x\\$y"}]}, []),
    ],
)
def test_unwritable(given, names):
    """The value is named, and not shown; a regular expression can be written in another way."""
    assert [one["object"] for one in found(given) if one["id"] == "VALUE_UNWRITABLE"] == names


def test_a_backslash_is_not_lost():
    """A config tree is in the words of nova.conf, where a backslash before a dollar sign is gone."""
    (one,) = found({"config": {"vmware": {"vnc_keymap": "a\\$b"}}})
    assert one["evidence"] == "[vmware]vnc_keymap has a backslash before a dollar sign, which Nova reads as the dollar sign alone"


def test_no_nova_compute_here():
    """A host may have none, as long as another one has some."""
    assert found({"computes": []}, {"two": {"nova_vcdriver_computes": [A], "nova_vcdriver_vcenters": [VC1]}}) == []


def test_only_names_one_of_another_host():
    there = {"nova_vcdriver_vcenters": [VC1], "nova_vcdriver_computes": [A]}
    assert found({"only": ["vc1-a"]}, {"two": there}) == []


LINKS = ["vc1-a /opt/nova-vmware/34.0.0-0123abcd", "vc1-b /usr", "vc1-c /opt/nova-vmware/33.0.2-0123abcd"]


@pytest.mark.parametrize(
    ("release", "controllers", "downgrade", "ids"),
    [
        ("34.0.0", "34.0.0", False, []),
        ("34.0.1", "34.0.0", False, []),
        ("34.0.0", None, False, []),
        ("33.0.2", None, False, ["RELEASE_DOWNGRADE"]),
        ("33.0.2", "34.0.0", True, []),
        ("35.0.0", "34.0.0", False, ["RELEASE_NEWER_THAN_CONTROLLERS"]),
        ("34.0.0", "35.0.0", False, []),
        ("34.0.0", "36.0.0", False, ["RELEASE_TOO_OLD"]),
        ("33.0.0", "35.1.0", True, []),
        ("32.0.0", "35.0.0", True, ["RELEASE_TOO_OLD"]),
        ("32.0.0", "34.0.0", True, ["RELEASE_TOO_OLD"]),
    ],
)
def test_releases(release, controllers, downgrade, ids):
    """Of the nova-computes that the run is about, those in a venv are compared."""
    assert [one["id"] for one in rules.release_findings(release, LINKS, ["vc1-a", "vc1-b"], controllers, downgrade)] == ids


@pytest.mark.parametrize("name", ["CONFIG_TREE_INVALID", "VALUE_UNWRITABLE"])
def test_no_secret_is_told(name):
    assert "secret" not in json.dumps([one["evidence"] for one in found(BROKEN[name][0])])


def test_each_rule_is_documented():
    expected = [(one.id, one.title, one.hint) for one in [*rules.SHAPE, *rules.FIT, *rules.RELEASES]]
    assert re.findall(r"(?m)^- `([A-Z_]+)`: (.+?)[.] Fix: (.+)$", CHECKS.read_text(encoding="utf-8")) == expected
