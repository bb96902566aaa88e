# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova and Placement know of compute hosts, as the modules tell it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute


def service(host, status="enabled", forced_down=None):
    return SimpleNamespace(
        host=host, id=len(host), state="up", status=status, disabled_reason=None, availability_zone="nova", is_forced_down=forced_down, updated_at="now"
    )


class Cloud:
    """A cloud with two services, of which one has a hypervisor."""

    def __init__(self, providers=True):
        hypervisor = SimpleNamespace(
            id=7, name="domain-c1.uuid", hypervisor_type="VMware vCenter Server", state="up", status="enabled", service_details={"host": "vc1-b"}
        )
        inventory = SimpleNamespace(resource_class="VCPU", total=64, reserved=0, max_unit=32, allocation_ratio=4.0, other=1)
        self.asked = []
        self.compute = SimpleNamespace(
            default_microversion=None,
            services=lambda binary: self.asked.append(binary) or [service("vc1-b", forced_down=True), service("vc1-a", "disabled")],
            hypervisors=lambda details: [hypervisor],
            server_groups=self.groups,
            flavors=lambda is_public: [SimpleNamespace(id="1", name="small", disk=10), SimpleNamespace(id="2", name="large", disk=80)],
        )
        self.placement = SimpleNamespace(
            resource_providers=lambda name: [SimpleNamespace(id="rp", name=name)] if providers else [],
            resource_provider_inventories=lambda _provider: [inventory],
        )

    def groups(self, all_projects, microversion):
        """Gives one group of each policy, and one with a rule."""
        assert (all_projects, microversion) == (True, "2.64")
        kinds = [("anti-affinity", None), ("anti-affinity", {"max_server_per_host": 2}), ("soft-anti-affinity", {}), ("affinity", None)]
        return [SimpleNamespace(name=str(number), member_ids=["id"], policy=policy, rules=rules) for number, (policy, rules) in enumerate(kinds)]


def test_server_groups():
    found = compute.server_groups(Cloud())
    assert [one["limit"] for one in found] == [1, 2, None, None]
    assert found[0] == {"name": "0", "members": ("id",), "limit": 1}


def test_all_hosts_by_name():
    cloud = Cloud()
    one, other = compute.compute_nodes(cloud, [])
    assert cloud.asked == ["nova-compute"] and cloud.compute.default_microversion == "2.53"
    assert (one["host"], one["found"], one["service"]["status"], one["hypervisor"], one["resource_provider"]) == ("vc1-a", True, "disabled", None, None)
    assert other["hypervisor"] == {
        "id": "7", "hypervisor_hostname": "domain-c1.uuid", "type": "VMware vCenter Server", "state": "up", "status": "enabled"
    }  # fmt: skip
    assert other["resource_provider"] == {"uuid": "rp", "inventories": {"VCPU": {"total": 64, "reserved": 0, "max_unit": 32, "allocation_ratio": 4.0}}}


def test_hosts_in_the_order_asked_for():
    found = compute.compute_nodes(Cloud(providers=False), ["vc1-b", "nowhere"])
    assert [(one["host"], one["found"]) for one in found] == [("vc1-b", True), ("nowhere", False)]
    assert found[0]["hypervisor"] and found[0]["resource_provider"] is None
    assert found[1]["service"] is None


def test_services_by_host():
    found = compute.services(Cloud())
    assert {host: (one["id"], one["forced_down"]) for host, one in found.items()} == {"vc1-b": ("5", True), "vc1-a": ("5", False)}


def test_flavors_by_name_or_id():
    assert compute.flavor_disks(Cloud(), ["small", "2", "1"]) == {10, 80}
    with pytest.raises(compute.OpenStackError, match="no flavor huge, tiny") as caught:
        compute.flavor_disks(Cloud(), ["small", "huge", "tiny"])
    assert caught.value.code == "FLAVOR_NOT_FOUND"
