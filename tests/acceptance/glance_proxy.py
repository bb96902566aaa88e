# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests on faults stand on: a simulated vCenter and a proxy of Glance that break requests, runs of image_cache, and judges."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import http.server
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from unittest import mock
from urllib.parse import urlsplit

import yaml
from conftest import LAB, ROOT

sys.path.insert(0, str(LAB / "collections"))

from ansible_collections.openstack_vmware.nova.plugins.module_utils import module  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.modules import image_cache as image_cache_module  # noqa: E402

FORK = multiprocessing.get_context("fork")
HOSTS = ("127.1.1.11", "127.1.1.12")  # the lab's certificate names them
DATASTORES = ("n1", "n2")
PREFIX = "w"
DEADLINE = 60  # seconds for a run
CHANGE_NOTHING = (
    "Retrieve", "ContinueRetrieve", "Fetch", "Find", "Query", "SearchDatastore", "WaitForUpdates", "CreateFilter", "DestroyPropertyFilter",
    "CreateContainerView", "DestroyView", "CreatePropertyCollector", "DestroyPropertyCollector", "CurrentTime", "Login", "Logout",
    "SessionIsActive", "AcquireGenericServiceTicket",
)  # fmt: skip


def scenario():
    """Gives a vCenter with one cluster and two datastores."""
    return {
        "vcenter": {"name": "vc", "version": "8.0.3", "username": "u", "password": "p"},
        "datacenters": [
            {
                "name": "dc1",
                "clusters": [
                    {"name": "c1", "hosts": [{"name": name, "cores": 16, "threads": 32, "memory_mb": 262144} for name in HOSTS]}
                ],
                "datastores": [
                    {"name": name, "type": "VMFS", "capacity_gb": 10, "free_gb": 9, "clusters": ["c1"]} for name in DATASTORES
                ],
            }
        ],
    }


