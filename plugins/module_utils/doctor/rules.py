# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules: what goes wrong, how one sees it, and the way out. Pure; docs/checks.md is written from this table.

An id never changes its meaning. A rule says which sources it needs (fields of :class:`Service` and :class:`Facts`); it is judged only
where they are there. ``check`` yields ``(object, evidence)`` for each thing that is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as image_rules

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)

CERTIFICATE_DAYS = 30  # a certificate that ends sooner is a warning
SKEW_SECONDS = 30  # Keystone's and vCenter's tokens stand more; logs that differ by more can't be read side by side


@dataclass(frozen=True)
class Rule:
    """One rule. ``scope`` is ``service`` (judged for each nova-compute, ``check(facts, service)``) or ``all`` (``check(facts)``)."""

    id: str
    severity: str
    title: str
    scope: str
    needs: tuple
    source: str
    hint: str
    check: object


RULES = []


def rule(severity, title, needs, source, hint, scope="service"):
    """Registers a function as a rule; its name in upper case is the id."""

    def register(check):
        RULES.append(Rule(check.__name__.upper(), severity, title, scope, tuple(needs), source, hint, check))
        return check

    return register


def _version(text):
    """Gives a version as a tuple of numbers; what follows the numbers (rc1, build) is left out."""
    return tuple(int(part) for part in re.findall(r"\d+", text.split("rc")[0])[:4])


def _installed(facts, name):
    """Gives the version of a library on the compute host as a tuple, or None where it is not known."""
    text = ((facts.compute_host or {}).get("versions") or {}).get(name)
    return _version(text) if text else None


def _at_least(facts, name, version):
    """Tells whether a library is as new as ``version``; one that is not known counts as new."""
    found = _installed(facts, name)
    return found is None or found >= version


# nova.conf


@rule(
    ERROR,
    "A driver other than the VC driver",
    ["nova_conf"],
    "nova/virt/driver.py (load_compute_driver)",
    "Set [DEFAULT]compute_driver = vmwareapi.VMwareVCDriver.",
)
def compute_driver_wrong(facts, service):
    driver = service.conf.get("DEFAULT", "compute_driver")
    if driver != "vmwareapi.VMwareVCDriver":
        yield service.name, f"[DEFAULT]compute_driver is {driver or 'not set'}"


@rule(
    ERROR,
    "A required option is not set",
    ["nova_conf"],
    "nova/virt/vmwareapi/driver.py (__init__)",
    "Set it; nova-compute does not start without it.",
)
def required_option_unset(facts, service):
    missing = [f"[vmware]{option}" for option in ("host_ip", "host_username", "cluster_name") if not service.conf.get("vmware", option)]
    if missing:
        yield service.name, f"not set: {', '.join(missing)}"


@rule(
    ERROR,
    "Storage policies (PBM) are on",
    ["nova_conf"],
    "nova/virt/vmwareapi/ds_util.py (vim_util.get_moref_value is not there since Nova 24.0.0)",
    "Set [vmware]pbm_enabled = false and choose datastores by datastore_regex.",
)
def pbm_enabled(facts, service):
    if service.conf.boolean("vmware", "pbm_enabled", False) and _at_least(facts, "nova", (24,)):
        yield (
            service.name,
            "[vmware]pbm_enabled is true: each boot fails with AttributeError, while start and resource reports look healthy",
        )


@rule(
    ERROR,
    "Storage policies (PBM) with a vCenter that oslo.vmware has no description of",
    ["nova_conf", "vcenter"],
    "oslo_vmware/wsdl (PBM of 5.5 to 8.0 only), nova/virt/vmwareapi/driver.py",
    "Set [vmware]pbm_enabled = false.",
)
def pbm_vcenter_version(facts, service):
    if service.conf.boolean("vmware", "pbm_enabled", False) and not service.conf.get("vmware", "pbm_wsdl_location") and _version(facts.vcenter.version) >= (9,):
        yield (
            service.name,
            f"[vmware]pbm_enabled is true and vCenter {facts.vcenter.server} has version {facts.vcenter.version}: nova-compute dies at its start",
        )


