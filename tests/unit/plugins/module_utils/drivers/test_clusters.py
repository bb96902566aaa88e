# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""drivers/clusters.py: clusters by name, and what is no vCenter."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import clusters
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import HypervisorError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.inventory import Cluster, Datacenter


def cluster(moid, path):
    return Cluster(
        moid=moid, name=path.rsplit("/", 1)[1], path=path, datacenter=Datacenter("datacenter-1", "dc1", "dc1", "group-v1"),
        resource_pool="resgroup-1", hosts=(), datastores=(), drs_enabled=True, drs_behavior="fullyAutomated", ha_enabled=True,
        ha_admission_control=True,
    )  # fmt: skip


CLUSTERS = [
    cluster("domain-c1", "/dc1/host/a"), cluster("domain-c2", "/dc2/host/a"), cluster("domain-c3", "/dc1/host/b"),
    cluster("domain-c4", "/dc1/host/x%2fy%255c"),
]  # fmt: skip


@pytest.mark.parametrize("name, moid", [("b", "domain-c3"), ("domain-c2", "domain-c2"), ("/dc1/host/a", "domain-c1"), ("x%2fy%255c", "domain-c4")])
def test_found(name, moid):
    assert clusters.find(CLUSTERS, name, "vc:443").moid == moid


@pytest.mark.parametrize(
    "name, code, evidence",
    [
        ("a", "CLUSTER_AMBIGUOUS", "/dc2/host/a"),
        ("cluster", "CLUSTER_NOT_FOUND", "no cluster 'cluster' that this account can see. It has 'a', 'b', 'x%2fy%255c'."),
        ("x%2fy", "CLUSTER_NOT_FOUND", "no cluster 'x%2fy' (did you mean 'x%2fy%255c'?) that this account can see."),
        ("x/y%5c", "CLUSTER_NOT_FOUND", "not how vSphere spells the name of a cluster, and Nova compares the name: 'x%2fy%255c'"),
    ],
)
def test_not_found(name, code, evidence):
    with pytest.raises(HypervisorError) as caught:
        clusters.find(CLUSTERS, name, "vc:443")
    assert caught.value.code == code
    assert evidence in caught.value.to_result()["msg"]


def test_many_names():
    """A vCenter may have hundreds: twenty are shown."""
    many = [cluster(f"domain-c{number}", f"/dc1/host/cluster-{number:03}") for number in range(100)]
    with pytest.raises(HypervisorError) as caught:
        clusters.find(many, "clustr-042", "vc:443", for_nova=True)
    assert "(did you mean 'cluster-042'?)" in caught.value.what and "'cluster-019' and 80 more" in caught.value.what


@pytest.mark.parametrize("name", ["domain-c3", "/dc1/host/b"])
def test_nova_takes_a_name_only(name):
    with pytest.raises(HypervisorError) as caught:
        clusters.find(CLUSTERS, name, "vc:443", for_nova=True)
    assert caught.value.code == "CLUSTER_NOT_FOUND" and "Nova compares the name: 'b'." in caught.value.what
    assert clusters.find(CLUSTERS, "b", "vc:443", for_nova=True).moid == "domain-c3"


def test_an_esxi_host_is_no_vcenter():
    host = SimpleNamespace(server="esxi-1:443", about=SimpleNamespace(apiType="HostAgent", fullName="VMware ESXi 8.0.3 build-24022510"))
    with pytest.raises(HypervisorError) as caught:
        clusters.demand_vcenter(host)
    assert (caught.value.code, caught.value.what) == ("NOT_A_VCENTER", "esxi-1:443 is VMware ESXi 8.0.3 build-24022510, not a vCenter.")
    clusters.demand_vcenter(SimpleNamespace(about=SimpleNamespace(apiType="VirtualCenter")))


def test_an_account_that_sees_no_cluster():
    with pytest.raises(HypervisorError) as caught:
        clusters.find([], "cluster-a", "vc")
    assert caught.value.code == "CLUSTER_NOT_FOUND" and "root folder" in caught.value.hint
