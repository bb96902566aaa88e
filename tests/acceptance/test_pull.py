# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ESXi hosts fetch images from the lab's Glance themselves: what Glance's log says, what the key can do, and what is left when it goes wrong."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import signal
import ssl
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import yaml
from api_proxy import ApiProxy
from conftest import LAB
from labctl import base
from simulated import HOSTS, Run, VCenter, options, run, scenario, upload

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding, known
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import image_key
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache

SIZE = 4 << 20  # bytes of the disk
LOG = LAB / "log" / "glance-access.log"
CLOUD = {"openstack": {"cloud": "lab"}}


def world(folder, is_open=True, **behaviour):
    """Starts a vCenter whose hosts may fetch images, or not."""
    setup = scenario()
    for host in setup["datacenters"][0]["clusters"][0]["hosts"]:
        host["http_client"] = is_open
    setup["vcenter"]["behaviour"] = {"pull_manifest": "checksum", "copy_spec": "honoured", **behaviour}
    return VCenter(folder, setup)


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory):
    with world(tmp_path_factory.mktemp("pull")) as one:
        yield one


def archive(files):
    """Gives an ova."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


@pytest.fixture(scope="module")
def images(cloud):
    """Images of one disk, ``{kind: id}``, the bytes of its stream, and the SHA-256 of what a guest reads."""
    disk = random.Random(5).randbytes(SIZE // 2) + bytes(SIZE // 2)
    encoder = encoding.Encoder(SIZE, "pull")
    stream = b"".join([encoder.start(), *encoder.feed(disk), *encoder.finish()])
    ovf = (
        b'<Envelope xmlns:o="http://schemas.dmtf.org/ovf/envelope/1"><References><File o:id="f" o:href="disk%201.vmdk"/></References>'
        b'<DiskSection><Disk o:diskId="d" o:fileRef="f"/></DiskSection></Envelope>'
    )
    files = {"stream": (stream, "bare"), "ova": (archive({"a.ovf": ovf, "disk 1.vmdk": stream}), "ova")}
    made = {kind: upload(cloud, f"pull-{kind}", data, container_format=form, hw_disk_type="streamOptimized") for kind, (data, form) in files.items()}
    yield made, stream, hashlib.sha256(disk).hexdigest()
    for image_id in made.values():
        cloud.image.delete_image(image_id)


@pytest.fixture
def noted(cloud, images):
    """The images with what is known of their streams."""
    made, stream, _content = images
    for kind, image_id in made.items():
        facts = known.Known(len(stream), hashlib.sha256(stream).hexdigest(), SIZE, SIZE // 2, "disk 1.vmdk" if kind == "ova" else None)
        cloud.image.update_image(image_id, **{known.PROPERTY: known.write(image_id, facts)})
    return made


class Reads:
    """Who has read how many bytes of an image's file from Glance since this was made: ``{address: bytes}``."""

    def __init__(self):
        self._since = LOG.stat().st_size

    def of(self, image_id):
        with open(LOG, encoding="utf-8") as log:
            log.seek(self._since)
            lines = [line.split() for line in log]
        found = {}
        for method, path, status, count, address, *_user in lines:
            if (method, path) == ("GET", f"/v2/images/{image_id}/file") and status in ("200", "206"):
                found[address] = found.get(address, 0) + int(count)
        return found


def seed(vcenter, image_id, **more):
    """Seeds an image anew. Gives the row of the datastore that it was brought to, and the result."""
    vcenter.empty()
    result = image_cache.run(options(vcenter.connection, [image_id], **{**CLOUD, **more}), False)
    (row,) = [row for row in result["images"][0]["datastores"] if row["action"] in ("push", "pull")]
    return row, result


@pytest.mark.parametrize("kind", ["stream", "ova"])
def test_no_byte_passes_through_here(vcenter, images, noted, kind):
    made, stream, content = images
    reads, mark = Reads(), vcenter.mark()
    row, result = seed(vcenter, made[kind])
    assert (row["action"], row["via"], row["bytes"]) == ("pull", "pull by an ESXi host", len(stream))
    assert result["totals"]["pulls"] == 1 and result["totals"]["pushes"] == 0 and result["warnings"] == []
    asked = reads.of(made[kind])
    assert len(asked) == 1 and set(asked) <= set(HOSTS)
    sent = [line for line in vcenter.requests(mark) if line.get("http") in ("PUT", "POST") and line["path"].startswith(("/nfc", "/folder"))]
    assert all(line["bytes_in"] < 1000 for line in sent)  # the notes
    assert vcenter.disks(made[kind]) == [content, content] and vcenter.left() == []
    assert set(vcenter.nova(made[kind]).values()) != {None}
    reads = Reads()
    again = image_cache.run(options(vcenter.connection, [made[kind]], **CLOUD), False)
    assert not again["changed"] and reads.of(made[kind]) == {}


