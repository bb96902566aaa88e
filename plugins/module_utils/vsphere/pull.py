# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the ESXi host of an import lease fetch a file from a web server by itself.

vSphere Web Services API 6.7: ``HttpNfcLease.HttpNfcLeasePullFromUrls_Task``, ``HttpNfcLeaseProbeUrls`` (7.0.2), ``HttpNfcLeaseSetManifestChecksumType``,
``HttpNfcLeaseGetManifest``. community.vmware's ``vmware_deploy_ovf`` and ovftool's ``--pullUploadMode`` do the same.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory, tls
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import TIMEOUT, wait_for

RULESET = "httpClient"  # of a host's firewall; without it the host connects to no web server
PROBE = 20  # seconds for a host to connect to the server; the API allows 60


def open_hosts(session, hosts):
    """Reads which hosts may connect to web servers: one request a page.

    :arg hosts: managed object ids.
    :returns: ``{moid: whether its firewall has the ruleset open}`` of the hosts that tell.
    """
    return {moid: rulesets[RULESET] for moid, rulesets in inventory.firewalls(session, hosts).items() if RULESET in rulesets}


class PullError(VSphereError):
    """A host can't fetch the file. Another way may be open."""


@dataclass(frozen=True)
class Source:
    """A file on a web server. ``size`` is in bytes; ``member`` is the name of a file in an ova at that URL, or None. ``token`` is a secret.

    ``thumbprint`` is the SHA-1 of the server's certificate as vSphere writes it, None where the URL is not https.
    """

    url: str
    size: int
    token: str = field(repr=False)
    thumbprint: str | None = None
    member: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What the server says of the bytes that a host has fetched: checksums in hexadecimal, bytes; None where it does not say."""

    sha256: str | None = None
    sha1: str | None = None
    size: int | None = None


def thumbprint(url, context):
    """Returns the SHA-1 of a web server's certificate as vSphere writes it, once it was verified here; None for a URL that is not https.

    A host has no CAs for this, so it is told which certificate to trust (API: ``HttpNfcLeaseSourceFile.sslThumbprint``).

    :arg context: the ``ssl.SSLContext`` that verifies.
    :raises PullError: ``PULL_SERVER_UNREACHABLE``: the server can't be reached from here, or is not trusted.
    """
    parts = urlsplit(url)
    if parts.scheme != "https":
        return None
    try:
        certificate = tls.certificate(parts.hostname, parts.port or 443, context)
    except OSError as error:  # ssl's errors are
        raise PullError("PULL_SERVER_UNREACHABLE", f"Failed to read the certificate of {parts.netloc}: {error}.") from error
    return ":".join(f"{byte:02X}" for byte in hashlib.sha1(certificate).digest())


class Pull:
    """Fills the disk of a lease by a pull.

    :arg source: a :class:`Source`.
    :arg judge: called with the :class:`Manifest` before the import is completed; raises what ends it.
    :arg came: called again and again with the bytes that have come, as far as the server says.
    """

    def __init__(self, source, judge, came=lambda count: None):
        self._source = source
        self._judge = judge
        self._came = came

    def fill(self, opened):
        """Makes the lease's host fetch the file, and waits until it has.

        :arg opened: a :class:`lease.Open`.
        :raises PullError: ``PULL_NOT_SUPPORTED``, ``PULL_NOT_PERMITTED``, ``PULL_SERVER_UNREACHABLE`` or ``PULL_FAILED``. The lease is of no more use.
        """
        session, lease, what = opened.session, opened.lease, opened.what
        _require_support(session, lease, what)
        file = self._file(opened.device)
        _probe(session, lease, file, what)
        with contextlib.suppress(VSphereError):  # then the manifest has what it has
            pair = vim.KeyValue(key=opened.device.key, value="sha256")
            session.call(what, lease.HttpNfcLeaseSetManifestChecksumType, deviceUrlsToChecksumTypes=[pair])
        try:
            task = session.call(what, lease.HttpNfcLeasePullFromUrls_Task, files=[file])
        except VSphereFault as fault:
            raise _not_begun(what, fault) from fault
        try:
            ((_result, fault),) = wait_for(session, [task], opened.rules.remaining(TIMEOUT, what), names=[what], tick=lambda _percents: self._look(opened))
        except BaseException:
            with contextlib.suppress(Exception):  # the lease is aborted anyhow
                task.CancelTask()
            raise
        if fault is not None:
            raise _failed(what, file.url, VSphereFault(what, fault))
        self._judge(_manifest(session, lease, opened.device, what))

    def _look(self, opened):
        percent = _progress(opened.session, opened.lease, opened.what)
        opened.told.reach(percent)
        self._came(self._source.size * percent // 100)

    def _file(self, device):
        source = self._source
        return vim.HttpNfcLease.SourceFile(
            targetDeviceId=device.importKey, url=source.url, memberName=source.member, create=False, sslThumbprint=source.thumbprint,
            httpHeaders=[vim.KeyValue(key="X-Auth-Token", value=source.token)], size=None if source.member else source.size,
        )  # fmt: skip


def _require_support(session, lease, what):
    ((_lease, properties),) = session.read(what, [object_spec(lease)], {vim.HttpNfcLease: ["capabilities"]})
    capabilities = properties.get("capabilities")
    if capabilities is None or not capabilities.pullModeSupported:
        raise PullError(
            "PULL_NOT_SUPPORTED",
            f"Failed to {what}: vCenter {session.server} and the hosts of this lease do not fetch files themselves.",
            "They do since vSphere 6.7.",
        )


def _probe(session, lease, file, what):
    """Asks the host to connect to the server. A vCenter before 7.0.2 can't be asked; then the pull shows."""
    try:
        (result,) = session.call(what, lease.HttpNfcLeaseProbeUrls, files=[file], timeout=PROBE)
    except VSphereFault as fault:
        if fault.code == "NO_PERMISSION":
            raise _not_begun(what, fault) from fault
        return
    if not result.serverAccessible:
        server = urlsplit(file.url).netloc
        raise PullError(
            "PULL_SERVER_UNREACHABLE",
            f"Failed to {what}: the ESXi host of the import can't connect to {server}.",
            f"Let the hosts' management network reach it, and open the ruleset {RULESET} of their firewalls (module vsphere_host_firewall).",
        )


