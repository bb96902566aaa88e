# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""deployment/vcenters.py: the options with which modules log in."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.argument_spec import vcenter_argument_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import vcenters

VC1 = {"name": "vc1", "host_ip": "vc1.example.com", "host_username": "nova", "host_password": "secret"}


def test_the_least():
    login = {"hostname": "vc1.example.com", "port": 443, "username": "nova", "password": "secret", "validate_certs": True}
    assert vcenters.logins([VC1]) == {"vc1": login}


def test_all_are_options_of_the_modules():
    given = {**VC1, "host_port": 8443, "insecure": True, "ca_file": "/ca.pem", "thumbprint": "AA:BB", "config": {}}
    login = vcenters.logins([given])["vc1"]
    assert (login["port"], login["validate_certs"], login["ca_path"], login["thumbprint"]) == (8443, False, "/ca.pem", "AA:BB")
    assert set(login) <= set(vcenter_argument_spec())


def test_empty_ones_are_left_out():
    assert vcenters.logins([{**VC1, "ca_file": "", "thumbprint": None}]) == vcenters.logins([VC1])


@pytest.mark.parametrize(
    "insecure, validate_certs", [("no", True), ("false", True), (None, True), ("Yes", False), ("true", False), (1, False), ("maybe", True)]
)
def test_insecure_may_be_a_word(insecure, validate_certs):
    assert vcenters.logins([{**VC1, "insecure": insecure}])["vc1"]["validate_certs"] is validate_certs


@pytest.mark.parametrize(
    "more, expected",
    [
        ({}, ("nova", "secret")),
        ({"admin_username": "", "admin_password": ""}, ("nova", "secret")),
        ({"admin_username": "admin", "admin_password": "other"}, ("admin", "other")),
        ({"admin_username": "admin"}, ("admin", "secret")),
    ],
)
def test_admin(more, expected):
    login = vcenters.logins([{**VC1, **more}], admin=True)["vc1"]
    assert (login["username"], login["password"]) == expected
    assert vcenters.logins([{**VC1, **more}]) == vcenters.logins([VC1])


def test_the_first_of_a_name_counts():
    assert vcenters.logins([VC1, {**VC1, "host_ip": "other"}])["vc1"]["hostname"] == "vc1.example.com"
