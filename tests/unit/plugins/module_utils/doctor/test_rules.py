# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule is broken on purpose: it alone speaks up. On healthy facts none does."""

from __future__ import annotations

import datetime
import importlib
import pkgutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

from healthy_conf import nova_conf  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import judge, rules  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import (  # noqa: E402
    Facts,
    HostDetails,
    ServerGroup,
    Service,
    Vcenter,
    Vm,
)  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import SEVERITIES, Rule  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.table import RULES  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import vc  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova.image import from_document  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory  # noqa: E402

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
NEXT_YEAR = NOW + datetime.timedelta(days=365)
SOON = NOW + datetime.timedelta(days=10)
GIB = 1 << 30
IMAGE_ID = "7f6c2f9e-0b1d-4a57-9d2b-3c1f5a7e9b10"

DATACENTER = inventory.Datacenter("datacenter-2", "dc1", "dc1", "group-v3")


def host(moid):
    return inventory.Host(moid, f"esxi-{moid}.example.com", "connected", False, 16, 32, 128 * GIB)


def datastore(moid, name, hosts, type_="VMFS"):
    return inventory.Datastore(moid, name, type_, True, "normal", 500 * GIB, 400 * GIB, dict.fromkeys(hosts, True), None)


def cluster(letter):
    hosts = (f"host-{letter}1", f"host-{letter}2")
    return vc.hypervisor(
        inventory.Cluster(
            f"domain-{letter}", f"cluster-{letter}", f"/dc1/host/cluster-{letter}", DATACENTER, f"resgroup-{letter}", hosts,
            (f"datastore-{letter}", "datastore-shared"), True, "fullyAutomated", True, True,
        ),
        "^nova-",
        {moid: host(moid) for moid in hosts},
        {
            f"datastore-{letter}": datastore(f"datastore-{letter}", f"nova-{letter}", hosts),
            "datastore-shared": datastore("datastore-shared", "nova-shared", ["host-a1", "host-a2", "host-b1", "host-b2"]),
        },
        "uuid",
    )  # fmt: skip


def conf(letter, changes="", without=()):
    """Gives a healthy nova.conf, then ``changes`` at its end, where they win, without the lines of the options ``without``."""
    text = nova_conf(f"vc1-{letter}", f"cluster-{letter}")
    lines = [line for line in text.splitlines() if line.split(" =")[0] not in without]
    return NovaConf("\n".join(lines) + "\n" + changes)


def service(letter):
    record = {"state": "up", "status": "enabled", "disabled_reason": None, "availability_zone": f"az-{letter}"}
    return Service(
        f"vc1-{letter}", f"cluster-{letter}", "^nova-", host=f"vc1-{letter}", conf=conf(letter), hypervisor=cluster(letter),
        caches={f"nova-{letter}": [entry(())]}, new=False, record=record,
    )  # fmt: skip


def entry(reasons, disk_format="vmdk"):
    state = audit.BROKEN if reasons else audit.COMPLETE
    return audit.Entry(IMAGE_ID, "", state, reasons, disk_format, GIB, GIB, None, (), None, ())


def image(**changes):
    document = {
        "id": IMAGE_ID, "name": "ubuntu", "status": "active", "size": GIB, "disk_format": "vmdk", "container_format": "bare",
        "os_hash_algo": "sha512", "os_hash_value": "00", "hw_disk_type": "streamOptimized", "os_distro": "ubuntu64Guest",
    }  # fmt: skip
    return from_document({**document, **changes})


HEALTHY = Facts(
    services=(service("a"), service("b")),
    name="vc1",
    vcenter=Vcenter(
        "vcenter.example.com:443", "8.0.3", NEXT_YEAR, NOW, "nova@vsphere.local",
        hosts={moid: HostDetails(NEXT_YEAR, ("ntp.example.com",), True) for moid in ("host-a1", "host-a2", "host-b1", "host-b2")},
        vms=(Vm("web (1)", "uuid-1", "resgroup-a", ("datastore-a",)),),
        missing_privileges={}, firewalls=dict.fromkeys(("host-a1", "host-a2", "host-b1", "host-b2"), True), addresses=frozenset([("vcenter.example.com", 443)]),
    ),
    compute_host={
        "versions": {"nova": "34.0.0", "oslo.vmware": "4.10.1", "urllib3": "2.8.0"},
        "peers": [{"host": "esxi-1", "port": 443, "addresses": ["192.0.2.31"], "reachable": True, "error": None}],
        "openstack": [
            {"service": name, "target": f"{name}.example.com", "computes": ["vc1-a", "vc1-b"], "problem": None, "error": None,
             "clock_skew_seconds": 0.1 if name == "keystone" else None}
            for name in ("broker", "keystone", "placement", "neutron", "glance")
        ],
        "clock_skew_seconds": 0.4,
        "compute_ids": [{"state_path": f"/var/lib/nova/vc1-{letter}", "compute_id": True} for letter in "ab"],
    },
    images=(image(),),
    api_conf=NovaConf("[DEFAULT]\nallow_resize_to_same_host = true"),
    zones={"az-a": ["vc1-a"], "az-b": ["vc1-b"]},
    server_groups=(ServerGroup("soft", ("uuid-1",), None), ServerGroup("strict", ("uuid-elsewhere",), 1)),
    pulls=True,
    glance_certificate_expires=NEXT_YEAR,
)  # fmt: skip


