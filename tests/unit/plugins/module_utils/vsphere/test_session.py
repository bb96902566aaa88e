# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/session.py where no server is needed: sessions that end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from pyVmomi import SoapStubAdapter, vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import session as sessions
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError


class Stale(sessions.Session):
    """A session whose cookie ``old`` is over; each login makes a new one."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.server = "vc:443"
        self.stub = SimpleNamespace(cookie="old")
        self.logins = 0
        self._login_lock = threading.Lock()

    def _login(self):
        self.logins += 1
        self.stub.cookie = f"new {self.logins}"

    def ask(self):
        if not self.stub.cookie.startswith("new"):
            raise vim.fault.NotAuthenticated()
        return self.stub.cookie


def test_a_refused_call_is_made_again_after_a_login():
    session = Stale()
    assert session.call("ask", session.ask) == "new 1"
    assert session.call("ask", session.ask) == "new 1"


def test_many_threads_log_in_once():
    session = Stale()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _number: session.call("ask", session.ask), range(50))) == {"new 1"}
    assert session.logins == 1


def test_a_call_is_made_twice_at_the_most():
    session = Stale()

    def never():
        raise vim.fault.NotAuthenticated()

    with pytest.raises(VSphereError) as caught:
        session.call("ask", never)
    assert (caught.value.code, session.logins) == ("NOT_AUTHENTICATED", 1)


@pytest.mark.parametrize("known, over", [(True, False), (False, True)])
def test_whether_a_session_is_over(monkeypatch, known, over):
    """A 401 of /folder has two reasons, and only one is mended by a login."""
    session = Stale()
    session.content = SimpleNamespace(sessionManager=SimpleNamespace(), propertyCollector=None)
    monkeypatch.setattr(sessions, "object_spec", lambda one: one)
    monkeypatch.setattr(sessions, "collect", lambda *_args: [(None, {"currentSession": SimpleNamespace(key="k")} if known else {})])
    assert session.is_over() is over
    assert session.logins == (0 if known else 1)


def test_a_call_that_takes_long():
    """With a connection of its own, so that no other call gets the longer time, and the session's cookie of now."""
    session = Stale()
    session.stub = SoapStubAdapter("vc", 443, httpConnectionTimeout=60)
    session.stub.cookie = "now"
    vm = vim.VirtualMachine("vm-1", session.stub)
    again = session.patient(vm)
    assert (again._GetMoId(), type(again)) == ("vm-1", type(vm))
    assert (again._stub.schemeArgs["timeout"], session.stub.schemeArgs["timeout"]) == (sessions.LONG_CALL, 60)
    assert again._stub.cookie == "now" and again._stub.pool is not session.stub.pool and again._stub.lock is not session.stub.lock