def _not_begun(what, fault):
    if fault.code == "NO_PERMISSION":
        return PullError("PULL_NOT_PERMITTED", f"Failed to {what}: {fault.what}", "Grant VApp.PullFromUrls, as the module vsphere_role does.", fault.details)
    return PullError("PULL_FAILED", f"Failed to {what}: {fault.what}", fault.hint, fault.details)


def _failed(what, url, fault):
    """Returns the error for a pull that the server has ended. Hosts say little: a closed firewall is a general system error."""
    server = urlsplit(url).netloc
    hints = {
        "SSLVERIFY_FAULT": f"The host sees another certificate of {server} than this run did: something stands between them, or it has just changed.",
        "HTTP_FAULT": f"See Glance's log for what {server} answered to the host.",
        "SYSTEM_ERROR": f"Check that the host reaches {server}, that the ruleset {RULESET} of its firewall is open, and its log hostd.log.",
    }
    return PullError("PULL_FAILED", f"Failed to {what}: {fault.what}", hints.get(fault.code, fault.hint), fault.details)


def _progress(session, lease, what):
    """Returns the percentage that has come, as the lease says ("covers download, upload and pull"); 0 where it can't be read."""
    try:
        found = session.read(what, [object_spec(lease)], {vim.HttpNfcLease: ["transferProgress"]})
    except VSphereError:
        return 0
    return found[0][1].get("transferProgress") or 0 if found else 0


def _manifest(session, lease, device, what):
    """Reads what the lease's manifest says of the disk. Whether it has an entry for a pulled file is not documented."""
    try:
        entries = session.call(what, lease.HttpNfcLeaseGetManifest)
    except VSphereError:
        return Manifest()
    for entry in entries or ():
        if entry.key == device.key:
            strong = entry.checksum if entry.checksumType == "sha256" else None
            return Manifest(strong and strong.lower(), entry.sha1 and entry.sha1.lower(), entry.size)
    return Manifest()