def keys(cloud, image_id):
    """Gives what there is in Keystone of keys for an image. Other tests may have keys for theirs."""
    user = cloud.current_user_id
    found = [one.name for one in cloud.identity.application_credentials(user)] + [rule.path for rule in cloud.identity.access_rules(user)]
    return [one for one in found if image_id in one]


def test_nothing_of_the_key_is_left(cloud, vcenter, images, noted):
    seed(vcenter, noted["stream"])
    assert keys(cloud, noted["stream"]) == []


def test_what_the_key_can_do(cloud, images):
    made, stream, _content = images
    root = cloud.image.get_endpoint().rpartition("/v2")[0]
    with image_key.image_key(cloud, made["stream"], len(stream), 600, "run", lambda _run: False) as key:
        head = {"X-Auth-Token": key.token}
        assert requests.get(key.url, headers=head, timeout=30).content == stream
        own = f"{root}/v2/images/{made['stream']}"
        for method, url in (("GET", own), ("GET", f"{root}/v2/images"), ("GET", f"{root}/v2/images/{made['ova']}/file"), ("PUT", key.url), ("DELETE", own)):
            assert requests.request(method, url, headers=head, timeout=30).status_code == 401, (method, url)
        assert key.token not in repr(key)
    valid = {"X-Subject-Token": key.token, "OpenStack-Identity-Access-Rules": "1.0"}
    assert cloud.session.get(f"{cloud.session.auth.auth_url}/auth/tokens", headers=valid, raise_exc=False).status_code == 404


def test_an_unknown_image_is_read_once(cloud, vcenter, images, noted):
    """Insisting on a pull reads an image whose SHA-256 is not known, which is remembered; else it is pushed."""
    made, stream, content = images
    kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    cloud.image.patch(f"/images/{made['stream']}", data=json.dumps([{"op": "remove", "path": f"/{known.PROPERTY}"}]), headers=kind)
    row, result = seed(vcenter, made["stream"])
    assert row["action"] == "push" and "its SHA-256 is not known" in result["images"][0]["not_pulled"]
    reads = Reads()
    row, result = seed(vcenter, made["stream"], upload_through="pull")
    assert row["action"] == "pull" and result["warnings"] == []
    asked = reads.of(made["stream"])
    assert set(asked) & set(HOSTS) and len(stream) <= asked["127.0.0.1"] < 2 * len(stream)
    reads = Reads()
    assert seed(vcenter, made["stream"])[0]["action"] == "pull"
    assert set(reads.of(made["stream"])) <= set(HOSTS) and vcenter.disks(made["stream"]) == [content, content]


@pytest.mark.parametrize("value", ["empty", "sha1", "checksum"])
def test_the_manifest_in_each_world(tmp_path, images, noted, value):
    """Where the vCenter does not tell the SHA-256, nothing is published unless the disk is read back."""
    _made, _stream, content = images
    with world(tmp_path / "vc", pull_manifest=value) as vcenter:
        row, result = seed(vcenter, noted["stream"])
        assert row["action"] == ("pull" if value == "checksum" else "push")
        assert ["does not tell the SHA-256" in text for text in result["warnings"]] == ([] if value == "checksum" else [True])
        assert vcenter.disks(noted["stream"]) == [content, content]
        vcenter.empty()
        _result, code, _text = run(options(vcenter.connection, [noted["stream"]], upload_through="pull", **CLOUD))
        assert code == (None if value == "checksum" else "PULL_NOT_VERIFIED")
        assert vcenter.whole(noted["stream"]) == (["n1", "n2"] if value == "checksum" else []) and vcenter.left() == []
        assert seed(vcenter, noted["stream"], upload_through="pull", verify="content")[0]["action"] == "pull"
        assert vcenter.disks(noted["stream"]) == [content, content]


def test_a_closed_firewall(tmp_path, images, noted):
    _made, _stream, content = images
    with world(tmp_path / "vc", is_open=False) as vcenter:
        row, result = seed(vcenter, noted["stream"])
        assert row["action"] == "push" and "the ruleset httpClient is closed" in result["images"][0]["not_pulled"]
        assert vcenter.disks(noted["stream"]) == [content, content]
        vcenter.empty()
        mark = vcenter.mark()
        _result, code, text = run(options(vcenter.connection, [noted["stream"]], upload_through="pull", **CLOUD))
        assert code == "PULL_NOT_POSSIBLE" and HOSTS[0] in text
        assert not any(line.get("method") == "ImportVApp" for line in vcenter.requests(mark))