@rule(
    ERROR,
    "Config drives are forced",
    ["nova_conf"],
    "nova/virt/vmwareapi/images.py (upload_iso_to_datastore reads the ISO as text, which Python 3 refuses)",
    "Set [DEFAULT]force_config_drive = false and use the metadata service.",
)
def config_drive_forced(facts, service):
    if service.conf.boolean("DEFAULT", "force_config_drive", False):
        yield service.name, "[DEFAULT]force_config_drive is true: each boot fails"


@rule(
    ERROR,
    "Signatures of images are verified",
    ["nova_conf"],
    "nova/image/glance.py (the check reads the image to its end and hands the exhausted stream on)",
    "Leave both off; image_cache compares the image's hash before it publishes an image.",
)
def glance_signatures_verified(facts, service):
    on = [name for name in ("verify_glance_signatures", "enable_certificate_validation") if service.conf.boolean("glance", name, False)]
    if on:
        yield service.name, f"on: {', '.join('[glance]' + name for name in on)}: no byte of an image reaches the datastore"


@rule(
    ERROR,
    "The bridge of a plugin that is gone",
    ["nova_conf"],
    "nova/virt/vmwareapi/vif.py",
    "Remove [vmware]integration_bridge; Nova then finds port groups by the network's name.",
)
def integration_bridge_set(facts, service):
    bridge = service.conf.get("vmware", "integration_bridge")
    if bridge:
        yield service.name, f"[vmware]integration_bridge is {bridge}: Nova looks for an opaque network that does not exist"


@rule(
    ERROR,
    "No folder for locks",
    ["nova_conf"],
    "nova/virt/vmwareapi/imagecache.py, oslo_concurrency/lockutils.py",
    "Set [oslo_concurrency]lock_path to a folder of this nova-compute alone.",
)
def lock_path_unset(facts, service):
    if not service.conf.get("oslo_concurrency", "lock_path") and not service.conf.get("DEFAULT", "lock_path"):
        yield service.name, "[oslo_concurrency]lock_path is not set: the first boot fails with RequiredOptError"


@rule(
    ERROR,
    "A shared image cache is aged",
    ["nova_conf"],
    "nova/compute/manager.py (_run_image_cache_manager_pass), nova/virt/storage_users.py",
    "Set [image_cache]remove_unused_base_images = false and manager_interval = -1, and remove images by image_cache_prune; or unset cache_prefix.",
)
def shared_cache_aged(facts, service):
    prefix = service.conf.get("vmware", "cache_prefix")
    interval = service.conf.integer("image_cache", "manager_interval", 2400)
    if prefix and interval >= 0 and service.conf.boolean("image_cache", "remove_unused_base_images", True):
        yield (
            service.name,
            (f"[vmware]cache_prefix is {prefix} and ageing is on: each nova-compute deletes base disks that powered-off servers of other clusters use"),
        )


@rule(
    WARNING,
    "The name of the cache folder may change by itself",
    ["nova_conf"],
    "nova/virt/vmwareapi/vmops.py (_get_base_folder)",
    "Set [DEFAULT]my_ip, or [vmware]cache_prefix with ageing off.",
)
def cache_folder_unpinned(facts, service):
    if service.base_folder is None:
        yield (
            service.name,
            "the cache folder carries [DEFAULT]my_ip, which is detected at each start: a new interface orphans the whole cache",
        )


@rule(
    ERROR,
    "No datastore_regex",
    ["nova_conf"],
    "nova/objects/migrate_data.py (VMwareLiveMigrateData), nova/virt/vmwareapi/driver.py",
    "Set [vmware]datastore_regex; '.*' means each datastore of the cluster.",
)
def datastore_regex_unset(facts, service):
    if not service.datastore_regex:
        yield (
            service.name,
            "[vmware]datastore_regex is not set: live migration into the cluster fails with ValueError, and Nova takes every datastore",
        )


