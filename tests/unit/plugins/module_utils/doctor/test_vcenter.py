# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters are judged as vsphere_cluster_settings will leave them; a vCenter may have several names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import vcenter
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import Facts, Service
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.table import RULES
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import vc
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vcenter_admin import cluster_settings
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory

BARE = inventory.Cluster(
    moid="domain-c1", name="cluster-a", path="/dc1/host/cluster-a", datacenter=inventory.Datacenter("datacenter-1", "dc1", "dc1", "group-v1"),
    resource_pool="resgroup-1", hosts=("host-1", "host-2"), datastores=(), drs_enabled=False, drs_behavior="manual",
    ha_enabled=False, ha_admission_control=False,
)  # fmt: skip
HYPERVISOR = vc.hypervisor(BARE, ".*", {}, {}, "uuid")
ASKED = ["DRS_OFF", "DRS_PARTIALLY_AUTOMATED", "HA_OFF", "HA_ADMISSION_CONTROL_OFF"]


def found(drs, ha, path="/dc1/host/cluster-a"):
    """Returns the ids of the findings on DRS and HA after these settings."""
    after = cluster_settings.wanted(cluster_settings.settings(BARE), drs, ha)
    service = Service("vc1-cluster-a", "cluster-a", ".*", hypervisor=vcenter.as_it_will_be(HYPERVISOR, [{"path": path, **after}]))
    return {one.id for one in RULES if one.id in ASKED and list(one.check(Facts((service,)), service))}


def test_what_will_be_set_is_no_finding():
    """Only what the settings mend goes; a cluster that they do not name stays as it is."""
    full = {"enabled": True, "behavior": "fullyAutomated"}
    assert found(None, None) == {"DRS_OFF", "HA_OFF"}
    assert found(full, None) == {"HA_OFF"}
    assert found({"enabled": True, "behavior": "partiallyAutomated"}, {"enabled": True}) == {"DRS_PARTIALLY_AUTOMATED", "HA_ADMISSION_CONTROL_OFF"}
    assert found(full, {"enabled": True, "admission_control": True}) == set()
    assert found(full, {"enabled": True, "admission_control": True}, path="/dc2/host/cluster-a") == {"DRS_OFF", "HA_OFF"}


def test_what_is_no_cluster_stays_as_it_is():
    other = replace(HYPERVISOR, cluster=None)
    settings = cluster_settings.settings(BARE)
    assert vcenter.as_it_will_be(other, [{"path": BARE.path, **settings}]) is other


@pytest.mark.parametrize(
    "host_ip, port, same",
    [
        ("vc.example.com", 443, True),
        ("192.0.2.7", 443, True),
        ("vc.example.com", 8443, False),
        ("other.example.com", 443, False),
        ("gone.example.com", 443, False),
    ],
)
def test_names_of_one_vcenter(monkeypatch, host_ip, port, same):
    """A name that does not resolve is another one."""
    known = {"vc.example.com": "192.0.2.7", "192.0.2.7": "192.0.2.7", "other.example.com": "192.0.2.8"}

    def resolve(name, _port, type):
        if name not in known:
            raise OSError("Name or service not known")
        return [(None, None, None, "", (known[name], 0))]

    monkeypatch.setattr(vcenter.socket, "getaddrinfo", resolve)
    services = [Service("a", None, None, conf=NovaConf(f"[vmware]\nhost_ip = {host_ip}\nhost_port = {port}")), Service("b", None, None)]
    found = vcenter.addresses({"hostname": "vc.example.com", "port": 443}, services)
    assert ((host_ip, port) in found) is same and ("vc.example.com", 443) in found
