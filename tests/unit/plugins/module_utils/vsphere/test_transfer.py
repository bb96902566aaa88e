# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/transfer.py against a server on loopback that breaks off, refuses or takes a file. TLS is the simulator's to test."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError

DATA = bytes(range(256)) * 20000  # more than the buffers of two sockets
OVER = []  # what the server says of the session, each time that it is asked
SESSION = SimpleNamespace(
    cookie="vmware_soap_session=x", tls=None, host_tls=None, server="vc:443", kept_alive=contextlib.nullcontext, is_over=OVER.pop,
    unreachable=set(),
)  # fmt: skip


class Server:
    """Answers each connection with the next act: ``take``, ``cut`` (after some bytes), ``short`` (no answer), or a status line."""

    def __init__(self, *acts):
        self.acts = list(acts)
        self.taken = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while self.acts:
            connection = self._socket.accept()[0]
            act = self.acts.pop(0)
            with connection, connection.makefile("rb") as reader:
                length = 0
                while (line := reader.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if act == "cut":
                    reader.read(100000)
                    continue
                body = reader.read(length)
                if act == "take":
                    self.taken.append(body)
                    act = "201 Created"
                if act != "short":
                    connection.sendall(f"HTTP/1.1 {act}\r\nContent-Length: 4\r\n\r\nwhy!".encode())
        self._socket.close()


@pytest.fixture(autouse=True)
def plain_http(monkeypatch):
    monkeypatch.setattr(transfer, "_connect", lambda hostname, port, *_rest: http.client.HTTPConnection(hostname, port, timeout=10))


def put(server, ways=3, data=DATA, size=len(DATA)):
    calls = []

    def chunks():
        calls.append(1)
        return (data[at : at + 65536] for at in range(0, len(data), 65536))

    targets = [transfer.Target(f"way {number}", "127.0.0.1", server.port, "/folder/a?dsName=b", False) for number in range(ways)]
    return transfer.put(SESSION, targets, size, chunks), len(calls)


def test_taken():
    server = Server("take")
    way, reads = put(server)
    assert (way.via, reads, server.taken) == ("way 0", 1, [DATA])


@pytest.mark.parametrize("act", ["cut", "short"])
def test_a_broken_write_starts_anew(act):
    server = Server(act, act, "take")
    way, reads = put(server)
    assert (way.via, reads, server.taken) == ("way 2", 3, [DATA])


def test_the_last_way_broke_too():
    with pytest.raises(VSphereError) as caught:
        put(Server("cut", "cut", "cut"))
    assert caught.value.code == "UPLOAD_BROKEN"


@pytest.mark.parametrize("status", ["507 Insufficient Storage", "403 Forbidden", "500 Internal Server Error"])
def test_a_refusal_is_final(status):
    with pytest.raises(VSphereError) as caught:
        put(Server(status, "take"))
    assert caught.value.code == "UPLOAD_FAILED"
    assert status in caught.value.what and "why!" in caught.value.what


def test_a_session_that_is_over_is_replaced_once():
    OVER[:] = [True]
    server = Server("401 Unauthorized", "take")
    way, reads = put(server)
    assert (way.via, reads, server.taken, OVER) == ("way 0", 2, [DATA], [])


@pytest.mark.parametrize("over, acts", [([False], ["401 Unauthorized"]), ([True], ["401 Unauthorized"] * 2)])
def test_a_401_of_a_good_session_is_a_missing_privilege(over, acts):
    """No login mends that, and so none is made."""
    OVER[:] = over
    with pytest.raises(VSphereError) as caught:
        put(Server(*acts), ways=1)
    assert caught.value.code == "UPLOAD_NOT_PERMITTED" and not OVER
    assert "401" in caught.value.what and "Host.Config.SystemManagement" in caught.value.hint


def test_a_host_that_does_not_answer_is_asked_last(monkeypatch):
    """The first file waits for it, the next do not: a note goes to each datastore."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    session = SimpleNamespace(**{**vars(SESSION), "unreachable": set(), "call": lambda *_args, **_more: SimpleNamespace(id="t", sslThumbprint=None),
                                 "content": SimpleNamespace(sessionManager=SimpleNamespace(AcquireGenericServiceTicket=None))})  # fmt: skip
    connect, tried = transfer._connect, []

    def counted(hostname, *rest):
        tried.append(hostname)
        connection = connect(hostname, *rest)
        connection.connect()
        return connection

    monkeypatch.setattr(transfer, "_connect", counted)
    for known in (set(), {"localhost"}):
        assert session.unreachable == known
        server = Server("take")
        ways = [transfer.Target("host a", "localhost", port, "/folder/a", True), transfer.Target("vcenter", "127.0.0.1", server.port, "/folder/a", False)]
        assert transfer.put(session, ways, len(DATA), lambda: iter([DATA])).via == "vcenter"
    assert tried == ["localhost", "127.0.0.1", "127.0.0.1"]


@pytest.mark.parametrize(
    "named, expected",
    [
        ({"sslThumbprint": "AA:BB"}, "AA:BB"),
        ({"sslThumbprint": ""}, None),
        ({}, None),
        ({"certThumbprintList": [("sha1", "AA"), ("sha256", "BB")]}, "BB"),
        ({"sslThumbprint": "CC", "certThumbprintList": [("sha256", "BB")]}, "BB"),
        ({"sslThumbprint": "CC", "certThumbprintList": [("sha512", "BB")]}, "CC"),
        ({"sslCertificate": "-----BEGIN CERTIFICATE-----\nbm92YQ==\n-----END CERTIFICATE-----\n"}, hashlib.sha256(b"nova").hexdigest()),
        ({"sslCertificate": "bm92YQ=="}, hashlib.sha256(b"nova").hexdigest()),
        ({"sslCertificate": "none at all", "sslThumbprint": "CC"}, "CC"),
    ],
)
def test_where_a_certificate_is_named(named, expected):
    """By the API of 7.0, 7.0.3.1, 8.0 and 9.0; pyVmomi 8 has no sslCertificate."""
    listed = [SimpleNamespace(hashAlgorithm=algorithm, thumbprint=value) for algorithm, value in named.pop("certThumbprintList", ())]
    ticket = SimpleNamespace(**{"sslThumbprint": None, "certThumbprintList": listed, **named})
    assert transfer.thumbprint(ticket) == expected


def test_a_host_in_crypto_safe_mode_is_explained():
    refusal = VSphereError("UPLOAD_FAILED", "Failed to write: 500.", "", {"status": 500})
    for state, code in (("safe", "HOST_ENCRYPTS"), ("prepared", "UPLOAD_FAILED"), (None, "UPLOAD_FAILED")):
        with pytest.raises(VSphereError) as caught, transfer.explained(lambda state=state: ("esxi-1", state)):
            raise refusal
        assert caught.value.code == code
    with pytest.raises(VSphereError) as caught, transfer.explained(lambda: 1 / 0):
        raise refusal
    assert caught.value is refusal


def test_a_deadline_ends_a_transfer_that_waits():
    """The server takes nothing: without a deadline the transfer would wait for five minutes."""
    quiet = socket.create_server(("127.0.0.1", 0))
    target = transfer.Target("way", "127.0.0.1", quiet.getsockname()[1], "/folder/a", False)
    began = time.monotonic()
    with quiet, pytest.raises(VSphereError) as caught:
        transfer.put(SESSION, [target, target], len(DATA), lambda: iter([DATA]), transfer.Rules(deadline=began + 0.5))
    assert caught.value.code == "TRANSFER_TIMEOUT" and "/folder/a" in caught.value.what
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_wrong_size(size):
    with pytest.raises(VSphereError) as caught:
        put(Server("short", "short"), ways=1, size=size)
    assert caught.value.code == "UPLOAD_FAILED"


def test_what_the_source_raises_comes_through():
    def broken():
        yield b"x"
        raise LookupError("the image was deleted")

    with pytest.raises(LookupError):
        target = transfer.Target("way", "127.0.0.1", Server("short").port, "/folder/a", False)
        transfer.put(SESSION, [target], 10, broken)


def test_ways():
    session = SimpleNamespace(port=443, hostname="vc")
    place = SimpleNamespace(datastore="a & b", datacenter_path="dc/1")
    found = transfer.targets(session, place, ["esxi-1"], "x y/z.vmdk")
    assert transfer.targets(session, place, ["esxi-1"], "x y/z.vmdk", "host") == found[:1]
    assert transfer.targets(session, place, ["esxi-1"], "x y/z.vmdk", "server") == found[1:]
    with pytest.raises(VSphereError, match="No connected host"):
        transfer.targets(session, place, [], "x y/z.vmdk", "host")
    assert [(way.hostname, way.ticket) for way in found] == [("esxi-1", True), ("vc", False)]
    assert found[0].url == "/folder/x%20y/z.vmdk?dcPath=ha-datacenter&dsName=a+%26+b"
    assert found[1].url == "/folder/x%20y/z.vmdk?dcPath=dc%2F1&dsName=a+%26+b"


class Files:
    """Gives a file to each connection, or breaks after a half of it, or answers with a status line."""

    def __init__(self, *acts):
        self.acts = list(acts)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while self.acts:
            connection = self._socket.accept()[0]
            act = self.acts.pop(0)
            with connection, connection.makefile("rb") as reader:
                while reader.readline() not in (b"\r\n", b""):
                    pass
                if act in ("give", "cut"):
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\n\r\n".encode()
                    connection.sendall(head + DATA[: len(DATA) if act == "give" else len(DATA) // 2])
                else:
                    connection.sendall(f"HTTP/1.1 {act}\r\nContent-Length: 4\r\n\r\nwhy!".encode())
        self._socket.close()


def get(server, ways=3):
    targets = [transfer.Target(f"way {number}", "127.0.0.1", server.port, "/folder/a?dsName=b", False) for number in range(ways)]
    return transfer.get(SESSION, targets, b"".join)


@pytest.mark.parametrize("acts", [("give",), ("cut", "give"), ("500 Internal Server Error", "cut", "give"), ("401 Unauthorized", "cut", "cut", "give")])
def test_a_file_is_read_by_the_first_way_that_gives_it_whole(acts):
    OVER[:] = [True]
    assert get(Files(*acts)) == DATA


def test_a_401_of_a_good_session_is_a_missing_privilege_of_a_reader():
    OVER[:] = [False]
    with pytest.raises(VSphereError) as caught:
        get(Files("401 Unauthorized"), ways=1)
    assert caught.value.code == "DOWNLOAD_NOT_PERMITTED" and "Datastore.Browse" in caught.value.hint


@pytest.mark.parametrize("act, code", [("cut", "DOWNLOAD_BROKEN"), ("404 Not Found", "DOWNLOAD_FAILED"), ("206 Partial Content", "DOWNLOAD_FAILED")])
def test_half_a_file_is_never_taken_for_one(act, code):
    with pytest.raises(VSphereError) as caught:
        get(Files(act, act, act))
    assert caught.value.code == code
