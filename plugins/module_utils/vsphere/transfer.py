# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes files to a datastore and reads them: straight from here to an ESXi host that mounts it, or through the vCenter.

``/folder`` over HTTPS: vSphere Web Services SDK Programming Guide, "HTTP access to datastores"; the ticket for a host is
``SessionManager.AcquireGenericServiceTicket``, as oslo_vmware/objects/datastore.py (``get_transfer_ticket``) asks for it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import time
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, urlencode, urlsplit

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, translate
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pace import paced
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec, traversal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tls import (
    check_thumbprint,
    tidy_thumbprint,
    tls_context,
)

CONNECT_TIMEOUT = 10  # seconds; behind a firewall that drops packets, the next way must get its turn soon
TIMEOUT = 300  # seconds without a byte accepted; a host may flush its cache for a while
SLOWEST = 100 << 20  # bytes a second that a host zeroes or flushes at the least, while it takes and says nothing
CHUNK = 1 << 20  # bytes
FINAL = frozenset(["CERTIFICATE_NOT_TRUSTED", "TRANSFER_TIMEOUT"])  # codes of errors that no other way would mend
REFUSED = FINAL | {"UPLOAD_FAILED"}  # and of those after which a file is not tried by another way
# What /folder of the vCenter wants (Programming Guide). To write, vCenters were seen to want the second as well (govmomi issue 2320,
# packer-builder-vsphere issue 121).
_PRIVILEGES = {
    "UPLOAD": "Datastore.FileManagement on the datastore, or Host.Config.SystemManagement on its hosts, which some vCenters want as well",
    "DOWNLOAD": "Datastore.Browse on the datastore",
}


@dataclass(frozen=True)
class Rules:
    """How files may travel.

    ``through`` is ``host``, ``server`` (the one that the session is with) or ``auto`` (hosts first). ``host_trust`` says how a host proves who it is: ``ca``,
    or ``thumbprint``: by the one that the vCenter names. ``deadline`` is a time of :func:`time.monotonic`, or None.
    ``bytes_per_second`` is what one upload may send, or None.
    """

    through: str = "auto"
    host_trust: str = "ca"
    deadline: float | None = None
    bytes_per_second: int | None = None

    def remaining(self, limit, what):
        """Returns the seconds that a step may take: ``limit``, or less where the deadline is near.

        :arg what: a verb phrase with the object, for the error.

        :raises VSphereError: ``TRANSFER_TIMEOUT``.
        """
        if self.deadline is None:
            return limit
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise VSphereError(
                "TRANSFER_TIMEOUT",
                f"Failed to {what}: the transfer took longer than transfer_timeout allows.",
                "Give it more time, or look at what is slow: the network, Glance or the datastore.",
            )
        return min(limit, left)


def patience(size):
    """Returns the seconds that a host may be silent which has so many bytes to zero or to flush."""
    return TIMEOUT + size // SLOWEST


@dataclass(frozen=True)
class Target:
    """Where the bytes of one file can be sent or read. ``via`` is ``host <name>`` or ``vcenter``; ``hosts`` are names of those that may get them then."""

    via: str
    hostname: str
    port: int
    url: str
    ticket: bool
    hosts: tuple = ()


def targets(session, place, host_names, file_path, through="auto", ways=("host", "server")):
    """Returns the ways to write or read a file, best first: each host straight, then through the vCenter.

    :arg host_names: hosts that mount the datastore for writing.
    :arg file_path: path of the file below the datastore's root.
    :arg through: ``auto``, or ``host`` or ``server`` for these only.
    :arg ways: those that the servers have: ``host``, ``server``.
    :raises VSphereError: ``NO_UPLOAD_HOST``.
    """
    found = []
    wanted = [way for way in ways if through in ("auto", way)]
    for name in host_names if "host" in wanted else ():
        # All hosts answer on the port of the vCenter (Nova does the same, vmops.py _get_esx_host_and_cookies).
        query = urlencode({"dcPath": "ha-datacenter", "dsName": place.datastore})
        found.append(Target(f"host {name}", name, session.port, f"/folder/{quote(file_path)}?{query}", True, (name,)))
    if "server" in wanted:
        query = urlencode({"dcPath": place.datacenter_path, "dsName": place.datastore})
        found.append(Target("vcenter", session.hostname, session.port, f"/folder/{quote(file_path)}?{query}", False, tuple(host_names)))
    if not found:
        raise VSphereError(
            "NO_UPLOAD_HOST",
            f"No connected host outside maintenance mode can write to the datastore {place.datastore}.",
            "Bring a host back, or let upload_through be auto or server.",
        )
    return found