def first(**changes):
    """Gives the healthy facts with another first service."""
    return replace(HEALTHY, services=(replace(HEALTHY.services[0], **changes), HEALTHY.services[1]))


def option(text, without=()):
    """Gives the healthy facts with other options of the first service."""
    return first(conf=conf("a", text, without))


def in_cluster(hosts=None, stores=None, **changes):
    """Gives the healthy facts with another first cluster: changed properties, hosts by a function, datastores by a function."""
    old = HEALTHY.services[0].hypervisor
    new = vc.hypervisor(
        replace(old.cluster, **changes),
        "^nova-",
        {one.moid: hosts(one) if hosts else one for one in old.hosts},
        {one.moid: stores(one) if stores else one for one, _reason in old.verdicts},
        "uuid",
    )
    return first(hypervisor=new)


def vcenter(**changes):
    return replace(HEALTHY, vcenter=replace(HEALTHY.vcenter, **changes))


def compute_host(**changes):
    return replace(HEALTHY, compute_host={**HEALTHY.compute_host, **changes})


def only_first(one, **changes):
    """Changes the host or datastore whose name ends in ``a1`` or ``a``; gives others as they are."""
    return replace(one, **changes) if one.moid in ("host-a1", "datastore-a") else one


def unusable(code):
    return replace(
        HEALTHY, vcenter=None, login_error=(code, "why"),
        services=tuple(replace(one, hypervisor=None, caches=None, record={**one.record, "state": "down"}) for one in HEALTHY.services),
    )  # fmt: skip


def peer(**changes):
    return compute_host(peers=[{**HEALTHY.compute_host["peers"][0], "error": "why", **changes}])


def tried(name, problem, more=(), **changes):
    """Gives the healthy facts with a broker or API that has a problem, and more entries."""
    found = [{**one, "problem": problem, "error": "why", **changes} if one["service"] == name else one for one in HEALTHY.compute_host["openstack"]]
    return compute_host(openstack=[*found, *more])


BROKER = HEALTHY.compute_host["openstack"][0]


