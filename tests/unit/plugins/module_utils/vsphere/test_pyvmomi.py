# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Without pyVmomi the files can be read, and a module says what is missing."""

from __future__ import annotations

import importlib
import sys

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi


def test_it_is_there():
    assert pyvmomi.IMPORT_ERROR is None
    assert all(getattr(pyvmomi, name) is not None for name in ("connect", "vim", "vmodl"))


def test_it_is_missing(monkeypatch):
    spec = importlib.util.spec_from_file_location("without", pyvmomi.__file__)
    without = importlib.util.module_from_spec(spec)
    for name in ("pyVim", "pyVmomi"):
        monkeypatch.setitem(sys.modules, name, None)
    spec.loader.exec_module(without)
    assert without.vim is None and "ImportError" in without.IMPORT_ERROR or "ModuleNotFoundError" in without.IMPORT_ERROR
    with pytest.raises(NovaVmwareError, match="pyvmomi") as caught:
        requires("pyvmomi", without.IMPORT_ERROR, "to talk to a vCenter")
    assert caught.value.code == "MISSING_LIBRARY"
