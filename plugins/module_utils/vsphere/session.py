# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with a vCenter or an ESXi host: login, calls, reads."""

from __future__ import annotations

import contextlib
import copy
import http.client
import threading

from ansible_collections.openstack_vmware.nova.plugins.module_utils.periodic import every
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi, tls
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, translate
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import collect, object_spec

CONNECT_TIMEOUT = 60  # seconds without an answer to one call; tasks are polled, so no call takes long
LONG_CALL = 900  # seconds, for a call that does its work before it answers: a host may flush a disk first
KEEPALIVE = 300  # seconds; vCenter ends a session that is idle for 30 minutes


class Session:
    """A logged-in vCenter. Use it in a ``with``; leaving logs out.

    A session that the server ends in the middle, as it does with idle ones, is replaced by a new login. A call that was refused for
    that reason (NotAuthenticated) had no effect, so it is made again.

    :arg hostname: name or address of the vCenter.
    :arg validate_certs: False turns the check of certificates off, for the API and for uploads.
    :arg ca_path: file with the certificates to trust instead of the system's, or None.
    :arg thumbprint: SHA-1 or SHA-256 of the one certificate that the vCenter may show; decides instead of the two above, but not for hosts.
    :raises VSphereError: the server can't be reached or trusted, or refuses the login.
    """

    def __init__(self, hostname, username, password, port=443, validate_certs=True, ca_path=None, thumbprint=None,
                 proxy_host=None, proxy_port=None):  # fmt: skip
        self.hostname = hostname
        self.port = port
        self.server = f"{hostname}:{port}"
        self.host_tls = tls.tls_context(validate_certs, ca_path)
        self.tls = self.host_tls
        self.host_trust = "thumbprint" if thumbprint else "ca"  # how hosts prove who they are, unless somebody wants it otherwise
        self.warnings = []  # texts for the user: what went wrong without changing the result
        self.unreachable = set()  # names of hosts that did not answer: others get their turn before them
        self.takes_copy_spec = True  # until a copy with a destSpec was refused: files.copy_all
        self._login_lock = threading.Lock()
        if thumbprint:
            with translate(f"check the certificate of vCenter {self.server}", self.server):
                self.tls = tls.pinned_context(hostname, port, thumbprint, proxy_host, proxy_port)
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
        self._login = lambda: self.content.sessionManager.Login(userName=username, password=password)
        self.stub = self._instance._stub
        self.about = self.content.about

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
        """Returns the server's time, an aware datetime."""
        return self.call("read the time of the vCenter", self._instance.CurrentTime)

    def managed(self, kind, moid):
        """Returns the pyVmomi object of a managed object id. Asks the server nothing."""
        return getattr(pyvmomi.vim, kind)(moid, self.stub)

    def call(self, what, method, *args, **kwargs):
        """Calls a method of the API.

        :arg what: a verb phrase with the object, for the error.
        :arg method: called again after a new login where the session was over; what the server refused so was not begun.
        :raises VSphereError: as the server said.
        """
        with translate(what, self.server):
            cookie = self.stub.cookie
            try:
                return method(*args, **kwargs)
            except pyvmomi.vim.fault.NotAuthenticated:
                self.login_again(cookie)
                return method(*args, **kwargs)

    def patient(self, managed, seconds=LONG_CALL):
        """Returns a managed object for one call that may take ``seconds``. To be made anew for each call, since it keeps the session's cookie."""
        stub = copy.copy(self.stub)
        stub.lock, stub.pool, stub.poolSize = threading.Lock(), [], 0  # a connection of its own, closed after the call
        stub.schemeArgs = {**stub.schemeArgs, "timeout": seconds}
        return type(managed)(managed._GetMoId(), stub)

    def is_over(self):
        """Says whether the server no longer knows the session, and logs in anew then."""
        cookie = self.stub.cookie
        manager = self.content.sessionManager
        found = self.read("read the session", [object_spec(manager)], {pyvmomi.vim.SessionManager: ["currentSession"]})
        if any(properties.get("currentSession") for _manager, properties in found):
            return self.stub.cookie != cookie
        with translate("log in again", self.server):
            self.login_again(cookie)
        return True

    def read(self, what, objects, paths, missing=None):
        """Reads properties of objects: one request a page.

        :arg what: a verb phrase with the object, for the error.
        :arg objects: object specs. :arg paths: the properties of each type; both as :func:`properties.collect` takes them; so is ``missing``.
        :returns: a list of ``(managed object, {path: value})``; a path without a value is left out.
        :raises VSphereError: as the server said.
        """
        return self.call(what, lambda: list(collect(self.content.propertyCollector, objects, paths, missing)))

    def login_again(self, cookie):
        """Logs in anew, once however many threads find the session over.

        :arg cookie: ``stub.cookie`` at the call that was refused.
        :raises vmodl.MethodFault: as the server said.
        """
        with self._login_lock:
            if self.stub.cookie == cookie:
                self.stub.cookie = ""
                self._login()

    def kept_alive(self, interval=KEEPALIVE):
        """For a ``with``: asks the vCenter for something each ``interval`` seconds, so that the session lives while bytes go elsewhere."""

        def ask():
            with contextlib.suppress(Exception):  # the next call in earnest says what is wrong; a passing fault ends nothing
                self.now()

        return every(interval, ask)


def from_params(params):
    """Logs in with the options of the fragment ``vcenter``. Gives a :class:`Session`."""
    names = ("hostname", "username", "password", "port", "validate_certs", "ca_path", "proxy_host", "proxy_port")
    return Session(thumbprint=params.get("thumbprint"), **{name: params[name] for name in names})