# id of the rule -> (facts that break it, a part of the evidence, ids of other rules that the same facts must break).
BROKEN = {
    "COMPUTE_DRIVER_WRONG": (option("[DEFAULT]\ncompute_driver = libvirt.LibvirtDriver"), "libvirt.LibvirtDriver"),
    "REQUIRED_OPTION_UNSET": (option("[vmware]\nhost_username ="), "[vmware]host_username"),
    "OPTION_INVALID": (option("[vmware]\npbm_enabled = maybe"), "[vmware]pbm_enabled: 'maybe' is no boolean"),
    "OPTION_UNKNOWN": (option("[vmware]\nwsdl_location = https://vc/sdk"), "[vmware]wsdl_location"),
    "HOST_IP_DIFFERS": (option("[vmware]\nhost_ip = other.example.com"), "'other.example.com'"),
    "PBM_ENABLED": (option("[vmware]\npbm_enabled = true"), "AttributeError"),
    "PBM_VCENTER_VERSION": (
        replace(option("[vmware]\npbm_enabled = yes"), vcenter=replace(HEALTHY.vcenter, version="9.0.0")), "9.0.0", "PBM_ENABLED",
    ),
    "CONFIG_DRIVE_FORCED": (option("[DEFAULT]\nforce_config_drive = True"), "force_config_drive"),
    "GLANCE_SIGNATURES_VERIFIED": (option("[glance]\nverify_glance_signatures = 1"), "verify_glance_signatures"),
    "INTEGRATION_BRIDGE_SET": (option("[vmware]\nintegration_bridge = br-int"), "br-int"),
    "LOCK_PATH_UNSET": (option("", without=["lock_path"]), "RequiredOptError"),
    "SHARED_CACHE_AGED": (option("[image_cache]\nremove_unused_base_images = true\nmanager_interval = 2400"), "cache_prefix is 'vc1'"),
    "CACHE_FOLDER_UNPINNED": (
        option("[image_cache]\nremove_unused_base_images = true", without=["my_ip", "cache_prefix"]), "my_ip", "CACHE_FOLDERS_DIFFER",
    ),
    "DATASTORE_REGEX_UNSET": (first(datastore_regex=None), "live migration"),
    "DATASTORE_REGEX_INVALID": (first(datastore_regex="("), "'('"),
    "VNC_ENABLED": (option("", without=["enabled"]), "[vnc]enabled"),
    "TLS_NOT_VERIFIED": (option("[vmware]\ninsecure = true", without=["ca_file"]), "insecure"),
    "RESIZE_TO_SAME_HOST_OFF": (replace(HEALTHY, api_conf=NovaConf("")), "allow_resize_to_same_host"),
    "HOST_NOT_UNIQUE": (first(host="vc1-b"), "'vc1-b'"),
    "STATE_PATH_SHARED": (option("[DEFAULT]\nstate_path = /var/lib/nova/vc1-b"), "/var/lib/nova/vc1-b"),
    "CLUSTER_DRIVEN_TWICE": (first(hypervisor=HEALTHY.services[1].hypervisor), "/dc1/host/cluster-b"),
    "CACHE_FOLDERS_DIFFER": (option("[vmware]\ncache_prefix = other"), "on 'nova-shared' 'vc1-a' caches in 'other_base', 'vc1-b' in 'vc1_base'"),
    "CLUSTERS_NOT_ISOLATED": (first(record={**HEALTHY.services[0].record, "availability_zone": "az-b"}), "'az-b' has also 'vc1-b'"),
    "OPENSTACK_UNUSABLE": (replace(HEALTHY, openstack_error=("OPENSTACK_UNAUTHORIZED", "refused.")), "OPENSTACK_UNAUTHORIZED: refused"),
    "STRICT_SERVER_GROUP": (replace(HEALTHY, server_groups=(ServerGroup("web", ("uuid-1", "uuid-2"), 1),)), "'web'"),
    "VCENTER_UNUSABLE": (unusable("CONNECTION_FAILED"), "why"),
    "CERTIFICATE_NOT_TRUSTED": (unusable("CERTIFICATE_NOT_TRUSTED"), "why"),
    "INVALID_LOGIN": (unusable("INVALID_LOGIN"), "why"),
    "SERVICE_UP_WITHOUT_VCENTER": (
        replace(unusable("CONNECTION_FAILED"), services=(replace(HEALTHY.services[0], hypervisor=None, caches=None),)),
        "up and enabled", "VCENTER_UNUSABLE",
    ),
    "SERVICE_AUTO_DISABLED": (
        first(record={**HEALTHY.services[0].record, "status": "disabled", "disabled_reason": "set by vmwareapi host_state"}), "host_state",
    ),
    "CERTIFICATE_ENDS_SOON": (vcenter(certificate_expires=SOON), "in 10 days"),
    "PRIVILEGES_MISSING": (vcenter(missing_privileges={"datastore nova-a": ["Datastore.Browse"]}), "lacks Datastore.Browse"),
    "CLUSTER_NOT_FOUND": (first(hypervisor=None, hypervisor_error=("CLUSTER_NOT_FOUND", "no such cluster")), "no such cluster"),
    "CLUSTER_AMBIGUOUS": (first(hypervisor=None, hypervisor_error=("CLUSTER_AMBIGUOUS", "two of them")), "two of them"),
    "NO_USABLE_HOST": (in_cluster(hosts=lambda one: replace(one, maintenance=True)), "2 hosts", "HOST_IN_MAINTENANCE"),
    "HOST_IN_MAINTENANCE": (in_cluster(hosts=lambda one: only_first(one, maintenance=True)), "maintenance"),
    "HOST_DISCONNECTED": (in_cluster(hosts=lambda one: only_first(one, connection_state="notResponding")), "notResponding"),
    "DRS_OFF": (in_cluster(drs_behavior="manual"), "DRS is manual"),
    "DRS_PARTIALLY_AUTOMATED": (in_cluster(drs_behavior="partiallyAutomated"), "partiallyAutomated"),
    "HA_OFF": (in_cluster(ha_enabled=False), "HA is off"),
    "HA_ADMISSION_CONTROL_OFF": (in_cluster(ha_admission_control=False), "no room"),
    "HA_CAPACITY_NOT_RESERVED": (option("[DEFAULT]\nreserved_host_memory_mb = 0"), "131072 MiB"),
    "CLUSTER_HAS_SERVERS": (first(new=True), "web (1)"),
    "HOST_WITHOUT_NTP": (vcenter(hosts={**HEALTHY.vcenter.hosts, "host-a1": HostDetails(NEXT_YEAR, (), True)}), "no NTP server"),
    "HOST_CERTIFICATE_ENDS_SOON": (vcenter(hosts={**HEALTHY.vcenter.hosts, "host-a1": HostDetails(SOON, ("ntp",), True)}), "in 10 days"),
    "PULL_VCENTER_VERSION": (vcenter(version="6.5.0"), "it is 6.5.0"),
    "PULL_FIREWALL_CLOSED": (vcenter(firewalls={"host-a1": False}), "the ruleset httpClient is closed"),
    "GLANCE_CERTIFICATE_ENDS_SOON": (replace(HEALTHY, glance_certificate_expires=SOON), "in 10 days"),
    "NO_USABLE_DATASTORE": (in_cluster(stores=lambda one: replace(one, name="other")), "does not match"),
    "DATASTORE_REGEX_FOREIGN": (vcenter(vms=(Vm("legacy", None, "resgroup-a", ("datastore-a",)),)), "legacy"),
    "DATASTORE_NOT_ON_ALL_HOSTS": (in_cluster(stores=lambda one: only_first(one, mounts={"host-a2": True})), "esxi-host-a1"),
    "VSAN_NEEDS_STREAM_OPTIMIZED": (
        replace(in_cluster(stores=lambda one: replace(one, type="vsan")), images=(image(hw_disk_type="sparse"),)), "ubuntu",
    ),
    "CACHE_ENTRY_BROKEN": (first(caches={"nova-a": [entry(("no extent",))]}), "no extent"),
    "CACHE_FOLDER_EMPTY": (first(caches={"nova-a": [entry(("no image",), disk_format=None)]}), "no image"),
    "OSLO_VMWARE_HANGS": (compute_host(versions={"oslo.vmware": "4.9.0", "urllib3": "2.2.3"}), "4.9.0 with urllib3 2.2.3"),
    "OSLO_VMWARE_NEEDS_EVENTLET": (
        compute_host(versions={"nova": "34.0.0", "oslo.vmware": "4.8.0", "urllib3": "1.26.18"}), "oslo.vmware 4.8.0 imports eventlet, Nova 34.0.0",
    ),
    "NAME_NOT_RESOLVED": (peer(addresses=[], reachable=False), "why"),
    "HOST_UNREACHABLE": (peer(reachable=False), "why"),
    "CLOCK_SKEW": (compute_host(clock_skew_seconds=-95.0), "95 seconds behind"),
    "BROKER_UNREACHABLE": (tried("broker", "unreachable"), "why (needed by 'vc1-a', 'vc1-b')"),
    "BROKER_HOST_DOWN": (tried("broker", "unreachable", [{**BROKER, "target": "second"}]), "why"),
    "BROKER_LOGIN_REFUSED": (tried("broker", "login"), "why"),
    "BROKER_CERTIFICATE_NOT_TRUSTED": (tried("broker", "certificate"), "why"),
    "KEYSTONE_UNREACHABLE": (tried("keystone", "answer"), "why"),
    "KEYSTONE_LOGIN_REFUSED": (tried("keystone", "login"), "why"),
    "API_CERTIFICATE_NOT_TRUSTED": (tried("neutron", "certificate"), "why"),
    "PLACEMENT_UNUSABLE": (tried("placement", "login"), "why"),
    "NEUTRON_UNUSABLE": (tried("neutron", "missing"), "why"),
    "GLANCE_UNUSABLE": (tried("glance", "unreachable"), "why"),
    "KEYSTONE_CLOCK_SKEW": (tried("keystone", None, error=None, clock_skew_seconds=300.0), "300 seconds ahead of that of Keystone"),
    "COMPUTE_ID_MISSING": (compute_host(compute_ids=[{"state_path": "/var/lib/nova/vc1-a", "compute_id": False}]), "/var/lib/nova/vc1-a/compute_id"),
    "IMAGE_OVA": (replace(HEALTHY, images=(image(container_format="ova"),)), "container_format is ova"),
    "IMAGE_OS_DISTRO": (replace(HEALTHY, images=(image(os_distro="ubuntu"),)), "os_distro ubuntu"),
    "IMAGE_CONFIG_DRIVE": (replace(HEALTHY, images=(image(img_config_drive="mandatory"),)), "img_config_drive"),
    "IMAGE_NOT_BOOTABLE": (replace(HEALTHY, images=(image(disk_format="qcow2"),)), "disk_format qcow2"),
    "CINDER_IGNORES_LOCATION": (replace(HEALTHY, vsphere_locations=("ubuntu",)), "vsphere://"),
}  # fmt: skip


