# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conversion/image_vmdk.py where no server is needed: which wishes are refused before any work."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import image_vmdk, wish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image

SOURCE = nova_image.from_document({"id": "1", "name": "source", "status": "active", "size": 1024, "disk_format": "raw", "container_format": "bare"})
GOOD = {"hw_disk_type": "streamOptimized", "hw_disk_bus": "scsi", "hw_scsi_model": "lsilogic"}


@pytest.mark.parametrize("more, code", [({}, None), ({"os_distro": "ubuntu"}, "IMAGE_OS_DISTRO"), ({"hw_vif_model": "virtio"}, "IMAGE_PROPERTY")])
def test_properties_are_judged_as_those_of_an_image_that_is_there(more, code):
    wanted = wish.Wish("new", {}, {**GOOD, **more}, "private", None)
    if code is None:
        image_vmdk._refuse_wish(wanted, SOURCE)
        return
    with pytest.raises(NovaVmwareError) as caught:
        image_vmdk._refuse_wish(wanted, SOURCE)
    assert caught.value.code == code
