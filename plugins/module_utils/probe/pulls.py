# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions on hosts that fetch images themselves. As in :mod:`datastore`, each function takes a bench and gives a finding.

A web server of the probe's own offers a tiny disk to one host: on this machine's address towards the host, at a path that nobody can guess, for as long
as the question takes. It has no content but the probe's.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import streams
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.bench import Refused
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.datastore import CAPACITY, GRAINS
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import Finding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

LACKING = 1024  # bytes that a body promises and does not have


def pull_image(bench):
    """Lets a host fetch a disk from this machine."""
    file = _stream()
    with _offered(bench, file, len(file)) as url:
        bench.memo["manifest"] = _pulled(bench, url, len(file))
    return Finding("yes", f"A host fetched {len(file)} bytes from this machine.")


def pull_manifest(bench):
    """Looks at what the lease's manifest said of the disk that a host fetched, after it was asked for its SHA-256."""
    entries = bench.memo["manifest"]
    if not entries:
        return Finding("empty", "The manifest of the lease was empty after the pull.")
    (entry,) = entries[:1]
    if entry.checksumType == "sha256" and entry.checksum:
        return Finding("checksum", f"The manifest has the SHA-256 {entry.checksum}.")
    return Finding("sha1", f"The manifest has the SHA-1 {entry.sha1}, and no SHA-256.")


def pull_truncated(bench):
    """Lets a host fetch a file whose end is missing: the connection closes before what Content-Length promised has come."""
    file = _stream()
    with _offered(bench, file, len(file) + LACKING) as url:
        try:
            _pulled(bench, url, len(file) + LACKING)
        except Refused as refused:
            if refused.lacking:
                raise
            return Finding("refused", f"A body that lacks its last {LACKING} bytes was refused: {refused}.")
    return Finding("taken", f"A body that lacks its last {LACKING} bytes was taken for the whole file.")


def _stream():
    data = streams.flat(CAPACITY, GRAINS)
    encoder = encoding.Encoder(CAPACITY, "vsphere_probe")
    return b"".join([encoder.start(), *encoder.feed(data), *encoder.finish()])


def _pulled(bench, url, size):
    """Makes a lease whose host fetches a file, and ends it again. Gives the entries of its manifest."""
    name = bench.next_name()
    lease, info = bench.lease(name)
    try:
        (device,) = [one for one in info.deviceUrl if one.disk][:1]
        pair = vim.KeyValue(key=device.key, value="sha256")
        with contextlib.suppress(Refused):
            bench.call("ask for a SHA-256", lease.HttpNfcLeaseSetManifestChecksumType, deviceUrlsToChecksumTypes=[pair])
        file = vim.HttpNfcLease.SourceFile(targetDeviceId=device.importKey, url=url, create=False, size=size)
        bench.run(f"let a host fetch {name}", lease.HttpNfcLeasePullFromUrls_Task, files=[file])
        return list(bench.call("read the manifest", lease.HttpNfcLeaseGetManifest) or ())
    finally:
        bench.abort(lease)


@contextlib.contextmanager
def _offered(bench, data, promised):
    """Serves bytes on the address that this machine has towards the hosts. Gives the URL.

    :arg promised: what Content-Length says.
    """
    path = f"/{secrets.token_urlsafe(24)}/disk.vmdk"

    class Handler(BaseHTTPRequestHandler):
        """Knows one file."""

        def do_GET(self):  # pylint: disable=invalid-name
            """Sends it, and then ends the connection."""
            if self.path != path:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True

        def log_message(self, *_arguments):
            """Writes nothing."""

    server = ThreadingHTTPServer((_own_address(bench.site.hosts[0]), 0), Handler)
    server.daemon_threads = True

    def serve():
        leave_signals()  # the threads of the requests begin with what this one blocks
        server.serve_forever(0.05)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://{server.server_address[0]}:{server.server_address[1]}{path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _own_address(host):
    """Returns the address from which this machine would connect to a host. Nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 443))
        return probe.getsockname()[0]
