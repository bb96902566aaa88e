# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login of AMQP, byte for byte; the acceptance tests try it on RabbitMQ."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import amqp
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.targets import Broker

BROKER = Broker("one", 5672, "nova", "secret", "vhost")


def frame(method, arguments=b"", kind=amqp.METHOD):
    payload = struct.pack(">HH", *method) + arguments if kind == amqp.METHOD else b""
    return struct.pack(">BHI", kind, 0, len(payload)) + payload + b"\xce"


def close(code, text):
    return frame(amqp.CLOSE, struct.pack(">H", code) + bytes([len(text)]) + text.encode() + b"\x00" * 4)


START = frame(amqp.START, b"\x00\x09" + b"\x00" * 12)
TUNE = frame(amqp.TUNE, b"\x00\x10\x00\x02\x00\x00\x00\x3c")
OPEN_OK = frame(amqp.OPEN_OK, b"\x00")


def talk(answers, broker=BROKER):
    """Logs in to a server that says this, whatever it hears; gives what it heard."""
    ours, theirs = socket.socketpair()
    heard = []

    def serve():
        with theirs, contextlib.suppress(ConnectionError):
            theirs.sendall(answers)
            theirs.shutdown(socket.SHUT_WR)
            while data := theirs.recv(4096):
                heard.append(data)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with ours:
            ours.settimeout(10)
            amqp.login(ours, broker)
    finally:
        thread.join(10)
    return b"".join(heard)


def test_a_login():
    heard = talk(START + frame(None, kind=amqp.HEARTBEAT) + TUNE + OPEN_OK)
    assert heard.startswith(amqp.HEADER)
    assert frame(amqp.START_OK, amqp.start_ok(BROKER)) in heard
    assert frame(amqp.TUNE_OK, b"\x00\x10\x00\x02\x00\x00\x00\x00") in heard
    assert frame(amqp.OPEN, b"\x05vhost\x00\x00") in heard
    assert heard.endswith(frame(amqp.CLOSE, b"\x00\xc8\x00\x00\x00\x00\x00"))


@pytest.mark.parametrize(
    "method, response",
    [("PLAIN", b"\x00\x00\x00\x0c\x00nova\x00secret"), ("AMQPLAIN", b"\x05LOGINS\x00\x00\x00\x04nova\x08PASSWORDS\x00\x00\x00\x06secret")],
)
def test_ways_to_say_the_password(method, response):
    said = amqp.start_ok(Broker("one", 5672, "nova", "secret", "/", method))
    assert bytes([len(method)]) + method.encode() in said and response in said


@pytest.mark.parametrize("answers", [START, START + TUNE])
def test_a_refusal(answers):
    with pytest.raises(amqp.Refused, match="403 ACCESS_REFUSED"):
        talk(answers + close(403, "ACCESS_REFUSED"))


@pytest.mark.parametrize(
    "answers, why",
    [
        (b"AMQP\x00\x00\x08\x00", "another version"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak AMQP"),
        (b"", "without an answer"),
        (START[:9], "within an answer"),
        (START[:-1] + b"\x00", "does not speak AMQP"),
        (START + OPEN_OK, "in place of"),
    ],
)
def test_what_is_no_broker(answers, why):
    with pytest.raises(amqp.ProtocolError, match=why):
        talk(answers)
