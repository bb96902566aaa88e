# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts Nova counts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import host


@pytest.mark.parametrize(
    "state, maintenance, counted",
    [("connected", False, True), ("connected", True, False), ("disconnected", False, False), ("notResponding", False, False)],
)
def test_counts(state, maintenance, counted):
    assert host.counts(SimpleNamespace(connection_state=state, maintenance=maintenance)) is counted
