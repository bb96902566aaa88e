# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role writes into nova.conf and secrets.conf."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.openstack_vmware.nova.tests.unit.roles.nova_vcdriver.conftest import GIVEN

VC1 = GIVEN["nova_vcdriver_vcenters"][0]


def instance(evaluate, **given):
    """Gives the only entry of __nova_vcdriver_instances."""
    (only,) = evaluate("__nova_vcdriver_instances", **given)
    return only


def clusters(**keys):
    """Gives nova_vcdriver_computes with one cluster that has more keys."""
    return [{**GIVEN["nova_vcdriver_computes"][0], **keys}]


def test_what_the_role_sets(evaluate):
    """The options on which the cache folder, the identity and the safety of the cache depend."""
    config = instance(evaluate)["config"]
    assert config["DEFAULT"]["host"] == "vc1-cluster-a"
    assert config["DEFAULT"]["my_ip"] == "192.0.2.11"
    assert config["DEFAULT"]["state_path"] == "/var/lib/nova/vc1-cluster-a"
    assert config["oslo_concurrency"]["lock_path"] == "/var/lib/nova/vc1-cluster-a/lock"
    assert config["vmware"]["cache_prefix"] == "vc1"
    assert config["image_cache"] == {"remove_unused_base_images": False, "manager_interval": -1}


def test_no_secret_in_nova_conf(evaluate):
    """Passwords are in the tree of secrets, each in its section, with oslo.config's dollar doubled."""
    text = json.dumps(evaluate("__nova_vcdriver_instances"))
    assert "pass" not in text.replace("password", "") and "secret@" not in text
    secrets = evaluate("__nova_vcdriver_secrets")["vc1-cluster-a"]
    assert secrets["vmware"] == {"host_password": '"pass$$1"'}
    assert secrets["DEFAULT"] == {"transport_url": '"rabbit://nova:secret@rabbit/"'}
    assert {section: secrets[section]["password"] for section in ("placement", "neutron", "cinder", "service_user")} == dict.fromkeys(
        ("placement", "neutron", "cinder", "service_user"), '"pass2"'
    )


LEVELS = ["role", "config", "vcenter", "cluster"]


@pytest.mark.parametrize("highest", LEVELS)
def test_order(evaluate, highest):
    """Role default < nova_vcdriver_config < vCenter < cluster, option by option; null removes."""
    values = {"config": "global", "vcenter": "of-vcenter", "cluster": "of-cluster"}
    on = {level: {"vmware": {"cache_prefix": values[level]}} for level in LEVELS[1 : LEVELS.index(highest) + 1]}
    given = {
        "nova_vcdriver_config": on.get("config", {}),
        "nova_vcdriver_vcenters": [{**VC1, "config": on.get("vcenter", {})}],
        "nova_vcdriver_computes": clusters(config=on.get("cluster", {})),
    }
    assert instance(evaluate, **given)["config"]["vmware"]["cache_prefix"] == values.get(highest, "vc1")
    assert instance(evaluate, **given)["config"]["vmware"]["host_ip"] == "vc1.example.com"


def test_null_removes(evaluate):
    """null at any level takes an option out of the file."""
    given = {"nova_vcdriver_vcenters": [{**VC1, "config": {"vmware": {"cache_prefix": None}, "vnc": None}}]}
    config = instance(evaluate, **given)["config"]
    assert "cache_prefix" not in config["vmware"]
    assert config["vnc"] == {}


def test_secrets_of_a_config_tree(evaluate):
    """Options with a secret's name go into secrets.conf from each level."""
    given = {
        "nova_vcdriver_vcenters": [{**VC1, "config": {"key_manager": {"fixed_key": "11"}}}],
        "nova_vcdriver_computes": clusters(config={"database": {"connection": "mysql://x:y@z/"}}),
    }
    assert not {"key_manager", "database"} & {name for name, options in instance(evaluate, **given)["config"].items() if options}
    secrets = evaluate("__nova_vcdriver_secrets", **given)["vc1-cluster-a"]
    assert secrets["key_manager"] == {"fixed_key": "11"} and secrets["database"] == {"connection": "mysql://x:y@z/"}


