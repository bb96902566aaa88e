# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths, folders and copies on datastores, and what is made of the server's refusals."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyVmomi import vim, vmodl

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault

PLACE = files.Place("n1", "dc-1", "dc1")
VSAN = files.Place("vsan", "dc-1", "dc1", files.Namespaces("ds-1", "ds:///vmfs/volumes/vsan:52aa/", None))
NOT_SUPPORTED = vim.fault.CannotCreateFile
NOT_IMPLEMENTED = vmodl.fault.NotImplemented
EXISTS = vim.fault.FileAlreadyExists


class Session:
    """A session whose calls are noted, and fail with these faults by the method's name, in turn."""

    def __init__(self, answer=None, **faults):
        self.calls = []
        self.takes_copy_spec = True
        self._answer = answer
        self._faults = {name: list(named) for name, named in faults.items()}
        self.content = SimpleNamespace(fileManager=self._manager(), virtualDiskManager=self._manager(), datastoreNamespaceManager=self._manager())

    def _manager(self):
        names = (
            "MakeDirectory",
            "CreateDirectory",
            "ConvertNamespacePathToUuidPath",
            "CopyVirtualDisk_Task",
            "CopyDatastoreFile_Task",
            "ExtendVirtualDisk_Task",
        )
        return SimpleNamespace(**{name: name for name in names})

    def managed(self, kind, moid):
        return f"{kind} {moid}"

    def call(self, what, method, **arguments):
        self.calls.append((method, arguments))
        fault = self._faults.get(method) and self._faults[method].pop(0)
        if fault:
            raise VSphereFault(what, fault())
        return self._answer or (method, arguments)


@pytest.mark.parametrize(
    "path, below",
    [("[n1] a/b.vmdk", "a/b.vmdk"), ("[n1]", ""), ("[n1] ", ""), ("[n [1]] a/", "a"), ("[n1] a b/c", "a b/c")],
)
def test_relative(path, below):
    assert files.relative(path) == below


def test_paths_of_a_place():
    assert (PLACE.path(), PLACE.path("a", "b"), PLACE.datacenter(Session())) == ("[n1]", "[n1] a/b", "Datacenter dc-1")


def test_make_directory():
    session = Session(MakeDirectory=[None, EXISTS])
    assert files.make_directory(session, PLACE, "a", "b") is True
    assert files.make_directory(session, PLACE, "a", "b", parents=False) is False
    assert [arguments["createParentDirectories"] for _method, arguments in session.calls] == [True, False]
    assert session.calls[0][1]["name"] == "[n1] a/b"


def roots(monkeypatch, *names):
    """Lets the root of a vSAN show these folders: one list for each look."""
    looks = [[[files.File(name, 0, False, None) for name in one]] for one in names]
    monkeypatch.setattr(files, "list_names", lambda *_: looks.pop(0))


def test_a_top_level_folder_on_vsan(monkeypatch):
    roots(monkeypatch, [], ["base"])
    session = Session(MakeDirectory=[NOT_SUPPORTED])
    assert files.make_directory(session, VSAN, "base", "image") is True
    assert [method for method, _arguments in session.calls] == ["MakeDirectory", "CreateDirectory", "MakeDirectory"]
    assert session.calls[1][1] == {"datastore": "Datastore ds-1", "displayName": "base"}


def test_one_that_is_there(monkeypatch):
    roots(monkeypatch, ["base"])
    assert files.make_directory(Session(MakeDirectory=[NOT_SUPPORTED]), VSAN, "base") is False


@pytest.mark.parametrize(
    "faults, seen, code",
    [
        ({"MakeDirectory": [NOT_SUPPORTED]}, [[], []], "NAMESPACE_UNNAMED"),
        ({"MakeDirectory": [NOT_SUPPORTED], "CreateDirectory": [vim.fault.NoPermission]}, [[]], "NO_PERMISSION"),
    ],
)
def test_one_that_can_not_be_made(monkeypatch, faults, seen, code):
    roots(monkeypatch, *seen)
    with pytest.raises(VSphereError) as caught:
        files.make_directory(Session(**faults), VSAN, "base")
    assert caught.value.code == code


def test_a_folder_as_machines_name_it():
    session = Session("ds:///vmfs/volumes/vsan:52aa/6e5b-uuid/image")
    assert files.uuid_path(session, VSAN, "[vsan] base/image") == "6e5b-uuid/image"
    assert session.calls[0][1]["namespaceUrl"] == "ds:///vmfs/volumes/vsan:52aa/base/image"
    with pytest.raises(VSphereError) as caught:
        files.uuid_path(Session("ds:///vmfs/volumes/other/x"), VSAN, "[vsan] base")
    assert caught.value.code == "NAMESPACES_UNKNOWN"


def copies(monkeypatch, session, *ends):
    """Copies a disk twice and a file. Gives the errors; ``ends`` are the faults of the tasks, for each round."""
    rounds = list(ends)

    def wait(_session, tasks, tick=None, names=()):
        faults = rounds.pop(0)
        assert len(tasks) == len(faults) == len(names)
        return [(None, fault and fault()) for fault in faults]

    monkeypatch.setattr(files, "wait_for", wait)
    wanted = [files.Copy(f"copy {name}", PLACE, f"[n1] {name}", PLACE, f"[n2] {name}", kind) for name, kind in (("a", "thin"), ("b", "thin"), ("c", None))]
    found = files.copy_all(session, wanted)
    assert rounds == []
    return found


def with_spec(session):
    return [bool(arguments.get("destSpec")) for method, arguments in session.calls if method == "CopyVirtualDisk_Task"]


def test_copies_say_how_they_are_to_be(monkeypatch):
    session = Session()
    assert copies(monkeypatch, session, [None, None, None]) == [None, None, None]
    assert with_spec(session) == [True, True]


def test_a_vcenter_that_takes_no_spec_is_not_asked_again(monkeypatch):
    session = Session()
    assert copies(monkeypatch, session, [vim.fault.InvalidDatastorePath, NOT_IMPLEMENTED, None], [None])[1:] == [None, None]
    assert (with_spec(session), session.takes_copy_spec) == ([True, True, False], False)


def test_an_argument_that_is_wrong_for_another_reason(monkeypatch):
    session = Session()
    first, _second, _third = copies(monkeypatch, session, [NOT_IMPLEMENTED, None, None], [NOT_IMPLEMENTED])
    assert (first.fault, session.takes_copy_spec) == ("NotImplemented", True)


def test_a_copy_that_is_refused_at_once_stops_no_other(monkeypatch):
    session = Session(CopyVirtualDisk_Task=[vim.fault.FileNotFound, None])
    first, *others = copies(monkeypatch, session, [None, None])
    assert (first.fault, others) == ("FileNotFound", [None, None])


def test_disks_are_extended_at_once(monkeypatch):
    session = Session(ExtendVirtualDisk_Task=[vim.fault.FileNotFound, None])
    monkeypatch.setattr(files, "wait_for", lambda _session, tasks, tick, names: [(None, None) for _task in tasks])
    first, second = files.extend_all(session, [(PLACE, "[n1] a"), (PLACE, "[n1] b")], 2048)
    assert (first.fault, second, session.calls[1][1]["newCapacityKb"]) == ("FileNotFound", None, 2048)
