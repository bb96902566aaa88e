# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role writes into nova.conf and secrets.conf, and what it calls a nova-compute."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import computes
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.computes import run
from ansible_collections.openstack_vmware.nova.tests.unit.plugins.module_utils.deployment.variables import SITE

VC1 = SITE["vcenters"][0]


def instance(**given):
    """Returns the only nova-compute."""
    (only,) = run({**SITE, **given})["chosen"]
    return only


def clusters(**keys):
    """Returns nova_vcdriver_computes with one cluster that has more keys."""
    return [{**SITE["computes"][0], **keys}]


def test_what_the_role_sets():
    """The options on which the cache folder, the identity and the safety of the cache depend."""
    config = instance()["config"]
    assert config["DEFAULT"]["host"] == "vc1-cluster-a"
    assert config["DEFAULT"]["my_ip"] == "192.0.2.11"
    assert config["DEFAULT"]["state_path"] == "/var/lib/nova/vc1-cluster-a"
    assert config["oslo_concurrency"]["lock_path"] == "/var/lib/nova/vc1-cluster-a/lock"
    assert config["vmware"]["cache_prefix"] == "vc1"
    assert config["image_cache"] == {"remove_unused_base_images": False, "manager_interval": -1}


def test_no_secret_in_nova_conf():
    """Passwords are in the tree of secrets, each in its section, with oslo.config's dollar doubled."""
    text = json.dumps(run(SITE)["chosen"])
    assert "pass" not in text.replace("password", "") and "secret@" not in text
    secrets = run(SITE)["secrets"]["vc1-cluster-a"]
    assert secrets["vmware"] == {"host_password": "pass$$1"}
    assert secrets["DEFAULT"] == {"transport_url": "rabbit://nova:secret@rabbit/"}
    assert {section: secrets[section]["password"] for section in ("placement", "neutron", "cinder", "service_user")} == dict.fromkeys(
        ("placement", "neutron", "cinder", "service_user"), "pass2"
    )


LEVELS = ["role", "config", "vcenter", "cluster"]


@pytest.mark.parametrize("highest", LEVELS)
def test_order(highest):
    """Role default < config < vCenter < cluster, option by option; null removes."""
    values = {"config": "global", "vcenter": "of-vcenter", "cluster": "of-cluster"}
    on = {level: {"vmware": {"cache_prefix": values[level]}} for level in LEVELS[1 : LEVELS.index(highest) + 1]}
    given = {
        "config": on.get("config", {}),
        "vcenters": [{**VC1, "config": on.get("vcenter", {})}],
        "computes": clusters(config=on.get("cluster", {})),
    }
    assert instance(**given)["config"]["vmware"]["cache_prefix"] == values.get(highest, "vc1")
    assert instance(**given)["config"]["vmware"]["host_ip"] == "vc1.example.com"


def test_null_removes():
    """null at any level takes an option out of the file."""
    given = {"vcenters": [{**VC1, "config": {"vmware": {"cache_prefix": None}, "vnc": None}}]}
    config = instance(**given)["config"]
    assert "cache_prefix" not in config["vmware"]
    assert config["vnc"] == {}


def test_secrets_of_a_config_tree():
    """Options with a secret's name go into secrets.conf from each level."""
    given = {
        "vcenters": [{**VC1, "config": {"key_manager": {"fixed_key": "11"}}}],
        "computes": clusters(config={"database": {"connection": "mysql://x:y@z/"}}),
    }
    assert not {"key_manager", "database"} & {name for name, options in instance(**given)["config"].items() if options}
    secrets = run({**SITE, **given})["secrets"]["vc1-cluster-a"]
    assert secrets["key_manager"] == {"fixed_key": "11"} and secrets["database"] == {"connection": "mysql://x:y@z/"}


