# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads and imports in a world where vSphere is strict, and in one where it is not."""

from __future__ import annotations

import random
import subprocess

import pytest
from simulated import HOSTS, VCenter, options, scenario, upload

from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache

KIND = 1 << 20
STRICT = {}  # the simulator's defaults
LENIENT = {
    "old_stream": "taken", "stream_without_footer": "taken", "stream_odd_capacity": "taken", "lease_abort": "at_once", "vcenter_put": "documented",
}  # fmt: skip


def world(behaviour, version="8.0.3"):
    """Gives a scenario with one host that takes uploads, and two datastores."""
    setup = scenario(HOSTS[:1])
    setup["vcenter"].update(behaviour=behaviour, version=version)
    return setup


@pytest.fixture(scope="module", params=[STRICT, LENIENT], ids=["strict", "lenient"])
def vcenter(request, tmp_path_factory):
    with VCenter(tmp_path_factory.mktemp("world"), world(request.param)) as one:
        yield one


def disk(size):
    data = bytearray(size)
    data[: size // 4] = random.Random(2).randbytes(size // 4)
    data[-700:] = random.Random(3).randbytes(700)
    return bytes(data)


@pytest.fixture(scope="module")
def images(cloud, tmp_path_factory):
    """Streams as nobody should make them for ESXi: ``{name: (image id, bytes of the disk)}``."""
    folder = tmp_path_factory.mktemp("images")
    made = {}
    for name, size, version in (("qemu", 4 * KIND, None), ("old", 4 * KIND, 1), ("odd", 4 * KIND + 1536, None)):
        raw = disk(size)
        (folder / "raw").write_bytes(raw)
        subprocess.run(
            ["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", folder / "raw", folder / "vmdk"], check=True
        )
        data = bytearray((folder / "vmdk").read_bytes())
        if version:
            data[4:8] = version.to_bytes(4, "little")
        image_id = upload(cloud, f"ways-{name}", bytes(data), hw_disk_type="streamOptimized", min_disk=1)
        made[name] = (image_id, raw)
    yield made
    for image_id, _raw in made.values():
        cloud.image.delete_image(image_id)


def seed(vcenter, image_id, **more):
    """Seeds one image anew. Gives the module's result."""
    vcenter.empty()
    return image_cache.run(options(vcenter.connection, [image_id], **more), False)


def unnoted(result):
    """Gives which image has no note where, as the warnings say."""
    return [text.partition(" without the note")[0] for text in result["warnings"] if " without the note" in text]


def data_of(vcenter, image_id):
    """Gives the bytes of the cached disks."""
    return [path.read_bytes() for path in sorted(vcenter.datastores.glob(f"*/*/{image_id}/{image_id}-flat.vmdk"))]


@pytest.mark.parametrize("name", ["qemu", "old", "odd"])
def test_streams_that_esxi_may_refuse(vcenter, images, name):
    image_id, raw = images[name]
    seed(vcenter, image_id, verify="content")
    found = data_of(vcenter, image_id)
    assert len(found) == 2 and all(one[: len(raw)] == raw and not any(one[len(raw) :]) and len(one) - len(raw) < 65536 for one in found)


def test_a_note_that_nobody_takes(vcenter, images):
    """The image is judged before, so it is published, with a warning for each datastore."""
    image_id, _raw = images["qemu"]
    with vcenter.rule({"http": "PUT", "path": "seed.json"}, {"status": {"code": 500}}):
        result = seed(vcenter, image_id)
    assert vcenter.whole(image_id) == ["n1", "n2"] and vcenter.left() == []
    assert unnoted(result) == ["The image ways-qemu is on n1", "The image ways-qemu is on n2"]
    assert not list(vcenter.datastores.glob("**/*.seed.json"))


def test_the_note_goes_by_the_ways_of_a_disk(vcenter, images):
    """Straight to a host, with a ticket; through the vCenter where a host does not take it, whatever the reason."""
    image_id, _raw = images["qemu"]

    def puts(since):
        return [line["listener"] for line in vcenter.requests(since) if line.get("http") == "PUT" and ".seed.json" in line["path"]]

    before = vcenter.mark()
    assert unnoted(seed(vcenter, image_id)) == []
    assert len(puts(before)) == 2 and set(puts(before)) == {HOSTS[0]}
    assert len(list(vcenter.datastores.glob("**/*.seed.json"))) == 2