class _Tries:
    """The ways for one file, one after the other until one works: a ``for`` over it takes the next, and its body either leaves the loop or hands the error to
    :meth:`judge`. Hosts that did not answer in this session come last.

    A session that is over is replaced once, and the way tried again. Where it is not over, a 401 of the vCenter is a missing privilege.

    :arg ways: list of :class:`Target`, at least one. :arg final: codes of errors after which no other way is tried.
    """

    def __init__(self, session, ways, final):
        self._session = session
        self._ways = sorted(ways, key=lambda way: way.ticket and way.hostname in session.unreachable)
        self._final = final
        self._way = None
        self._fresh = False

    def __iter__(self):
        """Yields a :class:`Target` again and again; :meth:`judge` ends that."""
        while True:
            self._way = self._ways.pop(0)
            yield self._way

    def judge(self, error):
        """Returns where a further way may be tried after an error.

        :raises VSphereError: the error, or what it means, where none may.
        """
        if error.code == "CONNECTION_FAILED" and self._way.ticket:
            self._session.unreachable.add(self._way.hostname)
        refused = error.details.get("status") == 401 and not self._way.ticket
        if refused and not self._fresh and self._session.is_over():
            self._fresh = True
            self._ways.insert(0, self._way)
        elif refused and (not self._ways or error.code in self._final):
            raise _not_permitted(error) from error
        elif error.code in self._final or not self._ways:
            raise error


def _not_permitted(error):
    """Names the privilege that a 401 of ``/folder`` on the vCenter means."""
    verb = error.code.partition("_")[0]
    return VSphereError(
        f"{verb}_NOT_PERMITTED",
        error.what,
        f"The session is good, so the account lacks a privilege: {_PRIVILEGES[verb]}. The module vsphere_role grants it. Or let upload_through be host: "
        "hosts go by tickets.",
        error.details,
    )


def put(session, ways, size, chunks, rules=Rules(), content_type="application/octet-stream", final=REFUSED):
    """Writes one file by the first way that takes it whole.

    vSphere can't go on in the middle of a file, so a write that breaks starts anew by the next way. A server that refuses the file
    with a status has the last word; only a session that is over is replaced, once.

    :arg ways: :func:`targets`.
    :arg size: bytes, exactly.
    :arg chunks: a function that gives an iterator over the bytes from the start; called once a try.
    :arg rules: :class:`Rules`.
    :arg final: codes of errors after which no other way is tried.
    :returns: the :class:`Target` that took the file.
    :raises VSphereError: ``UPLOAD_FAILED`` with the HTTP status and what the server said; ``UPLOAD_NOT_PERMITTED`` by the vCenter; ``HOST_ENCRYPTS``;
        ``UPLOAD_BROKEN`` when the last way broke too; ``HOST_THUMBPRINT_UNKNOWN``; ``TRANSFER_TIMEOUT``; ``CERTIFICATE_NOT_TRUSTED``: a warning
        sign, not a reason for another way.
    """
    tries = _Tries(session, ways, final)
    for way in tries:
        try:
            with session.kept_alive(), explained(partial(_crypto_state, session, way.hosts)):
                _put(session, way, size, chunks, rules, content_type)
            return way
        except VSphereError as error:
            tries.judge(error)


def _put(session, way, size, chunks, rules, content_type):
    server = f"{way.hostname}:{way.port}"
    what = f"write {way.url.partition('?')[0]} through {way.via}"
    connection, cookie = open_way(session, way, "httpPut", what, rules)
    try:
        headers = {"Cookie": cookie, "Content-Type": content_type}
        _send(connection, "PUT", way.url, headers, size, chunks(), what, server, rules, flush=patience(size))
    finally:
        connection.close()


