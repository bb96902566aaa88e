# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with a vCenter: login, tasks, TLS."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import http.client
import ssl
import threading
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.periodic import every
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import (
    VSphereError,
    VSphereFault,
    translate,
)
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import collect, object_spec

CONNECT_TIMEOUT = 60  # seconds without an answer to one call; tasks are polled, so no call takes long
LONG_CALL = 900  # seconds, for a call that does its work before it answers: a host may flush a disk first
TASK_TIMEOUT = 7200  # seconds that a task may run
QUEUE_TIMEOUT = 86400  # seconds that one may wait for its turn: a vCenter runs few copies of a datastore or a host at once
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
        self.host_tls = tls_context(validate_certs, ca_path)
        self.tls = self.host_tls
        self.host_trust = "thumbprint" if thumbprint else "ca"  # how hosts prove who they are, unless somebody wants it otherwise
        self.warnings = []  # texts for the user: what went wrong without changing the result
        self.unreachable = set()  # names of hosts that did not answer: others get their turn before them
        self.takes_copy_spec = True  # until a copy with a destSpec was refused: files.copy_all
        self._login_lock = threading.Lock()
        if thumbprint:
            with translate(f"check the certificate of vCenter {self.server}", self.server):
                self.tls = pinned_context(hostname, port, thumbprint, proxy_host, proxy_port)
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
        """Gives the server's time, an aware datetime."""
        return self.call("read the time of the vCenter", self._instance.CurrentTime)

    def managed(self, kind, moid):
        """Gives the pyVmomi object of a managed object id. Asks the server nothing."""
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
        """Gives a managed object for one call that may take ``seconds``. To be made anew for each call, since it keeps the session's cookie."""
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

    def wait(self, tasks, timeout=TASK_TIMEOUT, tick=None, names=None):
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
            found = self.read(
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
                raise VSphereError(
                    "TASK_LOST",
                    f"Failed to {'; '.join(name for name, task in zip(names, tasks) if task._GetMoId() in gone)}: vCenter {self.server} "
                    f"no longer knows the task {', '.join(sorted(gone))}.",
                    "It was probably restarted. Run this again.",
                )  # fmt: skip
            if len(ended) == len(tasks):
                continue
            if tick:
                tick([100 if task._GetMoId() in ended else progress.get(task._GetMoId()) for task in tasks])
            late = {task._GetMoId(): name for name, task in zip(names, tasks) if task._GetMoId() not in ended and time.monotonic() > deadlines[task._GetMoId()]}
            if late:
                for task in tasks:
                    if task._GetMoId() not in ended:
                        with contextlib.suppress(VSphereError):  # not every task can be stopped
                            self.call("stop a task", task.CancelTask)
                raise VSphereError(
                    "TASK_TIMEOUT",
                    f"Failed to {'; '.join(late.values())}: vCenter {self.server} did not end {', '.join(late)} within {timeout} seconds.",
                    "Look at the task in the vCenter: the storage may be slow, or a lock may be in the way.",
                    {"tasks": sorted(late), "seconds": timeout},
                )
            time.sleep(delay)
            delay = min(delay * 1.3, 2.0)

    def run(self, what, method, *args, timeout=TASK_TIMEOUT, **kwargs):
        """Starts one task and waits for it.

        :arg what: a verb phrase with the object, for the error.
        :arg method: a method of the API, or a function on one, that gives the task.
        :arg timeout: seconds.
        :returns: the task's result.
        :raises VSphereFault: the task ended in an error; ``fault`` names it.
        """
        task = self.call(what, method, *args, **kwargs)
        ((result, fault),) = self.wait([task], timeout, names=[what])
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


def pinned_context(hostname, port, thumbprint, proxy_host=None, proxy_port=None):
    """Gives TLS settings that trust one certificate, whoever signed it and whatever name it has.

    It is fetched, compared, and then the only one that a connection accepts. No secret goes out before.

    :arg thumbprint: SHA-1 or SHA-256 of the certificate, hexadecimal, with or without colons.
    :raises VSphereError: ``THUMBPRINT_INVALID``, or ``CERTIFICATE_NOT_TRUSTED``: the server shows another certificate.
    """
    wanted = tidy_thumbprint(thumbprint)
    anyone = tls_context(validate_certs=False)
    if proxy_host:
        connection = http.client.HTTPSConnection(proxy_host, proxy_port, context=anyone, timeout=CONNECT_TIMEOUT)
        connection.set_tunnel(hostname, port)
    else:
        connection = http.client.HTTPSConnection(hostname, port, context=anyone, timeout=CONNECT_TIMEOUT)
    try:
        connection.connect()
        certificate = connection.sock.getpeercert(binary_form=True)
    finally:
        connection.close()
    check_thumbprint(certificate, wanted, f"{hostname}:{port}", "the option thumbprint names")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(certificate))
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)  # a server's own certificate may be the anchor
    return context


def tidy_thumbprint(thumbprint):
    """Gives a thumbprint in lower case without colons.

    :raises VSphereError: ``THUMBPRINT_INVALID``: it is neither SHA-1 nor SHA-256.
    """
    tidy = thumbprint.replace(":", "").strip().lower()
    if len(tidy) not in (40, 64) or set(tidy) - set("0123456789abcdef"):
        raise VSphereError(
            "THUMBPRINT_INVALID",
            f"The thumbprint {thumbprint} is neither a SHA-1 nor a SHA-256: they have 40 and 64 hexadecimal digits.",
            "Get it with: openssl x509 -in CERTIFICATE -noout -fingerprint -sha256",
        )
    return tidy


def check_thumbprint(certificate, wanted, server, who):
    """Compares a certificate with what somebody trusted says of it.

    :arg certificate: in DER form. :arg wanted: as :func:`tidy_thumbprint` gives it.
    :arg who: who says so, with a verb.
    :raises VSphereError: ``CERTIFICATE_NOT_TRUSTED``.
    """
    seen = (hashlib.sha1 if len(wanted) == 40 else hashlib.sha256)(certificate).hexdigest()
    if seen != wanted:
        raise VSphereError(
            "CERTIFICATE_NOT_TRUSTED",
            f"The certificate of {server} is not trusted: it has the thumbprint {seen}, but {who} {wanted}.",
            "Either the certificate was changed, or something stands between here and the server.",
        )


def from_params(params):
    """Logs in with the options of the fragment ``vcenter``. Gives a :class:`Session`."""
    names = ("hostname", "username", "password", "port", "validate_certs", "ca_path", "proxy_host", "proxy_port")
    return Session(thumbprint=params.get("thumbprint"), **{name: params[name] for name in names})
