# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""compute_check on a vCenter on which everything is broken (lab/scenarios/broken.yml), and on one that is healthy."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import socketserver
import ssl
import subprocess
import sys
import threading

import pytest
import yaml
from conftest import LAB, ROOT
from healthy_conf import nova_conf
from labctl import base
from pyVim.connect import Disconnect, SmartConnect
from simulated import NO_HOSTS, VCenter, call

SCENARIOS = ROOT / "lab" / "scenarios"
USER, PASSWORD = "nova@vsphere.local", "lab-only"
ADMIN = "administrator@vsphere.local"

# What is broken in nova.conf: name of the service, which is its cluster's -> options. All other services are healthy in this.
OPTIONS = {
    "healthy": """
        [DEFAULT]
        compute_driver = libvirt.LibvirtDriver
        force_config_drive = true
        reserved_host_memory_mb = 512
        [vmware]
        host_username =
        pbm_enabled = true
        integration_bridge = br-int
        insecure = true
        ca_file =
        [glance]
        verify_glance_signatures = true
        [oslo_concurrency]
        lock_path =
        [image_cache]
        remove_unused_base_images = true
        manager_interval = 2400
        [vnc]
        enabled = true
    """,
    "drs-manual": "[vmware]\ncache_prefix = other\nwsdl_location = https://127.0.0.1/sdk",
    "regex-nothing": "[vmware]\nhost_ip = 127.1.9.71",
    "stores-ill": "[DEFAULT]\nreserved_host_memory_mb = all",
    "drs-partial": "[DEFAULT]\nhost = ha-off\nstate_path = /nowhere/ha-off",
    "hosts-ill": "[DEFAULT]\nmy_ip =\n[vmware]\ncache_prefix =\n[image_cache]\nremove_unused_base_images = true",
    "ha-open": "[vmware]\ndatastore_regex =",
    "twice": "[vmware]\ndatastore_regex = (",
}
# Rule -> what it speaks up about on the broken vCenter. Each rule that is named nowhere else must be here; nothing else may be found.
EXPECTED = {
    "COMPUTE_DRIVER_WRONG": {"healthy"},
    "REQUIRED_OPTION_UNSET": {"healthy"},
    "OPTION_INVALID": {"stores-ill"},
    "OPTION_UNKNOWN": {"drs-manual"},
    "HOST_IP_DIFFERS": {"regex-nothing"},
    "PBM_ENABLED": {"healthy"},
    "PBM_VCENTER_VERSION": {"healthy"},
    "CONFIG_DRIVE_FORCED": {"healthy"},
    "GLANCE_SIGNATURES_VERIFIED": {"healthy"},
    "INTEGRATION_BRIDGE_SET": {"healthy"},
    "LOCK_PATH_UNSET": {"healthy"},
    "SHARED_CACHE_AGED": {"healthy"},
    "VNC_ENABLED": {"healthy"},
    "TLS_NOT_VERIFIED": {"healthy"},
    "HA_CAPACITY_NOT_RESERVED": {"healthy", "stores-ill"},
    "CLUSTER_HAS_SERVERS": {"healthy"},
    "CACHE_FOLDER_UNPINNED": {"hosts-ill"},
    "DATASTORE_REGEX_UNSET": {"ha-open"},
    "DATASTORE_REGEX_INVALID": {"twice"},
    "RESIZE_TO_SAME_HOST_OFF": {"nova-api"},
    "HOST_NOT_UNIQUE": {"drs-partial", "ha-off"},
    "STATE_PATH_SHARED": {"drs-partial", "ha-off"},
    "CACHE_FOLDERS_DIFFER": {"drs-manual", "hosts-ill"},
    "CLUSTER_DRIVEN_TWICE": {"ha-off", "ha-off-again"},
    "CERTIFICATE_ENDS_SOON": {"vcenter"},
    "CLUSTER_NOT_FOUND": {"nowhere"},
    "CLUSTER_AMBIGUOUS": {"twice"},
    "NO_USABLE_HOST": {"/dc1/host/hosts-out"},
    "HOST_IN_MAINTENANCE": {"127.1.9.51"},
    "HOST_DISCONNECTED": {"127.1.9.52"},
    "DRS_OFF": {"/dc1/host/drs-manual"},
    "DRS_PARTIALLY_AUTOMATED": {"/dc1/host/drs-partial"},
    "HA_OFF": {"/dc1/host/ha-off"},
    "HA_ADMISSION_CONTROL_OFF": {"/dc1/host/ha-open"},
    "HOST_WITHOUT_NTP": {"127.1.9.61"},
    "HOST_CERTIFICATE_ENDS_SOON": {"127.1.9.62"},
    "NO_USABLE_DATASTORE": {"/dc1/host/regex-nothing"},
    "DATASTORE_REGEX_FOREIGN": {"nova-foreign"},
    "DATASTORE_NOT_ON_ALL_HOSTS": {"nova-one-host"},
    "CACHE_ENTRY_BROKEN": {"[nova-foreign] 11111111-1111-4111-8111-111111111111"},
    "CACHE_FOLDER_EMPTY": {"[nova-foreign] 22222222-2222-4222-8222-222222222222"},
    "OSLO_VMWARE_HANGS": {"compute host"},
    "OSLO_VMWARE_NEEDS_EVENTLET": None,  # each of them
    "NAME_NOT_RESOLVED": {"esxi-01.invalid"},
    "HOST_UNREACHABLE": {"peer"},
    "CLOCK_SKEW": {"compute host"},
    "COMPUTE_ID_MISSING": {"drs-manual"},
}
PRIVILEGES = {"PRIVILEGES_MISSING"}
LOGIN = {"VCENTER_UNUSABLE", "CERTIFICATE_NOT_TRUSTED", "INVALID_LOGIN"}
# What needs Nova or Glance is broken in test_broken_images and in tests/unit.
OPENSTACK = {"OPENSTACK_UNUSABLE", "SERVICE_UP_WITHOUT_VCENTER", "SERVICE_AUTO_DISABLED", "CLUSTERS_NOT_ISOLATED", "STRICT_SERVER_GROUP"}
# Of what nova-compute needs besides its vCenter; below, on the lab's services.
REACH = {
    "BROKER_UNREACHABLE", "BROKER_HOST_DOWN", "BROKER_LOGIN_REFUSED", "BROKER_CERTIFICATE_NOT_TRUSTED", "KEYSTONE_UNREACHABLE", "KEYSTONE_LOGIN_REFUSED",
    "API_CERTIFICATE_NOT_TRUSTED", "PLACEMENT_UNUSABLE", "NEUTRON_UNUSABLE", "GLANCE_UNUSABLE", "KEYSTONE_CLOCK_SKEW",
}  # fmt: skip
# Where hosts are to fetch images. The certificate of Glance ends in tests/unit.
PULLS = {"PULL_VCENTER_VERSION", "PULL_FIREWALL_CLOSED", "GLANCE_CERTIFICATE_ENDS_SOON"}
IMAGES = {"VSAN_NEEDS_STREAM_OPTIMIZED", "IMAGE_OVA", "IMAGE_OS_DISTRO", "IMAGE_CONFIG_DRIVE", "IMAGE_NOT_BOOTABLE", "CINDER_IGNORES_LOCATION"}


