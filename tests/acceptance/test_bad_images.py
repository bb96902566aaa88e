# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad images in a real Glance: each is refused by name, and vSphere never hears of it or keeps nothing of it."""

from __future__ import annotations

import pytest
from api_proxy import ApiProxy
from bad_images import BAD, GOOD, RAW
from conftest import LAB
from labctl.simulator import changes
from simulated import CACHE, VCenter, options, run

from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images

STORE = LAB / "run" / "glance" / "images"


@pytest.fixture(scope="module")
def vcenter(cloud, tmp_path_factory):
    with VCenter(tmp_path_factory.mktemp("bad")) as one:
        yield one


@pytest.fixture
def make(cloud):
    """A function that makes an image in Glance, gone after the test.

    ``behind_glance`` puts the bytes into Glance's store without its knowledge: Glance 33 looks into VMDKs and refuses some, earlier
    releases and some ways of import do not. Of whole images it knows the hash.
    """
    made = []

    def make_one(data=RAW, behind_glance=False, **properties):
        image = cloud.image.create_image(
            name=f"bad-{len(made)}", validate_checksum=False, allow_duplicates=True,
            **{"disk_format": "vmdk", "container_format": "bare", **properties},
        )  # fmt: skip
        made.append(image.id)
        if data is not None:
            image.upload(cloud.image, data=bytes(len(data)) if behind_glance else data)
            assert cloud.image.get_image(image.id).status == "active"
        if behind_glance:
            (STORE / image.id).write_bytes(data)
        return image.id

    yield make_one
    for image_id in made:
        cloud.image.delete_image(image_id)


def refused(vcenter, image_id, code, text, flows=False, **more):
    """Runs image_cache on a bad image and judges what it says and what it leaves."""
    before = vcenter.mark()
    result, error, said = run(options(vcenter.connection, [image_id], **more))
    assert (result, error) == (None, code), said
    assert text in said and image_id in said, said
    if not flows:
        assert [request for request in vcenter.requests(before) if changes(request)] == []
    assert list(vcenter.datastores.glob(f"*/{CACHE}/*")) == []
    assert vcenter.left() == []


# Of those that are seen before a byte is sent, one for each kind and error: tests/unit has the whole table.
SOME = {(one.name.partition(":")[0], one.code): one for one in BAD if one.seen != "flow"}.values()


@pytest.mark.parametrize("bad", [*SOME, *(one for one in BAD if one.seen == "flow")], ids=lambda one: one.name)
def test_bad(vcenter, make, bad):
    refused(vcenter, make(bad.data, bad.seen == "content", **bad.properties), bad.code, bad.text, bad.seen == "flow")


THIN = {"hw_disk_type": "thin"}


def test_no_data(vcenter, make):
    refused(vcenter, make(None, **THIN), "IMAGE_NOT_ACTIVE", "status queued")


def test_deactivated(vcenter, make, cloud):
    image_id = make(**THIN)
    cloud.image.deactivate_image(image_id)
    refused(vcenter, image_id, "IMAGE_NOT_ACTIVE", "status deactivated")


def test_deleted(vcenter, make, cloud):
    image_id = make(**THIN)
    cloud.image.delete_image(image_id)
    refused(vcenter, image_id, "IMAGE_NOT_FOUND", "no image")


@pytest.mark.parametrize("properties", [THIN, {"hw_disk_type": "streamOptimized"}, {"disk_format": "iso"}], ids=lambda one: [*one.values()][0])
def test_other_bytes_than_were_uploaded(vcenter, make, properties):
    """The store lost or changed a byte: Glance sends what it has, and its hash tells."""
    kind = {"thin": "flat"}.get(*properties.values(), *properties.values())
    data = bytearray(dict(GOOD)[kind])
    image_id = make(bytes(data), **properties)
    if kind == "streamOptimized":
        data[data.index(b"CID=1") + 4] ^= 1  # nothing but the hash can tell
    else:
        data[-1] ^= 1
    (STORE / image_id).write_bytes(data)
    refused(vcenter, image_id, "IMAGE_HASH_MISMATCH", "have not the sha512", flows=True)


def test_fewer_bytes_than_glance_says(vcenter, make, monkeypatch):
    """Glance promises what its database says, sends what the store has, and then says nothing."""
    monkeypatch.setattr(glance_images, "STALL", 1)
    monkeypatch.setattr(glance_images, "PATIENCE", 2)
    image_id = make(**THIN)
    (STORE / image_id).write_bytes(RAW[: len(RAW) // 2])
    refused(vcenter, image_id, "IMAGE_READ_FAILED", f"of {len(RAW)}", flows=True)


def test_deleted_while_it_is_read(vcenter, make, cloud, tmp_path, monkeypatch):
    """The first request for the data is answered half, and then the image is gone."""
    image_id = make(**THIN)
    proxy = ApiProxy(tmp_path, cloud)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(proxy.clouds))
    try:
        proxy.set("gone", 5, "middle")
        refused(vcenter, image_id, "IMAGE_GONE", "was deleted", flows=True, openstack={"cloud": "proxied"})
        assert proxy.fault.fired and len(proxy.paths) == 5, proxy.paths
    finally:
        proxy.close()
