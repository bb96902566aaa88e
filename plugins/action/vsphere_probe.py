# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module ``vsphere_probe`` and shows how far it is while it runs, as ``image_cache`` does."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.action import image_cache


class ActionModule(image_cache.ActionModule):
    """The module's options are the module's business: this plugin knows none of them."""
