# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sources say is put together."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import gather, openstack, vcenter
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import Facts, Service
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import HypervisorError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def option(**changes):
    return {"name": None, "cluster_name": None, "datastore_regex": None, "nova_conf": None, "new": None, "compute_host": None, **changes}


def test_options_win_over_nova_conf():
    conf = "[DEFAULT]\nhost = vc1-a\n[vmware]\ncluster_name = a\ndatastore_regex = ^nova-"
    (service,) = gather.given([option(nova_conf=conf, datastore_regex="^other-")])
    assert (service.name, service.hypervisor_name, service.datastore_regex) == ("vc1-a", "a", "^other-")


@pytest.mark.parametrize(
    "options, code",
    [
        ([option()], "SERVICE_UNNAMED"),
        ([option(name="a", nova_conf="what")], "NOVA_CONF_INVALID"),
    ],
)
def test_options_that_are_wrong(options, code):
    with pytest.raises(NovaVmwareError) as caught:
        gather.given(options)
    assert caught.value.code == code


def test_two_of_one_name_are_told_apart():
    """That there are two is a finding, so they are both judged."""
    conf = "[DEFAULT]\nhost = one"
    found = gather.given([option(nova_conf=conf), option(nova_conf=conf), option(name="one"), option(cluster_name="one")])
    assert [(one.name, one.host) for one in found] == [("one", "one"), ("one (2)", "one"), ("one (3)", "one"), ("one (4)", None)]
    assert gather.complete(found[1], vcenter.Seen(), openstack.Known({"one": {}})).new is False


def test_a_regular_expression_that_is_none_chooses_nothing(monkeypatch):
    """The vCenter is asked without it, and the rule about it still sees what was given."""
    asked = []
    monkeypatch.setattr(vcenter.registry, "as_nova_finds", lambda _session, wishes: asked.extend(wishes) or ["found"] * len(wishes))
    services = [Service("one", "a", "("), Service("two", None, "^nova-"), Service("three", "c", "^nova-")]
    assert vcenter._hypervisors(None, services) == {"one": "found", "three": "found"}
    assert [(wish.name, wish.datastore_regex) for wish in asked] == [("a", None), ("c", "^nova-")]
    assert gather.complete(services[0], vcenter.Seen(), openstack.Known()).datastore_regex == "("


def test_why_there_is_no_hypervisor():
    seen = vcenter.Seen(hypervisors={"one": HypervisorError("CLUSTER_NOT_FOUND", "There is no a.", "")})
    service = gather.complete(Service("one", "a", None), seen, openstack.Known())
    assert service.hypervisor is None
    assert service.hypervisor_error == ("CLUSTER_NOT_FOUND", "There is no a")


@pytest.mark.parametrize("records, new", [(None, "as given"), ({}, True), ({"one": {"state": "up"}}, False)])
def test_nova_knows_better_than_the_option(records, new):
    service = gather.complete(Service("one", None, None, new="as given"), vcenter.Seen(), openstack.Known(records))
    assert (service.new, service.record) == (new, records["one"] if records else None)


NEWER = {"section": "vmware", "name": "host_port", "type": "Port", "default": 8443, "minimum": 0, "maximum": 65535, "choices": [], "deprecated": []}


@pytest.mark.parametrize("version, port", [("34.0.0", 8443), ("33.0.2", 443), (None, 443)])
def test_definitions_count_for_the_nova_that_has_them(version, port):
    """Where another one will be installed than is there, they say nothing."""
    host = {"versions": {"nova": version}, "options": {"nova": "34.0.0", "definitions": [NEWER], "known": {"vmware": ["host_port"]}}}
    (service,) = gather.given([option(name="a", nova_conf="")], {None: gather.definitions(host)})
    assert service.conf.value("vmware", "host_port") == port


def test_without_a_compute_host_there_are_no_definitions():
    assert gather.definitions(None) == gather.definitions({"options": None, "versions": {}}) == ()


def test_zones():
    records = {"a": {"availability_zone": "one"}, "b": {"availability_zone": "one"}, "c": {"availability_zone": "two"}}
    assert gather.zones(records) == {"one": ["a", "b"], "two": ["c"]}


def test_parts_are_the_compute_hosts():
    one, two, three = (Service(name, None, None) for name in ("one", "two", "three"))
    hosts = {"h1": {"peers": [1]}, "h2": {"peers": [2]}}
    facts = Facts(services=(one, two, three))
    options = [option(compute_host="h2"), option(compute_host="h1"), option(compute_host="h2")]
    found = gather.parts(facts, options, hosts)
    assert [(part.host, part.compute_host, part.services) for part in found] == [("h1", hosts["h1"], (two,)), ("h2", hosts["h2"], (one, three))]
    assert gather.parts(facts, [option(compute_host=None)] * 3, {}) == ()


@pytest.mark.parametrize(
    "compute_host, hosts, code",
    [("h2", {"h1": {}}, "COMPUTE_HOST_UNKNOWN"), (None, {"h1": {}}, "COMPUTE_HOST_UNKNOWN"), ("h1", None, "COMPUTE_HOST_UNKNOWN"),
     ("h1", {"h1": "text"}, "COMPUTE_HOST_INVALID")],
)  # fmt: skip
def test_compute_hosts_that_are_wrong(compute_host, hosts, code):
    with pytest.raises(NovaVmwareError) as caught:
        gather.parts(Facts(services=(Service("one", None, None),)), [option(compute_host=compute_host)], gather.known_hosts(hosts))
    assert caught.value.code == code
