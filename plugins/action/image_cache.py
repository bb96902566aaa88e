# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module ``image_cache`` as Ansible would without this plugin, and shows how far it is while it runs."""

from __future__ import annotations

import contextlib
import copy
import json
import shlex

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.periodic import every

LOCAL_INTERVAL = 0.5  # seconds between two looks at the file
SSH_INTERVAL = 3.0
MAX_READ = 1 << 16  # bytes at once


class ActionModule(ActionBase):
    """The module's options are the module's business: this plugin knows none of them."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        """As ansible.plugins.action.normal does it, with a follower beside it."""
        result = super().run(tmp, task_vars)
        del tmp
        wrap_async = self._task.async_val and not self._connection.has_native_async
        with self._follow(task_vars or {}):
            result = merge_hash(result, self._execute_module(task_vars=task_vars, wrap_async=wrap_async))
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    @contextlib.contextmanager
    def _follow(self, task_vars):
        """Shows lines while the body runs, where they can be had and may be seen."""
        reader = None if self._task.no_log or self._task.async_val or self._task.check_mode else self._reader()
        if reader is None:
            yield
            return
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        path = self._connection._shell.join_path(self._connection._shell.tmpdir, "progress")
        before = self._task.environment
        self._task.environment = [*(before or []), {progress.VARIABLE: path}]
        follower = _Follower(lambda offset: reader(path, offset), _label(task_vars, self._task))
        # Lines are an extra: the module goes on when the file can't be read, or when nobody is there any more to take them.
        try:
            with every(self._interval(), follower.show):
                yield
        finally:
            self._task.environment = before
            with contextlib.suppress(Exception):
                while follower.show():
                    pass

    def _interval(self):
        return LOCAL_INTERVAL if self._connection.transport == "local" else SSH_INTERVAL

    def _reader(self):
        """Returns a function ``(path, offset) -> bytes``, or None for a connection that can do one thing at a time only."""
        if self._connection.transport == "local":
            return _read_local
        if self._connection.transport not in ("ssh", "ansible.builtin.ssh"):
            return None
        # Each command of the ssh plugin is a process of its own. A copy keeps its state, that of become above all, apart from the one
        # that runs the module.
        connection = copy.copy(self._connection)
        connection.become = None

        def read(path, offset):
            command = f"tail -c +{offset + 1} {shlex.quote(path)} 2>/dev/null | head -c {MAX_READ}"
            code, output, _errors = connection.exec_command(command, sudoable=False)
            return output if code == 0 else b""

        return read


class _Follower:
    """Reads a file that grows and shows an event a line.

    :arg read: a function that gives the bytes from an offset on, as many as there are or some of them.
    :arg label: what each line begins with.
    """

    def __init__(self, read, label):
        self._read = read
        self._label = label
        self._offset = 0
        self._rest = b""

    def show(self):
        """Shows what is new. Gives False when there was nothing."""
        data = self._read(self._offset)
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for one in lines:
            text = _text(one)
            if text:
                # stderr is written at once, also into a pipe, and leaves the document of a callback such as json on stdout whole.
                Display().display(f"[{self._label}] {text}", stderr=True)
        return bool(data)


def _text(data):
    try:
        return progress.line(json.loads(data))
    except ValueError:
        return None


def _read_local(path, offset):
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(MAX_READ)
    except FileNotFoundError:
        return b""  # the module has nothing to say yet


def _label(task_vars, task):
    host = task_vars.get("inventory_hostname", "?")
    return f"{host} -> {task.delegate_to}" if task.delegate_to else host
