# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of answers, and of none. The acceptance tests ask RabbitMQ, Keystone, Placement, Neutron and Glance."""

from __future__ import annotations

import email.utils
import http.server
import json
import socket
import ssl
import threading

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import reach
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.targets import Trust


class Cloud:
    """An HTTP server with answers: {(method, path): (status, document)}. It keeps what it was asked: (method, path, token)."""

    def __init__(self):
        self.answers, self.asked = {}, []
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers["Content-Length"] or 0)
                cloud.asked.append((self.command, self.path, self.headers["X-Auth-Token"], self.rfile.read(length)))
                status, document = cloud.answers.get((self.command, self.path), (404, {}))
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("X-Subject-Token", "the-token")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,)).start()

    def serve(self, catalog):
        endpoint = [{"interface": "internal", "region_id": "one", "url": f"{self.url}/{{}}"}]
        services = [{"type": kind, "endpoints": [{**endpoint[0], "url": f"{self.url}/{kind}"}]} for kind in catalog]
        self.answers |= {
            ("GET", "/"): (300, {"versions": {"values": [{"id": "v3.14", "links": [{"rel": "self", "href": f"{self.url}/v3/"}]}]}}),
            ("POST", "/v3/auth/tokens"): (201, {"token": {"catalog": services}}),
            ("GET", "/placement/resource_providers?name=none"): (200, {}),
            ("GET", "/network/v2.0/networks?limit=1&fields=id"): (200, {}),
            ("GET", "/image/v2/images?limit=1"): (200, {}),
        }


@pytest.fixture
def cloud():
    one = Cloud()
    one.serve(["placement", "network", "image"])
    yield one
    one.server.shutdown()
    one.server.server_close()


def conf(url, more=""):
    account = f"auth_type = password\nauth_url = {url}\nusername = nova\npassword = the-secret\n"
    return NovaConf(f"[DEFAULT]\ntransport_url = kafka://x\n[placement]\n{account}[neutron]\n{account}{more}")


def tried(*services):
    """Gives {service: (problem, error)} of what was tried."""
    return {one["service"]: (one["problem"], one["error"]) for one in reach.reach(list(services), None, 5)}


def test_all_is_well(cloud):
    found = reach.reach([("a", conf(cloud.url)), ("b", conf(cloud.url))], None, 5)
    assert {one["service"]: one["problem"] for one in found} == {
        "broker": "unknown", "keystone": None, "placement": None, "neutron": None, "glance": None,
    }  # fmt: skip
    assert {one["service"]: one["computes"] for one in found if one["service"] != "broker"} == dict.fromkeys(["keystone", *reach.PATHS], ["a", "b"])
    assert [one["clock_skew_seconds"] is not None for one in found if one["service"] == "keystone"] == [True]
    assert sum(1 for one in cloud.asked if one[0] == "POST") == 1, "accounts that are one log in once"
    assert {token for method, path, token, _body in cloud.asked if path != "/" and method == "GET"} == {"the-token"}
    assert "the-secret" not in json.dumps(found)


def test_a_wrong_password(cloud):
    cloud.answers["POST", "/v3/auth/tokens"] = (401, {"error": {"message": "The request you have made requires authentication."}})
    found = tried(("a", conf(cloud.url)))
    assert found["keystone"] == ("login", "Keystone refuses the account of [placement] (401): The request you have made requires authentication")
    assert {found[name][0] for name in reach.PATHS} == {"unknown"}


@pytest.mark.parametrize(
    "path, status, name, problem",
    [
        ("/placement/resource_providers?name=none", 403, "placement", "login"),
        ("/network/v2.0/networks?limit=1&fields=id", 401, "neutron", "login"),
        ("/image/v2/images?limit=1", 403, "glance", None),
        ("/image/v2/images?limit=1", 503, "glance", "answer"),
    ],
)
def test_what_apis_say(cloud, path, status, name, problem):
    cloud.answers["GET", path] = (status, {})
    assert tried(("a", conf(cloud.url)))[name][0] == problem


