# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/tls.py: thumbprints."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import tls
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_thumbprints(algorithm):
    certificate = b"not parsed here"
    good = hashlib.new(algorithm, certificate).hexdigest()
    colons = ":".join(good[at : at + 2] for at in range(0, len(good), 2)).upper()
    tls.check_thumbprint(certificate, tls.tidy_thumbprint(colons), "vc:443", "the test names")
    with pytest.raises(VSphereError) as caught:
        tls.check_thumbprint(b"another", good, "vc:443", "the test names")
    assert caught.value.code == "CERTIFICATE_NOT_TRUSTED" and good in caught.value.what


@pytest.mark.parametrize("text", ["", "12:34", "g" * 40, "a" * 41, "a" * 128])
def test_what_is_no_thumbprint(text):
    with pytest.raises(VSphereError) as caught:
        tls.tidy_thumbprint(text)
    assert caught.value.code == "THUMBPRINT_INVALID"


def test_an_end_that_nobody_can_see():
    assert tls.certificate_end("127.0.0.1", 1, tls.tls_context(False)) is None  # not verified
    assert tls.certificate_end("127.0.0.1", 1, tls.tls_context()) is None  # not reached
