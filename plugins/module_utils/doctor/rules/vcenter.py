# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter and what its account may do. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import CERTIFICATE_DAYS, ERROR, WARNING, rule


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
    "Do what the evidence says; ca_path is ca_file of the vCenter in the inventory, and [vmware]ca_file in nova.conf.",
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
        yield name, f"'{facts.vcenter.username}' lacks {', '.join(sorted(missing))}"
