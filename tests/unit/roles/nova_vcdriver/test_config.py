# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role's variables reach the filters, and come back."""

from __future__ import annotations

import base64
import json

from ansible.template import trust_as_template

from ansible_collections.openstack_vmware.nova.tests.unit.roles.nova_vcdriver.conftest import GIVEN

VC1 = GIVEN["nova_vcdriver_vcenters"][0]


def test_variables(evaluate):
    """What a nova-compute is made of comes from each variable of the role; no secret is outside the tree of secrets."""
    (one,) = evaluate("__nova_vcdriver_instances")
    config = one["config"]
    assert one["host"] == config["DEFAULT"]["host"] == "vc1-cluster-a"
    assert (config["DEFAULT"]["my_ip"], config["DEFAULT"]["state_path"]) == ("192.0.2.11", "/var/lib/nova/vc1-cluster-a")
    assert (config["DEFAULT"]["log_file"], config["vmware"]["ca_file"]) == (
        "/var/log/nova/vc1-cluster-a/nova-compute.log",
        "/etc/nova/vmware/vc1-cluster-a/ca.pem",
    )
    assert config["glance"] == {"region_name": "RegionOne"}
    text = json.dumps([evaluate(f"__nova_vcdriver_{name}") for name in ("all_instances", "services", "settings_calls")])
    assert "pass" not in text.replace("password", "") and "secret@" not in text
    secrets = evaluate("__nova_vcdriver_secrets")["vc1-cluster-a"]
    assert (secrets["DEFAULT"]["transport_url"], secrets["vmware"]["host_password"]) == ("rabbit://nova:secret@rabbit/", "pass$$1")
    assert secrets["neutron"]["password"] == "pass2"


def test_variables_in_variables(evaluate):
    """A value that is itself a template is rendered before a filter works with it; what only looks like one, as a vault's may, is left alone."""
    of_vault = "a$b{{ not_a_template }}"
    template = trust_as_template("{{ vault }}")
    given = {
        "vault": of_vault,
        "nova_vcdriver_vcenters": [{**VC1, "host_password": template, "admin_password": trust_as_template("{{ not_at_hand }}")}],
        "nova_vcdriver_config": {"vmware": {"vnc_keymap": [trust_as_template("{{ 'd' ~ 'e' }}")]}, "database": {"connection": template}},
        "nova_vcdriver_auth": {"password": template},
    }
    secrets = evaluate("__nova_vcdriver_secrets", **given)["vc1-cluster-a"]
    escaped = "a$$b{{ not_a_template }}"
    assert secrets["vmware"]["host_password"] == secrets["placement"]["password"] == escaped and secrets["database"]["connection"] == of_vault
    assert evaluate("__nova_vcdriver_instances", **given)[0]["config"]["vmware"]["vnc_keymap"] == ["de"]
    (files,) = evaluate("__nova_vcdriver_files_to_be", **given)
    assert f"host_password = {escaped}\n" in files["files"]["/etc/nova/vmware/vc1-cluster-a/secrets.conf"]
    assert files["literal"]["vmware"]["host_password"] == of_vault


def test_chosen(evaluate):
    """Names from the command line, from a list, or the one whose turn it is in a rollout."""
    two = {"nova_vcdriver_computes": [{"cluster_name": "a"}, {"cluster_name": "b"}]}

    def chosen(**given):
        return [one["host"] for one in evaluate("__nova_vcdriver_instances", **two, **given)]

    assert chosen() == chosen(nova_vcdriver_only="vc1-a, vc1-b") == ["vc1-a", "vc1-b"]
    assert chosen(nova_vcdriver_only=["vc1-b"]) == chosen(__nova_vcdriver_turn="vc1-b") == ["vc1-b"]


def test_findings(evaluate):
    """The variables of the other compute hosts are looked at, as the inventory has them."""
    other = {"nova_vcdriver_vcenters": [VC1], "nova_vcdriver_computes": [{"cluster_name": trust_as_template("{{ 'cluster-' ~ 'a' }}")}]}
    given = {"groups": {"nova_vcdriver": ["compute-1", "compute-2"]}, "hostvars": {"compute-2": other}}
    assert [one["id"] for one in evaluate("__nova_vcdriver_variable_findings", **given)] == ["DEPLOYED_ELSEWHERE"]
    assert evaluate("__nova_vcdriver_variable_findings", groups={}, hostvars={}) == []


def test_missing(evaluate):
    """Nothing was asked yet; then what was registered counts."""
    assert evaluate("__nova_vcdriver_missing") == []
    assert evaluate("__nova_vcdriver_missing", __nova_vcdriver_nodes={"msg": "refused"}) == ["vc1-cluster-a: OpenStack could not be asked: refused"]
    assert evaluate("__nova_vcdriver_missing", __nova_vcdriver_rpc={"results": [{"item": "x", "rc": 1, "stderr": "y"}]}) == ["x: y"]


def test_drift(evaluate):
    """What the tasks have registered is compared with what the role would do."""
    given = {
        "__nova_vcdriver_facts": {"stdout_lines": []}, "__nova_vcdriver_conf_files": {"results": []}, "__nova_vcdriver_secret_files": {"results": []},
        "__nova_vcdriver_ca_files": {"skipped": True}, "__nova_vcdriver_unit_file": {"changed": False}, "__nova_vcdriver_cluster_states": {"results": []},
        "__nova_vcdriver_reached": {"compute_host": {"openstack": []}},
    }  # fmt: skip
    assert [one["what"] for one in evaluate("__nova_vcdriver_differences", **given)] == ["deployed"]


def test_nova_api(evaluate):
    """Of nova-api's file only one option is handed on, in its section."""
    text = "[DEFAULT]\ntransport_url = rabbit://u:secret@r/\nallow_resize_to_same_host=True\n#allow_resize_to_same_host = x\n[vmware]\nhost_password = secret\n"
    given = {"__nova_vcdriver_api_file": {"content": base64.b64encode(text.encode()).decode()}}
    assert evaluate("__nova_vcdriver_api_lines", **given) == "[DEFAULT]\nallow_resize_to_same_host=True\n[vmware]"
