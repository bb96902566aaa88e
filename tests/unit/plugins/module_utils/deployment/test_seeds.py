# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""deployment/seeds.py: which nova-computes share a call, and which hosts."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import seeds

VC1 = {"name": "vc1", "host_ip": "vc1.example.com", "host_username": "nova@vsphere.local", "host_password": "secret-1"}
WISHES = {"images": ["debian-12"], "verify": "size"}


def instance(cluster, vcenter="vc1", **config):
    """Returns a nova-compute as the role nova_vcdriver has it. :arg config: sections of its nova.conf, over those of the role."""
    own = {"DEFAULT": {"my_ip": "192.0.2.11"}, "vmware": {"cache_prefix": "vc1"}, "image_cache": {"remove_unused_base_images": False, "manager_interval": -1}}
    return {"vcenter": vcenter, "cluster": {"cluster_name": cluster, "datastore_regex": None}, "config": {**own, **config}}


def asked(host, cluster, vcenter=None, wishes=None):
    """Returns what a host with one cluster asks for."""
    vcenter = vcenter or VC1
    return seeds.asked(seeds.calls([instance(cluster, vcenter["name"])]), [vcenter], host, wishes or WISHES)


def names(call):
    """Returns the names of a call's clusters."""
    return [hypervisor["cluster_name"] for hypervisor in call["hypervisors"]]


def test_clusters_that_share_a_folder_go_into_one_call():
    (call,) = seeds.calls([instance("a"), instance("b")])
    assert call == {
        "vcenter": "vc1",
        "cache": {"cache_prefix": "vc1", "remove_unused_base_images": False},
        "use_linked_clone": True,
        "hypervisors": [{"cluster_name": "a", "datastore_regex": None}, {"cluster_name": "b", "datastore_regex": None}],
    }


@pytest.mark.parametrize(
    "other",
    [
        instance("b", vcenter="vc2"),
        instance("b", vmware={"cache_prefix": "its"}),
        instance("b", vmware={"cache_prefix": "vc1", "use_linked_clone": "false"}),
        instance("b", image_cache={"remove_unused_base_images": False, "subdirectory_name": "_mine"}),
    ],
)
def test_what_differs_makes_another_call(other):
    assert [names(call) for call in seeds.calls([instance("a"), other, instance("c")])] == [["a", "c"], ["b"]]


@pytest.mark.parametrize(
    "vmware, image_cache, my_ip",
    [
        ({"cache_prefix": "vc1"}, {}, None),
        ({}, {}, "192.0.2.11"),
        ({"cache_prefix": ""}, {"remove_unused_base_images": "yes"}, "192.0.2.11"),
        ({}, {"remove_unused_base_images": "False"}, None),
    ],
)
def test_the_address_is_part_of_a_call_where_nova_puts_it_into_the_folder(vmware, image_cache, my_ip):
    (call,) = seeds.calls([instance("a", vmware=vmware, image_cache=image_cache)])
    assert call["cache"].get("my_ip") == my_ip


def test_a_release_without_the_section_image_cache():
    config = {"DEFAULT": {}, "vmware": {"cache_prefix": "vc1"}}
    assert seeds.calls([{"vcenter": "vc1", "cluster": {}, "config": config}])[0]["cache"] == {"cache_prefix": "vc1"}


def test_nothing_is_asked_without_a_nova_compute():
    assert seeds.asked(seeds.calls([]), [VC1], "compute-1", WISHES) == []


def test_no_secret_is_in_what_other_hosts_see():
    assert "secret-1" not in str(asked("compute-1", "a"))


def test_hosts_that_ask_the_same_share_a_call_and_the_first_makes_it():
    of_hosts = [asked("compute-1", "a"), asked("compute-2", "b")]
    before = copy.deepcopy(of_hosts)
    (call,) = seeds.shared(of_hosts, [{"cloud": "lab"}, {"cloud": "lab"}])
    assert (call["host"], call["hosts"], names(call)) == ("compute-1", ["compute-1", "compute-2"], ["a", "b"])
    assert of_hosts == before, "the facts of other hosts stay as they are"


def test_a_vcenter_may_have_another_name_on_each_host():
    other = {**VC1, "name": "mine", "host_port": "443", "thumbprint": ""}
    assert len(seeds.shared([asked("compute-1", "a"), asked("compute-2", "b", other)], [{}, {}])) == 1


@pytest.mark.parametrize(
    "vcenter, wishes, access",
    [
        ({**VC1, "host_ip": "vc2.example.com"}, None, {}),
        ({**VC1, "host_port": 8443}, None, {}),
        ({**VC1, "host_username": "other"}, None, {}),
        ({**VC1, "thumbprint": "AA:BB"}, None, {}),
        (None, {**WISHES, "images": []}, {}),
        (None, None, {"cloud": "other"}),
    ],
)
def test_hosts_that_differ_share_nothing(vcenter, wishes, access):
    calls = seeds.shared([asked("compute-1", "a"), asked("compute-2", "b", vcenter, wishes)], [{}, access])
    assert [(call["host"], call["hosts"]) for call in calls] == [("compute-1", ["compute-1"]), ("compute-2", ["compute-2"])]
