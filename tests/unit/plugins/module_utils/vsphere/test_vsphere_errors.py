# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/errors.py: what a fault says to the user."""

from __future__ import annotations

import ssl

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault, translate
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

DATASTORE = vim.Datastore("datastore-12")
MISSING = vim.fault.NoPermission.EntityPrivileges(entity=DATASTORE, privilegeIds=["Datastore.FileManagement"])


@pytest.mark.parametrize(
    "fault",
    [
        vim.fault.NoPermission(object=DATASTORE, privilegeId="Datastore.FileManagement"),
        vim.fault.NoPermission(object=DATASTORE, privilegeId="System.View", missingPrivileges=[MISSING]),
    ],
    ids=["6.7", "8.0"],
)
def test_the_missing_privilege_is_named(fault):
    error = VSphereFault("move a to b", fault)
    assert error.code == "NO_PERMISSION" and error.fault == "NoPermission"
    assert error.what == "Failed to move a to b: NoPermission; the account lacks Datastore.FileManagement on Datastore datastore-12."
    assert "vsphere_role" in error.hint
    assert error.details == {"fault": "NoPermission", "privileges": {"Datastore datastore-12": ["Datastore.FileManagement"]}}


def test_a_fault_that_names_nothing():
    error = VSphereFault("move a to b", vim.fault.NoPermission(msg="Permission to perform this operation was denied."))
    assert error.what == "Failed to move a to b: Permission to perform this operation was denied (NoPermission)." and not error.hint


def test_another_fault():
    error = VSphereFault("move a to b", vim.fault.FileAlreadyExists(msg="Cannot complete.", file="[ds] b"))
    assert (error.code, error.what) == ("FILE_ALREADY_EXISTS", "Failed to move a to b: Cannot complete (FileAlreadyExists).")
    assert error.details == {"fault": "FileAlreadyExists"}


@pytest.mark.parametrize(
    ("code", "hint"),
    [(62, "It is for another name"), (64, "It is for another name"), (10, "It has ended"), (9, "It is not valid yet"), (18, "in ca_path"), (20, "in ca_path")],
)
def test_why_a_certificate_is_not_trusted(code, hint):
    """A CA helps only where the CA is what is missing."""
    refused = ssl.SSLCertVerificationError("refused")
    refused.verify_code, refused.verify_message = code, "why OpenSSL does not take it"
    with pytest.raises(VSphereError) as caught, translate("log in", "vc:443"):
        raise refused
    assert caught.value.code == "CERTIFICATE_NOT_TRUSTED" and hint in caught.value.hint
    assert caught.value.what == "Failed to log in: the certificate of vc:443 is not trusted: why OpenSSL does not take it."
