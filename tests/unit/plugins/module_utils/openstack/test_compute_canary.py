# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A canary is deleted whatever happens to it."""

from __future__ import annotations

import types

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute_canary as canary


class Nova:
    """The few calls of openstacksdk's compute proxy that a canary makes; a server goes through the states given."""

    def __init__(self, *states, goes=True):
        self.states, self.goes, self.deleted, self.made = list(states), goes, [], None

    def _server(self):
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(status, BaseException):
            raise status
        return types.SimpleNamespace(id="s1", status=status, hypervisor_hostname="node", fault={"message": "why"}, task_state="spawning")

    def create_server(self, **attributes):
        self.made = attributes
        return self._server()

    def get_server(self, server_id):
        return self._server()

    def delete_server(self, server_id, ignore_missing):
        self.deleted.append(server_id)

    def find_server(self, server_id, ignore_missing):
        return None if self.goes else server_id


def boot(nova, seconds=5):
    thing = types.SimpleNamespace(id="x")
    return canary.boot(types.SimpleNamespace(compute=nova), "h", "nova:h", thing, thing, seconds)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(canary.time, "sleep", lambda seconds: None)


def test_a_good_one():
    nova = Nova("BUILD", "BUILD", "ACTIVE")
    result = boot(nova)
    assert result["server"] == "s1"
    assert result["hypervisor_hostname"] == "node"
    assert set(result["seconds"]) == {"active", "deleted"}
    assert nova.deleted == ["s1"]
    assert nova.made["availability_zone"] == "nova:h"
    assert nova.made["metadata"] == {canary.MARK: "h"}


@pytest.mark.parametrize(
    "nova, code, text",
    [
        (Nova("BUILD", "ERROR"), "CANARY_FAILED", "is in ERROR: why"),
        (Nova("BUILD"), "CANARY_TIMEOUT", "is BUILD (spawning)"),
        (Nova("ACTIVE", goes=False), "CANARY_TIMEOUT", "is not gone"),
    ],
)
def test_a_bad_one_is_deleted(nova, code, text):
    with pytest.raises(canary.OpenStackError) as caught:
        boot(nova, 0.05)
    assert caught.value.code == code
    assert text in caught.value.what
    assert nova.deleted == ["s1"]


def test_one_that_is_cancelled_is_deleted():
    nova = Nova("BUILD", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        boot(nova)
    assert nova.deleted == ["s1"]
