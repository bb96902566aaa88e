# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""errors.py and module.py: what a failure tells, and what it keeps to itself."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils import module
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def test_failure_has_all_parts():
    error = NovaVmwareError("SOME_CODE", "It failed.", "Do this.", {"a": 1})
    assert error.to_result() == {"msg": "It failed. Do this.", "error_code": "SOME_CODE", "hint": "Do this.", "details": {"a": 1}}


def test_secrets_inside_auth_are_found():
    auth = {"auth_url": "http://k", "password": "pw", "application_credential_secret": "acs", "token": "t", "username": "u"}
    assert module._secrets(auth) == {"pw", "acs", "t"}
    assert module._secrets(None) == set()
