# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova says of its services. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, INFO, WARNING, count, quoted, rule


@rule(
    ERROR,
    "Nova or Glance did not answer the check",
    ["openstack"],
    "the option openstack of compute_check",
    "Correct what the evidence says and check again: without them the rules on services and images are not judged.",
    scope="all",
    site=True,
)
def openstack_unusable(facts):
    if facts.openstack_error:
        code, text = facts.openstack_error
        yield "OpenStack", f"{code}: {text}"


@rule(
    WARNING,
    "Clusters share an availability zone",
    ["record"],
    "nova/virt/vmwareapi/vmops.py (cold migration and resize never move the VM)",
    "Put each cluster into an availability zone or aggregate of its own, so that no resize crosses clusters.",
    driver="vc",
)
def clusters_not_isolated(facts, service):
    zone = service.record.get("availability_zone")
    others = [other.name for other in facts.services if other is not service and other.record and other.record.get("availability_zone") == zone]
    if zone and others:
        yield service.name, f"the availability zone '{zone}' has also {quoted(sorted(others))}"


@rule(
    INFO,
    "A strict server group in a zone of one cluster",
    ["record", "server_groups", "vms", "hypervisor"],
    "nova/scheduler/filters/affinity_filter.py (a cluster is one host), nova/compute/manager.py (_validate_instance_group_policy)",
    "Use the policy soft-anti-affinity, and keep the machines apart by a DRS rule. [workarounds]disable_group_policy_check_upcall turns only the "
    "second check off, in nova-compute: ServerGroupAntiAffinityFilter refuses before.",
    driver="vc",
)
def strict_server_group(facts, service):
    zone = service.record.get("availability_zone")
    if len(facts.zones.get(zone, ())) != 1:
        return
    here = {vm.nova_uuid for vm in facts.vcenter.vms if vm.nova_uuid and vm.pool == service.hypervisor.resource_pool}
    for group in facts.server_groups:
        members = here & set(group.members)
        if group.limit is not None and len(members) >= group.limit:
            yield (
                service.name,
                f"it is alone in the availability zone '{zone}' and has {count(len(members), 'server')} of the anti-affinity group '{group.name}': "
                "the next one finds no host there",
            )


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
