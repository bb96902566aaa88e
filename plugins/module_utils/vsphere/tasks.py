# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of vSphere: what it does after it has answered."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec

TIMEOUT = 7200  # seconds that a task may run
QUEUE_TIMEOUT = 86400  # seconds that one may wait for its turn: a vCenter runs few copies of a datastore or a host at once


def wait_for(session, tasks, timeout=TIMEOUT, tick=None, names=None):
    """Waits for tasks with one request a poll, however many they are.

    :arg tasks: pyVmomi tasks.
    :arg timeout: seconds that each may run, from when it does; then all are told to stop. While a task is queued behind others they do not count.
    :arg names: what each task does, verb phrases with the object, for the errors.
    :arg tick: called at each poll with a list in the order of the tasks: percent, 100 of one that ended, None where the server says nothing.
    :returns: a list in the order of the tasks, each ``(result, None)`` or ``(None, fault)``.
    :raises VSphereError: ``TASK_TIMEOUT``, or ``TASK_LOST``: the server no longer knows a task.
    """
    ended = {}
    names = names or [f"finish the task {task._GetMoId()}" for task in tasks]
    deadlines = {task._GetMoId(): time.monotonic() + timeout + QUEUE_TIMEOUT for task in tasks}
    queued = set(deadlines)
    delay = 0.01  # seconds; a rename takes no longer. Grown by 1.3, it finds the end of a task about a tenth late on average.
    while True:
        waiting = [task for task in tasks if task._GetMoId() not in ended]
        if not waiting:
            return [ended[task._GetMoId()] for task in tasks]
        progress = {}
        # info.error is set in the error state only, info.result in success: leaves, since some servers put
        # objects into `info` that pyVmomi can't read.
        found = session.read(
            "read the state of tasks",
            [object_spec(task) for task in waiting],
            {pyvmomi.vim.Task: ["info.state", "info.error", "info.result", "info.progress"]},
        )
        for task, properties in found:
            state = properties.get("info.state")
            if state == "success":
                ended[task._GetMoId()] = (properties.get("info.result"), None)
            elif state == "error":
                ended[task._GetMoId()] = (None, properties["info.error"])
            elif state != "queued" and task._GetMoId() in queued:
                queued.remove(task._GetMoId())
                deadlines[task._GetMoId()] = time.monotonic() + timeout
            progress[task._GetMoId()] = properties.get("info.progress")
        gone = {task._GetMoId() for task in waiting} - {task._GetMoId() for task, _properties in found}
        if gone:
            raise _lost(session, [name for name, task in zip(names, tasks) if task._GetMoId() in gone], gone)
        if len(ended) == len(tasks):
            continue
        if tick:
            tick([100 if task._GetMoId() in ended else progress.get(task._GetMoId()) for task in tasks])
        late = {task._GetMoId(): name for name, task in zip(names, tasks) if task._GetMoId() not in ended and time.monotonic() > deadlines[task._GetMoId()]}
        if late:
            _stop(session, [task for task in tasks if task._GetMoId() not in ended])
            raise _too_late(session, late, timeout)
        time.sleep(delay)
        delay = min(delay * 1.3, 2.0)


def _lost(session, names, moids):
    return VSphereError(
        "TASK_LOST",
        f"Failed to {'; '.join(names)}: vCenter {session.server} no longer knows the task {', '.join(sorted(moids))}.",
        "It was probably restarted. Run this again.",
    )


def _stop(session, tasks):
    for task in tasks:
        with contextlib.suppress(VSphereError):  # not every task can be stopped
            session.call("stop a task", task.CancelTask)


def _too_late(session, names, timeout):
    return VSphereError(
        "TASK_TIMEOUT",
        f"Failed to {'; '.join(names.values())}: vCenter {session.server} did not end {', '.join(names)} within {timeout} seconds.",
        "Look at the task in the vCenter: the storage may be slow, or a lock may be in the way.",
        {"tasks": sorted(names), "seconds": timeout},
    )


def run_task(session, what, method, *args, timeout=TIMEOUT, **kwargs):
    """Starts one task and waits for it.

    :arg what: a verb phrase with the object, for the error.
    :arg method: a method of the API, or a function on one, that gives the task.
    :arg timeout: seconds.
    :returns: the task's result.
    :raises VSphereFault: the task ended in an error; ``fault`` names it.
    """
    task = session.call(what, method, *args, **kwargs)
    ((result, fault),) = wait_for(session, [task], timeout, names=[what])
    if fault is not None:
        raise VSphereFault(what, fault)
    return result