def test_healthy_facts_pass_every_rule():
    result = judge.judge(HEALTHY)
    assert result["findings"] == []
    assert result["not_checked"] == []
    assert result["passed"] == [rule.id for rule in RULES]


def test_every_rule_is_broken_here():
    assert sorted(BROKEN) == sorted(rule.id for rule in RULES)


@pytest.mark.parametrize("rule_id", BROKEN)
def test_rule_speaks_up_alone(rule_id):
    facts, evidence, *also = BROKEN[rule_id]
    result = judge.judge(facts)
    assert {one["id"] for one in result["findings"]} == {rule_id, *also}
    (mine, *_others) = [one for one in result["findings"] if one["id"] == rule_id]
    assert evidence in mine["evidence"], mine
    assert mine["severity"] in SEVERITIES
    assert mine["object"] and mine["hint"] and mine["source"]
    (rule,) = [rule for rule in RULES if rule.id == rule_id]
    assert mine["vcenter"] == (None if rule.site else "vc1") and ("'vc1'" in mine["evidence"] or rule.site)
    assert not mine["evidence"].endswith(".") and ".." not in mine["evidence"], "messages add a period"
    assert rule_id not in result["passed"]


def test_rules_on_pulls_are_judged_where_a_pull_is_wanted():
    closed = vcenter(version="6.5.0", firewalls={"host-a1": False})
    result = judge.judge(replace(closed, pulls=False, glance_certificate_expires=SOON))
    assert result["findings"] == []
    assert {one["id"] for one in result["not_checked"]} == {"PULL_VCENTER_VERSION", "PULL_FIREWALL_CLOSED", "GLANCE_CERTIFICATE_ENDS_SOON"}
    assert all("option pulls" in one["reason"] for one in result["not_checked"])


