# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the questions about vSAN make of a vCenter's answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyVmomi import vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import bench, vsan
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files

NAME = "openstack_vmware_probe-x"
REFUSED = bench.Refused(vim.fault.CannotCreateFile(msg="not here"))
FORBIDDEN = bench.Refused(vim.fault.NoPermission(msg="no"))


@pytest.fixture
def table(monkeypatch):
    """A bench on vSAN whose calls all end well, with nothing on the datastore."""
    monkeypatch.setattr(vsan.files, "make_directory", lambda *_: True)
    one = bench.Bench(None, SimpleNamespace(place=files.Place("v", "dc-1", "dc1")), NAME)
    for name in ("make_root_folder", "make_folder", "make_disk", "move_disk", "move", "delete"):
        setattr(one, name, lambda *_: None)
    one.names = lambda _folder: set()
    one.disk = lambda _path: None
    return one


def failing(error):
    def call(*_args):
        raise error

    return call


def test_root_folder(table):
    assert vsan.root_folder(table).value == "made"
    table.make_root_folder = failing(REFUSED)
    finding = vsan.root_folder(table)
    assert finding.value == "refused" and f"[v] {NAME}-2" in finding.evidence


def test_a_lack_of_privileges_is_no_answer(table):
    for call, question in (("make_root_folder", vsan.root_folder), ("move", vsan.folder_move), ("delete", vsan.folder_delete)):
        setattr(table, call, failing(FORBIDDEN))
        with pytest.raises(bench.Refused):
            question(table)


@pytest.mark.parametrize(
    "found, value",
    [([], None), ([("other", "other")], None), ([(NAME, NAME)], "name"), ([("52aa", NAME)], "uuid"), ([(NAME, None)], "name")],
)
def test_listing(table, found, value):
    table.listing = lambda _folder: [SimpleNamespace(path=path, friendlyName=name) for path, name in found]
    assert vsan.listing(table).value == value


@pytest.mark.parametrize("disks, value", [({"-2"}, "yes"), ({"-2", ""}, "no"), (set(), "no")])
def test_move_disk(table, disks, value):
    there = {f"[v] {NAME}{end}/disk.vmdk" for end in disks}
    table.disk = lambda path: path if path in there else None
    assert vsan.move_disk(table).value == value


@pytest.mark.parametrize(
    "error, left, value",
    [(None, set(), "moved"), (None, {"stage"}, "half"), (REFUSED, set(), "refused"), (REFUSED, {"image"}, "half")],
)
def test_folder_move(table, error, left, value):
    if error:
        table.move = failing(error)
    table.names = lambda _folder: left
    assert vsan.folder_move(table).value == value


@pytest.mark.parametrize("error, left, value", [(None, set(), "deleted"), (None, {"full"}, "refused"), (REFUSED, {"full"}, "refused")])
def test_folder_delete(table, error, left, value):
    if error:
        table.delete = failing(error)
    table.names = lambda _folder: left
    assert vsan.folder_delete(table).value == value