@contextlib.contextmanager
def explained(crypto_state):
    """Explains a 500 by which a host in crypto-safe mode refuses an upload: it wants ``Cryptographer.Access`` (packer-examples-for-vsphere issue 293).

    :arg crypto_state: a function that gives the host's name and ``runtime.cryptoState`` (HostRuntimeInfo).
    :raises VSphereError: ``HOST_ENCRYPTS`` in place of ``UPLOAD_FAILED`` with status 500.
    """
    try:
        yield
    except VSphereError as error:
        if error.code != "UPLOAD_FAILED" or error.details.get("status") != 500:
            raise
        host, state = None, None
        with contextlib.suppress(Exception):  # what the host said matters more
            host, state = crypto_state()
        if state != "safe":
            raise
        raise VSphereError(
            "HOST_ENCRYPTS",
            f"{error.what} The host {host} is in crypto-safe mode (runtime.cryptoState).",
            "Give the account Cryptographer.Access on the host: the module vsphere_role does, with the feature encryption.",
            error.details,
        ) from error


def _crypto_state(session, names):
    """Returns the name and ``runtime.cryptoState`` of a host, one in crypto-safe mode before others, of hosts by their names in the inventory."""
    inside = [traversal(vim.Datacenter, "hostFolder", ["folders"]), traversal(vim.ComputeResource, "host")]
    objects = [object_spec(session.content.rootFolder, [traversal(vim.Folder, "childEntity", ["folders", *inside], name="folders")])]
    found = session.read("read the hosts", objects, {vim.HostSystem: ["name", "runtime.cryptoState"]})
    states = [(host["name"], host.get("runtime.cryptoState")) for _host, host in found if host.get("name") in names]
    return max(states, key=lambda state: state[1] == "safe")


def get(session, ways, take, rules=Rules()):
    """Reads one file, by the first way that gives it whole.

    :arg ways: :func:`targets`.
    :arg take: a function that is given an iterator over the bytes, and reads it to its end; called once a try.
    :arg rules: :class:`Rules`.
    :returns: what ``take`` gave.
    :raises VSphereError: ``DOWNLOAD_FAILED`` with the HTTP status and what the server said, or ``DOWNLOAD_BROKEN``, of the last way;
        ``DOWNLOAD_NOT_PERMITTED``; ``HOST_THUMBPRINT_UNKNOWN``; ``TRANSFER_TIMEOUT``; ``CERTIFICATE_NOT_TRUSTED``.
    """
    tries = _Tries(session, ways, FINAL)
    for way in tries:
        try:
            with session.kept_alive():
                return take(_get(session, way, rules))
        except VSphereError as error:
            tries.judge(error)


def _get(session, way, rules):
    """Yields the bytes of a file. What breaks is told as an error, never as an end."""
    server = f"{way.hostname}:{way.port}"
    what = f"read {way.url.partition('?')[0]} through {way.via}"
    connection, cookie = open_way(session, way, "httpGet", what, rules)
    try:
        got, length = 0, None
        try:
            connection.request("GET", way.url, headers={"Cookie": cookie})
            connection.sock.settimeout(rules.remaining(TIMEOUT, what))
            response = connection.getresponse()
            if response.status != 200:
                answer = response.read(4096).decode("utf-8", "replace").strip()
                raise VSphereError(
                    "DOWNLOAD_FAILED",
                    f"Failed to {what}: {server} answered {response.status} {response.reason}: {answer or 'nothing more'}.",
                    "",
                    {"status": response.status},
                )
            length = response.length
            while chunk := response.read(CHUNK):
                got += len(chunk)
                yield chunk
                if connection.sock is not None:
                    connection.sock.settimeout(rules.remaining(TIMEOUT, what))
        except (OSError, http.client.HTTPException) as error:
            rules.remaining(TIMEOUT, what)  # a wait that the deadline ended is no broken connection
            raise _download_broken(what, server, got, length, error) from error
        if length is not None and got != length:
            raise _download_broken(what, server, got, length, "it was closed")
    finally:
        connection.close()


