# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/pull.py: what a host is told, and what each refusal becomes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyVmomi import vim, vmodl

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import lease as leases
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pull
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.transfer import Rules

DEVICE = SimpleNamespace(key="/vm-1/disk", importKey="/name/disk")


class Server:
    """A session with a lease that behaves as it is told. ``files`` is what a host was told to fetch."""

    server = "vc1"

    def __init__(self, monkeypatch, capable=True, probe=True, begin=None, end=None, manifest=()):
        self.files, self.cancelled, self.checksums = [], [], []
        task = SimpleNamespace(CancelTask=lambda: self.cancelled.append(True))

        def probed(files, timeout):
            if isinstance(probe, Exception):
                raise probe
            return [SimpleNamespace(serverAccessible=probe)]

        def begun(files):
            if begin:
                raise begin
            self.files += files
            return task

        def chosen(deviceUrlsToChecksumTypes):  # pylint: disable=invalid-name
            self.checksums += deviceUrlsToChecksumTypes

        self.lease = SimpleNamespace(
            HttpNfcLeaseProbeUrls=probed, HttpNfcLeasePullFromUrls_Task=begun,
            HttpNfcLeaseSetManifestChecksumType=chosen,
            HttpNfcLeaseGetManifest=lambda: [
                SimpleNamespace(**{"key": DEVICE.key, "checksum": None, "checksumType": None, "sha1": "", "size": 7, **one}) for one in manifest
            ],
        )  # fmt: skip
        self._capable = capable

        def wait_for(_session, tasks, _seconds, names, tick):
            assert tasks == [task] and names
            tick([50])
            if isinstance(end, BaseException) and not isinstance(end, vmodl.MethodFault):
                raise end
            return [(None, end)]

        monkeypatch.setattr(pull, "wait_for", wait_for)
        monkeypatch.setattr(pull, "object_spec", lambda one: one)

    def call(self, what, method, **arguments):
        try:
            return method(**arguments)
        except vmodl.MethodFault as fault:
            raise VSphereFault(what, fault) from fault

    def read(self, _what, _objects, paths):
        if "capabilities" in paths[vim.HttpNfcLease]:
            return [(None, {"capabilities": SimpleNamespace(pullModeSupported=self._capable)})]
        return [(None, {"transferProgress": 50})]


def run(monkeypatch, source=None, **server):
    """Pulls. Gives the server, what was judged, and how far it was told to be."""
    session = Server(monkeypatch, **server)
    judged, came = [], []
    told = SimpleNamespace(reach=came.append)
    source = source or pull.Source("https://glance:9292/v2/images/7/file", 1000, "secret", "AA:BB")
    pull.Pull(source, judged.append, came.append).fill(leases.Open(session, session.lease, DEVICE, None, None, Rules(), told, "import it"))
    return session, judged, came


def test_what_a_host_is_told(monkeypatch):
    session, judged, came = run(monkeypatch, manifest=[{"key": "other"}, {"checksum": "AB", "checksumType": "sha256", "sha1": "CD"}])
    (file,) = session.files
    assert (file.targetDeviceId, file.url, file.sslThumbprint, file.size, file.memberName) == (
        "/name/disk", "https://glance:9292/v2/images/7/file", "AA:BB", 1000, None
    )  # fmt: skip
    assert [(one.key, one.value) for one in file.httpHeaders] == [("X-Auth-Token", "secret")]
    assert [(one.key, one.value) for one in session.checksums] == [("/vm-1/disk", "sha256")]
    assert judged == [pull.Manifest("ab", "cd", 7)] and came == [50, 500]


def test_a_member_has_no_size(monkeypatch):
    session, judged, _came = run(monkeypatch, pull.Source("http://g/f", 1000, "s", member="disk 1.vmdk"))
    assert (session.files[0].memberName, session.files[0].size, session.files[0].sslThumbprint) == ("disk 1.vmdk", None, None)
    assert judged == [pull.Manifest()]


@pytest.mark.parametrize(
    "server, code, hint",
    [
        ({"capable": False}, "PULL_NOT_SUPPORTED", "6.7"),
        ({"probe": False}, "PULL_SERVER_UNREACHABLE", "vsphere_host_firewall"),
        ({"begin": vim.fault.NoPermission(privilegeId="VApp.PullFromUrls")}, "PULL_NOT_PERMITTED", "VApp.PullFromUrls"),
        ({"probe": vim.fault.NoPermission(privilegeId="VApp.PullFromUrls")}, "PULL_NOT_PERMITTED", "VApp.PullFromUrls"),
        ({"begin": vim.fault.InvalidState()}, "PULL_FAILED", ""),
        ({"end": vim.fault.HttpFault(statusCode=401, statusMessage="Unauthorized")}, "PULL_FAILED", "Glance's log"),
        ({"end": vim.fault.SSLVerifyFault(selfSigned=False, thumbprint="AA")}, "PULL_FAILED", "another certificate"),
        ({"end": vmodl.fault.SystemError(reason="Failed")}, "PULL_FAILED", "httpClient"),
    ],
)
def test_refusals(monkeypatch, server, code, hint):
    with pytest.raises(pull.PullError) as caught:
        run(monkeypatch, **server)
    assert caught.value.code == code and hint in caught.value.hint
    assert "secret" not in repr(caught.value.__dict__)


def test_a_vcenter_that_can_not_be_asked(monkeypatch):
    """Before 7.0.2 there is no probe; then the pull shows."""
    assert run(monkeypatch, probe=vmodl.fault.MethodNotFound())[0].files


def test_a_cancelled_pull_is_stopped(monkeypatch):
    class Stopped(BaseException):
        pass

    session = None
    made = Server.__init__

    def kept(self, *arguments, **more):
        nonlocal session
        session = self
        made(self, *arguments, **more)

    monkeypatch.setattr(Server, "__init__", kept)
    with pytest.raises(Stopped):
        run(monkeypatch, end=Stopped())
    assert session.cancelled == [True]


def test_the_token_is_not_shown():
    assert "secret" not in repr(pull.Source("http://g", 1, "secret"))


def test_no_thumbprint_without_tls():
    assert pull.thumbprint("http://glance:9292/v2", None) is None


def test_a_certificate_that_is_not_trusted(monkeypatch):
    def refuse(*_arguments):
        raise OSError("certificate verify failed")

    monkeypatch.setattr(pull.tls, "certificate", refuse)
    with pytest.raises(pull.PullError) as caught:
        pull.thumbprint("https://glance:9292/v2", None)
    assert caught.value.code == "PULL_SERVER_UNREACHABLE" and "glance:9292" in caught.value.what
    monkeypatch.setattr(pull.tls, "certificate", lambda *_arguments: b"certificate")
    assert len(pull.thumbprint("https://glance/v2", None).split(":")) == 20
