# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module compute_node_info gives its options on as they are meant."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute_node_info


@pytest.mark.parametrize(
    "given, asked", [({"openstack": None, "hosts": None}, ({}, [])), ({"openstack": {"cloud": "c"}, "hosts": ["h"]}, ({"cloud": "c"}, ["h"]))]
)
def test_run(monkeypatch, given, asked):
    monkeypatch.setattr(compute_node_info.connection, "connect", lambda options: options)
    monkeypatch.setattr(compute_node_info.compute, "compute_nodes", lambda cloud, hosts: (cloud, hosts))
    assert compute_node_info.run(given, False) == {"changed": False, "compute_nodes": asked}