@rule(
    ERROR,
    "datastore_regex is no regular expression",
    ["datastore_regex"],
    "nova/virt/vmwareapi/driver.py (_validate_datastore_regex)",
    "Correct it; nova-compute does not start with it.",
)
def datastore_regex_invalid(facts, service):
    try:
        re.compile(service.datastore_regex)
    except re.error as error:
        yield service.name, f"datastore_regex {service.datastore_regex!r}: {error}"


@rule(
    WARNING,
    "The VNC console is on",
    ["nova_conf"],
    "nova/virt/vmwareapi/vmops.py, nova/conf/vnc.py; ESXi has no VNC server since 7.0",
    "Set [vnc]enabled = false and [mks]enabled = true.",
)
def vnc_enabled(facts, service):
    if service.conf.boolean("vnc", "enabled", True):
        yield service.name, "[vnc]enabled is true, also where it is not set: servers get a console that no ESXi since 7.0 serves"


@rule(
    WARNING,
    "The vCenter is not verified",
    ["nova_conf"],
    "nova/virt/vmwareapi/session.py, oslo_vmware/service.py",
    "Set [vmware]ca_file and insecure = false.",
)
def tls_not_verified(facts, service):
    if service.conf.boolean("vmware", "insecure", False) and not service.conf.get("vmware", "ca_file"):
        yield service.name, "[vmware]insecure is true: whoever can answer in the vCenter's place gets the password of its account"


@rule(
    ERROR,
    "nova-api does not let servers be resized in their cluster",
    ["api_conf"],
    "nova/virt/vmwareapi/vmops.py (migrate_disk_and_power_off ignores dest)",
    "Set [DEFAULT]allow_resize_to_same_host = true in nova-api's nova.conf.",
    scope="all",
)
def resize_to_same_host_off(facts):
    if not facts.api_conf.boolean("DEFAULT", "allow_resize_to_same_host", False):
        yield (
            "nova-api",
            ("[DEFAULT]allow_resize_to_same_host is false: a resize goes to another nova-compute, and the VM stays where it is: Nova and vSphere disagree"),
        )


# Several nova-computes


@rule(
    ERROR,
    "Two nova-computes of one name",
    ["nova_conf"],
    "nova/compute/manager.py (_check_for_host_rename)",
    "Give each [DEFAULT]host a value of its own.",
)
def host_not_unique(facts, service):
    yield from _twice(facts, service, "DEFAULT", "host")


@rule(
    ERROR,
    "Two nova-computes share their state",
    ["nova_conf"],
    "nova/virt/node.py (compute_id)",
    "Give each a [DEFAULT]state_path of its own.",
)
def state_path_shared(facts, service):
    yield from _twice(facts, service, "DEFAULT", "state_path")


def _twice(facts, service, section, option):
    value = service.conf.get(section, option)
    others = [other.name for other in facts.services if other is not service and other.conf is not None and other.conf.get(section, option) == value]
    if others and (value or option == "state_path"):
        yield service.name, f"[{section}]{option} is {value or 'not set'}, as for {', '.join(others)}"


@rule(
    ERROR,
    "Two nova-computes drive one cluster",
    ["cluster"],
    "nova/virt/vmwareapi/driver.py (_create_nodename)",
    "Leave one of them.",
)
def cluster_driven_twice(facts, service):
    others = [other.name for other in facts.services if other is not service and other.cluster and other.cluster.cluster.moid == service.cluster.cluster.moid]
    if others:
        yield service.name, f"cluster {service.cluster.cluster.path} is also that of {', '.join(others)}"


@rule(
    WARNING,
    "A shared datastore holds each image twice",
    ["nova_conf", "cluster"],
    "nova/virt/vmwareapi/vmops.py (_get_base_folder)",
    "Give the nova-computes of one vCenter the same [vmware]cache_prefix and subdirectory_name, with ageing off.",
)
def cache_folders_differ(facts, service):
    mine = {datastore.moid: datastore.name for datastore in service.cluster.usable}
    for other in facts.services:
        if other.name <= service.name or other.cluster is None or other.conf is None or other.base_folder == service.base_folder:
            continue
        shared = sorted(mine[datastore.moid] for datastore in other.cluster.usable if datastore.moid in mine)
        if shared:
            yield (
                service.name,
                f"datastores {', '.join(shared)}: {service.name} caches in {_folder(service)}, {other.name} in {_folder(other)}",
            )


