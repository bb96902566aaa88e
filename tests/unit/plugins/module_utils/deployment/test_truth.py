# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What means yes in an inventory."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.truth import truth


@pytest.mark.parametrize("value", [True, "true", "True", "YES", "on", "1", 1])
def test_yes(value):
    assert truth(value)


@pytest.mark.parametrize("value", [False, None, "", "false", "no", "off", "0", 0, "y", 2])
def test_no(value):
    assert not truth(value)
