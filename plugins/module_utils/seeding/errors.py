# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of this room."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


class SeedError(NovaVmwareError):
    """An image could not be put into a cache. Nothing of it is visible to Nova."""