@pytest.mark.parametrize(
    "do", [{"cut": {"after_bytes": 70000}}, {"status": {"code": 503}}, {"fault": {"name": "HostCommunication"}}], ids=lambda do: next(iter(do))
)
def test_a_pull_that_breaks_is_pushed(vcenter, images, noted, do):
    _made, _stream, content = images
    with vcenter.rule({"http": "PULL"}, do):
        row, result = seed(vcenter, noted["stream"])
    assert row["action"] == "push" and "no ESXi host could fetch it" in result["warnings"][0]
    assert vcenter.disks(noted["stream"]) == [content, content] and vcenter.left() == []


def test_several_hosts_fetch_at_once(tmp_path, images, noted):
    """Three clusters that share no host: each is given the images by pulls of its own, as many at once as may be."""
    hosts = {f"c{number}": f"127.1.8.{number}1" for number in (1, 2, 3)}
    setup = scenario()
    setup["vcenter"]["behaviour"] = {"pull_manifest": "checksum"}
    setup["datacenters"][0]["clusters"] = [
        {"name": name, "hosts": [{"name": host, "cores": 16, "threads": 32, "memory_mb": 262144, "http_client": True}]} for name, host in hosts.items()
    ]
    setup["datacenters"][0]["datastores"] = [{"name": f"n-{name}", "type": "VMFS", "capacity_gb": 10, "free_gb": 9, "clusters": [name]} for name in hosts]
    with VCenter(tmp_path / "vc", setup) as vcenter:
        params = options(vcenter.connection, list(noted.values()), pulls_at_once=2, **CLOUD)
        params["hypervisors"] = [{"cluster_name": name, "datastore_regex": "^n-"} for name in hosts]
        reads, mark = Reads(), vcenter.mark()
        with vcenter.rule({"http": "PULL"}, {"stall": {"seconds": 1}}):
            planned, result = (image_cache.run(params, check_mode) for check_mode in (True, False))
        for one in (planned, result):
            assert (one["totals"]["pulls"], one["totals"]["copies"], one["totals"]["pushes"], one["warnings"]) == (6, 0, 0, [])
        for image_id in noted.values():
            assert set(reads.of(image_id)) == set(hosts.values())
        running = most = 0
        for line in vcenter.requests(mark):
            running += {"HttpNfcLeasePullFromUrls_Task": 1, "HttpNfcLeaseComplete": -1}.get(line.get("method"), 0)
            most = max(most, running)
        assert (most, running) == (2, 0)
        again = image_cache.run(params, False)
        assert not again["changed"] and again["totals"]["complete"] == 6


@pytest.mark.parametrize("how", ["kill", "term"])
def test_a_pull_that_is_ended(cloud, vcenter, images, noted, how):
    _made, _stream, content = images
    vcenter.empty()
    with vcenter.rule({"http": "PULL"}, {"stall": {"seconds": 30}}):
        number = {"kill": signal.SIGKILL, "term": signal.SIGTERM}[how]
        _result, code, _text = Run(options(vcenter.connection, [noted["stream"]], **CLOUD)).wait(vcenter.fired, number)
        assert code == {"kill": None, "term": "CANCELLED"}[how]
        assert vcenter.whole(noted["stream"]) == []
    row, _result = seed(vcenter, noted["stream"])
    assert row["action"] == "pull" and vcenter.disks(noted["stream"]) == [content, content] and vcenter.left() == []
    assert keys(cloud, noted["stream"]) == []


# How a request is broken. ``kill`` ends the run while the server sits on the request.
BREAKS = {
    "cut": {"cut": {}}, "status": {"status": {"code": 503}}, "expire": {"expire": {}}, "restart": {"restart": {}}, "kill": {"stall": {"seconds": 1}},
}  # fmt: skip
# What a pull asks for and a push does not, and the calls around it. The others are those of a push, which test_fault_walk.py breaks.
REQUESTS = (
    "ImportVApp", "HttpNfcLeaseProbeUrls", "HttpNfcLeaseSetManifestChecksumType", "HttpNfcLeasePullFromUrls_Task", "PULL", "HttpNfcLeaseGetManifest",
    "HttpNfcLeaseComplete",
)  # fmt: skip


