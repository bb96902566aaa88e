# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""deployment/probes.py: what is asked of each vCenter, and the text of an answer."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import probes

VERDICT = {"level": "ok", "id": "copy", "datastore": "ds1", "finding": "thin", "question": "Q?", "evidence": "E.", "meaning": "M.", "action": ""}


def test_one_call_a_vcenter_with_each_cluster_once():
    hosts = [
        {"nova_vcdriver_vcenters": [{"name": "vc1"}], "nova_vcdriver_computes": [{"cluster_name": "a"}, {"cluster_name": "b", "vcenter": "vc2"}]},
        {"inventory_hostname": "a host without clusters"},
        {"nova_vcdriver_computes": [{"cluster_name": "a", "vcenter": "vc1", "host": "second"}, {"cluster_name": "c", "vcenter": "vc1"}]},
    ]
    assert probes.calls(hosts) == [
        {"vcenter": "vc1", "hypervisors": [{"cluster_name": "a"}, {"cluster_name": "c"}]},
        {"vcenter": "vc2", "hypervisors": [{"cluster_name": "b"}]},
    ]


@pytest.mark.parametrize("level, expected", [("ok", "ok: copy on ds1: thin."), ("warning", "warning: copy on ds1: thin. Q? E. M.")])
def test_line(level, expected):
    assert probes.line({**VERDICT, "level": level}) == expected
