# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy of the lab's Glance or Keystone that breaks requests."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import yaml
from conftest import LAB


@dataclass
class Fault:
    """How the proxy breaks the ``nth`` request, and how the one before it. ``fired`` tells whether it did."""

    kind: str
    nth: int
    before: str | None = None
    fired: bool = False
    seen: int = 0


class ApiProxy:
    """Stands before the lab's Glance, or before its Keystone. ``fault`` breaks one request; ``paths`` are those of all requests since it was set.

    ``clouds`` is a clouds.yaml whose cloud ``proxied`` goes through it.
    """

    # What it can do to a request: see _Handler.
    KINDS = ("cut", "middle", "stall", "status", "refused", "short", "flip", "whole", "gone", "restart")

    def __init__(self, folder, cloud, service="image"):
        url = urlsplit(cloud.image.get_endpoint() if service == "image" else cloud.session.auth.auth_url)
        self.upstream = (url.hostname, url.port)
        self.rewrites = service == "identity"
        self.fault = Fault("none", 0)
        self.paths = []
        self.down_until = 0.0
        proxy = self

        class Handler(_Handler):
            """Knows its proxy."""

            owner = proxy

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        clouds = yaml.safe_load((LAB / "clouds.yaml").read_text(encoding="utf-8"))
        own, lab = f"http://127.0.0.1:{self.server.server_port}", clouds["clouds"]["lab"]
        more = {"auth": {**lab["auth"], "auth_url": f"{own}/v3"}} if self.rewrites else {"image_endpoint_override": own}
        clouds["clouds"]["proxied"] = {**lab, **more}
        self.clouds = folder / "clouds.yaml"
        self.clouds.write_text(yaml.safe_dump(clouds), encoding="utf-8")
        self.clouds.chmod(0o600)

    def set(self, kind, nth, before=None):
        """Breaks the ``nth`` request from now on, and in another way the one before it."""
        self.paths = []
        self.fault = Fault(kind, nth, before)

    def close(self):
        """Ends it."""
        self.server.shutdown()
        self.server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def do_GET(self):  # the name is the base class's
        """Passes a request on, or breaks it."""
        fault = self.owner.fault
        fault.seen += 1
        kind = fault.kind if fault.seen == fault.nth or (fault.kind == "gone" and fault.seen > fault.nth) else None
        fault.fired = fault.fired or kind is not None
        if fault.seen == fault.nth - 1:
            kind = fault.before
        words = [self.command if self.owner.rewrites else None, self.path, self.headers["Range"]]
        self.owner.paths.append(" ".join(word for word in words if word))
        if kind == "restart":
            self.owner.down_until = time.monotonic() + 2
        if kind == "cut" or time.monotonic() < self.owner.down_until:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        if kind == "stall":
            time.sleep(1)
        if kind in ("status", "refused", "gone"):
            code = {"status": 503, "refused": 401, "gone": 404}[kind]
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        connection = http.client.HTTPConnection(*self.owner.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        if kind == "whole":
            headers.pop("Range", None)
        connection.request(self.command if self.owner.rewrites else "GET", self.path, sent, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if self.owner.rewrites:  # the catalog and the links to versions lead here again
            theirs, own = (f"127.0.0.1:{port}".encode() for port in (self.owner.upstream[1], self.server.server_port))
            body = body.replace(theirs, own)
        sent = body
        if kind == "short":
            sent = body = body[: len(body) // 2]
        elif kind == "middle":
            sent = body[: len(body) // 2]
        elif kind == "flip" and body:
            at = len(body) * 3 // 4
            sent = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(sent)
        if kind == "middle":
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    do_POST = do_DELETE = do_GET

    def log_message(self, format, *args):  # the names are the base class's
        """Says nothing."""
