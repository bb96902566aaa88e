# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of a probe: names, paths, time, and refusals as they are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyVmomi import vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import bench
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault


@pytest.fixture
def table():
    def call(what, method, *args, **kwargs):
        try:
            return method(*args, **kwargs)
        except vim.fault.VimFault as fault:
            raise VSphereFault(what, fault) from fault

    session = SimpleNamespace(call=call, host_trust="ca", hostname="vc", port=443)
    one = bench.Bench(session, SimpleNamespace(place=files.Place("ds", "dc-1", "dc1")), "probe-x")
    one.limit(60)
    return one


def fail(fault):
    def method():
        raise fault

    return method


def test_names_and_paths(table):
    assert (table.path(), table.path("a", "b.vmdk"), table.second) == ("[ds] probe-x", "[ds] probe-x/a/b.vmdk", "probe-x-2")
    assert [table.next_name(), table.next_name()] == ["probe-x-vm1", "probe-x-vm2"]


def test_a_refusal_has_its_name(table):
    with pytest.raises(bench.Refused) as caught:
        table.call("ask", fail(vim.fault.FileAlreadyExists(msg="there")))
    assert (caught.value.fault, caught.value.lacking) == ("FileAlreadyExists", "")


def test_a_privilege_that_lacks_is_named():
    assert bench.Refused(vim.fault.NoPermission(msg="no", privilegeId="Datastore.Config")).lacking
    assert bench.Refused(vim.fault.NoPermission(msg="no")).lacking == "a privilege"


def test_a_task_of_its_own(table, monkeypatch):
    monkeypatch.setattr(bench, "wait_for", lambda _session, tasks, _seconds, names: [(f"result of {tasks[0]}", None)])
    assert table.run("do it", lambda: "task-1") == "result of task-1"
    monkeypatch.setattr(bench, "wait_for", lambda *_args, **_options: [(None, vim.fault.FileLocked(msg="locked"))])
    with pytest.raises(bench.Refused) as caught:
        table.run("do it", lambda: "task-1")
    assert caught.value.fault == "FileLocked"


@pytest.mark.parametrize("code, kind", [("TASK_TIMEOUT", bench.Late), ("CONNECTION_FAILED", VSphereError)])
def test_a_task_that_does_not_end(table, monkeypatch, code, kind):
    def wait(*_args, **_options):
        raise VSphereError(code, "It did not end.")

    monkeypatch.setattr(bench, "wait_for", wait)
    with pytest.raises(kind):
        table.run("do it", lambda: "task-1")


def test_time_that_is_over(table):
    assert 0 < table.left() <= 60
    table.limit(0)
    with pytest.raises(bench.Late):
        table.left()


def test_a_folder_that_is_not_there_is_empty(table, monkeypatch):
    table.site.datastore = SimpleNamespace(browser=SimpleNamespace(SearchDatastore_Task=None))

    def run(_what, _method, **_arguments):
        raise bench.Refused(vim.fault.FileNotFound(msg="nothing"))

    monkeypatch.setattr(table, "run", run)
    assert table.listing("[ds] probe-x") == [] and table.names("[ds] probe-x") == set() and table.disk("[ds] probe-x/a.vmdk") is None