def services(port):
    """Gives the services of the broken vCenter on this port with a nova.conf each."""
    server = {"state_path": "/nowhere", "host_ip": "127.0.0.1", "host_port": port}
    clusters = [cluster["name"] for cluster in yaml.safe_load((SCENARIOS / "broken.yml").read_text(encoding="utf-8"))["datacenters"][0]["clusters"]]
    found = []
    for name in [*clusters, "nowhere"]:
        changes = "\n".join(line.strip() for line in OPTIONS.get(name, "").splitlines())
        found.append({"name": name, "nova_conf": nova_conf(name, **server) + changes, "new": name == "healthy"})
    found.append({"name": "ha-off-again", "nova_conf": nova_conf("ha-off-again", **server), "cluster_name": "ha-off"})
    return found


class Doctor:
    """A simulated vCenter, and modules of the collection on it."""

    def __init__(self, vcenter):
        self.vcenter = vcenter
        self.connection = vcenter.connection
        self.server = f"127.0.0.1:{vcenter.port}"

    def check(self, **options):
        return call("compute_check", **{"fail_on": "never", **self.connection, **options})

    def methods(self):
        """Gives the names of all SOAP calls up to now."""
        return [one["method"] for one in self.vcenter.requests() if one.get("method")]


@contextlib.contextmanager
def simulator(setup, folder, days):
    """Runs a simulator with a certificate that is good for so many days."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
         "-days", str(days), "-subj", "/CN=vcsim", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    with VCenter(folder, setup, NO_HOSTS, (certificate, key, certificate)) as vcenter:
        yield Doctor(vcenter)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """The broken vCenter, with two broken entries in an image cache."""
    setup = yaml.safe_load((SCENARIOS / "broken.yml").read_text(encoding="utf-8"))
    with simulator(setup, tmp_path_factory.mktemp("broken"), days=10) as doctor:
        cache = doctor.vcenter.datastores / "nova-foreign" / "vc1_base"
        (cache / ("1" * 8 + "-1111-4111-8111-" + "1" * 12)).mkdir(parents=True)
        (cache / "11111111-1111-4111-8111-111111111111" / "11111111-1111-4111-8111-111111111111.vmdk").write_text("# Disk", encoding="utf-8")
        (cache / "22222222-2222-4222-8222-222222222222").mkdir()
        yield doctor


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """The demo's vCenter without its machines that are not Nova's."""
    setup = yaml.safe_load((SCENARIOS / "demo.yml").read_text(encoding="utf-8"))
    del setup["datacenters"][0]["vms"]
    setup["vcenter"].update(username=USER, password=PASSWORD, accounts=[{"username": ADMIN, "password": PASSWORD}])
    with simulator(setup, tmp_path_factory.mktemp("healthy"), days=365) as doctor:
        yield doctor


def by_rule(result, doctor, peer=""):
    """Gives ``{rule: objects}``, with addresses that change from run to run replaced by a word."""
    found = {}
    words = {doctor.server: "vcenter", peer: "peer"}
    for one in result["findings"]:
        found.setdefault(one["id"], set()).add(words.get(one["object"], one["object"]))
    return found


def test_each_rule_is_caught_and_none_falsely(broken):
    closed = base.free_port()
    host = call(
        "compute_host_info", vcenter={"host": "127.0.0.1", "port": broken.vcenter.port}, esxi_hosts=["esxi-01.invalid", "127.0.0.1"], esxi_port=closed,
        state_paths=["/nowhere/drs-manual"], timeout=2, python=sys.executable,
    )["compute_host"]  # fmt: skip
    # No release that hangs, or that Nova's threads forbid, is installed for this.
    host["versions"].update({"nova": "34.0.0", "oslo.vmware": "4.8.0", "urllib3": "2.2.3"})
    before = len(broken.methods())
    result = broken.check(services=services(broken.vcenter.port), vcenter="vc-broken", compute_host=host, api_nova_conf="[DEFAULT]\n")
    for one in result["findings"]:
        print(f"{one['severity']:8}{one['id']:30}{one['object']}: {one['evidence']}")
    each = {one["name"] for one in services(broken.vcenter.port)}
    assert by_rule(result, broken, f"127.0.0.1:{closed}") == {**EXPECTED, "OSLO_VMWARE_NEEDS_EVENTLET": each}
    assert {one["vcenter"] for one in result["findings"]} == {"vc-broken", None}
    assert {one["id"] for one in result["not_checked"]} >= OPENSTACK | IMAGES | REACH | PULLS
    assert set(EXPECTED) | set(result["passed"]) | {one["id"] for one in result["not_checked"]} == all_rules()
    asked = broken.methods()[before:]
    assert not set(asked) - {
        "Login", "Logout", "RetrieveServiceContent", "RetrievePropertiesEx", "Fetch", "CurrentTime", "HasPrivilegeOnEntities", "SearchDatastoreSubFolders_Task",
    }, "it changes nothing"  # fmt: skip


def all_rules():
    """Gives the ids of all rules, as a check without any facts names them."""
    return {one["id"] for one in call("compute_check", services=[{"cluster_name": "nothing-is-known"}])["not_checked"]}


def test_every_rule_is_broken_somewhere():
    assert all_rules() == set(EXPECTED) | PRIVILEGES | LOGIN | OPENSTACK | IMAGES | REACH | PULLS


def test_it_fails_on_errors_and_still_tells_all(broken):
    """As Ansible shows it."""
    done = subprocess.run(
        [LAB / "venv" / "bin" / "ansible", "localhost", "-m", "openstack_vmware.nova.compute_check", "-a",
         json.dumps({"services": [{"cluster_name": "nowhere"}], **broken.connection})],
        cwd=ROOT, env={**os.environ, "ANSIBLE_CONFIG": str(LAB / "ansible.cfg"), "NO_COLOR": "1"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode != 0, done.stdout[-3000:]
    result = json.loads(done.stdout[done.stdout.index("=> {") + 3 :])
    assert result["error_code"] == "CHECK_FAILED"
    assert [one["id"] for one in result["findings"] if one["severity"] == "error"] == ["CLUSTER_NOT_FOUND"]


@pytest.mark.parametrize(
    "options, rule",
    [
        ({"password": "not-this-one"}, "INVALID_LOGIN"),
        ({"ca_path": "/etc/ssl/certs/ca-certificates.crt"}, "CERTIFICATE_NOT_TRUSTED"),
        ({"port": 1}, "VCENTER_UNUSABLE"),
    ],
)
def test_a_vcenter_that_cannot_be_used(broken, options, rule):
    result = broken.check(services=[{"cluster_name": "healthy"}], **options)
    assert [one["id"] for one in result["findings"]] == [rule]
    assert "DRS_OFF" in {one["id"] for one in result["not_checked"]}


def two(doctor):
    """Gives the services of the healthy vCenter."""
    server = {"state_path": "/nowhere", "host_ip": "127.0.0.1", "host_port": doctor.vcenter.port}
    return [{"name": name, "nova_conf": nova_conf(name, **server), "new": True} for name in ("cluster-a", "cluster-b")]


def test_a_healthy_vcenter_has_no_finding(healthy):
    port = healthy.vcenter.port
    host = call("compute_host_info", vcenter={"host": "127.0.0.1", "port": port}, esxi_hosts=["127.0.0.1"], esxi_port=port)
    host["compute_host"]["versions"].update({"nova": "34.0.0", "oslo.vmware": "4.10.1", "urllib3": "2.8.0"})
    result = healthy.check(
        services=two(healthy), compute_host=host["compute_host"], api_nova_conf="[DEFAULT]\nallow_resize_to_same_host = true", fail_on="info"
    )
    assert result["findings"] == []
    assert set(result["passed"]) == all_rules() - OPENSTACK - IMAGES - REACH - PULLS - {"COMPUTE_ID_MISSING"}


def test_what_keeps_hosts_from_fetching_images(tmp_path):
    setup = yaml.safe_load((SCENARIOS / "demo.yml").read_text(encoding="utf-8"))
    setup["vcenter"]["version"] = "6.5.0"
    hosts = [host for cluster in setup["datacenters"][0]["clusters"] for host in cluster["hosts"]]
    with simulator(setup, tmp_path, days=365) as doctor:
        asked = {"services": two(doctor), "openstack": {"cloud": "lab"}, "fail_on": "never"}
        found = by_rule(doctor.check(pulls=True, **asked), doctor)
        assert {rule: found.get(rule) for rule in PULLS} == {
            "PULL_VCENTER_VERSION": {"vcenter"},
            "PULL_FIREWALL_CLOSED": {host["name"] for host in hosts},
            "GLANCE_CERTIFICATE_ENDS_SOON": None,
        }
        assert not PULLS & set(by_rule(doctor.check(**asked), doctor)), "of no interest where nobody fetches"


def test_the_role_is_all_that_the_account_needs(healthy):
    """The account gets a poor role, then the role of the module."""
    options = {**healthy.connection, "username": ADMIN, "principal": USER, "datacenters": ["dc1"]}
    role = call("vsphere_role", **options)
    assert role["changed"] and role["role"]["changed"] and [grant["changed"] for grant in role["grants"]] == [True, True]
    assert not call("vsphere_role", **options)["changed"]
    assert healthy.check(services=two(healthy), fail_on="error")["counts"]["error"] == 0
    impoverish(healthy, "OpenStack Nova", ["Datastore.Browse"])
    poor = healthy.check(services=two(healthy))
    missing = {one["object"]: one["evidence"] for one in poor["findings"] if one["id"] == "PRIVILEGES_MISSING"}
    assert missing["datastore nova-a1"] == (f"'{USER}' lacks Datastore.AllocateSpace, Datastore.DeleteFile, Datastore.FileManagement (vCenter '127.0.0.1')")
    assert {"the root folder", "VM folder of dc1", "root resource pool of /dc1/host/cluster-a", "network VM Network"} <= set(missing)
    mended = call("vsphere_role", **options)
    assert mended["role"]["changed"] and not any(grant["changed"] for grant in mended["grants"])
    assert healthy.check(services=two(healthy), fail_on="error")["counts"]["error"] == 0


def impoverish(doctor, name, privileges):
    """Leaves a role these privileges only, as somebody would by hand."""
    instance = SmartConnect(
        host="127.0.0.1", port=doctor.vcenter.port, user=ADMIN, pwd=PASSWORD, sslContext=ssl.create_default_context(cafile=doctor.connection["ca_path"])
    )
    manager = instance.RetrieveContent().authorizationManager
    role = next(role for role in manager.roleList if role.name == name)
    manager.UpdateAuthorizationRole(roleId=role.roleId, newName=role.name, privIds=privileges)
    Disconnect(instance)


def test_cluster_settings_mend_drs_and_ha(broken):
    clusters = ["drs-manual", "drs-partial", "ha-off", "ha-open"]
    options = {**broken.connection, "clusters": clusters, "ha": {"enabled": True, "admission_control": True}}
    assert call("vsphere_cluster_settings", **options)["changed"]
    assert not call("vsphere_cluster_settings", **options)["changed"]
    result = broken.check(services=[{"cluster_name": name, "datastore_regex": "^nova-"} for name in clusters])
    assert not {one["id"] for one in result["findings"]} & {"DRS_OFF", "DRS_PARTIALLY_AUTOMATED", "HA_OFF", "HA_ADMISSION_CONTROL_OFF"}
    assert broken.methods().count("ReconfigureComputeResource_Task") == len(clusters)


def test_broken_images(lab, broken):
    """Real images of the lab's Glance; none has bytes."""
    properties = {
        "doctor-distro": {"os_distro": "ubuntu"},
        "doctor-drive": {"img_config_drive": "mandatory"},
        "doctor-ova": {"container_format": "ova", "hw_disk_type": "streamOptimized"},
    }
    made = [lab.cloud.image.create_image(**{"name": name, "disk_format": "vmdk", "container_format": "bare", **more}) for name, more in properties.items()]
    try:
        result = broken.check(services=[{"cluster_name": "vsan-only", "datastore_regex": "^nova-"}], images=list(properties), openstack={"cloud": "lab"})
    finally:
        for image in made:
            lab.cloud.image.delete_image(image.id)
    found = by_rule(result, broken)
    assert found == {
        "CERTIFICATE_ENDS_SOON": {"vcenter"},
        "VSAN_NEEDS_STREAM_OPTIMIZED": {"vsan-only"},
        "IMAGE_OS_DISTRO": {"doctor-distro"},
        "IMAGE_CONFIG_DRIVE": {"doctor-drive"},
        "IMAGE_OVA": {"doctor-ova"},
        "IMAGE_NOT_BOOTABLE": set(properties),  # they are queued
    }


