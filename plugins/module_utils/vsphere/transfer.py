# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a stream of bytes to a datastore: straight to an ESXi host that mounts it, or through the vCenter.

``/folder`` over HTTPS: vSphere Web Services SDK Programming Guide, "HTTP access to datastores"; the ticket for a host is
``SessionManager.AcquireGenericServiceTicket``, as oslo_vmware/objects/datastore.py (``get_transfer_ticket``) asks for it.
"""

from __future__ import annotations

import hashlib
import http.client
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, translate
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import tls_context

CONNECT_TIMEOUT = 10  # seconds; behind a firewall that drops packets, the next way must get its turn soon
TIMEOUT = 300  # seconds without a byte accepted; a host may flush its cache for a while
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Target:
    """Where the bytes of one file can be sent. ``via`` is ``host <name>`` or ``vcenter``."""

    via: str
    hostname: str
    port: int
    url: str
    ticket: bool


def targets(session, place, host_names, file_path):
    """Gives the ways to write a file, best first: each host straight, then through the vCenter.

    :arg host_names: hosts that mount the datastore for writing.
    :arg file_path: path of the file below the datastore's root.
    """
    found = []
    for name in host_names:
        # All hosts answer on the port of the vCenter (Nova does the same, vmops.py _get_esx_host_and_cookies).
        query = urlencode({"dcPath": "ha-datacenter", "dsName": place.datastore})
        found.append(Target(f"host {name}", name, session.port, f"/folder/{quote(file_path)}?{query}", True))
    query = urlencode({"dcPath": place.datacenter_path, "dsName": place.datastore})
    found.append(Target("vcenter", session.hostname, session.port, f"/folder/{quote(file_path)}?{query}", False))
    return found


def put(session, ways, size, chunks, content_type="application/octet-stream"):
    """Writes one file by the first way that takes it whole.

    vSphere can't go on in the middle of a file, so a write that breaks starts anew by the next way. A server that refuses the file
    with a status has the last word.

    :arg ways: :func:`targets`.
    :arg size: bytes, exactly.
    :arg chunks: a function that gives an iterator over the bytes from the start; called once a try.
    :returns: the :class:`Target` that took the file.
    :raises VSphereError: ``UPLOAD_FAILED`` with the HTTP status and what the server said; ``UPLOAD_BROKEN`` when the last way broke too.
    """
    for number, way in enumerate(ways):
        server = f"{way.hostname}:{way.port}"
        what = f"write {way.url.partition('?')[0]} through {way.via}"
        connection = None
        try:
            with translate(what, server):
                cookie = _cookie(session, way)
                connection = _connect(way.hostname, way.port, session.tls)
            headers = {"Cookie": cookie, "Content-Type": content_type}
            _send(connection, "PUT", way.url, headers, size, chunks(), what, server)
            return way
        except VSphereError as error:
            # A certificate that is not trusted is a warning sign, not a reason for another way.
            final = error.code in ("CERTIFICATE_NOT_TRUSTED", "UPLOAD_FAILED")
            if final or number == len(ways) - 1:
                raise
        finally:
            if connection is not None:
                connection.close()
    raise ValueError("no way to write")


def post_disk(session, url, thumbprint, size, chunks):
    """Sends a streamOptimized disk to an import lease.

    :arg url: the lease's ``deviceUrl``; a ``*`` in it stands for the vCenter itself (HttpNfcLeaseDeviceUrl.url).
    :arg thumbprint: SHA-1 of the host's certificate as the vCenter gave it, or empty: then the usual trust decides.
    :arg chunks: an iterator over the bytes.
    """
    parts = urlsplit(url)
    hostname = session.hostname if parts.hostname in (None, "*") else parts.hostname
    port = parts.port or (session.port if hostname == session.hostname else 443)
    server = f"{hostname}:{port}"
    what = f"send the disk to {server}"
    with translate(what, server):
        connection = _connect(hostname, port, tls_context(validate_certs=False) if thumbprint else session.tls)
    try:
        if thumbprint:
            # The vCenter, which we trust, named the certificate: that is stronger than any CA.
            seen = hashlib.sha1(connection.sock.getpeercert(binary_form=True)).hexdigest()
            if seen != thumbprint.replace(":", "").lower():
                raise VSphereError(
                    "CERTIFICATE_NOT_TRUSTED",
                    f"Failed to {what}: its certificate has the thumbprint {seen}, but the vCenter named {thumbprint}.",
                    "Something stands between here and the host, or its certificate was changed without the vCenter.",
                )
        headers = {"Cookie": session.cookie, "Content-Type": "application/x-vnd.vmware-streamVmdk", "Overwrite": "t"}
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        _send(connection, "POST", target, headers, size, chunks, what, server)
    finally:
        connection.close()


def _connect(hostname, port, context):
    connection = http.client.HTTPSConnection(hostname, port, context=context, timeout=CONNECT_TIMEOUT)
    connection.connect()
    connection.sock.settimeout(TIMEOUT)
    return connection


def _cookie(session, way):
    if not way.ticket:
        return session.cookie
    spec = vim.SessionManager.HttpServiceRequestSpec(method="httpPut", url=f"https://{way.hostname}:{way.port}{way.url}")
    ticket = session.call(
        f"get a ticket for host {way.hostname}", session.content.sessionManager.AcquireGenericServiceTicket, spec=spec
    )
    return f"vmware_cgi_ticket={ticket.id}"


def _send(connection, method, url, headers, size, chunks, what, server):
    sent = 0
    broken = None
    with translate(what, server):
        connection.putrequest(method, url)
        for name, value in {**headers, "Content-Length": str(size)}.items():
            connection.putheader(name, value)
        connection.endheaders()
    for chunk in chunks:
        sent += len(chunk)
        if sent > size:
            raise VSphereError("UPLOAD_FAILED", f"Failed to {what}: there are more bytes than the {size} announced.")
        try:
            connection.send(chunk)
        except OSError as error:
            broken = error  # the server may have answered why, before it closed
            break
    if broken is None and sent != size:
        raise VSphereError("UPLOAD_FAILED", f"Failed to {what}: the source ended after {sent} of {size} bytes.")
    try:
        response = connection.getresponse()
        answer = response.read(4096).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        cause = broken or error
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
