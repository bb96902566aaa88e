# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and say what it would do, without changing anything.
    support: full
  diff_mode:
    description: Can show what would change or was changed.
    support: full
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    description: This module changes nothing, with or without check mode.
    support: full
  diff_mode:
    description: This module changes nothing, so there is nothing to show.
    support: none
"""
