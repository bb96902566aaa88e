# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that nova-compute runs on. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules import versions
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, WARNING, rule

SKEW_SECONDS = 30  # Keystone's and vCenter's tokens stand more; logs that differ by more can't be read side by side


@rule(
    ERROR,
    "A library that hangs",
    ["versions"],
    "oslo.vmware commit 7ab96a0 (first in 4.10.0)",
    "Install oslo.vmware 4.10.0 or later, or urllib3 before 2.",
    scope="all",
    site=True,
)
def oslo_vmware_hangs(facts):
    found = facts.compute_host["versions"]
    if not versions.at_least(facts, "oslo.vmware", (4, 10)) and versions.at_least(facts, "urllib3", (2,)):
        yield (
            "compute host",
            (
                f"oslo.vmware {found['oslo.vmware']} with urllib3 {found.get('urllib3', 'of an unknown version')}: downloads of streamOptimized images "
                "and all snapshots hang"
            ),
        )


@rule(
    ERROR,
    "A library that Nova's threads forbid",
    ["nova_conf", "nova_versions"],
    "nova/monkey_patch.py (poison_eventlet; since 34.0.0 nova-compute runs on native threads), oslo_vmware/common/loopingcall.py of 4.8.0 and older",
    "Install oslo.vmware 4.9.0 or later (4.10.0, see OSLO_VMWARE_HANGS), or set [DEFAULT]concurrency_backend = eventlet, which Nova will remove.",
)
def oslo_vmware_needs_eventlet(facts, service):
    found = facts.compute_host["versions"]
    backend = service.conf.value("DEFAULT", "concurrency_backend")
    if versions.at_least(facts, "nova", (34,)) and not versions.at_least(facts, "oslo.vmware", (4, 9)) and backend != "eventlet":
        yield (
            service.name,
            f"oslo.vmware {found['oslo.vmware']} imports eventlet, Nova {found['nova']} runs on native threads and forbids that: "
            "nova-compute ends at its start",
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
    path = service.conf.value("DEFAULT", "state_path")
    if not service.new and {"state_path": path, "compute_id": False} in facts.compute_host["compute_ids"]:
        yield service.name, f"Nova knows the service, and '{path}/compute_id' is not there: nova-compute does not start"