class Walk:
    """Seeds an image with a broken request, then without, and judges both."""

    def __init__(self, vcenter, image_id, content, **more):
        self.vcenter, self.image_id, self.content = vcenter, image_id, content
        self.params = options(vcenter.connection, [image_id], **{**CLOUD, **more})
        self.ends = []

    def broken(self, signal_when=None):
        """Does the seed that is broken: the cache has the whole image or none."""
        result, error, text = run(self.params, signal_when)
        assert self.vcenter.wrong(self.image_id, self.content) == [], error
        assert error is None or error.isupper(), (error, text)
        assert result is None or self.vcenter.disks(self.image_id) == [self.content, self.content]
        ways = {row["action"] for row in result["images"][0]["datastores"]} if result else {"killed"}
        self.ends.append(error or next(way for way in ("killed", "pull", "push", "none") if way in ways))

    def again(self):
        """Does the next one: it finishes, and nothing is left."""
        _result, error, text = run(self.params)
        assert error is None, (error, text)
        assert self.vcenter.disks(self.image_id) == [self.content, self.content]
        if self.vcenter.left():  # the server did what a dead run had asked for when this one had cleaned up
            run(self.params)
        assert self.vcenter.left() == []

    def break_request(self, when, kind):
        """Breaks a request to the vCenter, or the host's to Glance."""
        self.vcenter.empty()
        with self.vcenter.rule(when, BREAKS[kind]):
            self.broken(self.vcenter.fired if kind == "kill" else None)
            assert self.vcenter.fired(), when
        self.again()

    def say(self, what):
        """Prints what came of it, for the log."""
        print(f"{what}: {len(self.ends)} broken, ended as {sorted(set(self.ends))}; wrong bootable images: 0, left after the next run: 0")


@pytest.mark.parametrize("kind", BREAKS)
def test_each_request_of_a_pull_is_broken(cloud, vcenter, images, noted, kind):
    _made, _stream, content = images
    walk = Walk(vcenter, noted["stream"], content)
    for name in REQUESTS:
        walk.break_request({"http": name} if name == "PULL" else {"method": name}, kind)
    walk.say(f"pull, {kind}")
    assert keys(cloud, noted["stream"]) == []


@contextlib.contextmanager
def proxied(vcenter, noted, content, proxy, monkeypatch):
    """Seeds through a proxy once without a fault. Gives a walk that goes through it, and the paths that were asked for; ends the proxy."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(proxy.clouds))
    walk = Walk(vcenter, noted["stream"], content, openstack={"cloud": "proxied"})
    try:
        vcenter.empty()
        proxy.set("none", 0)
        run(walk.params)
        yield walk, list(proxy.paths)
    finally:
        proxy.close()


def break_nth(walk, proxy, kind, number):
    """Breaks a request that goes through the proxy, then seeds without."""
    walk.vcenter.empty()
    proxy.set(kind, number)
    walk.broken()
    assert proxy.fault.fired, (kind, number)
    proxy.set("none", 0)
    time.sleep(max(0.0, proxy.down_until - time.monotonic()))
    walk.again()


def test_each_request_to_glance_is_broken(tmp_path, cloud, vcenter, images, noted, monkeypatch):
    """By a proxy that hosts and we go through: the try of the key, and the host's fetch."""
    proxy = ApiProxy(tmp_path, cloud)
    with proxied(vcenter, noted, images[2], proxy, monkeypatch) as (walk, asked):
        files = [number for number, path in enumerate(asked, 1) if "/file" in path]
        assert len(files) == 2, asked
        for number in files:
            for kind in ApiProxy.KINDS if number == files[-1] else ("cut", "status", "gone", "refused"):
                break_nth(walk, proxy, kind, number)
    walk.say("Glance")
    assert keys(cloud, noted["stream"]) == []


def test_each_request_to_keystone_is_broken(tmp_path, cloud, vcenter, images, noted, monkeypatch):
    """By a proxy: the login, the making of the key and its token, and the removal of both."""
    proxy = ApiProxy(tmp_path, cloud, "identity")
    with proxied(vcenter, noted, images[2], proxy, monkeypatch) as (walk, asked):
        assert [sum(text in path for path in asked) for text in ("POST /v3/auth/tokens", "application_credentials", "DELETE")] == [2, 3, 2], asked
        for number in range(1, len(asked) + 1):
            for kind in ("cut", "status"):
                break_nth(walk, proxy, kind, number)
        # What could not be removed, the next pull removes.
        vcenter.empty()
        assert run(walk.params)[0]["totals"]["pulls"] == 1
    walk.say("Keystone")
    assert keys(cloud, noted["stream"]) == []


