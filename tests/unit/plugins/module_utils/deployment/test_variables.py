# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mistakes of a first inventory."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.variables import problems

GROUPS = {"all": ["c1", "c2", "x"], "ungrouped": [], "nova_vcdriver": ["c1", "c2"], "other": ["x"]}
SPEC = {
    "nova_vcdriver_openstack": {"type": "dict", "required": True},
    "nova_vcdriver_check_ignore": {"type": "list", "elements": "str"},
    "nova_vcdriver_vcenters": {
        "type": "list",
        "elements": "dict",
        "options": {"host_ip": {"type": "str", "required": True}, "host_password": {"no_log": True}},
    },
}
GOOD = {"nova_vcdriver_openstack": {"cloud": "prod"}, "nova_vcdriver_vcenters": [{"host_ip": "vc", "host_password": "geheim"}]}


class Broken(Mapping):
    """Variables of which one can't be rendered, as Ansible's are."""

    def __init__(self, given, name, why):
        self._given, self._name, self._why = {**given, name: None}, name, why

    def __getitem__(self, name):
        if name == self._name:
            raise ValueError(self._why)
        return self._given[name]

    def __iter__(self):
        return iter(self._given)

    def __contains__(self, name):
        return name in self._given

    def __len__(self):
        return len(self._given)


def said(c1=None, c2=None, hosts=("c1", "c2", "x"), groups=None):
    """Returns what is wrong. :arg c1: the variables of the first compute host; :arg c2: of the second."""
    given = {"c1": GOOD if c1 is None else c1, "c2": GOOD if c2 is None else c2}
    return problems(groups or GROUPS, hosts, given, SPEC, ["nova_vcdriver_openstack", "nova_vcdriver_vcenters"], ["/etc/ansible/hosts"])


def test_nothing():
    assert said() == []


def test_no_group():
    """It says which inventory was read, and what was probably meant."""
    for groups in ({"all": []}, {"all": [], "nova_vcdriver": []}):
        (text,) = said(groups=groups)
        assert "No host is in the group nova_vcdriver" in text and "/etc/ansible/hosts" in text and "-i inventory.yml" in text
        assert "did you mean" not in text
    (text,) = said(groups={"all": ["c1"], "nova-vcdriver": ["c1"]})
    assert "It has a group 'nova-vcdriver': did you mean that?" in text


def test_limit_leaves_nothing():
    assert said(hosts=["x"]) == ["--limit leaves no host of the group nova_vcdriver, which has c1, c2."]


def test_missing():
    """Hosts that lack the same are named together, with an example of what they lack alone."""
    (text,) = said({}, {})
    assert text.startswith("c1, c2: the inventory does not set nova_vcdriver_openstack, nova_vcdriver_vcenters.")
    assert "group_vars/nova_vcdriver.yml" in text and "  nova_vcdriver_openstack: {cloud: prod}" in text and "    - name: vc1" in text
    (text,) = said(c2={"nova_vcdriver_vcenters": []})
    assert text.startswith("c2: the inventory does not set nova_vcdriver_openstack. ") and "nova_vcdriver_vcenters" not in text
    assert said({}, hosts=["c2"]) == []


def test_wrong_shape():
    """By the argument specs of the roles, which are never shown; nor is a value."""
    wrong = {**GOOD, "nova_vcdriver_openstack": ["x"], "nova_vcdriver_vcenters": [{"hostname": "vc", "host_password": "geheim"}]}
    texts = said(wrong, wrong)
    assert any("nova_vcdriver_openstack" in text and "dict" in text for text in texts)
    assert any("host_ip found in nova_vcdriver_vcenters" in text for text in texts)
    assert all(text.startswith("c1, c2: ") and "geheim" not in text for text in texts)


def test_misspelt():
    """Only what is close to a variable of a role; another one may be somebody's own."""
    assert said({**GOOD, "nova_vcdriver_chek_ignore": [], "nova_vcdriver_my_own_things": 1, "nova_vcdriver_vcenter": 1}) == [
        "c1: no role has a variable nova_vcdriver_chek_ignore; did you mean nova_vcdriver_check_ignore?"
    ]


def test_not_rendered():
    """A variable of a vault that was not given is named; what comes of facts is not known yet."""
    broken = Broken(GOOD, "nova_vcdriver_vcenters", "'vault_password' is undefined")
    assert said(broken) == ["c1: nova_vcdriver_vcenters can't be rendered: 'vault_password' is undefined"]
    assert said(Broken(GOOD, "nova_vcdriver_vcenters", "object of type 'dict' has no attribute 'ansible_facts'")) == []
