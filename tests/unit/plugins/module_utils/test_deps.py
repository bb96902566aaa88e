# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A library that is missing is an error that says what to do; one that is there is nothing."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def test_requires():
    requires("pyvmomi", None, "to talk to a vCenter")
    with pytest.raises(NovaVmwareError) as caught:
        requires("pyvmomi", "Traceback: ...", "to talk to a vCenter")
    assert (caught.value.code, caught.value.details) == ("MISSING_LIBRARY", {"import_error": "Traceback: ..."})
    assert "pyvmomi" in caught.value.what and "to talk to a vCenter" in caught.value.what