def _folder(service):
    return service.base_folder or "a folder named by its address"


@rule(
    WARNING,
    "Clusters share an availability zone",
    ["record"],
    "nova/virt/vmwareapi/vmops.py (cold migration and resize never move the VM)",
    "Put each cluster into an availability zone or aggregate of its own, so that no resize crosses clusters.",
)
def clusters_not_isolated(facts, service):
    zone = service.record.get("availability_zone")
    others = [other.name for other in facts.services if other is not service and other.record and other.record.get("availability_zone") == zone]
    if zone and others:
        yield service.name, f"availability zone {zone} has also {', '.join(sorted(others))}"


# The vCenter


@rule(
    ERROR,
    "The vCenter cannot be used",
    ["asked"],
    "nova/virt/vmwareapi/driver.py (nova-compute ends at its start)",
    "Check the name, the port, the account and the CA; details are in the evidence.",
    scope="all",
)
def vcenter_unusable(facts):
    if facts.login_error and facts.login_error[0] not in ("CERTIFICATE_NOT_TRUSTED", "INVALID_LOGIN"):
        yield "vCenter", facts.login_error[1]


@rule(
    ERROR,
    "The certificate of the vCenter is not trusted",
    ["asked"],
    "oslo_vmware/service.py",
    "Give the CA's certificate in ca_file, or renew the certificate.",
    scope="all",
)
def certificate_not_trusted(facts):
    if facts.login_error and facts.login_error[0] == "CERTIFICATE_NOT_TRUSTED":
        yield "vCenter", facts.login_error[1]


@rule(
    ERROR,
    "The vCenter refuses the account",
    ["asked"],
    "oslo_vmware/api.py (InvalidLogin is not retried)",
    "Check host_username and host_password; too many tries may lock the account.",
    scope="all",
)
def invalid_login(facts):
    if facts.login_error and facts.login_error[0] == "INVALID_LOGIN":
        yield "vCenter", facts.login_error[1]


@rule(
    ERROR,
    "A service is up while its vCenter is not there",
    ["record", "asked"],
    "oslo_vmware/api.py (_create_session is retried for ever, under a lock)",
    "Disable the service (module compute_service) until the vCenter is back: Nova would send servers to it, and their boots hang.",
)
def service_up_without_vcenter(facts, service):
    if facts.login_error and service.record.get("state") == "up" and service.record.get("status") == "enabled":
        yield service.name, "Nova shows it up and enabled, and the vCenter cannot be used"


@rule(
    ERROR,
    "The driver has disabled its service for good",
    ["record"],
    "nova/virt/vmwareapi/host.py (only the same process enables it again)",
    "Enable it: openstack compute service set --enable <host> nova-compute.",
)
def service_auto_disabled(facts, service):
    if service.record.get("status") == "disabled" and service.record.get("disabled_reason") == "set by vmwareapi host_state":
        yield (
            service.name,
            "it is disabled with the reason 'set by vmwareapi host_state', and after a restart nobody enables it again",
        )


@rule(
    WARNING,
    "The certificate of the vCenter ends soon",
    ["certificate"],
    "TLS",
    "Renew it, and give computes the new CA before (ca_file).",
    scope="all",
)
def certificate_ends_soon(facts):
    left = facts.vcenter.certificate_expires - facts.vcenter.now
    if left.days < CERTIFICATE_DAYS:
        yield facts.vcenter.server, f"its certificate ends on {facts.vcenter.certificate_expires:%Y-%m-%d}, in {left.days} days"


@rule(
    ERROR,
    "Privileges are missing",
    ["privileges"],
    "docs/security.md",
    "Let the module vsphere_role make and grant the role, with the features that this vCenter needs.",
    scope="all",
)
def privileges_missing(facts):
    for name, missing in sorted(facts.vcenter.missing_privileges.items()):
        yield name, f"{facts.vcenter.username} lacks {', '.join(sorted(missing))}"