def test_nothing_known_passes_nothing():
    result = judge.judge(Facts(services=(Service("x", None, None),)))
    assert result["findings"] == [] and result["passed"] == []
    assert {one["id"] for one in result["not_checked"]} == {rule.id for rule in RULES}
    assert all(one["reason"] for one in result["not_checked"])


def test_a_rule_names_the_services_that_it_does_not_know():
    facts = first(conf=None)
    (missed,) = [one for one in judge.judge(facts)["not_checked"] if one["id"] == "PBM_ENABLED"]
    assert missed["objects"] == ["vc1-a"]
    assert "nova.conf was not given" in missed["reason"]


@pytest.mark.parametrize(
    "versions, hangs",
    [
        ({"oslo.vmware": "4.10.0", "urllib3": "2.0.0"}, False),
        ({"oslo.vmware": "4.9.0", "urllib3": "1.26.18"}, False),
        ({"oslo.vmware": "4.9.0"}, True),
        ({"oslo.vmware": "3.10.0", "urllib3": "2.0.0"}, True),
    ],
)
def test_versions_that_hang(versions, hangs):
    found = {one["id"] for one in judge.judge(compute_host(versions=versions))["findings"]}
    assert found == ({"OSLO_VMWARE_HANGS"} if hangs else set())


@pytest.mark.parametrize(
    "versions, backend, ends",
    [
        ({"nova": "34.0.0", "oslo.vmware": "4.9.0"}, "", False),
        ({"nova": "33.0.2", "oslo.vmware": "4.8.0"}, "", False),
        ({"nova": "34.0.0", "oslo.vmware": "4.8.0"}, "[DEFAULT]\nconcurrency_backend = eventlet", False),
        ({"nova": "34.0.0", "oslo.vmware": "4.8.0"}, "[DEFAULT]\nconcurrency_backend = threading", True),
    ],
)
def test_versions_that_need_eventlet(versions, backend, ends):
    services = tuple(replace(one, conf=conf(letter, backend)) for one, letter in zip(HEALTHY.services, "ab"))
    facts = replace(compute_host(versions={**versions, "urllib3": "1.26.18"}), services=services)
    assert {one["id"] for one in judge.judge(facts)["findings"]} == ({"OSLO_VMWARE_NEEDS_EVENTLET"} if ends else set())


