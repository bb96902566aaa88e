# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""drivers/registry.py: wishes find their driver, and what is wrong with them is said."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import Driver, HypervisorError, Wish


def test_each_driver_has_what_a_driver_has():
    assert all(isinstance(driver, Driver) for driver in registry.DRIVERS)
    assert len({driver.KEY for driver in registry.DRIVERS}) == len(registry.DRIVERS)


def test_the_key_tells_the_driver():
    assert registry.wanted([{"cluster_name": "a", "datastore_regex": None}]) == [Wish("cluster_name", "a")]
    assert registry.wanted(None) == []


@pytest.mark.parametrize(
    "option, code", [({"cluster_name": "a", "datastore_regex": "("}, "DATASTORE_REGEX_INVALID"), ({"datastore_regex": "."}, "HYPERVISOR_UNNAMED")]
)
def test_a_bad_wish(option, code):
    with pytest.raises(HypervisorError) as caught:
        registry.wanted([option])
    assert caught.value.code == code


@pytest.mark.parametrize("wishes", [[], [Wish("cluster_name", "a")]])
def test_a_server_that_no_driver_is_for(monkeypatch, wishes):
    """The login is ended again."""
    closed = []
    host = SimpleNamespace(server="esxi-1:443", about=SimpleNamespace(apiType="HostAgent", fullName="VMware ESXi"), close=lambda: closed.append(True))
    monkeypatch.setattr(registry, "from_params", lambda _params: host)
    with pytest.raises(HypervisorError) as caught:
        registry.login({}, wishes)
    assert (caught.value.code, closed) == ("NOT_A_VCENTER", [True])
