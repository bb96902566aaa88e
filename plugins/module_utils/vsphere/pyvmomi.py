# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one import of pyVmomi. Where it is missing, the names are None and ``IMPORT_ERROR`` holds the traceback."""

from __future__ import annotations

import traceback

try:
    from pyVim import connect
    from pyVmomi import vim, vmodl

    IMPORT_ERROR = None
except ImportError:
    connect = vim = vmodl = None
    IMPORT_ERROR = traceback.format_exc()

__all__ = ["IMPORT_ERROR", "connect", "vim", "vmodl"]
