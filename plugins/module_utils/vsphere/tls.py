# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a connection trusts: by CA, or by the one certificate that a thumbprint names."""

from __future__ import annotations

import datetime
import hashlib
import http.client
import socket
import ssl

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError

CONNECT_TIMEOUT = 60  # seconds without an answer


def tls_context(validate_certs=True, ca_path=None):
    """Makes the TLS settings for every connection to the vCenter and its hosts.

    :raises VSphereError: ``CA_PATH_UNREADABLE``.
    """
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except (OSError, ssl.SSLError) as error:
        raise VSphereError(
            "CA_PATH_UNREADABLE", f"Failed to read the certificates in ca_path {ca_path}: {error}.",
            "Give a file with one or more certificates in PEM form.",
        ) from error  # fmt: skip
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def pinned_context(hostname, port, thumbprint, proxy_host=None, proxy_port=None):
    """Makes TLS settings that trust one certificate, whoever signed it and whatever name it has.

    It is fetched, compared, and then the only one that a connection accepts. No secret goes out before.

    :arg thumbprint: SHA-1 or SHA-256 of the certificate, hexadecimal, with or without colons.
    :raises VSphereError: ``THUMBPRINT_INVALID``, or ``CERTIFICATE_NOT_TRUSTED``: the server shows another certificate.
    """
    wanted = tidy_thumbprint(thumbprint)
    shown = certificate(hostname, port, tls_context(validate_certs=False), proxy_host, proxy_port)
    check_thumbprint(shown, wanted, f"{hostname}:{port}", "the option thumbprint names")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(shown))
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)  # a server's own certificate may be the anchor
    return context


def certificate(hostname, port, context, proxy_host=None, proxy_port=None):
    """Returns the certificate that a server shows, in DER form.

    :arg context: the ``ssl.SSLContext`` that decides whether it is trusted.
    :raises OSError: it can't be reached, or is not trusted.
    """
    if proxy_host:
        connection = http.client.HTTPSConnection(proxy_host, proxy_port, context=context, timeout=CONNECT_TIMEOUT)
        connection.set_tunnel(hostname, port)
    else:
        connection = http.client.HTTPSConnection(hostname, port, context=context, timeout=CONNECT_TIMEOUT)
    try:
        connection.connect()
        return connection.sock.getpeercert(binary_form=True)
    finally:
        connection.close()


def certificate_end(hostname, port, context):
    """Returns when a server's certificate ends, an aware datetime; None where it can't be reached, is not trusted or is not verified.

    :arg context: the ``ssl.SSLContext`` that decides whether it is trusted.
    """
    if context.verify_mode == ssl.CERT_NONE:
        return None  # Python shows the fields of a verified certificate only
    try:
        with socket.create_connection((hostname, port), CONNECT_TIMEOUT) as plain:
            with context.wrap_socket(plain, server_hostname=hostname) as secure:
                end = ssl.cert_time_to_seconds(secure.getpeercert()["notAfter"])
    except OSError:
        return None
    return datetime.datetime.fromtimestamp(end, datetime.timezone.utc)


def tidy_thumbprint(thumbprint):
    """Returns a thumbprint in lower case without colons.

    :raises VSphereError: ``THUMBPRINT_INVALID``: it is neither SHA-1 nor SHA-256.
    """
    tidy = thumbprint.replace(":", "").strip().lower()
    if len(tidy) not in (40, 64) or set(tidy) - set("0123456789abcdef"):
        raise VSphereError(
            "THUMBPRINT_INVALID",
            f"The thumbprint {thumbprint} is neither a SHA-1 nor a SHA-256: they have 40 and 64 hexadecimal digits.",
            "Get it with: openssl x509 -in CERTIFICATE -noout -fingerprint -sha256",
        )
    return tidy


def check_thumbprint(shown, wanted, server, who):
    """Compares a certificate with what somebody trusted says of it.

    :arg shown: the certificate in DER form. :arg wanted: as :func:`tidy_thumbprint` gives it.
    :arg who: who says so, with a verb.
    :raises VSphereError: ``CERTIFICATE_NOT_TRUSTED``.
    """
    seen = (hashlib.sha1 if len(wanted) == 40 else hashlib.sha256)(shown).hexdigest()
    if seen != wanted:
        raise VSphereError(
            "CERTIFICATE_NOT_TRUSTED",
            f"The certificate of {server} is not trusted: it has the thumbprint {seen}, but {who} {wanted}.",
            "If it was renewed, give the new thumbprint, read on the server itself. Otherwise something stands between here and the server.",
        )
