# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each source of facts says whether it is there, and why not."""

from __future__ import annotations

import datetime
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import Facts, HostDetails, Service, Vcenter
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.sources import SOURCES, compiles

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
SERVICE = Service("a", None, None)
NOTHING = Facts(services=(SERVICE,))


@pytest.mark.parametrize("regex, does", [(None, True), ("", True), ("^nova-", True), ("(", False)])
def test_compiles(regex, does):
    assert compiles(regex) is does


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"valid_regex"}))
def test_without_facts_no_source_is_there(name):
    source = SOURCES[name]
    assert not source.have(NOTHING, SERVICE)
    assert source.reason(NOTHING, SERVICE) == source.why


@pytest.mark.parametrize(
    "name, facts, service, reason",
    [
        ("vcenter", replace(NOTHING, login_error=("INVALID_LOGIN", "no")), SERVICE, "the vCenter could not be used"),
        ("hypervisor", NOTHING, replace(SERVICE, hypervisor_error=("CLUSTER_NOT_FOUND", "There is no such cluster")), "There is no such cluster"),
        ("record", NOTHING, replace(SERVICE, new=True), "Nova knows no such service yet"),
    ],
)
def test_what_is_known_of_the_cause(name, facts, service, reason):
    assert SOURCES[name].reason(facts, service) == reason


@pytest.mark.parametrize(
    "name, facts, service",
    [
        ("asked", replace(NOTHING, login_error=("INVALID_LOGIN", "no")), SERVICE),
        ("datastore_regex", NOTHING, replace(SERVICE, datastore_regex="^n")),
        ("new", NOTHING, replace(SERVICE, new=False)),
        ("skew", replace(NOTHING, compute_host={"clock_skew_seconds": 0}), SERVICE),
        ("versions", replace(NOTHING, compute_host={"versions": {"oslo.vmware": "4.10.1"}}), SERVICE),
        ("images", replace(NOTHING, images=()), SERVICE),
    ],
)
def test_what_is_there(name, facts, service):
    assert SOURCES[name].have(facts, service)


@pytest.mark.parametrize("ends, there", [([None, None], False), ([None, NOW], True), ([], True)])
def test_certificates_of_hosts(ends, there):
    """They are told to an account with Certificate.Manage only; of a cluster without hosts there is none to tell."""
    hosts = {f"host-{number}": HostDetails(certificate_expires=end) for number, end in enumerate(ends)}
    facts = replace(NOTHING, vcenter=Vcenter("vc", "8.0.3", None, NOW, "nova", hosts))
    service = replace(SERVICE, hypervisor=SimpleNamespace(hosts=[SimpleNamespace(moid=moid) for moid in hosts]))
    assert SOURCES["host_certificates"].have(facts, service) is there
