# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/lease.py where no server is needed: what keeps a lease alive, and what comes after a try that failed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyVmomi import vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import lease, transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError

WISH = lease.Import("pool", "folder", "ds", "name", 1 << 20, "thin", 100)


class Telling:
    """A session whose calls end as ``faults`` say, None for good."""

    def __init__(self, *faults):
        self.faults = list(faults)
        self.calls = 0

    def call(self, _what, _method, **_arguments):
        self.calls += 1
        fault = self.faults.pop(0)
        if fault:
            raise VSphereError(fault, f"Failed to keep the lease alive: {fault}.")


def test_a_fault_that_passes_does_not_end_the_keep_alive():
    session = Telling("CONNECTION_FAILED", None, "CONNECTION_FAILED", "MANAGED_OBJECT_NOT_FOUND")
    sent = lease._Told(session, SimpleNamespace(HttpNfcLeaseProgress=None))
    error = VSphereError("UPLOAD_BROKEN", "Failed to send.")
    sent.tell()
    sent.tell()
    sent.explain(error)
    assert error.what == "Failed to send."  # it was told at last
    for _number in range(5):
        sent.tell()
    assert session.calls == 4  # nobody is there to be told
    sent.explain(error)
    assert "could not be kept alive" in str(error) and "MANAGED_OBJECT_NOT_FOUND" in error.what


@pytest.fixture
def clock(monkeypatch):
    """Seconds; only a sleep moves it."""
    one = SimpleNamespace(now=0.0)

    def sleep(seconds):
        one.now += seconds

    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: one.now, sleep=sleep))
    return one


def tries(monkeypatch, *outcomes):
    """Lets the tries of an import end so: an error's code, or None for good. Gives the list of what was done."""
    done, left = [], list(outcomes)

    def once(*_args):
        outcome = left.pop(0) if len(left) > 1 else left[0]
        done.append(outcome)
        if outcome:
            raise VSphereError(outcome, outcome)
        return "[ds] name/name.vmdk"

    monkeypatch.setattr(lease, "_import_once", once)
    monkeypatch.setattr(lease, "remove_import", lambda *_args: done.append("removed"))
    return done


def test_the_name_is_free_only_after_a_while(monkeypatch, clock):
    done = tries(monkeypatch, "UPLOAD_BROKEN", "DUPLICATE_NAME", "FILE_ALREADY_EXISTS", "TASK_IN_PROGRESS", None)
    assert lease.import_disk(None, WISH, lease.Push(iter)) == "[ds] name/name.vmdk"
    assert [outcome for outcome in done if outcome != "removed"] == ["UPLOAD_BROKEN", "DUPLICATE_NAME", "FILE_ALREADY_EXISTS", "TASK_IN_PROGRESS", None]
    assert done.count("removed") == 4


@pytest.mark.parametrize("outcomes", [("UPLOAD_BROKEN", "UPLOAD_BROKEN"), ("NO_PERMISSION",), ("UPLOAD_BROKEN", "DUPLICATE_NAME")])
def test_no_try_is_made_for_ever(monkeypatch, clock, outcomes):
    done = tries(monkeypatch, *outcomes)
    with pytest.raises(VSphereError) as caught:
        lease.import_disk(None, WISH, lease.Push(iter))
    assert caught.value.code == outcomes[-1]
    assert done[-1] == "removed"


def test_a_machine_that_the_server_is_removing_is_waited_for(monkeypatch, clock):
    """It refuses to remove it for us meanwhile."""
    there = [SimpleNamespace(Destroy_Task=None)] * 3 + [None]

    def refuse(*_args):
        raise lease.VSphereFault("remove", vim.fault.TaskInProgress())

    session = SimpleNamespace(
        managed=lambda *_args: None, content=SimpleNamespace(searchIndex=SimpleNamespace(FindChild=None)), call=lambda *_args, **_more: there.pop(0),
    )  # fmt: skip
    monkeypatch.setattr(lease, "run_task", refuse)
    lease.remove_import(session, "folder", "name")
    assert not there
    there[:] = [SimpleNamespace(Destroy_Task=None)] * 1000
    with pytest.raises(VSphereError) as caught:
        lease.remove_import(session, "folder", "name")
    assert caught.value.code == "TASK_IN_PROGRESS"


def test_disks_that_are_not_thin_get_more_time():
    assert WISH.silence == transfer.TIMEOUT
    thick = lease.Import("pool", "folder", "ds", "name", 500 << 20, "preallocated", 100)
    assert thick.silence == transfer.TIMEOUT + 5120  # half a TiB at 100 MiB/s


def test_the_controller_is_the_one_that_nova_imports_with():
    spec = lease.import_spec(WISH)
    controller, disk = (change.device for change in spec.configSpec.deviceChange)
    assert isinstance(controller, vim.vm.device.VirtualLsiLogicController)
    assert disk.backing.thinProvisioned is True and disk.capacityInKB == WISH.capacity_kb
