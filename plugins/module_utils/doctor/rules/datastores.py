# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The datastores that datastore_regex takes. Pure."""

from __future__ import annotations

import re

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, WARNING, count, rule, some


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
    ERROR,
    "Nova can use no datastore",
    ["hypervisor", "valid_regex"],
    "nova/virt/vmwareapi/ds_util.py (_is_datastore_valid), driver.py (update_provider_tree: max([]))",
    "Change datastore_regex, or give the cluster a datastore.",
)
def no_usable_datastore(facts, service):
    if not service.hypervisor.usable:
        reasons = "; ".join(f"'{datastore.name}' {reason}" for datastore, reason in service.hypervisor.verdicts)
        yield service.hypervisor.path, reasons or "it has no datastore"


@rule(
    WARNING,
    "datastore_regex takes datastores that others use",
    ["hypervisor", "datastore_regex", "vms"],
    "nova/virt/vmwareapi/driver.py (all capacity that matches is reported)",
    "Name Nova's datastores so that datastore_regex takes no other.",
)
def datastore_regex_foreign(facts, service):
    for datastore in service.hypervisor.usable:
        foreign = sorted(vm.name for vm in facts.vcenter.vms if not vm.nova_uuid and datastore.moid in vm.datastores)
        if foreign:
            yield (
                datastore.name,
                f"'{service.name}' takes it, and it has {count(len(foreign), 'machine')} that Nova did not make: {some(foreign)}",
            )


@rule(
    WARNING,
    "A datastore is not on all hosts",
    ["hypervisor", "valid_regex"],
    "nova/virt/vmwareapi/ds_util.py (a datastore of any host counts)",
    "Mount it read-write on each host, or exclude it by datastore_regex.",
)
def datastore_not_on_all_hosts(facts, service):
    for datastore in service.hypervisor.usable:
        without = sorted(host.name for host in service.hypervisor.counted if not datastore.mounts.get(host.moid))
        if without:
            yield datastore.name, f"not mounted read-write by {some(without)}: DRS cannot put its servers there"


@rule(
    ERROR,
    "Images that a vSAN datastore does not take",
    ["hypervisor", "valid_regex", "images"],
    "nova/virt/vmwareapi/ds_util.py (get_allowed_datastore_types)",
    "Make the images streamOptimized, for example by the module image_vmdk.",
)
def vsan_needs_stream_optimized(facts, service):
    types = {datastore.type for datastore in service.hypervisor.usable}
    wrong = sorted(image.name for image in facts.images if image.kind != "streamOptimized")
    if types == {"vsan"} and wrong:
        yield service.name, f"the cluster has vSAN datastores only; each boot of {some(wrong)} ends in DatastoreNotFound"
