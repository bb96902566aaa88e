# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/sized.py: a broken copy for linked clones goes unless a virtual machine uses it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import sized
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.files import File

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
UUID = "a4f1c65e-0d2c-4b8e-9c1f-3c2f5d7e9a10"
FOLDER = f"[v1] b/{ID}"


@pytest.mark.parametrize("file, code", [(f"{ID}.1.vmdk", "IMAGE_IN_USE"), (f"{ID}.vmdk", None), (f"{ID}.11.vmdk", None)])
@pytest.mark.parametrize("folder", [FOLDER, f"[v1] {UUID}/{ID}"], ids=("by name", "by UUID"))
def test_clones_of_a_broken_copy(monkeypatch, folder, file, code):
    """On vSAN a virtual machine names the folder by a UUID."""
    use = removal.Use(FOLDER, (("clone", f"{folder}/{file}"),), ())
    deleted = []
    monkeypatch.setattr(sized.removal, "Uses", lambda _session, _locations: SimpleNamespace(of=lambda _location, _image_id: use))
    monkeypatch.setattr(sized.others, "is_at_work", lambda _session, _listed: False)
    monkeypatch.setattr(sized.files, "delete", lambda _session, _place, path: deleted.append(path))
    location = SimpleNamespace(one_file_disks=True, place=None, image_path=lambda _image_id: FOLDER)
    work = SimpleNamespace(image=SimpleNamespace(id=ID), capacity=None)
    making = sized._Making(SimpleNamespace(session=None), work, 1)
    args = (making, SimpleNamespace(location=location), [File(f"{ID}.1.vmdk", 500, False, None)])
    if code:
        with pytest.raises(removal.RemovalError) as caught:
            sized._clear(*args)
        assert (caught.value.code, deleted) == (code, [])
    else:
        sized._clear(*args)
        assert deleted == [f"{FOLDER}/{ID}.1.vmdk"]
