# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends: with a result, an error or a signal, and what it keeps to itself."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils import module
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


class Ended(Exception):
    """The module has ended, with these arguments."""

    def __init__(self, **arguments):
        super().__init__(arguments)
        self.arguments = arguments


class Module:
    """An AnsibleModule that was asked for these options."""

    check_mode = False
    tmpdir = "/nowhere"

    def __init__(self, argument_spec, supports_check_mode, **_options):
        assert supports_check_mode
        self.params = argument_spec
        self.no_log_values = set()
        self.warnings = []
        self._diff = False
        Module.made = self

    def warn(self, text):
        self.warnings.append(text)

    def exit_json(self, **arguments):
        raise Ended(**arguments)

    fail_json = exit_json


@pytest.fixture(autouse=True)
def ansible(monkeypatch):
    """No real AnsibleModule, and all as before at the end."""
    monkeypatch.setattr(module, "AnsibleModule", Module)
    monkeypatch.setattr(tempfile, "tempdir", None)
    handlers = {number: signal.getsignal(number) for number in module.CANCELLED_BY}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(body, **params):
    """Runs a module. Gives what Ansible reads."""
    with pytest.raises(Ended) as ended:
        module.run(body, params)
    return ended.value.arguments


def test_a_result():
    result = run(lambda params, check_mode: {"changed": check_mode, "a": params["a"], "diff": {}, "warnings": ["one", "two"]}, a=1)
    assert result == {"changed": False, "a": 1}
    assert Module.made.warnings == ["one", "two"]
    assert tempfile.tempdir == Module.tmpdir


def test_a_diff_where_it_was_asked_for(monkeypatch):
    def body(_params, _check_mode):
        Module.made._diff = True
        return {"diff": {"before": ""}}

    assert run(body) == {"diff": {"before": ""}}


@pytest.mark.parametrize(
    ("params", "warned"),
    [
        ({"hostname": "vc1", "validate_certs": False}, True),
        ({"hostname": "vc1", "validate_certs": False, "thumbprint": "AA"}, False),
        ({"hostname": "vc1", "validate_certs": True}, False),
        ({"hostname": None, "validate_certs": False}, False),
        ({}, False),
    ],
)
def test_no_verification_is_not_silent(params, warned):
    run(lambda _params, _check_mode: {}, **params)
    assert bool(Module.made.warnings) == warned
    assert not warned or "the certificate of vc1 is not verified" in Module.made.warnings[0]


def test_an_error():
    def body(_params, _check_mode):
        raise NovaVmwareError("SOME_CODE", "It failed.", "Do this.")

    failure = run(body)
    assert (failure["error_code"], failure["msg"]) == ("SOME_CODE", "It failed. Do this.")
    assert "NovaVmwareError" in failure["exception"]


@pytest.mark.parametrize("number", module.CANCELLED_BY)
def test_a_signal_cancels_once(number):
    """What cleans up is not cancelled as well."""
    cleaned = []

    def body(_params, _check_mode):
        try:
            os.kill(os.getpid(), number)
            signal.sigtimedwait([], 1)
        finally:
            os.kill(os.getpid(), number)
            cleaned.append(True)

    assert run(body)["error_code"] == "CANCELLED"
    assert cleaned


def test_secrets_are_not_shown():
    run(lambda _params, _check_mode: {}, openstack={"auth": {"password": "pw", "username": "u"}})
    assert Module.made.no_log_values == {"pw"}


def test_secrets_inside_auth_are_found():
    auth = {"auth_url": "http://k", "password": "pw", "application_credential_secret": "acs", "token": "t", "username": "u"}
    assert module._secrets(auth) == {"pw", "acs", "t"}
    assert module._secrets(None) == set()
