# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DRS and HA after the change: what was asked for, and else what was there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vcenter_admin import cluster_settings

NOW = {"drs": {"enabled": False, "behavior": "manual"}, "ha": {"enabled": True, "admission_control": False}}


@pytest.mark.parametrize(
    "drs, ha, changed",
    [
        (None, None, {}),
        ({"enabled": True, "behavior": "fullyAutomated"}, None, {"drs": {"enabled": True, "behavior": "fullyAutomated"}}),
        ({"enabled": True, "behavior": None}, None, {"drs": {"enabled": True, "behavior": "manual"}}),
        (None, {"enabled": None, "admission_control": True}, {"ha": {"enabled": True, "admission_control": True}}),
        (None, {"enabled": False, "admission_control": None}, {"ha": {"enabled": False, "admission_control": False}}),
    ],
)
def test_wanted(drs, ha, changed):
    assert cluster_settings.wanted(NOW, drs, ha) == {**NOW, **changed}


def test_settings_in_the_words_of_the_module():
    cluster = SimpleNamespace(drs_enabled=False, drs_behavior="manual", ha_enabled=True, ha_admission_control=False)
    assert cluster_settings.settings(cluster) == NOW