def length(session, ways, rules=Rules()):
    """Asks how long a file is, by the first way that says so. A listing may tell what is allocated instead.

    Nothing that is secret goes to a server that is not trusted, so the next one is asked: a disk may have come by a lease, which vouches for its host.

    :arg ways: :func:`targets`. :arg rules: :class:`Rules`.
    :returns: bytes.
    :raises VSphereError: as :func:`get`.
    """
    tries = _Tries(session, ways, {"TRANSFER_TIMEOUT"})
    for way in tries:
        try:
            with session.kept_alive():
                return _length(session, way, rules)
        except VSphereError as error:
            tries.judge(error)


def _length(session, way, rules):
    server = f"{way.hostname}:{way.port}"
    what = f"ask for the size of {way.url.partition('?')[0]} through {way.via}"
    connection, cookie = open_way(session, way, "httpHead", what, rules)
    try:
        with translate(what, server):
            connection.request("HEAD", way.url, headers={"Cookie": cookie})
            connection.sock.settimeout(rules.remaining(TIMEOUT, what))
            response = connection.getresponse()
        told = response.getheader("Content-Length") or ""
        if response.status != 200 or not told.isdecimal():
            raise VSphereError(
                "DOWNLOAD_FAILED",
                f"Failed to {what}: {server} answered {response.status} {response.reason}{'' if told else ' without a size'}.",
                "",
                {"status": response.status},
            )
        return int(told)
    finally:
        connection.close()


def _download_broken(what, server, got, length, cause):
    return VSphereError(
        "DOWNLOAD_BROKEN",
        f"Failed to {what}: the connection to {server} broke after {got} of {'an unknown number of' if length is None else length} bytes: "
        f"{cause or type(cause).__name__}.",
        "Run this again.",
        {"bytes_read": got},
    )


def open_way(session, way, method, what, rules):
    """Opens a connection for one file, to a server that is trusted as the rules say.

    :arg way: a :class:`Target`. :arg method: ``httpPut`` or ``httpGet``. :arg what: a verb phrase with the object, for errors.
    :returns: the connection, to be closed, and the Cookie header's value.
    :raises VSphereError: it can't be reached or trusted.
    """
    with translate(what, f"{way.hostname}:{way.port}"):
        cookie, thumbprint = _ticket(session, way, method) if way.ticket else (session.cookie, None)
        if way.ticket and rules.host_trust == "thumbprint" and not thumbprint:
            raise VSphereError(
                "HOST_THUMBPRINT_UNKNOWN",
                f"Failed to {what}: the vCenter names no thumbprint of the host's certificate.",
                "Let host_trust be ca, with the CA of the hosts in ca_path.",
            )
        by_thumbprint = way.ticket and rules.host_trust == "thumbprint"
        context = session.host_tls if way.ticket else session.tls
        return _connect(way.hostname, way.port, context, thumbprint if by_thumbprint else None, rules), cookie


def post_disk(session, device, size, chunks, rules=Rules(), silence=TIMEOUT):
    """Sends a streamOptimized disk to an import lease.

    :arg device: a ``deviceUrl`` of the lease; a ``*`` in its URL stands for the vCenter itself (HttpNfcLeaseDeviceUrl.url). Where it names no
        certificate, the usual trust decides.
    :arg size: bytes, exactly.
    :arg chunks: an iterator over the bytes.
    :arg rules: :class:`Rules`; only their deadline and limit count here.
    :arg silence: seconds that the host may take no byte: it may have a disk to zero.
    :raises VSphereError: as :func:`put`.
    """
    parts = urlsplit(device.url)
    itself = parts.hostname in (None, "*", session.hostname)
    hostname = session.hostname if itself else parts.hostname
    port = parts.port or (session.port if itself else 443)
    server = f"{hostname}:{port}"
    what = f"send the disk to {server}"
    with translate(what, server):
        # The vCenter, which we trust, named the certificate: that is stronger than any CA.
        connection = _connect(hostname, port, session.tls if itself else session.host_tls, thumbprint(device), rules)
    try:
        headers = {"Cookie": session.cookie, "Content-Type": "application/x-vnd.vmware-streamVmdk", "Overwrite": "t"}
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        _send(connection, "POST", target, headers, size, chunks, what, server, rules, silence, silence)
    finally:
        connection.close()