@pytest.mark.usefixtures("demo")
def test_the_demo_is_healthy(lab):
    """On the running demo: nothing but what docs/checks.md says of it."""
    result = lab.module(
        "compute_check",
        services=[
            {"name": host, "cluster_name": cluster["cluster_name"], "datastore_regex": cluster["datastore_regex"]}
            for host, cluster in zip(lab.hosts, lab.variables["nova_vcdriver_computes"])
        ],
        images=["demo-sparse", "demo-stream"], openstack={"cloud": "lab"}, **lab.vcenter(),
    )  # fmt: skip
    assert {one["id"] for one in result["findings"]} <= {"DATASTORE_REGEX_FOREIGN", "CLUSTERS_NOT_ISOLATED"}


class Tls:
    """TLS before a server of the lab that has none: a certificate for 127.0.0.1, and each connection handed on."""

    def __init__(self, folder, port):
        key, self.ca = folder / "key.pem", folder / "ca.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", self.ca,
             "-days", "10", "-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    self.request.settimeout(20)
                    with context.wrap_socket(self.request, server_side=True) as client, socket.create_connection(("127.0.0.1", port), 20) as server:
                        back = threading.Thread(target=pour, args=(server, client))
                        back.start()
                        pour(client, server)
                        back.join(20)

        socketserver.ThreadingTCPServer.daemon_threads = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


