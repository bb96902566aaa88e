# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each kind of image is sent to one datastore, and what happens where a way is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance.images import GlanceError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import push
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
DISK, EXTENT = f"[n1] stage/{cache.image_file(ID)}", cache.extent_file(ID)


class Sending:
    """An image under way, whose steps are noted. ``imports`` are the errors of its imports, in turn."""

    def __init__(self, disk_type="thin", encoding="auto", through="auto", imports=()):
        image = SimpleNamespace(id=ID, name="web", kind="flat", size=1 << 20, disk_type=disk_type, adapter_type="lsiLogic", cached_type="preallocated")
        self.work = SimpleNamespace(image=image, source=SimpleNamespace(range=None), disk=SimpleNamespace(stream="stream", size=77))
        self.job = SimpleNamespace(options=SimpleNamespace(encoding=encoding), rules=SimpleNamespace(through=through), session=None)
        self.stage = SimpleNamespace(folder="[n1] stage", location=SimpleNamespace(place=None))
        self.done = SimpleNamespace(warning=None, encoding=None, step=SimpleNamespace(advance=None))
        self.steps = []
        self._imports = list(imports)

    def bytes(self, check=iter, then=iter):
        yield from [b"some", b"bytes"]

    def checked(self, chunks):
        return chunks

    contained = checked

    def put(self, name, chunks=None):
        self.steps.append(("put", name))

    def send_disk(self, disk_type, size, chunks):
        self.steps.append(("import", disk_type, size))
        errors, self._imports = self._imports[:1], self._imports[1:]
        for error in errors:
            raise error


@pytest.fixture(autouse=True)
def server(monkeypatch):
    """What is asked of the server for the disk: by the step that is noted. ``error`` is that of a copy."""
    asked = SimpleNamespace(steps=None, error=None)
    monkeypatch.setattr(push.files, "create_disk", lambda _session, _place, path, kib, _adapter, kind: asked.steps.append(("create", path, kib, kind)))
    monkeypatch.setattr(push.files, "delete", lambda _session, _place, path: asked.steps.append(("delete", path)))
    monkeypatch.setattr(
        push.files, "copy_all", lambda _session, copies: [asked.steps.append(("copy", one.destination, one.disk_type)) or asked.error for one in copies]
    )
    return asked


def send(server, kind, sending):
    server.steps = sending.steps
    push._SENDERS[kind](sending)
    return sending.steps


def test_an_iso_is_a_file(server):
    assert send(server, "iso", Sending()) == [("put", cache.image_file(ID, "iso"))]


@pytest.mark.parametrize("disk_type, made", [("thin", "thin"), ("preallocated", "preallocated"), ("eagerZeroedThick", "preallocated")])
def test_a_flat_disk_becomes_the_extent(server, disk_type, made):
    """What is written whole need not be zeroed before."""
    steps = send(server, "flat", Sending(disk_type, encoding="none"))
    assert steps == [("create", DISK, 1024, made), ("delete", f"[n1] stage/{EXTENT}"), ("put", EXTENT)]


@pytest.mark.parametrize(
    "sending, answer, empty",
    [
        (Sending(), True, True),
        (Sending(), False, False),
        (Sending(encoding="none"), True, False),
        (Sending(through="server"), True, False),
        (Sending("eagerZeroedThick"), True, False),
        (Sending(), GlanceError("NO_RANGES", "Glance gives no ranges."), False),
    ],
)
def test_when_holes_are_left_out(monkeypatch, sending, answer, empty):
    def is_worth_it(*_arguments):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(push.spools, "is_worth_it", is_worth_it)
    assert push._is_mostly_empty(sending, 1 << 30) is empty


class Spool:
    """A spool that takes all of a disk, or not, or has no room."""

    size = 99

    def __init__(self, whole):
        self._whole = whole

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        pass

    def fill(self, live, _advance):
        if isinstance(self._whole, Exception):
            raise self._whole
        return self._whole

    read = flat = None


@pytest.mark.parametrize(
    "whole, imports, kinds, warns",
    [
        (True, [], ["import"], False),
        (False, [], ["create", "delete", "put"], False),  # it is too large in the end
        (OSError("full"), [], ["create", "delete", "put"], True),
        (True, [VSphereError("IMPORT_REFUSED", "No.")], ["import", "create", "delete", "put"], True),
    ],
)
def test_a_mostly_empty_disk_goes_without_its_holes(server, monkeypatch, whole, imports, kinds, warns):
    monkeypatch.setattr(push, "_is_mostly_empty", lambda *_: True)
    monkeypatch.setattr(push.spools, "Spool", lambda *_: Spool(whole))
    sending = Sending(imports=imports)
    assert [step[0] for step in send(server, "flat", sending)] == kinds
    assert bool(sending.done.warning) is warns
    assert sending.done.encoding == ("streamOptimized" if kinds == ["import"] else None)


