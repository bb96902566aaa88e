# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cache/removal.py: who uses an image, by whichever name the storage, the cache folder and the virtual machine go."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import Location, place_of
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import ImportPlace
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.inventory import Datacenter, Datastore, VmFiles

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
UUID = "a4f1c65e-0d2c-4b8e-9c1f-3c2f5d7e9a10"
VMFS, VSAN = "ds:///vmfs/volumes/5f1/", "ds:///vmfs/volumes/vsan:52a-7e/"
STORES = {"ds-1": ("n1", VMFS), "ds-2": ("other [x] n1", VMFS), "ds-3": ("n1", "ds:///vmfs/volumes/5f3/"), "ds-4": ("v1", VSAN)}
DATACENTER = Datacenter("datacenter-1", "dc1", "dc1", "group-v1")


def location(moid="ds-1", kind="VMFS"):
    name, url = STORES[moid]
    datastore = Datastore(moid, name, kind, True, None, 1, 1, {}, None, url, kind != "vsan")
    return Location(datastore, place_of(datastore, DATACENTER), "b", (), (), ImportPlace("pool", "folder"))


@pytest.fixture
def found(monkeypatch):
    """What the vCenter tells: virtual machines, datastores whose machines can't be listed, and the UUID of the cache folder."""
    told = {"vms": [], "blind": set(), "uuid": UUID}

    def uuid_path(_session, _place, _path):
        if told["uuid"] is None:
            raise VSphereError("NAMESPACES_UNKNOWN", "Failed to read it.")
        return told["uuid"]

    monkeypatch.setattr(removal.inventory, "storages", lambda _session: STORES)
    monkeypatch.setattr(removal.inventory, "files_in_use", lambda _session, moids: told.update(asked=moids) or (told["vms"], told["blind"]))
    monkeypatch.setattr(removal.files, "uuid_path", uuid_path)
    return told


def vm(file, *moids, readable=True):
    return VmFiles("clone", frozenset([file] if file else []), frozenset(moids), readable)


@pytest.mark.parametrize(
    "at, file, moid, used",
    [
        (location(), f"[n1] b/{ID}/{ID}.vmdk", "ds-1", True),
        (location(), f"[n1] b/{ID}/deeper/x.vmdk", "ds-1", True),
        (location(), f"[n1] c/{ID}/{ID}.vmdk", "ds-1", False),
        (location(), f"[n1] b/{ID}x/{ID}.vmdk", "ds-1", False),
        # The other datacenter that mounts the storage has another name for it; a third has its name for another storage.
        (location(), f"[other [x] n1] b/{ID}/{ID}.vmdk", "ds-2", True),
        (location(), f"[n1] b/{ID}/{ID}.vmdk", "ds-3", False),
        # A name that the datastore had once.
        (location(), f"[before] b/{ID}/{ID}.vmdk", "ds-1", True),
        (location(), f"ds:///vmfs/volumes/5f1/b/{ID}/{ID}.vmdk", "ds-1", True),
        (location(), f"/vmfs/volumes/5f1/b/{ID}/{ID}.vmdk", "ds-1", True),
        (location(), f"ds:///vmfs/volumes/5f3/b/{ID}/{ID}.vmdk", "ds-3", False),
        (location("ds-4", "vsan"), f"[v1] b/{ID}/{ID}.vmdk", "ds-4", True),
        (location("ds-4", "vsan"), f"[v1] {UUID}/{ID}/{ID}.vmdk", "ds-4", True),
        (location("ds-4", "vsan"), f"ds:///vmfs/volumes/vsan:52a-7e/{UUID}/{ID}/{ID}.vmdk", "ds-4", True),
        # A UUID that is not known for the cache folder's: the image's folder tells enough.
        (location("ds-4", "vsan"), f"[v1] {ID[::-1]}/{ID}/{ID}.vmdk", "ds-4", True),
        (location("ds-4", "vsan"), f"[v1] {UUID}/other/{ID}.vmdk", "ds-4", False),
    ],
)
def test_files_of_virtual_machines(found, at, file, moid, used):
    found["vms"] = [vm(file, moid)]
    use = removal.Uses(None, [at]).of(at, ID)
    assert (bool(use), use.names, use.unknown) == (used, ["clone"] if used else [], "")
    assert found["asked"] == ([moid] if at.datastore.type == "vsan" else ["ds-1", "ds-2"]), "all that mount the storage"


def test_machines_that_cannot_be_read(found):
    found["vms"] = [vm("", "ds-2", readable=False)]
    uses = removal.Uses(None, [location(), location("ds-3")])
    assert uses.of(location(), ID).unreadable == ("clone",)
    assert not uses.of(location("ds-3"), ID)


@pytest.mark.parametrize("blind, uuid, hint", [({"ds-4"}, UUID, "Read-only"), (set(), None, "System.View")])
def test_nobody_can_tell(found, blind, uuid, hint):
    found.update(blind=blind, uuid=uuid)
    at = location("ds-4", "vsan")
    with pytest.raises(removal.RemovalError) as caught:
        removal.refuse_used(None, [(at, ID)])
    assert caught.value.code == "IMAGE_USE_UNKNOWN"
    assert hint in caught.value.hint
