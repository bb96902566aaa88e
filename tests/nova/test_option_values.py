# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor computes what the installed Nova would: its definitions are the table's, and oslo.config gives the same values."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keystoneauth1 import loading
from oslo_config import cfg
from stevedore import named

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import host_info, options
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf

INSTALLED = host_info.definitions(sys.executable)
OPTIONS = sorted(options.TABLE)


def register():
    """Gives {(section, name): option} of Nova's own, and of its libraries."""
    found = {}
    for extension in named.NamedExtensionManager("oslo.config.opts", ["nova.conf", "oslo.concurrency", "oslo.messaging"]):
        for group, members in extension.plugin():
            found |= {(getattr(group, "name", group) or "DEFAULT", option.dest): option for option in members}
    for section in options.LOGIN_SECTIONS:
        found |= {(section, option.dest): option for option in loading.get_auth_plugin_conf_options("password")}
    return found


NOVAS = register()


def novas_value(text, section, name):
    """Gives what oslo.config computes with the option itself, or the error."""
    conf = cfg.ConfigOpts()
    for group, option in sorted({(section, name), ("DEFAULT", "state_path"), ("vmware", "host_port"), ("DEFAULT", "my_ip")}):
        conf.register_opt(NOVAS[group, option], group=None if group == "DEFAULT" else group)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "nova.conf")
        path.write_text(text, encoding="utf-8")
        conf(["--config-file", str(path)], project="nova", default_config_files=[], default_config_dirs=[])
        try:
            return getattr(conf if section == "DEFAULT" else conf[section], name)
        except cfg.ConfigFileValueError as error:
            return error


def ours(text, section, name):
    """Gives what the doctor computes, or that Nova takes the value for none."""
    conf = NovaConf(text)
    wrong = [line for line in conf.errors() if line.startswith(conf.place(section, name) + ": ")]
    return cfg.ConfigFileValueError(wrong[0]) if wrong else conf.value(section, name)


def agree(text, section, name):
    nova, doctor = novas_value(text, section, name), ours(text, section, name)
    if isinstance(nova, Exception) or isinstance(doctor, Exception):
        assert type(nova) is type(doctor), (nova, doctor)
    else:
        assert doctor == nova


def test_the_table_is_what_the_installed_nova_has():
    """Where it differs, the table's line is wrong for this Nova."""
    found = options.from_documents(INSTALLED["definitions"])
    assert {key: found.get(key) for key in options.TABLE} == options.TABLE


def test_all_options_of_the_drivers_section_are_known():
    assert {section: sorted(names) for section, names in options.KNOWN.items()} == INSTALLED["known"]
    assert {key[1] for key in options.from_documents(INSTALLED["definitions"]) if key[0] == "vmware"} == set(options.KNOWN["vmware"])


def test_without_nova_nothing_is_defined():
    assert host_info.definitions("/nowhere/python3") is None


def places(section, name):
    """Gives the names under which Nova takes an option."""
    return [(section, name), *options.TABLE[section, name].deprecated]


VALUES = ["", "true", "No", "maybe", "0", "-1", "-2", "10", " 7 ", "70000", "1.5", "a,b, c,", "vc.example.com", "vc_1", "192.0.2.1", "2001:db8::1", "https://x",
          "1.2.3", "eventlet", "PLAIN", "$my_ip", "${state_path}/x", "$$x", "\\$x", "^nova-$", "'quoted'", '"a', "$vmware.host_port", "x."]  # fmt: skip


@pytest.mark.parametrize("section, name", OPTIONS, ids=["-".join(key) for key in OPTIONS])
def test_values(section, name):
    """Each option with each value, under each of its names."""
    for group, option in places(section, name):
        for value in VALUES:
            if value in (f"${name}", f"${{{name}}}/x", f"${section}.{name}"):
                continue  # of itself
            agree(f"[DEFAULT]\nmy_ip = 192.0.2.11\nstate_path = /var/lib/nova\n[{group}]\n{option} = {value}\n", section, name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([key for key in OPTIONS if options.TABLE[key].deprecated]),
    st.lists(st.tuples(st.booleans(), st.sampled_from(["true", "false", "5", "60", ""])), max_size=4),
    st.booleans(),
)
@example(("image_cache", "manager_interval"), [(True, "60"), (False, "5")], False)
def test_names_and_repetitions(key, assignments, dashed):
    """The new name wins, and of one name the last value, wherever they are in the file."""
    lines = []
    for older, value in assignments:
        group, option = places(*key)[-1 if older else 0]
        lines += [f"[{group}]", f"{option.replace('_', '-') if dashed else option} = {value}"]
    agree("\n".join(lines) + "\n", *key)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="$"), max_size=12))
def test_any_text(value):
    for key in (("vmware", "host_ip"), ("vmware", "pbm_enabled"), ("vmware", "host_port"), ("vmware", "datastore_regex"), ("neutron", "valid_interfaces")):
        agree(f"[{key[0]}]\n{key[1]} = {value}\n", *key)


LINES = ["", " ", "[vmware]", "[VMware]", "[other]", "[vmware] # x", "[]", "# x", " # x", "; x", "cache_prefix = a", "cache_prefix: b", "cache_prefix", "= a",
         "  more", "\tmore", "cache_prefix ='a'", 'cache_prefix = "', "cache-prefix = a", "cache_prefix = a ; b"]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(LINES), max_size=6))
def test_any_file(lines):
    """A file that Nova can't parse is none here, and what it can parse means the same."""
    text = "[vmware]\n" + "\n".join(lines) + "\n"
    try:
        nova = novas_value(text, "vmware", "cache_prefix")
    except cfg.ConfigFileParseError:
        with pytest.raises(ValueError, match="line"):
            NovaConf(text)
    else:
        assert NovaConf(text).value("vmware", "cache_prefix") == nova
