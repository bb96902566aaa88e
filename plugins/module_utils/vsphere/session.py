# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with a vCenter: login, tasks, TLS."""

from __future__ import annotations

import http.client
import ssl
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import (
    VSphereError,
    VSphereFault,
    translate,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import collect, object_spec

CONNECT_TIMEOUT = 60  # seconds without an answer to one call; tasks are polled, so no call takes long


class Session:
    """A logged-in vCenter. Use it in a ``with``; leaving logs out.

    :arg hostname: name or address of the vCenter.
    :arg validate_certs: False turns the check of certificates off, for the API and for uploads.
    :arg ca_path: file with the certificates to trust instead of the system's, or None.
    :raises VSphereError: the server can't be reached or trusted, or refuses the login.
    """

    def __init__(self, hostname, username, password, port=443, validate_certs=True, ca_path=None,
                 proxy_host=None, proxy_port=None):  # fmt: skip
        self.hostname = hostname
        self.port = port
        self.server = f"{hostname}:{port}"
        self.tls = tls_context(validate_certs, ca_path)
        proxy = {"httpProxyHost": proxy_host, "httpProxyPort": proxy_port} if proxy_host else {}
        with translate(f"log in to vCenter {self.server} as {username}", self.server):
            try:
                self._instance = pyvmomi.connect.SmartConnect(
                    host=hostname, port=port, user=username, pwd=password, sslContext=self.tls,
                    httpConnectionTimeout=CONNECT_TIMEOUT, **proxy,
                )  # fmt: skip
            except pyvmomi.vim.fault.InvalidLogin as error:
                raise VSphereError(
                    "INVALID_LOGIN",
                    f"Failed to log in to vCenter {self.server} as {username}: the user name or the password is wrong.",
                    "Check username and password; too many tries may lock the account.",
                ) from error
            except (pyvmomi.vmodl.MethodFault, OSError, http.client.HTTPException):
                raise
            except Exception as error:  # pyVim raises no better one where the server gives no list of API versions
                raise VSphereError(
                    "CONNECTION_FAILED",
                    f"Failed to log in to vCenter {self.server} as {username}: {error}.",
                    "Check the name and the port; a vCenter that has just started needs some minutes.",
                ) from error
            self.content = self._instance.RetrieveContent()
        self.stub = self._instance._stub
        self.about = self.content.about
        if self.about.apiType != "VirtualCenter":
            self.close()
            raise VSphereError(
                "NOT_A_VCENTER",
                f"{self.server} is {self.about.fullName}, not a vCenter.",
                "Nova's VCDriver drives clusters of a vCenter: give the vCenter's name in hostname.",
            )

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        """Logs out. A session that the server has ended already is no error."""
        try:
            pyvmomi.connect.Disconnect(self._instance)
        except Exception:  # pylint: disable=broad-except
            pass  # the answer changes nothing for anybody: the work is done, and vCenter ends idle sessions

    @property
    def cookie(self):
        """The session's cookie as a header's value, for ``/folder`` on the vCenter."""
        return self.stub.cookie.split(";", 1)[0]

    def now(self):
        """Gives the server's time, an aware datetime."""
        return self.call("read the time of the vCenter", self._instance.CurrentTime)

    def managed(self, kind, moid):
        """Gives the pyVmomi object of a managed object id. Asks the server nothing."""
        return getattr(pyvmomi.vim, kind)(moid, self.stub)

    def call(self, what, method, *args, **kwargs):
        """Calls a method of the API.

        :arg what: a verb phrase with the object, for the error.
        :raises VSphereError: as the server said.
        """
        with translate(what, self.server):
            return method(*args, **kwargs)

    def wait(self, tasks, timeout=7200, tick=None):
        """Waits for tasks with one request a poll, however many they are.

        :arg tasks: pyVmomi tasks.
        :arg timeout: seconds; then VSphereError ``TASK_TIMEOUT``. The tasks go on in the server.
        :arg tick: called at each poll with a list in the order of the tasks: percent, 100 of one that ended, None where the server says nothing.
        :returns: a list in the order of the tasks, each ``(result, None)`` or ``(None, fault)``.
        """
        ended = {}
        deadline = time.monotonic() + timeout
        delay = 0.02
        while True:
            waiting = [task for task in tasks if task._GetMoId() not in ended]
            if not waiting:
                return [ended[task._GetMoId()] for task in tasks]
            progress = {}
            # info.error is set in the error state only, info.result in success: leaves, since some servers put
            # objects into `info` that pyVmomi can't read.
            found = self.call(
                "read the state of tasks",
                lambda: list(
                    collect(
                        self.content.propertyCollector,
                        [object_spec(task) for task in waiting],
                        {pyvmomi.vim.Task: ["info.state", "info.error", "info.result", "info.progress"]},
                    )
                ),
            )
            for task, properties in found:
                state = properties.get("info.state")
                if state == "success":
                    ended[task._GetMoId()] = (properties.get("info.result"), None)
                elif state == "error":
                    ended[task._GetMoId()] = (None, properties["info.error"])
                progress[task._GetMoId()] = properties.get("info.progress")
            gone = {task._GetMoId() for task in waiting} - {task._GetMoId() for task, _properties in found}
            if gone:
                raise VSphereError(
                    "TASK_LOST", f"vCenter {self.server} no longer knows the task {', '.join(sorted(gone))}.",
                    "It was probably restarted. Run this again.",
                )  # fmt: skip
            if len(ended) == len(tasks):
                continue
            if tick:
                tick([100 if task._GetMoId() in ended else progress.get(task._GetMoId()) for task in tasks])
            if time.monotonic() > deadline:
                raise VSphereError("TASK_TIMEOUT", f"A task of {self.server} did not end within {timeout} seconds.")
            time.sleep(delay)
            delay = min(delay * 1.5, 2.0)

    def run(self, what, method, *args, timeout=7200, **kwargs):
        """Starts one task and waits for it.

        :returns: the task's result.
        :raises VSphereFault: the task ended in an error; ``fault`` names it.
        """
        task = self.call(what, method, *args, **kwargs)
        ((result, fault),) = self.wait([task], timeout)
        if fault is not None:
            raise VSphereFault(what, fault)
        return result


def tls_context(validate_certs=True, ca_path=None):
    """Gives the TLS settings for every connection to the vCenter and its hosts.

    :raises VSphereError: ``CA_PATH_UNREADABLE``.
    """
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except (OSError, ssl.SSLError) as error:
        raise VSphereError(
            "CA_PATH_UNREADABLE", f"Failed to read the certificates in ca_path {ca_path}: {error}.",
            "Give a file with one or more certificates in PEM form.",
        ) from error  # fmt: skip
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def from_params(params):
    """Logs in with the options of the fragment ``vcenter``. Gives a :class:`Session`."""
    names = ("hostname", "username", "password", "port", "validate_certs", "ca_path", "proxy_host", "proxy_port")
    return Session(**{name: params[name] for name in names})