@pytest.mark.parametrize("code", sorted(push.transfer.FINAL))
def test_some_errors_end_it(server, monkeypatch, code):
    monkeypatch.setattr(push, "_is_mostly_empty", lambda *_: True)
    monkeypatch.setattr(push.spools, "Spool", lambda *_: Spool(True))
    with pytest.raises(VSphereError):
        send(server, "flat", Sending(imports=[VSphereError(code, "No.")]))


def test_a_sparse_disk_is_made_native(server):
    assert send(server, "sparse", Sending()) == [("put", "tmp-sparse.vmdk"), ("copy", DISK, "preallocated"), ("delete", "[n1] stage/tmp-sparse.vmdk")]
    server.error = NovaVmwareError("BROKEN", "It broke.")
    with pytest.raises(NovaVmwareError):
        send(server, "sparse", Sending())


@pytest.mark.parametrize("kind, size", [("streamOptimized", 1 << 20), ("ova", 77)])
def test_a_stream_as_it_should_be_goes_as_it_is(server, monkeypatch, kind, size):
    monkeypatch.setattr(push.relay, "is_needed", lambda _stream: False)
    sending = Sending()
    assert send(server, kind, sending) == [("import", "thin", size)] and sending.done.encoding is None


@pytest.mark.parametrize(
    "reckoned, imports, sizes",
    [(55, [], [55]), (55, [push.relay.SizeDiffersError("SIZE", "It differs.")], [55, 9]), (None, [], [9])],
)
def test_a_stream_that_esxi_may_refuse_is_laid_out_anew(server, monkeypatch, reckoned, imports, sizes):
    """Where its size can't be known before, it waits in a file."""
    monkeypatch.setattr(push.relay, "is_needed", lambda _stream: True)
    monkeypatch.setattr(push.relay, "size", lambda _stream: reckoned)
    sending = Sending(imports=imports)
    assert [step[2] for step in send(server, "streamOptimized", sending)] == sizes
    assert sending.done.encoding == "streamOptimized"


def imported(monkeypatch, hosts=("esx-1",), move=None, fault=None):
    """Imports a disk. Gives the sending, and what it raised."""

    def import_disk(*_arguments):
        if fault:
            raise fault
        return "[n1] OSTACK/disk.vmdk"

    def move_disk(_session, _place, _source, destination):
        assert destination == DISK
        if move:
            raise move

    monkeypatch.setattr(push.lease, "import_disk", import_disk)
    monkeypatch.setattr(push.files, "move_disk", move_disk)
    place = SimpleNamespace(resource_pool="pool", vm_folder="folder", host=None, why="The cluster has no DRS.")
    location = SimpleNamespace(name="n1", hosts=hosts, hypervisors=("c1",), imports=place, place=None)
    stage = SimpleNamespace(folder="[n1] stage", location=location, import_name="x", rubbish=[])
    work = SimpleNamespace(image=SimpleNamespace(id=ID), disk=SimpleNamespace(capacity_bytes=1 << 20))
    done = SimpleNamespace(step=SimpleNamespace(total=None), via=None)
    sending = push.Sending(SimpleNamespace(session=None, rules=None), work, stage, done)
    try:
        sending.send_disk("thin", 5, None)
    except NovaVmwareError as error:
        return sending, error
    return sending, None


def test_an_import(monkeypatch):
    sending, error = imported(monkeypatch)
    assert (error, sending.done.via, sending.done.step.total, sending.stage.rubbish) == (None, "import lease", 5, ["[n1] OSTACK"])


def test_an_import_without_a_host(monkeypatch):
    assert imported(monkeypatch, hosts=())[1].code == "NO_IMPORT_HOST"


def test_what_was_imported_goes_away_where_it_can_not_be_moved(monkeypatch):
    sending, error = imported(monkeypatch, move=NovaVmwareError("BROKEN", "It broke."))
    assert (error.code, sending.stage.rubbish) == ("BROKEN", ["[n1] OSTACK"])
