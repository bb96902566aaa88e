# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new image in Glance: made, compared, and deleted where something went wrong."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import upload

DATA = b"a disk" * 1000


def answer(code=200, **document):
    return SimpleNamespace(status_code=code, reason="Because", text="text", json=lambda: document)


class Glance:
    """A Glance that gives these answers to reads, and takes what is sent or refuses it."""

    def __init__(self, *reads, put=204):
        self.reads = list(reads)
        self.put_status = put
        self.calls = []

    def post(self, path, json, raise_exc):
        self.calls.append(("POST", path, json))
        return answer(201, id="i")

    def put(self, path, data, headers, raise_exc, timeout):
        self.calls.append(("PUT", path, data.read()))
        return answer(self.put_status)

    def get(self, path, raise_exc):
        return self.reads.pop(0)

    def delete(self, path, raise_exc):
        self.calls.append(("DELETE", path, None))
        return answer(204)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(upload.time, "sleep", lambda _seconds: None)
    (tmp_path / "disk").write_bytes(DATA)
    return tmp_path / "disk"


def active(**more):
    return answer(id="i", status="active", **more)


def test_an_image_is_made(path):
    glance = Glance(answer(id="i", status="saving"), active(os_hash_algo="sha256", os_hash_value=hashlib.sha256(DATA).hexdigest()))
    assert upload.create(glance, {"name": "new"}, path)["status"] == "active"
    assert glance.calls == [("POST", "/images", {"name": "new"}), ("PUT", "/images/i/file", DATA)]


def test_a_glance_that_makes_no_hash(path):
    assert upload.create(Glance(active(os_hash_algo=None)), {"name": "new"}, path)["id"] == "i"


@pytest.mark.parametrize(
    "glance, code",
    [
        (Glance(put=413), "GLANCE_REFUSED"),
        (Glance(answer(id="i", status="killed")), "IMAGE_NOT_ACTIVE"),
        (Glance(active(os_hash_algo="sha256", os_hash_value="00")), "IMAGE_HASH_MISMATCH"),
    ],
)
def test_one_that_failed_is_deleted(path, glance, code):
    with pytest.raises(upload.UploadError) as caught:
        upload.create(glance, {"name": "new"}, path)
    assert (caught.value.code, glance.calls[-1]) == (code, ("DELETE", "/images/i", None))


@pytest.mark.parametrize("status, refused", [(204, False), (404, False), (403, True)])
def test_delete(status, refused):
    glance = SimpleNamespace(delete=lambda _path, raise_exc: answer(status))
    if refused:
        with pytest.raises(upload.UploadError, match="403 Because"):
            upload.delete(glance, "i")
    else:
        upload.delete(glance, "i")


def test_update_sends_a_patch():
    sent = []
    glance = SimpleNamespace(patch=lambda path, json, headers, raise_exc: sent.append((path, json, headers)) or answer(id="i"))
    assert upload.update(glance, "i", ["operation"]) == {"id": "i"}
    assert sent == [("/images/i", ["operation"], {"Content-Type": "application/openstack-images-v2.1-json-patch"})]