def pour(source, target):
    """Hands on what comes until there is no more."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def tls(tmp_path_factory, lab):
    """TLS before the lab's RabbitMQ and before its Keystone."""
    ports = lab.variables["nova_vcdriver_transport_url"], lab.variables["nova_vcdriver_auth"]["auth_url"]
    servers = [Tls(tmp_path_factory.mktemp("tls"), int(re.search(r":(\d+)/", url.split("//")[1].split("@")[-1]).group(1))) for url in ports]
    yield servers
    for one in servers:
        one.server.shutdown()
        one.server.server_close()


def needs(lab, broker="", keystone=None, more=""):
    """Gives the nova.conf of the lab's nova-computes, with another ``transport_url``, other options of its account, and more lines."""
    account = {**lab.variables["nova_vcdriver_auth"], **(keystone or {})}
    lines = [f"{name} = {value}" for name, value in {"auth_type": "password", **account}.items()]
    sections = [line for section in ("placement", "neutron", "service_user") for line in (f"[{section}]", *lines)]
    url = broker or lab.variables["nova_vcdriver_transport_url"]
    region = f"[glance]\nregion_name = {account['region_name']}"
    return "\n".join([f"[DEFAULT]\ntransport_url = {url}", *sections, region, more])


def tried(lab, *confs):
    """Gives ``{rule: evidence}`` of nova-computes with these nova.conf, as Ansible's modules see them on this machine."""
    given = {f"compute-{number}": conf for number, conf in enumerate(confs)}
    output = lab.module("compute_host_info", nova_confs=given, python=str(LAB / "openstack" / "bin" / "python"), timeout=10)
    secrets = {lab.variables["nova_vcdriver_auth"]["password"], *re.findall(r":([^:@/]+)@", lab.variables["nova_vcdriver_transport_url"])}
    assert not [secret for secret in [*secrets, "not-this-one"] if secret in json.dumps(output)]
    result = call("compute_check", services=[{"name": name} for name in given], compute_host=output["compute_host"], fail_on="never")
    unknown = {"its endpoint is in Keystone's catalog, and Keystone gave no token", "the compute host's clock was not compared with that of Keystone"}
    assert {one["reason"] for one in result["not_checked"] if one["id"] in REACH} <= unknown
    found = {}
    for one in result["findings"]:
        found.setdefault(one["id"], []).append(one["evidence"])
    return found, set(result["passed"])