# The cluster


@rule(
    ERROR,
    "The cluster is not there",
    ["cluster_name", "vcenter"],
    "nova/virt/vmwareapi/vm_util.py (get_cluster_ref_by_name)",
    "Correct [vmware]cluster_name.",
)
def cluster_not_found(facts, service):
    if service.cluster_error and service.cluster_error[0] == "CLUSTER_NOT_FOUND":
        yield service.name, service.cluster_error[1]


@rule(
    ERROR,
    "Several clusters have this name",
    ["cluster_name", "vcenter"],
    "nova/virt/vmwareapi/vm_util.py (the first match counts)",
    "Rename all but one.",
)
def cluster_ambiguous(facts, service):
    if service.cluster_error and service.cluster_error[0] == "CLUSTER_AMBIGUOUS":
        yield service.name, service.cluster_error[1]


@rule(
    ERROR,
    "No host can run servers",
    ["cluster"],
    "nova/virt/vmwareapi/vm_util.py (get_stats_from_cluster)",
    "Add a host or end its maintenance; else disable the service, since Placement keeps the old inventory.",
)
def no_usable_host(facts, service):
    hosts = service.cluster.hosts
    if not any(_counts(host) for host in hosts):
        yield service.cluster.cluster.path, f"{len(hosts)} hosts, none of them connected and out of maintenance"


@rule(
    WARNING,
    "A host is in maintenance",
    ["cluster"],
    "nova/virt/vmwareapi/vm_util.py (get_stats_from_cluster)",
    "End it when the work is done; until then its resources do not count.",
)
def host_in_maintenance(facts, service):
    for host in service.cluster.hosts:
        if host.maintenance:
            yield host.name, f"it is in maintenance mode (cluster {service.cluster.cluster.path})"


@rule(
    WARNING,
    "A host is not connected",
    ["cluster"],
    "oslo_vmware/objects/datastore.py (choose_host may draw it for an upload)",
    "Connect it again, or remove it from the cluster.",
)
def host_disconnected(facts, service):
    for host in service.cluster.hosts:
        if host.connection_state != "connected":
            yield host.name, f"its connection state is {host.connection_state} (cluster {service.cluster.cluster.path})"


@rule(
    ERROR,
    "DRS does not place servers",
    ["cluster"],
    "nova/virt/vmwareapi/vm_util.py (create_vm names no host)",
    "Turn DRS on, fully automated: module vsphere_cluster_settings.",
)
def drs_off(facts, service):
    cluster = service.cluster.cluster
    if len(cluster.hosts) > 1 and not (cluster.drs_enabled and cluster.drs_behavior in ("fullyAutomated", "partiallyAutomated")):
        yield (
            cluster.path,
            f"DRS is {cluster.drs_behavior if cluster.drs_enabled else 'off'}, and the cluster has {len(cluster.hosts)} hosts: servers cannot be made",
        )


@rule(
    WARNING,
    "DRS is not fully automated",
    ["cluster"],
    "nova/virt/vmwareapi/vm_util.py (create_vm names no host)",
    "Set the automation level to fully automated: module vsphere_cluster_settings.",
)
def drs_partially_automated(facts, service):
    cluster = service.cluster.cluster
    if len(cluster.hosts) > 1 and cluster.drs_enabled and cluster.drs_behavior == "partiallyAutomated":
        yield (
            cluster.path,
            "DRS is partiallyAutomated: servers start, and stay where they started until somebody applies a recommendation",
        )


@rule(
    WARNING,
    "vSphere HA is off",
    ["cluster"],
    "nova/virt/vmwareapi (evacuate is not implemented)",
    "Turn HA on: module vsphere_cluster_settings.",
)
def ha_off(facts, service):
    cluster = service.cluster.cluster
    if len(cluster.hosts) > 1 and not cluster.ha_enabled:
        yield cluster.path, "HA is off: when a host fails its servers stay down, since Nova cannot evacuate them"


