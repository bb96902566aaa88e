# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booleans of an inventory, which may be words. Pure."""

from __future__ import annotations


def truth(value):
    """Tells whether a value of the inventory means yes, as Ansible's filter ``bool`` does (ansible/plugins/filter/core.py, ``to_bool``)."""
    return (value.lower() if isinstance(value, str) else value) in ("yes", "on", "1", "true", 1)