def test_several_vcenters(evaluate):
    """Clusters of one name in two vCenters on one host share nothing that must be unique."""
    given = {
        "nova_vcdriver_vcenters": [VC1, {**VC1, "name": "vc2", "host_ip": "vc2.example.com", "host_password": "other"}],
        "nova_vcdriver_computes": [{"cluster_name": "cluster-a", "vcenter": vcenter} for vcenter in ("vc1", "vc2")],
    }
    both = evaluate("__nova_vcdriver_instances", **given)
    for section, option in [("DEFAULT", "host"), ("DEFAULT", "state_path"), ("DEFAULT", "log_file"), ("oslo_concurrency", "lock_path"),
                            ("vmware", "host_ip"), ("vmware", "ca_file"), ("vmware", "cache_prefix")]:  # fmt: skip
        assert len({one["config"][section][option] for one in both}) == 2, option
    assert [evaluate("__nova_vcdriver_secrets", **given)[host]["vmware"]["host_password"] for host in ("vc1-cluster-a", "vc2-cluster-a")] == [
        '"pass$$1"', '"other"'
    ]  # fmt: skip


@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("owned", ["DEFAULT.host", "DEFAULT.state_path", "DEFAULT.my_ip", "oslo_concurrency.lock_path", "vmware.host_password"])
def test_options_with_a_variable(evaluate, level, owned):
    """They are found in each tree."""
    section, option = owned.split(".")
    tree = {section: {option: "x"}}
    given = {
        "config": {"nova_vcdriver_config": tree},
        "vcenter": {"nova_vcdriver_vcenters": [{**VC1, "config": tree}]},
        "cluster": {"nova_vcdriver_computes": clusters(config=tree)},
    }[level]
    assert instance(evaluate, **given)["overridden"] == [f"[{section}]{option}"]
    assert instance(evaluate)["overridden"] == []


# release: options that its nova.conf has, and options that it must not have (read from Nova's sources of that release).
RELEASES = {
    "2014.1": (
        {"DEFAULT.lock_path", "DEFAULT.vnc_enabled", "DEFAULT.image_cache_manager_interval", "DEFAULT.remove_unused_base_images",
         "DEFAULT.neutron_admin_username", "DEFAULT.os_region_name", "vmware.cluster_name"},
        {"vmware.host_port", "vmware.cache_prefix", "vmware.insecure", "neutron.username", "placement.username", "service_user.username"},
    ),
    "2014.2.4": (
        {"vmware.host_port", "neutron.admin_username", "neutron.region_name", "cinder.os_region_name", "DEFAULT.lock_path"},
        {"vmware.cache_prefix", "vmware.ca_file", "neutron.auth_type", "cinder.username", "oslo_concurrency.lock_path"},
    ),
    "2015.1.0": ({"oslo_concurrency.lock_path", "vmware.cache_prefix", "neutron.auth_plugin", "neutron.username"}, {"vmware.insecure", "vnc.enabled"}),
    "12.0.0": ({"vmware.ca_file", "vmware.insecure", "vnc.enabled", "neutron.auth_plugin"}, {"neutron.auth_type", "placement.auth_url"}),
    "14.0.0": ({"placement.os_region_name", "placement.auth_type", "neutron.auth_type"}, {"service_user.username", "placement.region_name"}),
    "17.0.0": ({"placement.region_name", "cinder.auth_type", "service_user.username", "glance.region_name"}, {"image_cache.manager_interval"}),
    "20.0.0": ({"DEFAULT.image_cache_manager_interval", "DEFAULT.log_rotation_type"}, {"image_cache.manager_interval"}),
    "21.0.0": ({"image_cache.manager_interval", "image_cache.remove_unused_base_images"}, {"DEFAULT.remove_unused_base_images"}),
    "34.0.0": ({"image_cache.manager_interval", "vmware.host_port", "service_user.auth_type"}, {"DEFAULT.lock_path", "neutron.auth_plugin"}),
}  # fmt: skip