@rule(
    WARNING,
    "HA admission control is off",
    ["cluster"],
    "vSphere: ClusterDasConfigInfo.admissionControlEnabled",
    "Turn it on: module vsphere_cluster_settings.",
)
def ha_admission_control_off(facts, service):
    cluster = service.cluster.cluster
    if len(cluster.hosts) > 1 and cluster.ha_enabled and not cluster.ha_admission_control:
        yield cluster.path, "HA keeps no room free: after a failure of a host not all servers may start again"


@rule(
    INFO,
    "Nova does not know what HA keeps free",
    ["nova_conf", "cluster"],
    "nova/virt/vmwareapi/driver.py (update_provider_tree sums whole hosts)",
    "Set [DEFAULT]reserved_host_memory_mb and reserved_host_cpus to what HA keeps; both count once for the whole cluster.",
)
def ha_capacity_not_reserved(facts, service):
    cluster = service.cluster.cluster
    sizes = [host.memory_bytes >> 20 for host in service.cluster.hosts if _counts(host)]
    reserved = service.conf.integer("DEFAULT", "reserved_host_memory_mb", 512)
    if len(sizes) > 1 and cluster.ha_enabled and cluster.ha_admission_control and reserved < min(sizes):
        yield (
            service.name,
            f"Placement hands out all {sum(sizes)} MiB but {reserved}; HA holds back the size of a host ({max(sizes)} MiB), and power-on fails then",
        )


def _counts(host):
    return host.connection_state == "connected" and not host.maintenance


@rule(
    ERROR,
    "A new service for a cluster that has servers",
    ["new", "vms", "cluster"],
    "nova/compute/manager.py (_check_for_host_rename, new service record)",
    "Keep the [DEFAULT]host that made them, or remove them first; nova-compute does not start.",
)
def cluster_has_servers(facts, service):
    if service.new:
        found = sorted(vm.name for vm in facts.vcenter.vms if vm.nova_uuid and not vm.lost and vm.pool == service.cluster.cluster.resource_pool)
        if found:
            yield (
                service.name,
                f"Nova knows no service {service.name}, and {service.cluster.cluster.path} has {len(found)} servers of Nova: {_some(found)}",
            )


def _some(names, limit=5):
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


@rule(
    WARNING,
    "An ESXi host has no NTP",
    ["vcenter", "cluster"],
    "vSphere: HostDateTimeInfo.ntpConfig, HostService ntpd",
    "Give the host NTP servers and start ntpd.",
)
def host_without_ntp(facts, service):
    for host in service.cluster.hosts:
        details = facts.vcenter.hosts.get(host.moid)
        if details is not None and _counts(host) and not (details.ntp_servers and details.ntp_running):
            yield host.name, "it has no NTP server" if not details.ntp_servers else "its ntpd does not run"


@rule(
    WARNING,
    "The certificate of an ESXi host ends soon",
    ["vcenter", "cluster"],
    "vSphere: HostCertificateManager.certificateInfo",
    "Renew it in vCenter.",
)
def host_certificate_ends_soon(facts, service):
    for host in service.cluster.hosts:
        details = facts.vcenter.hosts.get(host.moid)
        if details is not None and details.certificate_expires is not None:
            left = details.certificate_expires - facts.vcenter.now
            if left.days < CERTIFICATE_DAYS:
                yield host.name, f"its certificate ends on {details.certificate_expires:%Y-%m-%d}, in {left.days} days"


# Datastores


@rule(
    ERROR,
    "Nova can use no datastore",
    ["cluster", "valid_regex"],
    "nova/virt/vmwareapi/ds_util.py (_is_datastore_valid), driver.py (update_provider_tree: max([]))",
    "Change datastore_regex, or give the cluster a datastore.",
)
def no_usable_datastore(facts, service):
    if not service.cluster.usable:
        reasons = "; ".join(f"{datastore.name} {reason}" for datastore, reason in service.cluster.verdicts)
        yield service.cluster.cluster.path, reasons or "it has no datastore"