def _connect(hostname, port, context, thumbprint, rules):
    """Opens a connection. With a thumbprint, that decides alone, before anything is sent."""
    context = tls_context(validate_certs=False) if thumbprint else context
    connection = http.client.HTTPSConnection(hostname, port, context=context, timeout=rules.remaining(CONNECT_TIMEOUT, f"reach {hostname}:{port}"))
    connection.connect()
    if thumbprint:
        try:
            check_thumbprint(connection.sock.getpeercert(binary_form=True), tidy_thumbprint(thumbprint), f"{hostname}:{port}", "the vCenter names")
        except VSphereError:
            connection.close()
            raise
    return connection


def _ticket(session, way, method):
    """Returns the cookie that lets a host take one file, and the thumbprint of the host's certificate or None."""
    spec = vim.SessionManager.HttpServiceRequestSpec(method=method, url=f"https://{way.hostname}:{way.port}{way.url}")
    ticket = session.call(f"get a ticket for host {way.hostname}", session.content.sessionManager.AcquireGenericServiceTicket, spec=spec)
    return f"vmware_cgi_ticket={ticket.id}", thumbprint(ticket)


def thumbprint(named):
    """Returns the thumbprint of a host's certificate as the vCenter names it, SHA-256 before SHA-1, or None.

    ``sslCertificate`` is there from vSphere 9.0 and excludes ``sslThumbprint``; ``certThumbprintList`` from 7.0.3.1, in tickets (API:
    SessionManagerGenericServiceTicket, HttpNfcLeaseDeviceUrl).

    :arg named: a ticket, or a ``deviceUrl`` of a lease.
    """
    certificate = getattr(named, "sslCertificate", None)
    if certificate:
        body = "".join(line.strip() for line in certificate.splitlines() if not line.startswith("-----"))
        with contextlib.suppress(ValueError):  # what is no certificate names none
            return hashlib.sha256(base64.b64decode(body, validate=True)).hexdigest()
    known = {item.hashAlgorithm: item.thumbprint for item in getattr(named, "certThumbprintList", None) or ()}
    return known.get("sha256") or known.get("sha1") or named.sslThumbprint or None


def _send(connection, method, url, headers, size, chunks, what, server, rules, silence=TIMEOUT, flush=TIMEOUT):
    """Sends one file. ``silence`` are the seconds without a byte taken, ``flush`` those after the last one."""
    sent = 0
    broken = None
    with translate(what, server):
        connection.putrequest(method, url)
        for name, value in {**headers, "Content-Length": str(size)}.items():
            connection.putheader(name, value)
        connection.endheaders()
    for chunk in paced(chunks, rules.bytes_per_second, lambda: rules.remaining(silence, what)):
        sent += len(chunk)
        if sent > size:
            raise VSphereError("UPLOAD_FAILED", f"Failed to {what}: there are more bytes than the {size} announced.")
        try:
            connection.sock.settimeout(rules.remaining(silence, what))
            connection.send(chunk)
        except OSError as error:
            broken = error  # the server may have answered why, before it closed
            break
    if broken is None and sent != size:
        raise VSphereError("UPLOAD_FAILED", f"Failed to {what}: the source ended after {sent} of {size} bytes.")
    seconds = rules.remaining(flush, what)
    try:
        if connection.sock is not None:
            connection.sock.settimeout(seconds)
        response = connection.getresponse()
        answer = response.read(4096).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        cause = broken or error
        rules.remaining(TIMEOUT, what)  # a wait that the deadline ended is no broken connection
        raise VSphereError(
            "UPLOAD_BROKEN",
            f"Failed to {what}: the connection to {server} broke after {sent} of {size} bytes: {cause or type(cause).__name__}.",
            "vSphere can't go on in the middle of a file. Run this again.",
            {"bytes_sent": sent},
        ) from cause
    if response.status not in (200, 201):
        raise VSphereError(
            "UPLOAD_FAILED",
            f"Failed to {what}: {server} answered {response.status} {response.reason}: {answer or 'nothing more'}.",
            "",
            {"status": response.status, "bytes_sent": sent},
        )
