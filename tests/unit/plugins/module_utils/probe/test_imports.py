# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the questions about imports make of a vCenter's answers."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
from pyVmomi import vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import bench, imports
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files

REFUSED = bench.Refused(vim.fault.InvalidState(msg="bad file"))
FORBIDDEN = bench.Refused(vim.fault.NoPermission(msg="no"))
DUPLICATE = bench.Refused(vim.fault.DuplicateName(msg="taken", name="x"))


class Table(bench.Bench):
    """A bench whose imports end so: an error, or the path of the disk."""

    def __init__(self, error=None, leases=(), there=None, path="[v] 52aa/x.vmdk"):
        content = SimpleNamespace(searchIndex=SimpleNamespace(FindChild=there))
        site = SimpleNamespace(place=files.Place("v", "dc-1", "dc1"), vm_folder="group-v3", datastore=SimpleNamespace(type="vsan"))
        super().__init__(SimpleNamespace(content=content, managed=lambda kind, moid: (kind, moid)), site, "probe")
        self.limit(60)
        self.files = []
        self.aborted = 0
        self._error, self._leases, self._path = error, list(leases), path

    def call(self, _what, method, **_arguments):
        return method

    @contextlib.contextmanager
    def imported(self, data, capacity_kb=bench.CAPACITY_KB):
        self.files.append((data, capacity_kb))
        if self._error:
            raise self._error
        yield bench.Imported(None, self._path)

    def lease(self, name, capacity_kb=bench.CAPACITY_KB):
        ends, self._leases = self._leases[:1], self._leases[1:]
        for error in filter(None, ends):
            raise error
        return SimpleNamespace(HttpNfcLeaseAbort=None), SimpleNamespace(entity=None)

    def abort(self, _lease):
        self.aborted += 1

    def disks_of(self, _vm):
        return [self._path]


QUESTIONS = [imports.old_stream, imports.stream_without_footer, imports.stream_odd_capacity]


@pytest.mark.parametrize("ask", QUESTIONS)
@pytest.mark.parametrize(
    "error, value",
    [(None, "taken"), (REFUSED, "refused"), (NovaVmwareError("UPLOAD_FAILED", "The host answered 500."), "refused")],
)
def test_a_file_that_is_not_as_it_should_be(ask, error, value):
    table = Table(error)
    assert ask(table).value == value
    assert table.files[0][0][:4] == b"KDMV"


@pytest.mark.parametrize("error", [FORBIDDEN, NovaVmwareError("CONNECTION_FAILED", "Nobody answers.")])
def test_what_says_nothing_of_the_file_is_no_answer(error):
    with pytest.raises(type(error)):
        imports.old_stream(Table(error))


def test_the_files_are_what_the_questions_say():
    made = []
    for ask in QUESTIONS:
        table = Table()
        ask(table)
        made += table.files
    versions = [int.from_bytes(data[4:8], "little") for data, _capacity in made]
    assert versions[0] == 1 and versions[2] >= 1
    assert [capacity for _data, capacity in made] == [bench.CAPACITY_KB, bench.CAPACITY_KB, bench.CAPACITY_KB + 1]


@pytest.mark.parametrize(
    "leases, there, value, aborted",
    [([None, None], None, "at_once", 1), ([None, None], "a machine", "later", 1), ([None, DUPLICATE], None, "later", 0)],
)
def test_lease_abort(leases, there, value, aborted):
    table = Table(leases=leases, there=there)
    assert (imports.lease_abort(table).value, table.aborted) == (value, aborted)


def test_another_refusal_of_a_lease_is_no_answer():
    with pytest.raises(bench.Refused):
        imports.lease_abort(Table(leases=[None, REFUSED]))


@pytest.mark.parametrize("path, value", [("[v] 52aa/x.vmdk", "uuid"), ("[v] probe-vm1/x.vmdk", "name"), ("[v] probe-vm1_1/x.vmdk", "name")])
def test_vsan_disk_path(path, value):
    table = Table(path=path)
    assert (imports.vsan_disk_path(table).value, table.aborted) == (value, 1)