@rule(
    WARNING,
    "datastore_regex takes datastores that others use",
    ["cluster", "datastore_regex", "vms"],
    "nova/virt/vmwareapi/driver.py (all capacity that matches is reported)",
    "Name Nova's datastores so that datastore_regex takes no other.",
)
def datastore_regex_foreign(facts, service):
    for datastore in service.cluster.usable:
        foreign = sorted(vm.name for vm in facts.vcenter.vms if not vm.nova_uuid and datastore.moid in vm.datastores)
        if foreign:
            yield (
                datastore.name,
                f"{service.name} takes it, and it has {len(foreign)} machines that are not Nova's: {_some(foreign)}",
            )


@rule(
    WARNING,
    "A datastore is not on all hosts",
    ["cluster", "valid_regex"],
    "nova/virt/vmwareapi/ds_util.py (a datastore of any host counts)",
    "Mount it read-write on each host, or exclude it by datastore_regex.",
)
def datastore_not_on_all_hosts(facts, service):
    for datastore in service.cluster.usable:
        without = sorted(host.name for host in service.cluster.hosts if _counts(host) and not datastore.mounts.get(host.moid))
        if without:
            yield datastore.name, f"not mounted read-write by {_some(without)}: DRS cannot put its servers there"


@rule(
    ERROR,
    "Images that a vSAN datastore does not take",
    ["cluster", "valid_regex", "images"],
    "nova/virt/vmwareapi/ds_util.py (get_allowed_datastore_types)",
    "Make the images streamOptimized, for example by the module image_vmdk.",
)
def vsan_needs_stream_optimized(facts, service):
    types = {datastore.type for datastore in service.cluster.usable}
    wrong = sorted(image.name for image in facts.images if image.kind != "streamOptimized")
    if types == {"vsan"} and wrong:
        yield service.name, f"the cluster has vSAN datastores only; each boot of {_some(wrong)} ends in DatastoreNotFound"


@rule(
    ERROR,
    "The image cache has an entry that Nova takes for whole",
    ["caches"],
    "oslo_vmware/rw_handles.py (the status of an upload is never looked at), nova/virt/vmwareapi/vmops.py",
    "Remove it with image_cache_prune or by hand, and seed the image again.",
)
def cache_entry_broken(facts, service):
    yield from _entries(service, lambda entry: entry.state == "broken" and entry.disk_format is not None)


@rule(
    ERROR,
    "The image cache has a folder without an image",
    ["caches"],
    "nova/virt/vmwareapi/vmops.py (mkdir is outside the try: each boot of a streamOptimized image fails)",
    "Remove the folder, unless a boot of this image is under way.",
)
def cache_folder_empty(facts, service):
    yield from _entries(service, lambda entry: entry.state == "broken" and entry.disk_format is None)


def _entries(service, wrong):
    for datastore, entries in sorted(service.caches.items()):
        for entry in entries:
            if wrong(entry):
                yield f"[{datastore}] {entry.name}", "; ".join(entry.reasons)


# The compute host


@rule(
    ERROR,
    "A library that hangs",
    ["versions"],
    "oslo.vmware commit 7ab96a0 (first in 4.10.0)",
    "Install oslo.vmware 4.10.0 or later, or urllib3 before 2.",
    scope="all",
)
def oslo_vmware_hangs(facts):
    versions = facts.compute_host["versions"]
    if not _at_least(facts, "oslo.vmware", (4, 10)) and _at_least(facts, "urllib3", (2,)):
        yield (
            "compute host",
            (
                f"oslo.vmware {versions['oslo.vmware']} with urllib3 {versions.get('urllib3', 'of an unknown version')}: downloads of streamOptimized images "
                "and all snapshots hang"
            ),
        )


@rule(
    ERROR,
    "A name does not resolve on the compute host",
    ["peers"],
    "nova/virt/vmwareapi/vmops.py (uploads go to the host's name)",
    "Put the name into DNS or /etc/hosts of the compute host.",
    scope="all",
)
def name_not_resolved(facts):
    for peer in facts.compute_host["peers"]:
        if not peer["addresses"]:
            yield peer["host"], peer["error"]