class VCenter:
    """A simulated vCenter of these tests, with rules that break requests (docs/simulator.md, "Faults")."""

    def __init__(self, folder):
        (folder / "scenario.yml").write_text(yaml.safe_dump(scenario()), encoding="utf-8")
        self.datastores = folder / "datastores"
        self.log = folder / "requests.log"
        self._control = str(folder / "control.sock")
        self._judge = None
        self.port = _free_port()
        self.process = subprocess.Popen([
            LAB / "bin" / "vcsim", "-scenario", folder / "scenario.yml", "-listen", f"127.0.0.1:{self.port}",
            "-cert", LAB / "tls" / "vcenter.pem", "-key", LAB / "tls" / "vcenter.key", "-wsdl", LAB / "wsdl",
            "-datastores", self.datastores, "-request-log", self.log, "-control", self._control,
        ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        for _attempt in range(100):
            with socket.socket() as probe:
                if os.path.exists(self._control) and probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the simulator does not answer")

    def close(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(10)
        if self._judge:
            self._judge.stdin.close()
            self._judge.wait(10)

    def ask(self, method, path, body=None):
        """Gives the answer of the control socket."""
        connection = http.client.HTTPConnection("vcsim")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self._control)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        connection.close()
        return json.loads(text) if text.strip() else None

    def fired(self):
        """Says whether a rule has fired."""
        return any(rule["fired"] for rule in self.ask("GET", "/rules") or ())

    @contextlib.contextmanager
    def rule(self, when, nth, do):
        """Breaks a request in the way ``do``, until the end of the block."""
        self.ask("POST", "/rules", {"when": when, "do": do, **({"nth": nth} if nth else {})})
        try:
            yield
        finally:
            self.ask("DELETE", "/rules")
            if "full" in do:
                for name in DATASTORES:
                    self.ask("POST", "/do", {"full": {"datastore": name, "free_bytes": 9 << 30}})

    def mark(self):
        """Gives the place in the log from which :meth:`requests` reads."""
        return self.log.stat().st_size

    def requests(self, since=0):
        """Gives the lines of the log after a place."""
        with open(self.log, encoding="utf-8") as log:
            log.seek(since)
            return [json.loads(line) for line in log]

    def nova(self, image_id, disk_format="vmdk"):
        """Asks Nova's own code where it sees the image in its cache: ``{datastore: size or None}``."""
        if self._judge is None:
            self._judge = subprocess.Popen(
                [LAB / "openstack" / "bin" / "python", "-W", "ignore", ROOT / "tests" / "acceptance" / "nova_judge.py"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        question = {
            "host_ip": "127.0.0.1", "host_port": self.port, "host_username": "u", "host_password": "p",
            "ca_file": str(LAB / "tls" / "ca.pem"), "cache_prefix": PREFIX,
            "clusters": [{"cluster_name": "c1", "datastore_regex": "^n"}], "images": {image_id: disk_format},
        }  # fmt: skip
        self._judge.stdin.write(json.dumps(question) + "\n")
        self._judge.stdin.flush()
        answer = json.loads(self._judge.stdout.readline())
        return {name: sizes[image_id] for name, sizes in answer["c1"].items()}

    def disk(self, datastore, image_id, disk_format="vmdk"):
        """Gives the SHA-256 of what a guest would read of the cached image, or None where there is nothing to read."""
        name = f"{image_id}-flat.vmdk" if disk_format == "vmdk" else f"{image_id}.iso"
        path = self.datastores / datastore / f"{PREFIX}_base" / image_id / name
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def left(self):
        """Gives what is staged."""
        return [path for pattern in ("*/openstack_vmware/*", "*/openstack_vmware-*") for path in self.datastores.glob(pattern)]


def changes(request):
    """Says whether a line of the log is a request that changes something (docs/simulator.md, "Request log")."""
    if "http" not in request:
        return False
    if request.get("method"):
        return not request["method"].startswith(CHANGE_NOTHING)
    return request["http"] in ("PUT", "DELETE") or request["http"] == "POST" and request["path"].startswith("/nfc/")


def _free_port():
    """Gives a port that is free on every address: the hosts listen on the vCenter's port."""
    with socket.socket() as free:
        free.bind(("0.0.0.0", 0))
        return free.getsockname()[1]


@dataclass
class Fault:
    """How the proxy breaks the ``nth`` request to Glance, and how the one before it. ``fired`` tells whether it did."""

    kind: str
    nth: int
    before: str | None = None
    fired: bool = False
    seen: int = 0


class GlanceProxy:
    """Stands before the lab's Glance. ``fault`` breaks one request; ``paths`` are those of all requests since it was set."""

    # What it can do to a request: see _Handler.
    KINDS = ("cut", "middle", "stall", "status", "refused", "short", "flip", "whole", "gone", "restart")

    def __init__(self, folder, cloud):
        url = urlsplit(cloud.image.get_endpoint())
        self.upstream = (url.hostname, url.port)
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
        clouds["clouds"]["proxied"] = {
            **clouds["clouds"]["lab"], "image_endpoint_override": f"http://127.0.0.1:{self.server.server_port}",
        }  # fmt: skip
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
        self.owner.paths.append(self.path + (" " + self.headers["Range"] if self.headers["Range"] else ""))
        if kind == "restart":
            self.owner.down_until = time.monotonic() + 2
        if kind == "cut" or time.monotonic() < self.owner.down_until:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
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
        connection.request("GET", self.path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
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

    do_POST = do_GET

    def log_message(self, format, *args):  # the names are the base class's
        """Says nothing."""


def options(vcenter, image_ids, **more):
    """Gives the options of image_cache, with the defaults of its argument spec."""
    with mock.patch.object(image_cache_module, "run") as called:
        image_cache_module.main()
    spec = called.call_args.args[1]
    return {
        **{name: one.get("default") for name, one in spec.items()},
        "hostname": "127.0.0.1", "port": vcenter.port, "username": "u", "password": "p", "ca_path": str(LAB / "tls" / "ca.pem"),
        "openstack": {"cloud": "lab"}, "clusters": [{"cluster_name": "c1", "datastore_regex": "^n"}], "cache_prefix": PREFIX,
        "images": image_ids, **more,
    }  # fmt: skip


def run(params, signal_when=None, number=signal.SIGKILL):
    """Runs image_cache in a process of its own, since a run that is killed is recognised by its pid.

    :arg signal_when: a function; once it says true the run gets the signal ``number``.
    :returns: ``(result, error code, text)``; the first two are None where it was killed.
    """
    here, there = FORK.Pipe()

    def child():
        for one in module.CANCELLED_BY:
            signal.signal(one, module._cancel)
        try:
            there.send((image_cache.run(params, False), None, ""))
        except NovaVmwareError as error:
            there.send((None, error.code, error.what))
        except module.Cancelled:
            there.send((None, "CANCELLED", ""))
        except BaseException:  # pylint: disable=broad-except
            there.send((None, "traceback", traceback.format_exc()))
        os._exit(0)

    process = FORK.Process(target=child)
    process.start()
    there.close()
    answer = (None, None, "")
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            if here.poll(0.01):
                answer = here.recv()
                break
        except EOFError:
            break
        if signal_when and signal_when():
            os.kill(process.pid, number)
            signal_when = None
    else:
        os.kill(process.pid, signal.SIGKILL)
        answer = (None, "timeout", f"it did not end within {DEADLINE} seconds")
    process.join()
    here.close()
    return answer