@pytest.mark.parametrize("release", RELEASES)
def test_words_of_the_release(evaluate, release):
    """An old Nova gets the options of its time, and no others."""
    config = instance(evaluate, nova_vcdriver_version=release)["config"]
    written = {f"{section}.{option}" for section in config for option in config[section]}
    has, has_not = RELEASES[release]
    assert has - written == set()
    assert has_not & written == set()


def test_old_secrets(evaluate):
    """Before 2015.1 Neutron's password has another name; it is a secret all the same."""
    assert evaluate("__nova_vcdriver_secrets", nova_vcdriver_version="2014.2")["vc1-cluster-a"]["neutron"] == {"admin_password": '"pass2"'}
    assert evaluate("__nova_vcdriver_secrets", nova_vcdriver_version="2014.1")["vc1-cluster-a"]["DEFAULT"]["neutron_admin_password"] == '"pass2"'


ESX = {"DEFAULT": {"compute_driver": "vmwareapi.VMwareESXDriver"}}
MULTI = {"vmware": {"cluster_name": ["cluster-a", "cluster-b"]}}


@pytest.mark.parametrize(
    ("release", "tree", "refused"),
    [
        ("2014.1", ESX, ""), ("2014.2", ESX, "does nothing"), ("2015.1.0", ESX, "81bb294365"), ("34.0.0", ESX, "a cluster of its own"),
        ("2014.2", MULTI, ""), ("2015.1.4", MULTI, ""), ("12.0.0", MULTI, "2f7403bd72"), ("34.0.0", MULTI, "an entry of nova_vcdriver_computes"),
        ("34.0.0", {"DEFAULT": {"compute_driver": "libvirt.LibvirtDriver"}}, "vmwareapi.VMwareVCDriver only"), ("34.0.0", {}, ""),
    ],
)  # fmt: skip
def test_values_of_another_release(evaluate, release, tree, refused):
    """The ESXDriver and several clusters are rendered where they were real, and refused with the way out elsewhere."""
    given = {"nova_vcdriver_version": release, "nova_vcdriver_computes": clusters(config=tree)}
    found = evaluate("__nova_vcdriver_outdated", **given)
    assert bool(found) == bool(refused)
    assert refused in json.dumps(found)
    if not refused and tree is MULTI:
        assert instance(evaluate, **given)["config"]["vmware"]["cluster_name"] == ["cluster-a", "cluster-b"]
        assert instance(evaluate, **given)["overridden"] == []


def test_cluster_settings(evaluate):
    """One call for the clusters of a vCenter that get the same; a cluster's own key is taken in place of the variable, {} for none."""
    given = {
        "nova_vcdriver_cluster_settings": {"ha": {"enabled": True}},
        "nova_vcdriver_computes": [
            {"cluster_name": "a"}, {"cluster_name": "b", "cluster_settings": {"drs": {}}}, {"cluster_name": "c"}, {"cluster_name": "d", "cluster_settings": {}}
        ],
    }  # fmt: skip
    assert evaluate("__nova_vcdriver_settings_calls", **given) == [
        {"vcenter": "vc1", "settings": {"ha": {"enabled": True}}, "clusters": ["a", "c"]}, {"vcenter": "vc1", "settings": {"drs": {}}, "clusters": ["b"]},
    ]  # fmt: skip
    assert evaluate("__nova_vcdriver_settings_calls") == []


def test_nova_api(evaluate):
    """Of nova-api's file only one option is handed on, in its section."""
    text = "[DEFAULT]\ntransport_url = rabbit://u:secret@r/\nallow_resize_to_same_host=True\n#allow_resize_to_same_host = x\n[vmware]\nhost_password = secret\n"
    given = {"__nova_vcdriver_api_file": {"content": base64.b64encode(text.encode()).decode()}}
    assert evaluate("__nova_vcdriver_api_lines", **given) == "[DEFAULT]\nallow_resize_to_same_host=True\n[vmware]"