def test_the_lab_has_what_nova_needs(lab, tls):
    """RabbitMQ, Keystone, Placement, Neutron and Glance, with TLS and without, each by one log-in."""
    broker, keystone = tls
    secured = lab.variables["nova_vcdriver_transport_url"].replace(
        re.search(r"@[^/]+", lab.variables["nova_vcdriver_transport_url"]).group(), f"@127.0.0.1:{broker.port}"
    )
    ours = {"auth_url": f"https://127.0.0.1:{keystone.port}/v3", "cafile": str(keystone.ca)}
    found, passed = tried(lab, needs(lab), needs(lab, f"{secured}?ssl=1&ssl_ca_file={broker.ca}", ours))
    assert found == {}
    assert passed >= REACH


@pytest.mark.parametrize(
    "name, found",
    [
        ("password", {"BROKER_LOGIN_REFUSED": "403 ACCESS_REFUSED", "KEYSTONE_LOGIN_REFUSED": "(401)"}),
        ("virtual host", {"BROKER_LOGIN_REFUSED": "vhost nowhere not found"}),
        ("closed port", {"BROKER_UNREACHABLE": "Connection refused", "KEYSTONE_UNREACHABLE": "Connection refused"}),
        ("one of two", {"BROKER_HOST_DOWN": "Connection refused"}),
        ("other CA", {"BROKER_CERTIFICATE_NOT_TRUSTED": "self-signed certificate", "API_CERTIFICATE_NOT_TRUSTED": "self-signed certificate"}),
        ("no TLS", {"BROKER_UNREACHABLE": "does not speak TLS"}),
        ("other endpoints", {"PLACEMENT_UNUSABLE": "status 404", "NEUTRON_UNUSABLE": "no endpoint 'network'", "GLANCE_UNUSABLE": "Connection refused"}),
    ],
)
def test_what_nova_needs_is_broken(lab, tls, name, found):
    """Each against the lab's own services."""
    broker, keystone = tls
    url = lab.variables["nova_vcdriver_transport_url"]
    address = re.search(r"@[^/]+", url).group()
    closed = base.free_port()
    wrong = re.sub(r":[^:@/]+@", ":not-this-one@", url)
    conf = {
        "password": lambda: needs(lab, wrong, {"password": "not-this-one"}),
        "virtual host": lambda: needs(lab, url + "nowhere"),
        "closed port": lambda: needs(lab, url.replace(address, f"@127.0.0.1:{closed}"), {"auth_url": f"http://127.0.0.1:{closed}/v3"}),
        "one of two": lambda: needs(lab, url.replace(address, f"{address},{url.split('//')[1].split('@')[0]}@127.0.0.1:{closed}")),
        "other CA": lambda: needs(
            lab, url.replace(address, f"@127.0.0.1:{broker.port}") + f"?ssl=1&ssl_ca_file={keystone.ca}",
            {"auth_url": f"https://127.0.0.1:{keystone.port}/v3", "cafile": str(broker.ca)},
        ),
        "no TLS": lambda: needs(lab, url + "?ssl=1"),
        "other endpoints": lambda: needs(
            lab, keystone={},
            more=f"[placement]\nservice_type = identity\n[neutron]\nregion_name = nowhere\n[glance]\nendpoint_override = http://127.0.0.1:{closed}",
        ),
    }[name]()  # fmt: skip
    seen, _passed = tried(lab, conf)
    assert set(seen) == set(found)
    for rule, words in found.items():
        assert words in seen[rule][0]
