# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cache/readback.py: what can't be read back is refused before anything is written."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import readback
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def test_vsan_is_refused():
    place = SimpleNamespace(name="v1", one_file_disks=True, datastore=SimpleNamespace(type="vsan"))
    with pytest.raises(NovaVmwareError) as caught:
        readback.refuse_unreadable(place)
    assert caught.value.code == "CONTENT_NOT_READABLE"
