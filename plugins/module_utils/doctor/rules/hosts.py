# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ESXi hosts. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import CERTIFICATE_DAYS, ERROR, WARNING, count, rule


@rule(
    ERROR,
    "No host can run servers",
    ["hypervisor"],
    "nova/virt/vmwareapi/vm_util.py (get_stats_from_cluster)",
    "Add a host or end its maintenance; else disable the service, since Placement keeps the old inventory.",
)
def no_usable_host(facts, service):
    if not service.hypervisor.counted:
        yield service.hypervisor.path, f"{count(len(service.hypervisor.hosts), 'host')}, none of them connected and out of maintenance"


@rule(
    WARNING,
    "A host is in maintenance",
    ["hypervisor"],
    "nova/virt/vmwareapi/vm_util.py (get_stats_from_cluster)",
    "End it when the work is done; until then its resources do not count.",
)
def host_in_maintenance(facts, service):
    for host in service.hypervisor.hosts:
        if host.maintenance:
            yield host.name, f"it is in maintenance mode ({service.hypervisor.kind} '{service.hypervisor.path}')"


@rule(
    WARNING,
    "A host is not connected",
    ["hypervisor"],
    "oslo_vmware/objects/datastore.py (choose_host may draw it for an upload)",
    "Connect it again, or remove it from the cluster.",
)
def host_disconnected(facts, service):
    for host in service.hypervisor.hosts:
        if host.connection_state != "connected":
            yield host.name, f"its connection state is {host.connection_state} ({service.hypervisor.kind} '{service.hypervisor.path}')"


@rule(
    WARNING,
    "An ESXi host has no NTP",
    ["vcenter", "hypervisor"],
    "vSphere: HostDateTimeInfo.ntpConfig, HostService ntpd",
    "Give the host NTP servers and start ntpd.",
)
def host_without_ntp(facts, service):
    for host in service.hypervisor.counted:
        details = facts.vcenter.hosts.get(host.moid)
        if details is not None and not (details.ntp_servers and details.ntp_running):
            yield host.name, "it has no NTP server" if not details.ntp_servers else "its ntpd does not run"


@rule(
    WARNING,
    "The certificate of an ESXi host ends soon",
    ["vcenter", "hypervisor", "host_certificates"],
    "vSphere: HostCertificateManager.certificateInfo",
    "Renew it in vCenter.",
)
def host_certificate_ends_soon(facts, service):
    for host in service.hypervisor.hosts:
        details = facts.vcenter.hosts.get(host.moid)
        if details is not None and details.certificate_expires is not None:
            left = details.certificate_expires - facts.vcenter.now
            if left.days < CERTIFICATE_DAYS:
                yield host.name, f"its certificate ends on {details.certificate_expires:%Y-%m-%d}, in {left.days} days"
