# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of options; tests/nova asks oslo.config whether it takes the same ones."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.options import Option, from_documents, is_host

INTERVAL = Option("s", "o", "Integer", minimum=-1, maximum=10)


@pytest.mark.parametrize(
    "option, text, value",
    [
        (Option("s", "o"), "x", "x"),
        (Option("s", "o", "Boolean"), "YES", True),
        (Option("s", "o", "Boolean"), "off", False),
        (INTERVAL, "-1", -1),
        (INTERVAL, "", None),
        (Option("s", "o", "Float"), "0.5", 0.5),
        (Option("s", "o", "List"), "a, b,", ["a", "b"]),
        (Option("s", "o", "List"), "", []),
        (Option("s", "o", choices=("a", None)), "a", "a"),
        (Option("s", "o", "HostAddress"), "vc.example.com.", "vc.example.com"),
        (Option("s", "o", "HostDomain"), "vc_1", "vc_1"),
    ],
)
def test_values(option, text, value):
    assert option.parse(text) == value


@pytest.mark.parametrize(
    "option, text, why",
    [
        (Option("s", "o", "Boolean"), "maybe", "'maybe' is no boolean"),
        (Option("s", "o", "Boolean"), "", "'' is no boolean"),
        (INTERVAL, "-2", "-2 is less than -1"),
        (INTERVAL, "11", "11 is more than 10"),
        (INTERVAL, "ten", "'ten' is no whole number"),
        (Option("s", "o", "Float"), "ten", "'ten' is no number"),
        (Option("s", "o", choices=("a", "b", None)), "c", "'c' is none of a, b"),
        (Option("s", "o", "HostAddress"), "vc_1", "neither an address"),
    ],
)
def test_what_is_no_value(option, text, why):
    with pytest.raises(ValueError, match=why):
        option.parse(text)


@pytest.mark.parametrize(
    "text, is_one",
    [
        ("vc", True),
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("a.b-c.example", True),
        ("", False),
        ("-a", False),
        ("a_b", False),
        ("1.2.3", False),
        ("a..b", False),
    ],
)
def test_is_host(text, is_one):
    assert is_host(text) is is_one


def test_documents():
    document = {
        "section": "s", "name": "o", "type": "Integer", "default": 1, "minimum": -1, "maximum": None, "choices": [], "deprecated": [["DEFAULT", "p"]],
    }  # fmt: skip
    assert from_documents([document]) == {("s", "o"): Option("s", "o", "Integer", 1, -1, None, (), (("DEFAULT", "p"),))}
