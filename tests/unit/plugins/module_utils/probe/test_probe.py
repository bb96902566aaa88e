# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""probe/probe.py: which datastore is probed, and what becomes of a question that can't be answered."""

from __future__ import annotations

import types

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import vc
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import bench, probe
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import ALL, FILES, VSAN, Finding, Meaning, Question
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

ANSWERS = {"no": Meaning("problem", "."), "yes": Meaning("ok", ".")}


def datastore(name, moid, hosts, **more):
    given = {"type": "VMFS", "accessible": True, "maintenance_mode": "normal", "capacity_bytes": 1, "free_bytes": 1, **more}
    return inventory.Datastore(moid=moid, name=name, mounts={host: True for host in hosts}, browser=None, **given)


def cluster(name, hosts, *datastores, drs=True, state="connected"):
    dc = inventory.Datacenter("dc-1", "dc1", "dc1", "group-v1")
    one = inventory.Cluster(
        f"domain-{name}", name, f"/dc1/host/{name}", dc, f"pool-{name}", tuple(hosts), tuple(d.moid for d in datastores), drs,
        "fullyAutomated", True, True,
    )  # fmt: skip
    rows = tuple(inventory.Host(host, f"esx-{host}", state, False, 1, 1, 1) for host in hosts)
    return vc.hypervisor(one, None, {row.moid: row for row in rows}, {d.moid: d for d in datastores}, "uuid")


SHARED = datastore("shared", "ds-1", ["h1", "h2"])


def test_site_of_a_shared_datastore():
    """Files go through the hosts of all clusters that mount it; imports to the first that has a host that works."""
    found = probe.find([cluster("a", ["h1"], SHARED, state="disconnected"), cluster("b", ["h2"], SHARED, drs=False)], ["shared", "shared"], "vc")
    (site,) = found
    assert (site.cluster, site.pool, site.hosts, site.host) == ("/dc1/host/b", "pool-b", ("esx-h2",), "h2")
    (site,) = probe.find([cluster("a", ["h1"], SHARED), cluster("b", ["h2"], SHARED)], ["shared"], "vc")
    assert (site.cluster, site.hosts, site.host) == ("/dc1/host/a", ("esx-h1", "esx-h2"), None)


@pytest.mark.parametrize(
    "clusters, code",
    [
        ([cluster("a", ["h1"], datastore("other", "ds-2", ["h1"]))], "DATASTORE_NOT_FOUND"),
        ([cluster("a", ["h1"], SHARED), cluster("b", ["h1"], datastore("shared", "ds-2", ["h1"]))], "DATASTORE_AMBIGUOUS"),
        ([cluster("a", ["h1"], datastore("shared", "ds-1", ["h1"], type="VVOL"))], "DATASTORE_NOT_USABLE"),
        ([cluster("a", ["h1"], datastore("shared", "ds-1", ["h1"], accessible=False))], "DATASTORE_NOT_USABLE"),
        ([cluster("a", ["h1"], SHARED, state="notResponding")], "NO_UPLOAD_HOST"),
    ],
)
def test_datastore_that_can_not_be_probed(clusters, code):
    with pytest.raises(NovaVmwareError) as caught:
        probe.find(clusters, ["shared"], "vc")
    assert caught.value.code == code


def raising(error):
    def ask(_bench):
        raise error

    return ask


def fault(name, **fields):
    return bench.Refused(getattr(vim.fault, name)(**fields))


@pytest.mark.parametrize("answers, wrong", [(ANSWERS, "no"), ({"refused": None, "taken": None}, None)])
@pytest.mark.parametrize(
    "error, value, lacking",
    [
        (fault("FileLocked"), "wrong", ""),
        (fault("NoPermission", privilegeId="Datastore.FileManagement"), "wrong", "Datastore.FileManagement"),
        (fault("NoPermission"), "wrong", "a privilege"),
        (bench.Late(), None, ""),
        (NovaVmwareError("TRANSFER_TIMEOUT", "It took long."), None, ""),
        (NovaVmwareError("NO_PERMISSION", "No.", details={"privileges": {"Folder x": ["VApp.Import"]}}), "wrong", "VApp.Import"),
    ],
)
def test_what_a_function_does_not_catch(answers, wrong, error, value, lacking):
    """A refusal that is no answer is `no` to the question whether something arrives, and leaves a switch unknown."""
    finding = probe.ask(Question("q", "?", ALL, raising(error), answers), None, 5)
    assert (finding.value, finding.lacking) == (wrong if value == "wrong" else None, lacking)
    assert finding.evidence


class Table:
    """A bench without a vCenter."""

    def __init__(self, kind):
        self.site = types.SimpleNamespace(datastore=types.SimpleNamespace(type=kind))
        self.place = types.SimpleNamespace(datastore="ds")
        self.asked = []

    def limit(self, seconds):
        assert seconds > 0


def answering(value):
    return lambda table: table.asked.append(value) or Finding(value, "seen")


QUESTIONS = (
    Question("first", "?", ALL, answering("no"), ANSWERS),
    Question("second", "?", ALL, answering("never"), ANSWERS, needs=("first",)),
    Question("third", "?", VSAN, answering("vsan"), ANSWERS),
    Question("fourth", "?", FILES, answering("yes"), ANSWERS),
)


def test_ask_all():
    table = Table("VMFS")
    findings = probe.ask_all(table, QUESTIONS)
    assert list(findings) == ["first", "second", "third", "fourth"]
    assert table.asked == ["no", "yes"]
    assert findings["second"].value is None and "the answer to first was no" in findings["second"].evidence
    assert findings["third"].value is None and "vsan, not for VMFS" in findings["third"].evidence


def test_no_question_begins_after_the_budget(monkeypatch):
    monkeypatch.setattr(probe, "BUDGET", 0.0)
    table = Table("VMFS")
    assert {finding.value for finding in probe.ask_all(table, QUESTIONS).values()} == {None}
    assert table.asked == []
