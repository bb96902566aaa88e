# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps ESXi hosts from fetching images from Glance themselves (docs/pull.md). Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import CERTIFICATE_DAYS, ERROR, WARNING, rule

FIRST = (6, 7)  # vSphere API: HttpNfcLeasePullFromUrls_Task


@rule(
    ERROR,
    "The vCenter lets no host fetch a file",
    ["pulls", "vcenter"],
    "vSphere: HttpNfcLeasePullFromUrls_Task (since 6.7)",
    "Push the images: leave image_seed_upload_through at auto.",
    scope="all",
)
def pull_vcenter_version(facts):
    version = facts.vcenter.version
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < FIRST:
        yield facts.vcenter.server, f"it is {version}"


@rule(
    WARNING,
    "The firewall of an ESXi host keeps it from fetching images",
    ["pulls", "hypervisor", "firewalls"],
    "vSphere: HostFirewallSystem, ruleset httpClient",
    "Open it (module vsphere_host_firewall), or for each seed (image_seed_open_firewall; then ignore this rule).",
)
def pull_firewall_closed(facts, service):
    for host in service.hypervisor.hosts:
        if facts.vcenter.firewalls.get(host.moid) is False:
            yield host.name, f"the ruleset httpClient is closed ({service.hypervisor.kind} '{service.hypervisor.path}')"


@rule(
    WARNING,
    "The certificate of Glance ends soon",
    ["pulls", "vcenter", "glance_certificate"],
    "vSphere: HttpNfcLeaseSourceFile.sslThumbprint (a host fetches from a server with this certificate only)",
    "Renew it between two seeds: one that runs meanwhile fails.",
    scope="all",
    site=True,
)
def glance_certificate_ends_soon(facts):
    left = facts.glance_certificate_expires - facts.vcenter.now
    if left.days < CERTIFICATE_DAYS:
        yield "Glance", f"its certificate ends on {facts.glance_certificate_expires:%Y-%m-%d}, in {left.days} days"