def test_several_vcenters():
    """Clusters of one name in two vCenters on one host share nothing that must be unique."""
    given = {
        "vcenters": [VC1, {**VC1, "name": "vc2", "host_ip": "vc2.example.com", "host_password": "other"}],
        "computes": [{"cluster_name": "cluster-a", "vcenter": vcenter} for vcenter in ("vc1", "vc2")],
    }
    both = run({**SITE, **given})["chosen"]
    for section, option in [("DEFAULT", "host"), ("DEFAULT", "state_path"), ("DEFAULT", "log_file"), ("oslo_concurrency", "lock_path"),
                            ("vmware", "host_ip"), ("vmware", "ca_file"), ("vmware", "cache_prefix")]:  # fmt: skip
        assert len({one["config"][section][option] for one in both}) == 2, option
    assert [run({**SITE, **given})["secrets"][host]["vmware"]["host_password"] for host in ("vc1-cluster-a", "vc2-cluster-a")] == [
        "pass$$1", "other"
    ]  # fmt: skip


@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("owned", ["DEFAULT.host", "DEFAULT.state_path", "DEFAULT.my_ip", "oslo_concurrency.lock_path", "vmware.host_password"])
def test_options_with_a_variable(level, owned):
    """They are found in each tree."""
    section, option = owned.split(".")
    tree = {section: {option: "x"}}
    given = {
        "config": {"config": tree},
        "vcenter": {"vcenters": [{**VC1, "config": tree}]},
        "cluster": {"computes": clusters(config=tree)},
    }[level]
    assert instance(**given)["overridden"] == [f"[{section}]{option}"]
    assert instance()["overridden"] == []


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
def test_words_of_the_release(release):
    """An old Nova gets the options of its time, and no others."""
    config = instance(release=release)["config"]
    written = {f"{section}.{option}" for section in config for option in config[section]}
    has, has_not = RELEASES[release]
    assert has - written == set()
    assert has_not & written == set()


def test_old_secrets():
    """Before 2015.1 Neutron's password has another name; it is a secret all the same."""
    assert run({**SITE, "release": "2014.2"})["secrets"]["vc1-cluster-a"]["neutron"] == {"admin_password": "pass2"}
    assert run({**SITE, "release": "2014.1"})["secrets"]["vc1-cluster-a"]["DEFAULT"]["neutron_admin_password"] == "pass2"


def test_cluster_settings():
    """One call for the clusters of a vCenter that get the same; a cluster's own key is taken in place of the variable, {} for none."""
    given = {
        "cluster_settings": {"ha": {"enabled": True}},
        "computes": [
            {"cluster_name": "a"}, {"cluster_name": "b", "cluster_settings": {"drs": {}}}, {"cluster_name": "c"}, {"cluster_name": "d", "cluster_settings": {}}
        ],
    }  # fmt: skip
    assert run({**SITE, **given})["settings_calls"] == [
        {"vcenter": "vc1", "settings": {"ha": {"enabled": True}}, "clusters": ["a", "c"]}, {"vcenter": "vc1", "settings": {"drs": {}}, "clusters": ["b"]},
    ]  # fmt: skip
    assert run(SITE)["settings_calls"] == []


def test_default_name():
    """What a unit's or a folder's name can't have becomes one dash."""
    assert computes.default_host("vc1", "cluster-a") == "vc1-cluster-a"
    assert computes.default_host("vc 1", "a%2f/b") == "vc-1-a-2f-b"


def test_chosen():
    """Secrets, services and files are those of the nova-computes that a run is about."""
    found = run({**SITE, "computes": [{"cluster_name": "a"}, {"cluster_name": "b"}], "only": ["vc1-b"]})
    assert [one["host"] for one in found["all"]] == ["vc1-a", "vc1-b"]
    assert [one["host"] for one in found["chosen"]] == list(found["secrets"]) == [one["name"] for one in found["services"]] == ["vc1-b"]
    assert list(found["with_secrets"]) == ["vc1-b"]
    assert [sorted(one["files"]) for one in found["files"]] == [["/etc/nova/vmware/vc1-b/nova.conf", "/etc/nova/vmware/vc1-b/secrets.conf"]]


