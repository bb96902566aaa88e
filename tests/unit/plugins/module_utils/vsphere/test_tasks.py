# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/tasks.py: tasks that take too long."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import tasks
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError


class Task:
    """A task that never ends."""

    def __init__(self, moid):
        self._moid = moid
        self.stopped = False

    def _GetMoId(self):
        return self._moid

    def CancelTask(self):
        self.stopped = True


class Server:
    """A session with a server that says what state a task is in."""

    server = "vc:443"

    def __init__(self, state):
        self._state = state

    def read(self, _what, objects, _paths):
        return [(task, {"info.state": self._state(task)}) for task in objects]

    def call(self, _what, method):
        return method()


@pytest.fixture(autouse=True)
def specs(monkeypatch):
    """The spec of a task is the task."""
    monkeypatch.setattr(tasks, "object_spec", lambda task: task)


def test_a_task_that_takes_too_long_is_named_and_stopped():
    states = {"task-1": "success", "task-2": "running"}
    both = [Task("task-1"), Task("task-2")]
    with pytest.raises(VSphereError) as caught:
        tasks.wait_for(Server(lambda task: states[task._GetMoId()]), both, timeout=0.1, names=["copy a to b", "copy a to c"])
    assert caught.value.code == "TASK_TIMEOUT"
    assert "copy a to c" in caught.value.what and "task-2" in caught.value.what and "copy a to b" not in caught.value.what
    assert [task.stopped for task in both] == [False, True]


@pytest.mark.parametrize("turn, error", [(5000, None), (20000, None), (None, "TASK_TIMEOUT")])
def test_time_counts_from_when_a_task_runs(monkeypatch, turn, error):
    """A vCenter runs few copies at once: what waits behind others for hours is not late."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(tasks, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=lambda seconds: setattr(clock, "now", clock.now + 100 * seconds)))
    server = Server(lambda _task: "queued" if turn is None or clock.now < turn else "running" if clock.now < turn + 7000 else "success")
    task = Task("task-1")
    if error:
        with pytest.raises(VSphereError) as caught:
            tasks.wait_for(server, [task])
        assert caught.value.code == error and task.stopped
    else:
        assert tasks.wait_for(server, [task]) == [(None, None)]
        assert not task.stopped


def test_a_task_that_the_server_no_longer_knows():
    server = Server(None)
    server.read = lambda *_args: []
    with pytest.raises(VSphereError) as caught:
        tasks.wait_for(server, [Task("task-1")], names=["copy a to b"])
    assert caught.value.code == "TASK_LOST" and "copy a to b" in caught.value.what