def test_an_endpoint_that_is_not_in_the_catalog(cloud):
    cloud.serve(["placement", "image"])
    problem, text = tried(("a", conf(cloud.url, "region_name = one\n")))["neutron"]
    assert problem == "missing" and text == "Keystone's catalog has no endpoint 'network' of the interfaces internal, public in the region 'one'"


def test_an_endpoint_that_is_given_is_asked_without_a_token(cloud):
    """Where Keystone refuses, it is still seen whether the API is there."""
    cloud.answers["POST", "/v3/auth/tokens"] = (401, {})
    cloud.answers["GET", "/network/v2.0/networks?limit=1&fields=id"] = (401, {})
    assert tried(("a", conf(cloud.url, f"endpoint_override = {cloud.url}/network/v2.0\n")))["neutron"] == (None, None)


@pytest.mark.parametrize("status, problem", [(200, "answer"), (500, "answer"), (503, "answer")])
def test_what_is_no_keystone(cloud, status, problem):
    cloud.answers["POST", "/v3/auth/tokens"] = (status, {})
    assert tried(("a", conf(cloud.url)))["keystone"][0] == problem


def test_a_version_that_is_not_named(cloud):
    """As keystoneauth1, it is then /v3."""
    cloud.answers["GET", "/"] = (404, {})
    assert tried(("a", conf(cloud.url)))["keystone"] == (None, None)


def test_nobody_is_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = tried(
        ("a", NovaConf(f"[DEFAULT]\ntransport_url = rabbit://u:p@127.0.0.1:{port}/\n[placement]\nauth_type = password\nauth_url = http://127.0.0.1:{port}"))
    )
    assert found["broker"] == ("unreachable", f"127.0.0.1:{port} can't be reached: Connection refused")
    assert found["keystone"][0] == "unreachable"


def test_somebody_is_silent():
    """A connection that nobody answers ends after the time-out."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        one = NovaConf(f"[DEFAULT]\ntransport_url = rabbit://u:p@127.0.0.1:{port}/\n")
        found = {entry["service"]: entry for entry in reach.reach([("a", one)], None, 0.2)}
    assert found["broker"]["problem"] == "unreachable"


@pytest.mark.parametrize(
    "error, problem, words",
    [
        (ssl.SSLCertVerificationError(1, "no"), "certificate", "is not trusted"),
        (ssl.SSLError(1, "no"), "answer", "does not speak TLS"),
        (socket.gaierror(-2, "Name or service not known"), "unreachable", "does not resolve"),
        (TimeoutError(), "unreachable", "in time"),
        (OSError(113, "No route to host"), "unreachable", "No route to host"),
    ],
)
def test_why_a_connection_fails(error, problem, words):
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "self-signed certificate"
    trouble = reach.why(error, "one:443")
    assert trouble.problem == problem and words in str(trouble) and "one:443" in str(trouble)


@pytest.mark.parametrize("trust", [Trust(ca_file="/nowhere/ca.pem"), Trust(certificate="/nowhere/client.pem")])
def test_files_that_are_not_there(trust):
    with pytest.raises(reach.Trouble, match="/nowhere/.*can't be read: No such file") as caught:
        reach.context(trust)
    assert caught.value.problem == "certificate"


def test_who_is_not_verified():
    assert reach.context(Trust(verify=False)).verify_mode == ssl.CERT_NONE
    assert reach.context(Trust()).verify_mode == ssl.CERT_REQUIRED


def test_skew():
    """A clock that is right differs by less than a minute here, however slow the machine is."""
    assert abs(reach.skew({"Date": email.utils.formatdate(usegmt=True)})) < 60
    assert reach.skew({"Date": email.utils.formatdate(1.0, usegmt=True)}) > 1e9
    assert reach.skew({"Date": None}) is None and reach.skew({"Date": "soon"}) is None
