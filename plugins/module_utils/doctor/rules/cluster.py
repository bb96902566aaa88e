# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters, DRS and HA: the VC driver's alone. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, INFO, WARNING, count, quoted, rule, some


@rule(
    ERROR,
    "Two nova-computes drive one cluster",
    ["hypervisor"],
    "nova/virt/vmwareapi/driver.py (_create_nodename)",
    "Leave one of them.",
    driver="vc",
)
def cluster_driven_twice(facts, service):
    others = [other.name for other in facts.services if other is not service and other.hypervisor and other.hypervisor.moid == service.hypervisor.moid]
    if others:
        yield service.name, f"the cluster '{service.hypervisor.path}' is also that of {quoted(others)}"


@rule(
    ERROR,
    "The cluster is not there",
    ["cluster_name", "vcenter"],
    "nova/virt/vmwareapi/vm_util.py (get_cluster_ref_by_name)",
    "Correct [vmware]cluster_name.",
    driver="vc",
)
def cluster_not_found(facts, service):
    if service.hypervisor_error and service.hypervisor_error[0] == "CLUSTER_NOT_FOUND":
        yield service.name, service.hypervisor_error[1]


@rule(
    ERROR,
    "Several clusters have this name",
    ["cluster_name", "vcenter"],
    "nova/virt/vmwareapi/vm_util.py (the first match counts)",
    "Rename all but one.",
    driver="vc",
)
def cluster_ambiguous(facts, service):
    if service.hypervisor_error and service.hypervisor_error[0] == "CLUSTER_AMBIGUOUS":
        yield service.name, service.hypervisor_error[1]


@rule(
    ERROR,
    "DRS does not place servers",
    ["hypervisor"],
    "nova/virt/vmwareapi/vm_util.py (create_vm names no host)",
    "Turn DRS on, fully automated: module vsphere_cluster_settings.",
    driver="vc",
)
def drs_off(facts, service):
    cluster = service.hypervisor.cluster
    if len(cluster.hosts) > 1 and not (cluster.drs_enabled and cluster.drs_behavior in ("fullyAutomated", "partiallyAutomated")):
        yield (
            cluster.path,
            f"DRS is {cluster.drs_behavior if cluster.drs_enabled else 'off'}, and the cluster has {count(len(cluster.hosts), 'host')}: servers cannot be made",
        )


@rule(
    WARNING,
    "DRS is not fully automated",
    ["hypervisor"],
    "nova/virt/vmwareapi/vm_util.py (create_vm names no host)",
    "Set the automation level to fully automated: module vsphere_cluster_settings.",
    driver="vc",
)
def drs_partially_automated(facts, service):
    cluster = service.hypervisor.cluster
    if len(cluster.hosts) > 1 and cluster.drs_enabled and cluster.drs_behavior == "partiallyAutomated":
        yield (
            cluster.path,
            "DRS is partiallyAutomated: servers start, and stay where they started until somebody applies a recommendation",
        )


@rule(
    WARNING,
    "vSphere HA is off",
    ["hypervisor"],
    "nova/virt/vmwareapi (evacuate is not implemented)",
    "Turn HA on: module vsphere_cluster_settings.",
    driver="vc",
)
def ha_off(facts, service):
    cluster = service.hypervisor.cluster
    if len(cluster.hosts) > 1 and not cluster.ha_enabled:
        yield cluster.path, "HA is off: when a host fails its servers stay down, since Nova cannot evacuate them"


@rule(
    WARNING,
    "HA admission control is off",
    ["hypervisor"],
    "vSphere: ClusterDasConfigInfo.admissionControlEnabled",
    "Turn it on: module vsphere_cluster_settings.",
    driver="vc",
)
def ha_admission_control_off(facts, service):
    cluster = service.hypervisor.cluster
    if len(cluster.hosts) > 1 and cluster.ha_enabled and not cluster.ha_admission_control:
        yield cluster.path, "HA keeps no room free: after a failure of a host not all servers may start again"


@rule(
    INFO,
    "Nova does not know what HA keeps free",
    ["nova_conf", "hypervisor"],
    "nova/virt/vmwareapi/driver.py (update_provider_tree sums whole hosts)",
    "Set [DEFAULT]reserved_host_memory_mb and reserved_host_cpus to what HA keeps; both count once for the whole cluster.",
    driver="vc",
)
def ha_capacity_not_reserved(facts, service):
    cluster = service.hypervisor.cluster
    sizes = [host.memory_bytes >> 20 for host in service.hypervisor.counted]
    reserved = service.conf.value("DEFAULT", "reserved_host_memory_mb") or 0
    if len(sizes) > 1 and cluster.ha_enabled and cluster.ha_admission_control and reserved < min(sizes):
        yield (
            service.name,
            f"Placement hands out all {sum(sizes)} MiB but {reserved}; HA holds back the size of a host ({max(sizes)} MiB), and power-on fails then",
        )


@rule(
    ERROR,
    "A new service for a cluster that has servers",
    ["new", "vms", "hypervisor"],
    "nova/compute/manager.py (_check_for_host_rename, new service record)",
    "Keep the [DEFAULT]host that made them, or remove them first; nova-compute does not start.",
    driver="vc",
)
def cluster_has_servers(facts, service):
    if service.new:
        found = sorted(vm.name for vm in facts.vcenter.vms if vm.nova_uuid and not vm.lost and vm.pool == service.hypervisor.resource_pool)
        if found:
            yield (
                service.name,
                f"Nova knows no service '{service.name}', and '{service.hypervisor.path}' has {count(len(found), 'server')} of Nova: {some(found)}",
            )
