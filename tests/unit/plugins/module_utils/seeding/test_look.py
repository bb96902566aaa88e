# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked at before a seed, and what need not be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import ImportPlace
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import look
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Options

GIB = 1 << 30


def image(name="i", disk_type="thin", kind="flat", size=GIB):
    return SimpleNamespace(id=name, name=name, disk_type=disk_type, kind=kind, size=size, properties={})


def place(name, type_="VMFS", mounts=("host-1",)):
    datastore = SimpleNamespace(type=type_, storage=name)
    return SimpleNamespace(
        name=name, datastore=datastore, base="base", mounts={f"esx-{one}": (one, "/path") for one in mounts}, imports=ImportPlace("pool", "folder")
    )


def entry(state, name="i", capacity=GIB):
    return SimpleNamespace(name=name, state=state, capacity_bytes=capacity)


@pytest.fixture
def asked(monkeypatch):
    """What is looked at besides the wanted caches; there is nothing."""
    found = []
    monkeypatch.setattr(look, "_elsewhere", lambda *_: found.append("elsewhere") or {})
    monkeypatch.setattr(look.inventory, "offloads", lambda _session, moids: found.append(moids) or set())
    return found


def looked(monkeypatch, places, entries, *images):
    monkeypatch.setattr(look, "audit_all", lambda _session, at, _capacities, _disks: [{each.name: each for each in entries.get(one.name, [])} for one in at])
    return look.look(None, list(images), {one.name: one for one in places}, Options())


def test_whole_everywhere_asks_nothing_more(monkeypatch, asked):
    whole = [entry(audit.COMPLETE)]
    seen = looked(monkeypatch, [place("a"), place("b")], {"a": whole, "b": whole}, image())
    assert (asked, list(seen.entries), seen.elsewhere) == ([], ["a", "b"], {})


def test_a_copy_asks_who_copies_by_itself(monkeypatch, asked):
    looked(monkeypatch, [place("a"), place("b", mounts=("host-2",))], {"a": [entry(audit.COMPLETE)]}, image())
    assert asked == [["host-1", "host-2"]]


def test_an_image_that_no_target_has_is_looked_for_elsewhere(monkeypatch, asked):
    looked(monkeypatch, [place("a"), place("b")], {"a": [entry(audit.BROKEN)]}, image())
    assert asked == ["elsewhere", ["host-1"]]


def test_one_datastore_needs_no_copies(monkeypatch, asked):
    looked(monkeypatch, [place("a")], {}, image())
    assert asked == ["elsewhere"]


def test_vsan_takes_streams_only(monkeypatch, asked):
    places = [place("a"), place("v", "vsan")]
    seen = looked(monkeypatch, places, {}, image("s", "streamOptimized"), image("f"))
    assert [list(chosen) for _image, chosen in seen.wanted] == [["a", "v"], ["a"]]
    with pytest.raises(NovaVmwareError) as caught:
        looked(monkeypatch, places[1:], {}, image("f"))
    assert caught.value.code == "NO_USABLE_DATASTORE"


def found(monkeypatch, entries, elsewhere=()):
    """Looks at an image whose header says that it has 2 GiB. Gives what was found."""
    monkeypatch.setattr(look, "inspect", lambda _image, _source: SimpleNamespace(capacity_bytes=2 * GIB))
    places = {name: place(name) for name in entries}
    everywhere = {name: {one.name: one} if one else {} for name, one in entries.items()}
    everywhere.update({name: {"i": entry(audit.COMPLETE)} for name in elsewhere})
    seen = look.Seen([], {name: place(name) for name in elsewhere}, everywhere, {}, {})
    return look.look_at(seen, image(), places, None, Options())


@pytest.mark.parametrize(
    "entries, elsewhere, capacity, reads",
    [
        ({"a": entry(audit.COMPLETE)}, (), GIB, False),
        ({"a": entry(audit.COMPLETE), "b": None}, (), GIB, False),  # a whole copy tells the size
        ({"a": None}, ("e",), GIB, False),
        ({"a": None}, (), 2 * GIB, True),
        ({"a": entry(audit.BROKEN)}, (), 2 * GIB, True),
        ({"a": entry(audit.UNKNOWN)}, (), None, False),  # it is left alone
    ],
)
def test_the_header_is_read_where_nothing_else_tells_the_size(monkeypatch, entries, elsewhere, capacity, reads):
    one = found(monkeypatch, entries, elsewhere)
    assert (one.capacity, one.disk is not None, list(one.elsewhere)) == (capacity, reads, list(elsewhere))