@rule(
    ERROR,
    "The compute host does not reach a host",
    ["peers"],
    "nova/virt/vmwareapi/vmops.py (uploads go to the host itself, on [vmware]host_port)",
    "Open the way from the compute host to this port.",
    scope="all",
)
def host_unreachable(facts):
    for peer in facts.compute_host["peers"]:
        if peer["addresses"] and not peer["reachable"]:
            yield f"{peer['host']}:{peer['port']}", peer["error"]


@rule(
    WARNING,
    "Clocks differ",
    ["skew"],
    "tokens and certificates are judged by the clock",
    "Let the compute host and the vCenter use the same NTP servers.",
    scope="all",
)
def clock_skew(facts):
    skew = facts.compute_host["clock_skew_seconds"]
    if abs(skew) > SKEW_SECONDS:
        yield "compute host", f"its clock is {abs(skew):.0f} seconds {'ahead of' if skew > 0 else 'behind'} the vCenter's"


@rule(
    ERROR,
    "The identity of a known nova-compute is gone",
    ["new", "compute_ids", "nova_conf"],
    "nova/compute/manager.py (No local node identity found), nova/virt/node.py",
    "Restore the file compute_id of state_path, or remove the service in Nova first.",
)
def compute_id_missing(facts, service):
    path = service.conf.get("DEFAULT", "state_path")
    if not service.new and {"state_path": path, "compute_id": False} in facts.compute_host["compute_ids"]:
        yield service.name, f"Nova knows the service, and {path}/compute_id is not there: nova-compute does not start"


# Images


@rule(
    WARNING,
    "An OVA image boots where it is seeded, and nowhere else",
    ["images"],
    "nova/virt/vmwareapi/images.py, oslo_vmware/rw_handles.py (since oslo.vmware 3.4.0 the lease is aborted)",
    "Seed it with image_cache wherever Nova may boot it, or upload the disk inside it with container_format bare.",
    scope="all",
)
def image_ova(facts):
    for image in facts.images:
        if image.container_format == "ova" and _at_least(facts, "oslo.vmware", (3, 4)):
            yield image.name, "its container_format is ova: Nova cannot fetch it by itself"


@rule(
    ERROR,
    "os_distro is not a guest id",
    ["images"],
    "nova/objects/image_meta.py, nova/virt/vmwareapi/images.py",
    "Set os_distro to a vSphere guest id such as ubuntu64Guest, or remove it.",
    scope="all",
)
def image_os_distro(facts):
    yield from _refused(facts, "IMAGE_OS_DISTRO")


@rule(
    ERROR,
    "An image asks for a config drive",
    ["images"],
    "nova/virt/vmwareapi/images.py (upload_iso_to_datastore)",
    "Remove img_config_drive; use the metadata service.",
    scope="all",
)
def image_config_drive(facts):
    yield from _refused(facts, "IMAGE_CONFIG_DRIVE")


@rule(
    ERROR,
    "An image that Nova cannot boot",
    ["images"],
    "nova/virt/vmwareapi/images.py, nova/objects/image_meta.py",
    "See the evidence; image_vmdk makes a VMDK image of another one.",
    scope="all",
)
def image_not_bootable(facts):
    for image in facts.images:
        for refusal in image_rules.refusals(image):
            if refusal.code not in ("IMAGE_OS_DISTRO", "IMAGE_CONFIG_DRIVE"):
                yield image.name, f"{refusal.what} {refusal.hint}"


def _refused(facts, code):
    for image in facts.images:
        for refusal in image_rules.refusals(image):
            if refusal.code == code:
                yield image.name, refusal.what


@rule(
    INFO,
    "Cinder may not see the vsphere:// location",
    ["images"],
    "cinder/image/glance.py (get_location), cinder/volume/drivers/vmware/vmdk.py",
    "With Glance 29.0.0 or later keep a golden volume and clone it; each volume from the image is a download.",
    scope="all",
)
def cinder_ignores_location(facts):
    for name in facts.vsphere_locations:
        yield name, "it has a location vsphere://, which Cinder does not see through the locations API of Glance 29.0.0 and later"