def test_what_the_compute_host_tries():
    """The broker's and the service's secrets go there, the vCenter's do not; both in the words of nova.conf."""
    vcenter = {**SITE["vcenters"][0], "host_password": "vcenter-secret"}
    (text,) = run({**SITE, "vcenters": [vcenter], "transport_url": "rabbit://u:p$@one/", "auth": {"password": "x"}, "computes": [{"cluster_name": "a"}]})[
        "with_secrets"
    ].values()
    assert "transport_url = rabbit://u:p$$@one/" in text and "password = x" in text
    assert "cache_prefix = vc1" in text and "vcenter-secret" not in text


def test_text():
    """Sections and options are sorted, a list gives lines, booleans are small, and an empty section is left out."""
    tree = {"vnc": {}, "b": {"x": [1, [True, None]], "C": "y"}, "DEFAULT": {"a": False}}
    assert computes.nova_conf(tree, "vc1-a") == "# nova-compute vc1-a\n\n[DEFAULT]\na = false\n\n[b]\nC = y\nx = 1\nx = true"


def test_only_what_is_needed_is_read():
    """The account for DRS and HA is not read: its password may not be at hand."""

    class Guarded(dict):
        def __getitem__(self, key):
            assert not key.startswith("admin_")
            return super().__getitem__(key)

        def get(self, key, default=None):
            return self[key] if key in self else default

        def items(self):
            raise AssertionError("all of it was read")

    assert run({**SITE, "vcenters": [Guarded({**VC1, "admin_password": "x"})]})["all"] == run(SITE)["all"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "plain"), ("a b", "a b"), (" a", '" a"'), ("a\t", '"a\t"'), ('"a"', '""a""'), ("'", "\"'\""), ("''", "\"''\""),
        ("'a\"", "'a\""), ("", ""), (True, "true"), (7, "7"),
    ],
)  # fmt: skip
def test_written(value, line):
    """Quotes where oslo.config would take something away. tests/nova/test_role_config.py has it read back by Nova."""
    assert computes.nova_conf({"x": {"y": value}}, "c").splitlines()[-1] == f"y = {line}"


@pytest.mark.parametrize(
    ("regex", "written"),
    [
        ("^nova-", "^nova-"), ("^x$", "^x$$"), (r"^x\$y", r"^x\x24y"), (r"[\$]", r"[\x24]"), ("x\\\\$", r"x\x5c$$"), ("a\\\\b", r"a\\b"),
        (r"\.\$\.$", r"\.\x24\.$$"),
        ("x\\\\\\$", r"x\\\x24"),
    ],
)  # fmt: skip
def test_dollar_in_a_regular_expression(regex, written):
    """The same expression, without what oslo.config takes away."""
    one = instance(computes=clusters(datastore_regex=regex))
    assert one["config"]["vmware"]["datastore_regex"] == written
    for name in ("x$y", "$", "x\\", "a\\b", ".$.", "x\\$", "nova-1", "x"):
        assert bool(re.match(regex, name)) == bool(re.match(written.replace("$$", "$"), name))
    assert one["cluster"]["datastore_regex"] == regex


def test_literal():
    """What the check on the compute host compares: the texts of the variables, and not what a config tree puts in their place."""
    site = {**SITE, "config": {"DEFAULT": {"log_file": "$state_path/log"}}, "auth": {**SITE["auth"], "password": " x$"}}
    (one,) = run(site)["files"]
    assert one["literal"]["vmware"]["host_password"] == "pass$1" and one["literal"]["neutron"]["password"] == " x$"
    assert "log_file" not in one["literal"]["DEFAULT"] and "host_port" not in one["literal"]["vmware"]
    assert 'password = " x$$"\n' in one["files"]["/etc/nova/vmware/vc1-cluster-a/secrets.conf"]


def test_names():
    """Of what an inventory asks for, also where other variables are missing."""
    wishes = [{"cluster_name": "a/b"}, {"cluster_name": "b", "host": "x"}, {"cluster_name": "c", "vcenter": "vc2"}]
    assert computes.names(wishes, SITE["vcenters"]) == ["vc1-a-b", "x", "vc2-c"]
