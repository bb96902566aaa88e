# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login of AMQP 0-9-1, the protocol of RabbitMQ, and nothing else of it: the standard library has none, and nothing can be installed for a check.

https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, chapters 2.2 and 4.2; amqp0-9-1.extended.xml, class connection.
"""

from __future__ import annotations

import struct

HEADER = b"AMQP\x00\x00\x09\x01"
METHOD, HEARTBEAT, END = 1, 8, 0xCE
START, START_OK, TUNE, TUNE_OK, OPEN, OPEN_OK, CLOSE, CLOSE_OK = ((10, number) for number in (10, 11, 30, 31, 40, 41, 50, 51))
FRAME_MAX = 1 << 20  # what comes before the login is far smaller


class ProtocolError(Exception):
    """The server does not speak AMQP 0-9-1 as expected."""


class Refused(Exception):
    """The server refuses the account or the virtual host; says what it says."""


def login(stream, broker):
    """Logs in and opens the virtual host, then closes the connection in order.

    :arg stream: a connected socket.
    :arg broker: :class:`..targets.Broker`.
    :raises Refused: the account or the virtual host is refused.
    :raises ProtocolError: what answers is no broker.
    :raises OSError: the connection failed.
    """
    stream.sendall(HEADER)
    _expect(stream, START)
    _send(stream, START_OK, start_ok(broker))
    tune = _expect(stream, TUNE)
    _send(stream, TUNE_OK, tune[:6] + b"\x00\x00")  # its limits, and no heartbeat
    _send(stream, OPEN, _short(broker.virtual_host) + b"\x00\x00")
    _expect(stream, OPEN_OK)
    _send(stream, CLOSE, struct.pack(">H", 200) + _short("") + b"\x00" * 4)


def start_ok(broker):
    """Returns the arguments of start-ok. The capability makes RabbitMQ say why it refuses, instead of ending the connection."""
    capabilities = _entry("capabilities", b"F", _long(_entry("authentication_failure_close", b"t", b"\x01")))
    properties = _entry("product", b"S", _long(b"openstack_vmware.nova")) + capabilities
    username, password = broker.username.encode(), broker.password.encode()
    if broker.method == "PLAIN":
        response = b"\x00" + username + b"\x00" + password
    else:
        response = _entry("LOGIN", b"S", _long(username)) + _entry("PASSWORD", b"S", _long(password))
    return _long(properties) + _short(broker.method) + _long(response) + _short("en_US")


def _short(text):
    data = text.encode()
    return bytes([len(data)]) + data


def _long(data):
    return struct.pack(">I", len(data)) + data


def _entry(name, kind, value):
    return _short(name) + kind + value


def _send(stream, method, arguments):
    payload = struct.pack(">HH", *method) + arguments
    stream.sendall(struct.pack(">BHI", METHOD, 0, len(payload)) + payload + bytes([END]))


def _expect(stream, method):
    """Returns the arguments of the method that comes next, which must be this one."""
    while True:
        head = _read(stream, 7)
        if head.startswith(b"AMQP"):
            raise ProtocolError(f"it speaks another version of AMQP: {head[4:]!r}")
        kind, _channel, size = struct.unpack(">BHI", head)
        if size > FRAME_MAX or kind not in (METHOD, HEARTBEAT):
            raise ProtocolError("it does not speak AMQP")
        payload = _read(stream, size + 1)
        if payload[-1] != END or (kind == METHOD and size < 4):
            raise ProtocolError("it does not speak AMQP")
        if kind == METHOD:
            break
    found, arguments = struct.unpack(">HH", payload[:4]), payload[4:-1]
    if found == CLOSE:
        (code,) = struct.unpack(">H", arguments[:2])
        text = arguments[3 : 3 + arguments[2]].decode(errors="replace")
        _send(stream, CLOSE_OK, b"")
        raise Refused(f"{code} {text}")
    if found != method:
        raise ProtocolError(f"it answers with method {found} in place of {method}")
    return arguments


def _read(stream, size):
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            raise ProtocolError("it ends the connection" + (" within an answer" if data else " without an answer"))
        data += more
    return data
