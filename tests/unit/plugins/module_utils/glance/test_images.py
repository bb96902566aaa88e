# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""glance/images.py against an HTTP server on loopback that breaks off, lies and stalls."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import urllib.parse

import pytest
import requests
from keystoneauth1 import adapter as keystone_adapter
from keystoneauth1 import session as keystone_session
from keystoneauth1 import token_endpoint

from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images

DATA = bytes(range(256)) * 8192  # 2 MiB
ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"


class Adapter:
    """As keystoneauth's adapter: paths below an endpoint, ``raise_exc``, ``redirect``, ``authenticated``."""

    def __init__(self, url):
        self._url = url

    def get(self, path, raise_exc=True, redirect=True, **options):
        return requests.get(self._url + path, allow_redirects=redirect, **options)


@pytest.fixture
def glance(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(images.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(images.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    asked = []
    script = []  # what the next answers do: a number of bytes after which to break off, or an HTTP status

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_GET(self):
            given = self.headers.get("Range")
            asked.append(given)
            act = script.pop(0) if script else None
            if act == "ignore":
                given, act = None, script.pop(0) if script and isinstance(script[0], int) and script[0] > 600 else None
            if act is not None and act >= 400 and act < 600:
                self.send_response(act)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first, last = 0, len(DATA) - 1
            if given:
                start, _dash, stop = given.removeprefix("bytes=").partition("-")
                first, last = int(start), int(stop) if stop else last
            body = DATA[first : last + 1]
            self.send_response(206 if given else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if act is None else body[:act])
            if act is not None:
                self.close_connection = True

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Adapter(f"http://127.0.0.1:{server.server_port}"), script, asked
    server.shutdown()
    server.server_close()


def test_reads_all(glance):
    adapter, _script, asked = glance
    assert b"".join(images.read(adapter, ID, len(DATA))) == DATA
    assert asked == [None]


def test_goes_on_where_it_broke(glance):
    adapter, script, asked = glance
    script += [1_500_000, 503, 600_000]
    assert b"".join(images.read(adapter, ID, len(DATA))) == DATA
    # Whole chunks count: what came after the last one is read again.
    assert asked == [None, "bytes=1048576-", "bytes=1048576-", "bytes=1048576-"]


def test_gives_up_without_progress(glance):
    adapter, script, _asked = glance
    script += [503] * 60
    with pytest.raises(images.GlanceError) as caught:
        list(images.read(adapter, ID, len(DATA)))
    assert caught.value.code == "IMAGE_READ_FAILED"
    assert "503" in caught.value.what


def test_waits_while_glance_restarts(glance):
    adapter, script, asked = glance
    script += [1_500_000] + [503] * 10
    assert b"".join(images.read(adapter, ID, len(DATA))) == DATA
    assert len(asked) == 12


def test_waits_while_nobody_listens(glance):
    """A refused connection is tried again, for two minutes."""
    with pytest.raises(images.GlanceError) as caught:
        list(images.read(Adapter("http://127.0.0.1:1"), ID, 10))
    assert caught.value.code == "IMAGE_READ_FAILED" and "refused" in caught.value.what
    assert images.PATIENCE < images.time.monotonic() < images.PATIENCE + 30


def test_no_retry_where_none_helps(glance):
    adapter, script, asked = glance
    script.append(403)
    with pytest.raises(images.GlanceError) as caught:
        list(images.read(adapter, ID, len(DATA)))
    assert "403" in caught.value.what and len(asked) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_deleted_while_it_is_read(glance, status):
    adapter, script, asked = glance
    script += [1_500_000, status]
    with pytest.raises(images.GlanceError) as caught:
        list(images.read(adapter, ID, len(DATA)))
    assert caught.value.code == "IMAGE_GONE" and len(asked) == 2


def test_ignored_ranges(glance):
    """Where ranges are ignored, what is there already is passed over; a range alone is refused, since it could mean the whole image."""
    adapter, script, asked = glance
    script += ["ignore", 1_500_000, "ignore"]
    assert b"".join(images.read(adapter, ID, len(DATA))) == DATA
    script.append("ignore")
    with pytest.raises(images.GlanceError) as caught:
        images.read_range(adapter, ID, 1000, 24)
    assert caught.value.code == "IMAGE_NO_RANGES"
    assert asked == [None, "bytes=1048576-", "bytes=1000-1023"]


def test_a_range_that_fails_once(glance):
    adapter, script, _asked = glance
    script += [503, 500]
    assert images.read_range(adapter, ID, 1000, 24) == DATA[1000:1024]


def test_what_was_looked_at_is_not_read_again(glance):
    adapter, script, asked = glance
    blocks = images.Blocks(adapter, ID, len(DATA))
    assert blocks.range(0, 512) == DATA[:512]
    assert blocks.range(70_000, 100) == DATA[70_000:70_100]
    assert blocks.range(len(DATA) - 10, 99) == DATA[-10:]
    assert blocks.range(65_530, 20) == DATA[65_530:65_550]
    looked = asked[:]
    assert looked == ["bytes=0-65535", "bytes=65536-131071", "bytes=2031616-2097151"]
    script += [700_000]
    assert b"".join(blocks.stream()) == DATA
    assert asked[3:] == ["bytes=131072-2031615", "bytes=131072-2031615"], "a stream that broke before its first whole chunk"
    script += ["ignore"]
    assert b"".join(blocks.stream()) == DATA


def test_only_so_much_is_kept(glance):
    adapter, _script, asked = glance
    blocks = images.Blocks(adapter, ID, len(DATA))
    blocks.range(0, (images.KEPT - 1) * images.BLOCK)
    blocks.range((images.KEPT - 1) * images.BLOCK - 1, 2)
    assert b"".join(blocks.stream()) == DATA
    assert asked[2:] == [f"bytes={(images.KEPT - 1) * images.BLOCK}-"]


def test_ranges(glance):
    adapter, _script, asked = glance
    assert images.read_range(adapter, ID, 1000, 24) == DATA[1000:1024]
    assert asked == ["bytes=1000-1023"]


def chunked(data):
    return (data[at : at + 1000] for at in range(0, len(data), 1000))


def test_verifier_lets_right_bytes_pass():
    verifier = images.Verifier(ID, len(DATA), "sha512", hashlib.sha512(DATA).hexdigest())
    assert b"".join(verifier.watch(chunked(DATA))) == DATA


def test_verifier_holds_the_last_chunk_of_wrong_bytes_back():
    verifier = images.Verifier(ID, len(DATA), "sha512", hashlib.sha512(DATA).hexdigest())
    got = []
    with pytest.raises(images.GlanceError) as caught:
        for chunk in verifier.watch(chunked(DATA[:-1] + b"?")):
            got.append(chunk)
    assert caught.value.code == "IMAGE_HASH_MISMATCH"
    assert sum(map(len, got)) < len(DATA)


def test_without_a_hash_nothing_is_compared():
    assert b"".join(images.Verifier(ID, 3, None, None).watch([b"abc"])) == b"abc"


@pytest.mark.parametrize("text, is_id", [(ID, True), (ID.upper(), False), ("ubuntu", False), (ID.replace("-", ""), False)])
def test_ids(text, is_id):
    assert images.is_id(text) is is_id


def test_a_size_that_is_not_that_of_the_bytes(glance):
    """Told from the first answer on, for every kind of image: they all read this way."""
    adapter, _script, asked = glance
    for size in (len(DATA) - 1000, len(DATA) + 1000):
        with pytest.raises(images.GlanceError) as caught:
            list(images.read(adapter, ID, size))
        assert caught.value.code == "IMAGE_SIZE_MISMATCH" and str(size) in caught.value.what and str(len(DATA)) in caught.value.what
    assert len(asked) == 2


@pytest.mark.parametrize("data", [b"ab", b"abcd", b""])
def test_verifier_counts(data):
    with pytest.raises(images.GlanceError) as caught:
        list(images.Verifier(ID, 3, "sha512", hashlib.sha512(data).hexdigest()).watch([data]))
    assert caught.value.code == "IMAGE_SIZE_MISMATCH"


class Catalog:
    """A Glance on loopback which compares names as MySQL does, in pages of two, or answers what ``answers`` has for a path."""

    def __init__(self):
        self.images = []
        self.answers = {}  # path: (status, headers, body)
        self.asked = []  # (path, token)
        catalog = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                catalog.asked.append((url.path, self.headers.get("X-Auth-Token")))
                status, headers, body = catalog.answers.get(url.path) or catalog.list(dict(urllib.parse.parse_qsl(url.query)))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def list(self, query):
        operator, _colon, name = query["name"].partition(":")  # glance/common/utils.py, split_filter_op
        assert operator == "eq", operator
        listed = [
            image
            for image in self.images
            if image["name"].casefold().rstrip() == name.casefold().rstrip()
            and image.get("os_hidden", "false") == query.get("os_hidden", "false")
            and image.get("visibility", "private") in (query.get("visibility"), "private")
        ]
        start = next((at + 1 for at, image in enumerate(listed) if image["id"] == query.get("marker")), 0)
        page = {"images": listed[start : start + 2]}
        if len(listed) > start + 2:
            page["next"] = "/v2/images?marker"
        return 200, {"Content-Type": "application/json"}, json.dumps(page).encode()


@pytest.fixture
def catalog():
    made = []

    def make():
        made.append(Catalog())
        return made[-1]

    yield make
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def keystone(catalog):
    """Gives the adapter that users have, with a token."""
    session = keystone_session.Session(auth=token_endpoint.Token(catalog.url, "the-token"))
    return keystone_adapter.Adapter(session, endpoint_override=catalog.url)


@pytest.mark.parametrize("name", ["Ubuntu", "ubuntu ", "in:ubuntu,debian", "eq:ubuntu"])
def test_a_name_selects_by_exact_comparison(catalog, name):
    glance = catalog()
    glance.images = [{"id": "1", "name": "ubuntu"}, {"id": "2", "name": name}]
    assert images.find(keystone(glance), name)["id"] == "2"
    glance.images.pop()
    with pytest.raises(images.GlanceError) as caught:
        images.find(keystone(glance), name)
    assert caught.value.code == "IMAGE_NOT_FOUND"


def test_duplicates_on_other_pages(catalog):
    glance = catalog()
    glance.images = [{"id": str(number), "name": name} for number, name in enumerate(["web", "WEB", "Web", "wEb", "web"])]
    with pytest.raises(images.GlanceError) as caught:
        images.find(keystone(glance), "web")
    assert caught.value.code == "IMAGE_AMBIGUOUS" and caught.value.details == {"ids": ["0", "4"]}


@pytest.mark.parametrize(
    "properties, word", [({"os_hidden": "true"}, "hidden"), ({"visibility": "community"}, "community"), ({"visibility": "shared"}, "accepted")]
)
def test_why_glance_does_not_list_it(catalog, properties, word):
    glance = catalog()
    glance.images = [{"id": "7", "name": "web", **properties}]
    with pytest.raises(images.GlanceError) as caught:
        images.find(keystone(glance), "web")
    assert caught.value.code == "IMAGE_NOT_FOUND" and word in caught.value.hint and "7" in caught.value.hint


@pytest.mark.parametrize("answer", [b"<html>Sign in</html>", b"[]", b"{}", b""])
def test_answers_that_are_not_glances(catalog, answer):
    glance = catalog()
    glance.answers["/images"] = glance.answers[f"/images/{ID}"] = (200, {"Content-Type": "text/html"}, answer)
    for name in ("web", ID):
        with pytest.raises(images.GlanceError) as caught:
            images.find(keystone(glance), name)
        assert caught.value.code == "GLANCE_ANSWER_UNREADABLE" and "text/html" in caught.value.what


def test_a_redirect_does_not_carry_the_token_to_another_server(catalog):
    glance, store = catalog(), catalog()
    path = f"/images/{ID}/file"
    glance.answers[path] = (302, {"Location": "/moved"}, b"")
    glance.answers["/moved"] = (307, {"Location": f"{store.url}/object?signature=x"}, b"")
    store.answers["/object"] = (200, {}, b"abc")
    assert b"".join(images.read(keystone(glance), ID, 3)) == b"abc"
    assert glance.asked == [(path, "the-token"), ("/moved", "the-token")] and store.asked == [("/object", None)]


def test_redirects_without_an_end(catalog):
    glance = catalog()
    glance.answers[f"/images/{ID}/file"] = (302, {"Location": f"/images/{ID}/file"}, b"")
    with pytest.raises(images.GlanceError) as caught:
        list(images.read(keystone(glance), ID, 3))
    assert caught.value.code == "GLANCE_REDIRECTS"
