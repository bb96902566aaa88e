# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cache_prefix:
    description:
      - C([vmware]cache_prefix) of the compute nodes. With it the cache folder is O(cache_prefix) directly followed by O(subdirectory_name).
    type: str
  subdirectory_name:
    description:
      - C([image_cache]subdirectory_name) of the compute nodes.
    type: str
    default: _base
  remove_unused_base_images:
    description:
      - C([image_cache]remove_unused_base_images) of the compute nodes. Without O(cache_prefix), V(true) puts O(my_ip) in front of
        O(subdirectory_name).
    type: bool
    default: true
  my_ip:
    description:
      - C([DEFAULT]my_ip) of the compute node. Needed when O(cache_prefix) is not set and O(remove_unused_base_images) is V(true).
    type: str
"""
