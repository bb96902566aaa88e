# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""probe/datastore.py: answers that no simulator gives."""

from __future__ import annotations

import types

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import bench, datastore
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

HOSTS = ("esx-1", "esx-2", "esx-3")
UNTRUSTED = NovaVmwareError("CERTIFICATE_NOT_TRUSTED", "The certificate is not trusted.")
DEAD = NovaVmwareError("CONNECTION_FAILED", "Nobody answers on esx-3:443.", "Check the port.")


def table(host_trust="ca"):
    """Gives a bench whose vCenter answers nothing."""
    session = types.SimpleNamespace(host_trust=host_trust, port=443, hostname="vc")
    site = types.SimpleNamespace(place=files.Place("ds", "dc-1", "dc1"), datastore=None, hosts=HOSTS)
    one = bench.Bench(session, site, "openstack_vmware_probe-x")
    one.limit(60)
    return one


def answering(monkeypatch, answer):
    """Lets each PUT through a host end as ``answer`` says: a function of the host's name and the trust that gives an error or None."""

    def put(_session, ways, _size, _chunks, rules):
        error = answer(ways[0].hostname, rules.host_trust)
        if error:
            raise error

    monkeypatch.setattr(transfer, "put", put)


@pytest.mark.parametrize(
    "asked, answer, value, trust, hosts",
    [
        ("ca", lambda host, trust: None, "ca", "ca", HOSTS),
        ("thumbprint", lambda host, trust: None, "thumbprint", "thumbprint", HOSTS),
        ("ca", lambda host, trust: UNTRUSTED if trust == "ca" else None, "thumbprint", "thumbprint", HOSTS),
        ("ca", lambda host, trust: UNTRUSTED if trust == "ca" and host == "esx-2" else None, "thumbprint", "thumbprint", HOSTS),
        ("ca", lambda host, trust: DEAD if host == "esx-3" else None, "some", "ca", HOSTS[:2]),
        ("ca", lambda host, trust: DEAD, "none", "ca", ()),
        ("ca", lambda host, trust: UNTRUSTED, "none", "ca", ()),
    ],
)
def test_host_upload(monkeypatch, asked, answer, value, trust, hosts):
    """Each host is tried in both ways in which it can prove who it is; one that does not answer is tried once."""
    answering(monkeypatch, answer)
    one = table(asked)
    finding = datastore.host_upload(one)
    assert (finding.value, one.memo["trust"], tuple(one.memo["hosts"])) == (value, trust, hosts)
    assert finding.evidence.startswith(f"{len(hosts)} of 3 hosts took a file.")
    if value == "some":
        assert "esx-3:443. Check the port." in finding.evidence


def copied(monkeypatch, before, after, thin, keeps_thick=True):
    """Gives the finding of a copy whose disks look so."""
    one = table()
    one.memo.update(source="[ds] a/thin.vmdk", keeps_thick=keeps_thick)
    monkeypatch.setattr(one, "copy_disk", lambda *_: None)
    looks = {"thin.vmdk": types.SimpleNamespace(controllerType=before, thin=True), "copy.vmdk": types.SimpleNamespace(controllerType=after, thin=thin)}
    monkeypatch.setattr(one, "disk", lambda path: looks[path.rpartition("/")[2]])
    return datastore.copy_without_spec(one).value


LSI, BUS = vim.vm.device.VirtualLsiLogicController, vim.vm.device.VirtualBusLogicController


@pytest.mark.parametrize(
    "before, after, thin, keeps_thick, value",
    [
        (LSI, LSI, True, True, "source"),
        (LSI, LSI, False, True, "preallocated"),
        (None, None, True, True, "source"),
        (None, BUS, True, True, "source"),  # what the source had is not told
        (LSI, BUS, True, False, "preallocated"),  # thin by the datastore, but made with the API's defaults
        (LSI, LSI, True, False, None),
        (LSI, LSI, None, True, None),
    ],
)
def test_copy_without_spec(monkeypatch, before, after, thin, keeps_thick, value):
    assert copied(monkeypatch, before, after, thin, keeps_thick) == value


def test_copy_spec_that_is_ignored(monkeypatch):
    one = table()
    one.memo.update(source="[ds] a/thin.vmdk", copy_is_thin=False)
    monkeypatch.setattr(one, "copy_disk", lambda *_: None)
    monkeypatch.setattr(one, "disk", lambda _path: types.SimpleNamespace(thin=False))
    assert datastore.copy_spec(one).value == "ignored"


def test_time_is_over():
    one = table()
    one.limit(-1)
    with pytest.raises(bench.Late):
        one.call("ask", None)


def test_a_file_through_the_vcenter_goes_there_and_nowhere_else(monkeypatch):
    ways = []
    monkeypatch.setattr(transfer, "put", lambda _session, chosen, *_more: ways.extend(chosen))
    one = table()
    one.memo["hosts"] = HOSTS
    assert datastore.vsan_put_through_vcenter(one).value == "works"
    assert [way.hostname for way in ways] == ["vc"]


def parents(told):
    """Gives a bench with a datastore and a pool below a folder, a datacenter and the root folder. ``told`` is what the account may read of these."""
    chain = [vim.Datastore("ds-1"), vim.Folder("group-s1"), vim.Datacenter("dc-1"), vim.Folder("group-d1")]
    pool = vim.ResourcePool("resgroup-1")
    up = {one._GetMoId(): above for one, above in zip(chain, chain[1:])} | {"resgroup-1": chain[2]}

    def read(_what, objects, paths):
        (obj,), (names,) = [spec.obj for spec in objects], paths.values()
        if names == ["parent"]:
            return [(obj, {"parent": up[obj._GetMoId()]} if obj._GetMoId() in up else {})]
        return [(obj, dict.fromkeys(told.get(obj._GetMoId(), names)))]

    one = table()
    one.session.read, one.session.managed = read, lambda kind, moid: getattr(vim, kind)(moid)
    one.site = types.SimpleNamespace(datastore=types.SimpleNamespace(moid="ds-1"), pool=pool._GetMoId())
    return one


@pytest.mark.parametrize(
    "told, value, evidence",
    [
        ({}, None, "on all 3 objects above"),
        ({"group-s1": ["name"]}, "granted", "sees the Folder group-s1 above the datastore"),
        ({"group-s1": []}, "refused", "does not see the Folder group-s1 above the datastore"),
        ({"group-d1": ["name"]}, "granted", "sees the Folder group-d1"),
        ({"dc-1": []}, "refused", "does not see the Datacenter dc-1"),
    ],
)
def test_parents_view(told, value, evidence):
    """A name alone is seen without a permission; with a permission on all that is above, nobody knows."""
    finding = datastore.parents_view(parents(told))
    assert finding.value == value and evidence in finding.evidence
