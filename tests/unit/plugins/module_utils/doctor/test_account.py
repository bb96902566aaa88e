# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""doctor/account.py: which privileges are missing, where vCenter refuses even the question."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import account
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim, vmodl


class Session:
    """Answers for an account that may not read ``hidden``, and lacks what ``lacking`` has for an object."""

    def __init__(self, hidden=(), lacking=(), fault=vim.fault.NoPermission):
        self._hidden, self._lacking, self._fault = hidden, dict(lacking), fault
        self.asked = []
        self.content = SimpleNamespace(authorizationManager=SimpleNamespace(HasPrivilegeOnEntities=self._has))

    def call(self, what, function, **arguments):
        try:
            return function(**arguments)
        except vmodl.MethodFault as fault:
            raise VSphereFault(what, fault) from fault

    def _has(self, entity, sessionId, privId):
        self.asked.append(entity)
        if set(entity) & set(self._hidden):
            raise self._fault()
        granted = [SimpleNamespace(privId=name, isGranted=False) for name in privId]
        return [
            SimpleNamespace(
                entity=one, privAvailability=[SimpleNamespace(privId=row.privId, isGranted=row.privId not in self._lacking.get(one, ())) for row in granted]
            )
            for one in entity
        ]


NAMES = {"ds-1": "datastore a", "ds-2": "datastore b"}


@pytest.mark.parametrize("pulls", [False, True])
def test_the_privilege_for_pulls_is_asked_for_where_it_is_wanted(monkeypatch, pulls):
    names = {"root": [], "folder": ["VirtualMachine.Inventory.Create"], "pool": [], "datastore": [], "network": []}
    monkeypatch.setattr(account.registry, "privileges", lambda _hypervisors: names)
    monkeypatch.setattr(account.registry, "networks", lambda *_arguments: {})
    monkeypatch.setattr(account, "_lacking", lambda _session, _key, objects, wanted: dict.fromkeys(objects, wanted))
    datacenter = SimpleNamespace(moid="datacenter-1", name="dc1", vm_folder="group-v1")
    hypervisor = SimpleNamespace(moid="domain-1", path="/a", usable=(), hosts=(), datacenter=datacenter, resource_pool="resgroup-1")
    content = SimpleNamespace(rootFolder="root", sessionManager=None)
    session = SimpleNamespace(read=lambda *_arguments: [], managed=lambda kind, moid: f"{kind} {moid}", content=content, call=lambda *_arguments: "key")
    asked = account.missing_privileges(session, [hypervisor], {}, pulls)["VM folder of dc1"]
    assert ("VApp.PullFromUrls" in asked) is pulls


def test_one_question_for_all():
    session = Session(lacking={"ds-2": ["Datastore.Browse"]})
    assert account._lacking(session, "key", NAMES, ["Datastore.Browse", "Datastore.Config"]) == {"ds-2": ["Datastore.Browse"]}
    assert session.asked == [["ds-1", "ds-2"]]
    assert account._lacking(session, "key", {}, ["Datastore.Browse"]) == {}


def test_an_object_that_may_not_be_read_hides_no_other():
    session = Session(hidden=["ds-1"], lacking={"ds-2": ["Datastore.Browse"]})
    assert account._lacking(session, "key", NAMES, ["Datastore.Browse"]) == {"ds-1": ["System.Read"], "ds-2": ["Datastore.Browse"]}


def test_other_faults_are_errors():
    with pytest.raises(VSphereFault):
        account._lacking(Session(hidden=["ds-1"], fault=vmodl.fault.ManagedObjectNotFound), "key", NAMES, ["Datastore.Browse"])
