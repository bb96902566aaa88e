# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/session.py where no server is needed: sessions that end, tasks that take too long, thumbprints."""

from __future__ import annotations

import hashlib
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


class Task:
    """A task that never ends."""

    def __init__(self, moid):
        self._moid = moid
        self.stopped = False

    def _GetMoId(self):
        return self._moid

    def CancelTask(self):
        self.stopped = True


def test_a_task_that_takes_too_long_is_named_and_stopped(monkeypatch):
    session = Stale()
    session.content = SimpleNamespace(propertyCollector=None)
    tasks = [Task("task-1"), Task("task-2")]
    monkeypatch.setattr(sessions, "object_spec", lambda task: task)
    states = {"task-1": "success", "task-2": "running"}
    monkeypatch.setattr(sessions, "collect", lambda _collector, asked, _paths, _missing: [(task, {"info.state": states[task._GetMoId()]}) for task in asked])
    with pytest.raises(VSphereError) as caught:
        session.wait(tasks, timeout=0.1, names=["copy a to b", "copy a to c"])
    assert caught.value.code == "TASK_TIMEOUT"
    assert "copy a to c" in caught.value.what and "task-2" in caught.value.what and "copy a to b" not in caught.value.what
    assert [task.stopped for task in tasks] == [False, True]


@pytest.mark.parametrize("turn, error", [(5000, None), (20000, None), (None, "TASK_TIMEOUT")])
def test_time_counts_from_when_a_task_runs(monkeypatch, turn, error):
    """A vCenter runs few copies at once: what waits behind others for hours is not late."""
    session = Stale()
    session.content = SimpleNamespace(propertyCollector=None)
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(sessions, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=lambda seconds: setattr(clock, "now", clock.now + 100 * seconds)))
    monkeypatch.setattr(sessions, "object_spec", lambda task: task)
    task = Task("task-1")

    def collect(*_args):
        state = "queued" if turn is None or clock.now < turn else "running" if clock.now < turn + 7000 else "success"
        return [(task, {"info.state": state})]

    monkeypatch.setattr(sessions, "collect", collect)
    if error:
        with pytest.raises(VSphereError) as caught:
            session.wait([task])
        assert caught.value.code == error and task.stopped
    else:
        assert session.wait([task]) == [(None, None)]
        assert not task.stopped


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_thumbprints(algorithm):
    certificate = b"not parsed here"
    good = hashlib.new(algorithm, certificate).hexdigest()
    colons = ":".join(good[at : at + 2] for at in range(0, len(good), 2)).upper()
    sessions.check_thumbprint(certificate, sessions.tidy_thumbprint(colons), "vc:443", "the test names")
    with pytest.raises(VSphereError) as caught:
        sessions.check_thumbprint(b"another", good, "vc:443", "the test names")
    assert caught.value.code == "CERTIFICATE_NOT_TRUSTED" and good in caught.value.what


@pytest.mark.parametrize("text", ["", "12:34", "g" * 40, "a" * 41, "a" * 128])
def test_what_is_no_thumbprint(text):
    with pytest.raises(VSphereError) as caught:
        sessions.tidy_thumbprint(text)
    assert caught.value.code == "THUMBPRINT_INVALID"


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
