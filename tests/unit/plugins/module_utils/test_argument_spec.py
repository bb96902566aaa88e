# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that a module takes are the options that its page documents."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

from ansible_collections.openstack_vmware.nova.plugins.module_utils import argument_spec

FRAGMENTS = Path(__file__).resolve().parents[4] / "plugins" / "doc_fragments"


def documented(name):
    module = importlib.import_module(f"ansible_collections.openstack_vmware.nova.plugins.doc_fragments.{name}")
    return yaml.safe_load(module.ModuleDocFragment.DOCUMENTATION)["options"]


def shape(options, sub):
    """Gives the facts of an option that both sides tell."""
    found = {}
    for name, option in options.items():
        facts = {key: option.get(key) for key in ("type", "elements", "default", "choices")}
        facts["required"] = bool(option.get("required"))
        facts["aliases"] = sorted(option.get("aliases") or [])
        facts["sub"] = shape(option[sub], sub) if sub in option else None
        found[name] = facts
    return found


@pytest.mark.parametrize("name", ["vcenter", "openstack", "hypervisors", "cache"])
def test_fragment_and_function_say_the_same(name):
    spec = getattr(argument_spec, f"{name}_argument_spec")()
    assert shape(spec, "options") == shape(documented(name), "suboptions")


def test_every_fragment_has_a_function():
    assert {path.stem for path in FRAGMENTS.glob("*.py")} - {"__init__", "attributes"} == {"vcenter", "openstack", "hypervisors", "cache"}


def test_environment_variables_are_documented():
    for name, option in argument_spec.vcenter_argument_spec().items():
        _function, (variable,) = option["fallback"]
        assert f"E({variable})" in str(documented("vcenter")[name]["description"])
