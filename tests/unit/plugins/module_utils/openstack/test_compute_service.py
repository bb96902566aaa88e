# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What compute_service decides from what it finds."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute_service as cs

SERVICE = {"id": "1", "state": "up", "status": "enabled", "disabled_reason": None, "forced_down": False}
DISABLED = {**SERVICE, "status": "disabled", "disabled_reason": "why"}
EMPTY = cs.Found(SERVICE, [], [], "rp", [])


def server(name="web", task_state=None, status="ACTIVE"):
    return {"id": f"id-{name}", "name": name, "status": status, "task_state": task_state, "project_id": "p"}


def migration(status, kind="resize"):
    return {"id": "1", "type": kind, "status": status, "server_id": "id-web"}


@pytest.mark.parametrize(
    "service, state, reason, expected",
    [
        (SERVICE, "enabled", None, SERVICE),
        (DISABLED, "enabled", None, SERVICE),
        (SERVICE, "disabled", None, {**DISABLED, "disabled_reason": None}),
        (SERVICE, "disabled", "why", DISABLED),
        (DISABLED, "disabled", None, DISABLED),
        (DISABLED, "disabled", "else", {**DISABLED, "disabled_reason": "else"}),
        (SERVICE, "absent", None, None),
        (None, "absent", None, None),
    ],
)
def test_wanted(service, state, reason, expected):
    assert cs.wanted(service, state, reason) == expected


def test_nothing_is_busy_on_servers_at_rest():
    assert cs.busy(cs.Found(SERVICE, [server(), server(status="SHUTOFF")], [migration("finished")], None, [])) == []


def test_what_is_under_way_is_busy():
    found = cs.Found(SERVICE, [server("a", "spawning", "BUILD"), server("b", None, "BUILD"), server("c")], [migration("migrating")], None, [])
    assert cs.busy(found) == ["server a (id-a): spawning", "server b (id-b): build", "resize of server id-web: migrating"]


@pytest.mark.parametrize(
    "found, code, text",
    [
        (cs.Found(SERVICE, [server("db")], [], "rp", []), "SERVICE_HAS_SERVERS", "1 servers live on h: db (id-db)."),
        (cs.Found(SERVICE, [server(str(n)) for n in range(25)], [], "rp", []), "SERVICE_HAS_SERVERS", "and 5 more"),
        (cs.Found(SERVICE, [], [migration("finished")], "rp", []), "SERVICE_HAS_MIGRATIONS", "resize of id-web (finished)"),
        (cs.Found(SERVICE, [], [], "rp", ["c1"]), "RESOURCE_PROVIDER_IN_USE", "allocations of c1"),
        # The service is gone already, and what holds the provider is not.
        (cs.Found(None, [], [], "rp", ["c1"]), "RESOURCE_PROVIDER_IN_USE", "rp of h"),
    ],
)
def test_refusals(found, code, text):
    with pytest.raises(cs.OpenStackError) as caught:
        cs.refuse("h", found)
    assert caught.value.code == code
    assert text in caught.value.what


def test_an_empty_service_is_not_refused():
    cs.refuse("h", EMPTY)
    cs.refuse("h", cs.Found(None, [], [], None, []))


def test_a_diff_shows_what_changes():
    assert cs.shown(None, None) == {}
    assert cs.shown(DISABLED, "rp") == {"status": "disabled", "disabled_reason": "why", "forced_down": False, "resource_provider": "rp"}