class Web:
    """A web server with TLS before the lab's Glance, which does to an image's file what ``answer`` says. ``from_hosts`` are the addresses that asked for it."""

    def __init__(self, folder, cloud, answer, certificate=("vcenter.pem", "vcenter.key")):
        endpoint = cloud.image.get_endpoint().rpartition("/v2")[0]
        web = self
        self.from_hosts = []

        class Handler(BaseHTTPRequestHandler):
            """Passes everything on but an image's file to a host."""

            def do_GET(self):  # pylint: disable=invalid-name
                """Answers."""
                is_host = self.client_address[0] in HOSTS
                wanted = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "accept-encoding")}
                got = requests.get(endpoint + self.path, headers=wanted, timeout=30, allow_redirects=False)
                if is_host and self.path.endswith("/file"):
                    web.from_hosts.append(self.client_address[0])
                    answer(self, got.content)
                    return
                self.send_response(got.status_code)
                for name in ("Content-Type", "Content-Range"):
                    if name in got.headers:
                        self.send_header(name, got.headers[name])
                self.send_header("Content-Length", str(len(got.content)))
                self.end_headers()
                self.wfile.write(got.content)

            def log_message(self, *_arguments):
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*(base.TLS / name for name in certificate))
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        clouds = yaml.safe_load((LAB / "clouds.yaml").read_text(encoding="utf-8"))
        address = f"https://127.0.0.1:{self.server.server_port}"
        clouds["clouds"]["web"] = {**clouds["clouds"]["lab"], "image_endpoint_override": address, "cacert": str(base.TLS / "ca.pem")}
        self.clouds = folder / "web.yaml"
        self.clouds.write_text(yaml.safe_dump(clouds), encoding="utf-8")
        self.clouds.chmod(0o600)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.server.shutdown()
        self.server.server_close()


def whole(handler, data):
    """Sends it."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def shorter(handler, data):
    """Sends less than it promises."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True


def zipped(handler, _data):
    """Sends something else, as a proxy that compresses does."""
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", "3")
    handler.end_headers()
    handler.wfile.write(b"\x1f\x8b\x08")


def elsewhere(handler, _data):
    """Redirects."""
    handler.send_response(302)
    handler.send_header("Location", "https://127.0.0.1:1/")
    handler.end_headers()


def other_data(handler, data):
    """Sends a stream of the same size and form with other content."""
    at = 200000  # within stored grains
    whole(handler, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def gone(handler, _data):
    """The image was deleted in between."""
    handler.send_error(404)


@pytest.mark.parametrize(
    "answer, action",
    [(whole, "pull"), (shorter, "push"), (zipped, "push"), (elsewhere, "push"), (other_data, "push"), (gone, "push")],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_glance_with_tls(tmp_path, cloud, vcenter, images, noted, monkeypatch, answer, action):
    """The host trusts the certificate that was verified here. What it gets is published only if it is the image; else the image is pushed."""
    _made, _stream, content = images
    with Web(tmp_path, cloud, answer) as web:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(web.clouds))
        row, _result = seed(vcenter, noted["stream"], openstack={"cloud": "web"})
    assert row["action"] == action and web.from_hosts
    assert vcenter.disks(noted["stream"]) == [content, content] and vcenter.left() == []


@pytest.mark.parametrize("value", ["taken", "refused"])
def test_a_body_that_breaks_off_in_each_world(tmp_path, cloud, images, noted, monkeypatch, value):
    _made, _stream, content = images
    with world(tmp_path / "vc", pull_truncated=value) as vcenter, Web(tmp_path, cloud, shorter) as web:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(web.clouds))
        vcenter.empty()
        _result, code, _text = run(options(vcenter.connection, [noted["stream"]], upload_through="pull", openstack={"cloud": "web"}))
        assert code == "PULL_FAILED" and web.from_hosts and vcenter.left() == []
        assert vcenter.whole(noted["stream"]) == []
        assert seed(vcenter, noted["stream"], openstack={"cloud": "web"})[0]["action"] == "push" and vcenter.disks(noted["stream"]) == [content, content]


def test_a_certificate_that_changes(tmp_path, cloud, vcenter, images, noted, monkeypatch):
    """Between the look from here and the host's."""
    with Web(tmp_path, cloud, whole) as web:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(web.clouds))
        monkeypatch.setattr("ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pull.tls.certificate", lambda *_: b"another")
        with pytest.raises(NovaVmwareError) as caught:
            seed(vcenter, noted["stream"], upload_through="pull", openstack={"cloud": "web"})
    assert caught.value.code == "PULL_FAILED" and "another certificate" in caught.value.hint and not web.from_hosts
    assert vcenter.left() == []
