# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of the image cache, as nova.conf decides it."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import Service
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf


@pytest.mark.parametrize(
    "conf, folder",
    [
        (None, None),
        ("[vmware]\ncache_prefix = vc1", "vc1_base"),
        ("[vmware]\ncache_prefix = vc1\n[image_cache]\nsubdirectory_name = images", "vc1images"),
        ("[DEFAULT]\nmy_ip = 192.0.2.11\n[image_cache]\nremove_unused_base_images = true", "192.0.2.11_base"),
        ("[image_cache]\nremove_unused_base_images = true", None),  # Nova takes the host's address, which is not known here
        ("[image_cache]\nremove_unused_base_images = false", "_base"),
    ],
)
def test_base_folder(conf, folder):
    assert Service("a", None, None, conf=NovaConf(conf) if conf is not None else None).base_folder == folder
