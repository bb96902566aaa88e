# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conversion/image_vmdk.py where no server is needed: which wishes are refused before any work."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

import disks  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import image_vmdk, wish  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import known, relay, vmdk  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as nova_image  # noqa: E402

SOURCE = nova_image.from_document({"id": "1", "name": "source", "status": "active", "size": 1024, "disk_format": "raw", "container_format": "bare"})
GOOD = {"hw_disk_type": "streamOptimized", "hw_disk_bus": "scsi", "hw_scsi_model": "lsilogic"}


@pytest.mark.parametrize("more, code", [({}, None), ({"os_distro": "ubuntu"}, "IMAGE_OS_DISTRO"), ({"hw_vif_model": "virtio"}, "IMAGE_PROPERTY")])
def test_properties_are_judged_as_those_of_an_image_that_is_there(more, code):
    wanted = wish.Wish("new", {}, {**GOOD, **more}, "private", None)
    if code is None:
        image_vmdk._refuse_wish(wanted, SOURCE)
        return
    with pytest.raises(NovaVmwareError) as caught:
        image_vmdk._refuse_wish(wanted, SOURCE)
    assert caught.value.code == code


def stream(version=3, **more):
    """Gives the image and the Glance of a streamOptimized file: with a footer, of version 3, as ESXi wants it, unless told otherwise."""
    data = disks.streamed(version=version, **more)
    properties = {"disk_format": "vmdk", "hw_disk_type": "streamOptimized", "size": len(data)}
    image = nova_image.from_document({"id": "1", "name": "source", "status": "active", "container_format": "bare", **properties})
    return image, data


@pytest.mark.parametrize("version, code", [(3, "IMAGE_IS_VMDK"), (1, None)])
def test_a_stream_is_laid_out_anew_only_where_esxi_may_refuse_it(monkeypatch, version, code):
    image, data = stream(version)
    monkeypatch.setattr(glance_images, "read_range", lambda _glance, _id, offset, length, _size: data[offset : offset + length])
    image_vmdk._refuse_source(image, "streamOptimized")
    if code is None:
        image_vmdk._refuse_good_stream(None, image)
        return
    with pytest.raises(NovaVmwareError) as caught:
        image_vmdk._refuse_good_stream(None, image)
    assert caught.value.code == code and "source (1)" in caught.value.what


def test_a_stream_is_laid_out_without_qemu(monkeypatch, tmp_path):
    """What is written to Glance has the properties asked for and a layout that ESXi takes. The work folder is empty again."""
    image, data = stream(1)
    written, noted = {}, []

    def create(_glance, document, path):
        written.update(document)
        with open(path, "rb") as file:
            written["data"] = file.read()
        return {"id": "2", "size": len(written["data"])}

    monkeypatch.setattr(image_vmdk.upload, "update", lambda _glance, image_id, operations: noted.append((image_id, *operations)))
    monkeypatch.setattr(image_vmdk, "_download", lambda _glance, _image, path: Path(path).write_bytes(data))
    monkeypatch.setattr(image_vmdk.upload, "create", create)
    monkeypatch.setattr(image_vmdk.qemu, "program", None)
    content = {"id": "1", "os_hash_value": "x", "disk_type": "streamOptimized", "adapter_type": "lsilogic"}
    image_vmdk._convert(None, image, wish.Wish("new", content, GOOD, "private", None), {"work_dir": str(tmp_path)})
    laid = vmdk.inspect("streamOptimized", len(written["data"]), lambda offset, length: written["data"][offset : offset + length])
    assert not relay.is_needed(laid.stream) and laid.capacity_bytes == len(disks.RAW)
    assert (written["name"], written["hw_disk_type"], written["min_disk"]) == ("new", "streamOptimized", 1)
    # A host can fetch it.
    ((image_id, operation),) = noted
    made = SimpleNamespace(id="2", kind="streamOptimized", size=len(written["data"]), properties={known.PROPERTY: operation["value"]})
    facts = known.read(made)
    assert (image_id, operation["path"], facts.sha256) == ("2", f"/{known.PROPERTY}", hashlib.sha256(written["data"]).hexdigest())
    assert list(tmp_path.iterdir()) == []
