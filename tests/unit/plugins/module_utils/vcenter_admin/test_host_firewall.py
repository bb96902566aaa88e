# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts' firewalls are changed, and what is refused before any is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vcenter_admin import host_firewall
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.inventory import Host


def host(number, state="connected"):
    return Host(f"host-{number}", f"esx-{number}", state, False, 8, 16, 1 << 36)


HYPERVISORS = [SimpleNamespace(hosts=(host(1), host(2))), SimpleNamespace(hosts=(host(2), host(3, "notResponding")))]


def test_each_host_once():
    assert [one.name for one in host_firewall.chosen(HYPERVISORS, None)] == ["esx-1", "esx-2", "esx-3"]
    assert [one.name for one in host_firewall.chosen(HYPERVISORS, ["esx-2"])] == ["esx-2"]
    assert host_firewall.chosen(HYPERVISORS, []) == []  # nothing was opened, so nothing is closed


def test_a_host_of_another_cluster_is_refused():
    with pytest.raises(NovaVmwareError, match="no host 'esx-9'. They have: esx-1, esx-2, esx-3") as error:
        host_firewall.chosen(HYPERVISORS, ["esx-1", "esx-9"])
    assert error.value.code == "HOST_NOT_FOUND"


def test_only_what_differs_is_changed():
    firewalls = {"host-1": {"httpClient": False}, "host-2": {"httpClient": True, "sshServer": True}, "host-3": {"httpClient": False}}
    found = host_firewall.plan(firewalls, host_firewall.chosen(HYPERVISORS, None), "httpClient", True)
    assert [(one.host.name, one.enabled, one.changes) for one in found] == [("esx-1", False, True), ("esx-2", True, False)]
    assert not any(one.changes for one in host_firewall.plan(firewalls, [host(1)], "httpClient", False))


def test_an_unknown_ruleset_is_refused():
    with pytest.raises(NovaVmwareError, match="The firewall of esx-1 has no ruleset 'sshServer'") as error:
        host_firewall.plan({"host-1": {"httpClient": False}, "host-2": {"sshServer": True}}, [host(1), host(2)], "sshServer", True)
    assert error.value.code == "RULESET_UNKNOWN"
