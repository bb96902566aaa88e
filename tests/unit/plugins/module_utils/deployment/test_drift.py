# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the inventory and a compute host."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.drift import differences

WELL = ["deployed vc1-a", "venv vc1-a /v", "state vc1-a active enabled", "process vc1-a /v"]
COMPUTES = [{"host": "vc1-a", "vcenter": "vc1", "cluster": {"cluster_name": "a"}}]


def found(lines=tuple(WELL), **given):
    """Returns (nova-compute, what, found) of each difference."""
    given = {
        "hosts": ["vc1-a"],
        "computes": COMPUTES,
        "venv": "/v",
        "files": {},
        "unit_changed": False,
        "cluster_states": [],
        "missing": [],
        "reached": [],
        **given,
    }
    return [(one["host"], one["what"], one["found"]) for one in differences(lines, **given)]


def test_nothing():
    unchanged = {"results": [{"changed": False, "item": {"host": "vc1-a"}}]}
    assert found(files={"nova.conf": unchanged, "ca.pem": {"skipped": True}}) == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ("vc1-a", "deployed", "not on this host; add_cluster.yml deploys it")),
        ([*WELL, "deployed vc1-z"], ("vc1-z", "deployed", "deployed; remove_cluster.yml removes it")),
        ([*WELL, "kept vc1-a"], ("vc1-a", "rollout", "one that was cut short; run it again")),
        ([*WELL, "venv vc1-a /old", "process vc1-a /old"], ("vc1-a", "release", "/old")),
        ([*WELL, "state vc1-a inactive disabled"], ("vc1-a", "unit", "inactive disabled")),
        ([*WELL, "process vc1-a /old"], ("vc1-a", "process", "runs from /old; restart it")),
        ([*WELL, "old vc1-a /etc/a b"], ("vc1-a", "process", "older than /etc/a b; restart it")),
    ],
)
def test_one_line(lines, said):
    assert found(lines) == [said]


def test_files():
    """Of the nova-computes that are deployed; the unit is that of each."""
    changed = {"results": [{"changed": True, "item": {"host": "vc1-a"}}, {"changed": True, "item": {"host": "vc1-new"}}]}
    assert found(files={"nova.conf": changed}) == [("vc1-a", "nova.conf", "another text; --diff shows it")]
    assert found(unit_changed=True) == [("vc1-a", "unit file", "another text; --diff shows it")]


def test_settings():
    """A cluster is found by its name or its path."""
    cluster = {"changed": True, "cluster_name": "a", "path": "/dc/host/a", "drs": {"enabled": True}, "ha": None, "before": {"drs": {"enabled": False}}}
    states = [{"item": {"vcenter": "vc1"}, "clusters": [cluster, {**cluster, "changed": False}]}]
    assert found(cluster_states=states) == [("vc1-a", "cluster settings", '{"drs": {"enabled": false}}')]


def test_missing():
    assert found(missing=["vc1-a: its service is down: x"]) == [("vc1-a", "Nova and Placement", "its service is down: x")]


@pytest.mark.parametrize(
    "problem, found_in", [(None, []), ("unknown", []), ("login", [("vc1-a", "message broker", "why"), ("vc1-b", "message broker", "why")])]
)
def test_what_is_not_reached(problem, found_in):
    """What was not tried is no drift."""
    assert found(reached=[{"service": "broker", "problem": problem, "error": "why", "computes": ["vc1-a", "vc1-b"]}]) == found_in
