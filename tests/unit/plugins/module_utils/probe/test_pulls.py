# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""probe/pulls.py: what is offered to a host, for how long, and what each answer is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import requests
from pyVmomi import vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import pulls
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.bench import Refused


class Bench:
    """A bench whose host fetches what it is told, or is refused."""

    def __init__(self, manifest=(), fault=None):
        self.memo, self.aborted, self.got = {}, [], []
        self.site = SimpleNamespace(hosts=("127.0.0.1",))
        self._fault = fault
        device = SimpleNamespace(disk=True, key="/vm/disk", importKey="/name/disk")
        self._lease = SimpleNamespace(
            HttpNfcLeaseSetManifestChecksumType=lambda **_more: None, HttpNfcLeasePullFromUrls_Task="pull", HttpNfcLeaseGetManifest=lambda: list(manifest)
        )
        self._info = SimpleNamespace(deviceUrl=[SimpleNamespace(disk=False), device])

    def next_name(self):
        return "name"

    def lease(self, _name):
        return self._lease, self._info

    def call(self, _what, method, **arguments):
        return method(**arguments)

    def run(self, _what, method, files):
        assert method == "pull"
        (file,) = files
        assert file.targetDeviceId == "/name/disk"
        if self._fault:
            raise Refused(self._fault)
        try:
            self.got.append((file.url, requests.get(file.url, timeout=5).content))
        except requests.RequestException as error:
            raise Refused(vim.fault.HttpFault(statusCode=0, statusMessage=str(error))) from error

    def abort(self, lease):
        self.aborted.append(lease)


def test_a_host_fetches_what_is_offered_only_then():
    bench = Bench(manifest=["an entry"])
    assert pulls.pull_image(bench).value == "yes"
    ((url, data),) = bench.got
    assert data == pulls._stream() and bench.memo["manifest"] == ["an entry"] and len(bench.aborted) == 1
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_nobody_else_finds_it():
    with pulls._offered(Bench(), b"data", 4) as url:
        assert requests.get(url, timeout=5).content == b"data"
        assert requests.get(url.replace("disk.vmdk", "other"), timeout=5).status_code == 404
        assert len(url.split("/")[3]) > 20


def test_a_refusal_leaves_nothing():
    bench = Bench(fault=vim.fault.NoPermission(privilegeId="VApp.PullFromUrls"))
    with pytest.raises(Refused) as caught:
        pulls.pull_image(bench)
    assert caught.value.lacking == "VApp.PullFromUrls" and len(bench.aborted) == 1


@pytest.mark.parametrize(
    "entries, value",
    [
        ([], "empty"),
        ([SimpleNamespace(checksum=None, checksumType=None, sha1="ab")], "sha1"),
        ([SimpleNamespace(checksum="ab", checksumType="sha1", sha1="ab")], "sha1"),
        ([SimpleNamespace(checksum="cd", checksumType="sha256", sha1="ab")], "checksum"),
    ],
)
def test_what_a_manifest_says(entries, value):
    bench = Bench()
    bench.memo["manifest"] = entries
    assert pulls.pull_manifest(bench).value == value


def test_a_body_that_ends_too_early():
    """This client refuses it."""
    assert pulls.pull_truncated(Bench()).value == "refused"
    bench = Bench(fault=vim.fault.NoPermission(privilegeId="VApp.PullFromUrls"))
    with pytest.raises(Refused):
        pulls.pull_truncated(bench)


def test_a_body_that_is_taken(monkeypatch):
    bench = Bench()
    monkeypatch.setattr(bench, "run", lambda *_arguments, **_more: None)
    assert pulls.pull_truncated(bench).value == "taken"