@pytest.mark.parametrize(
    "older, aged",
    [
        ("remove_unused_base_images = false", False),
        ("image_cache_manager_interval = -1", False),
        ("remove_unused_base_images = true\nimage_cache_manager_interval = 60", True),
    ],
)
def test_ageing_by_its_older_names(older, aged):
    """Nova still takes the names that these options had in [DEFAULT]."""
    facts = first(conf=conf("a", f"[DEFAULT]\n{older}", without=["remove_unused_base_images", "manager_interval"]))
    found = [one for one in judge.judge(facts)["findings"] if one["id"] == "SHARED_CACHE_AGED"]
    assert len(found) == aged
    assert not aged or "[DEFAULT]image_cache_manager_interval is 60" in found[0]["evidence"]


@pytest.mark.parametrize(
    "group, zones, members",
    [
        (ServerGroup("web", ("uuid-1",), 1), {"az-a": ["vc1-a", "kvm-1"]}, False),
        (ServerGroup("web", ("uuid-1",), 2), HEALTHY.zones, False),
        (ServerGroup("web", ("uuid-1",), 1), HEALTHY.zones, True),
    ],
)
def test_when_a_strict_group_finds_no_host(group, zones, members):
    facts = replace(HEALTHY, server_groups=(group,), zones=zones)
    assert [one["id"] for one in judge.judge(facts)["findings"]] == (["STRICT_SERVER_GROUP"] if members else [])


def test_of_two_brokers_each_compute_needs_one():
    """A host of the broker that works is no help to a nova-compute that does not name it."""
    facts = tried("broker", "unreachable", [{**BROKER, "computes": ["vc1-b"]}])
    assert [one["id"] for one in judge.judge(facts)["findings"]] == ["BROKER_UNREACHABLE"]


def test_what_was_not_tried_is_not_judged():
    facts = tried("broker", "unknown", error="only RabbitMQ is checked")
    result = judge.judge(facts)
    assert result["findings"] == []
    assert {one["reason"] for one in result["not_checked"]} == {"only RabbitMQ is checked"}
    assert {one["id"] for one in result["not_checked"]} == {
        "BROKER_UNREACHABLE", "BROKER_HOST_DOWN", "BROKER_LOGIN_REFUSED", "BROKER_CERTIFICATE_NOT_TRUSTED",
    }  # fmt: skip


def test_a_cluster_of_one_host_needs_neither_drs_nor_ha():
    old = HEALTHY.services[0].hypervisor
    lone = replace(old, cluster=replace(old.cluster, hosts=old.cluster.hosts[:1], drs_enabled=False, ha_enabled=False), hosts=old.hosts[:1])
    assert judge.judge(first(hypervisor=lone))["findings"] == []


def test_a_rule_of_one_driver_says_nothing_of_another():
    """Neither judged nor missed: on the nova-compute of another driver it is no question."""
    ours = {rule.id for rule in RULES if rule.driver == "vc"}
    assert {"DRS_OFF", "HA_OFF", "CLUSTER_NOT_FOUND", "CLUSTER_DRIVEN_TWICE"} <= ours
    off = BROKEN["DRS_OFF"][0]
    other = judge.judge(replace(off, services=tuple(replace(one, driver="made_up", hypervisor=replace(one.hypervisor, cluster=None)) for one in off.services)))
    assert other["findings"] == [] and other["not_checked"] == []
    assert set(other["passed"]) == {rule.id for rule in RULES} - ours


def test_a_rule_of_one_driver_is_not_missed_for_another():
    result = judge.judge(Facts(services=(Service("x", None, None, driver="made_up"), Service("y", None, None))))
    assert {one["id"] for one in result["not_checked"]} == {rule.id for rule in RULES}
    for one in result["not_checked"]:
        (rule,) = [rule for rule in RULES if rule.id == one["id"]]
        assert one["objects"] == ([] if rule.scope == "all" else ["y"] if rule.driver == "vc" else ["x", "y"])


def test_every_rule_is_in_the_table():
    """A rule that is written, and forgotten there, would never be judged."""
    subjects = [importlib.import_module(f"{rules.__name__}.{module.name}") for module in pkgutil.iter_modules(rules.__path__)]
    written = [one for subject in subjects for one in vars(subject).values() if isinstance(one, Rule)]
    assert sorted(one.id for one in written) == sorted(rule.id for rule in RULES)
