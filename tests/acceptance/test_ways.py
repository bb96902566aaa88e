# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads and imports in a world where vSphere is strict, and in one where it is not."""

from __future__ import annotations

import random
import subprocess

import disks
import pytest
from simulated import DATASTORES, HOSTS, VCenter, options, scenario, upload
from test_transfer import thumbprint

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache

KIND = 1 << 20
STRICT = {}  # the simulator's defaults
LENIENT = {
    "old_stream": "taken", "stream_without_footer": "taken", "stream_odd_capacity": "taken", "lease_abort": "at_once", "vcenter_put": "documented",
    "put_missing_folder": "refused", "eager_zero_seconds_per_gib": 0.0,
}  # fmt: skip


# Accounts with what is documented, but for one privilege.
LACKING = {"system": "Host.Config.SystemManagement", "crypto": "Cryptographer.Access"}


def world(behaviour, version="8.0.3", datastores=DATASTORES, **host):
    """Gives a scenario with one host that takes uploads, and accounts of :data:`LACKING`."""
    setup = scenario(HOSTS[:1], datastores)
    setup["vcenter"].update(behaviour=behaviour, version=version, accounts=[
        {"username": name, "password": name, "permissions": [
            {"entity": "/", "privileges": [one for one in privileges.all_privileges(privileges.FEATURES) if one != lacking]}
        ]} for name, lacking in LACKING.items()
    ])  # fmt: skip
    setup["datacenters"][0]["clusters"][0]["hosts"][0].update(host)
    return setup


def account(vcenter, name):
    """Gives the options of the vCenter for an account of :data:`LACKING`."""
    return {**vcenter.connection, "username": name, "password": name}


@pytest.fixture(scope="module", params=[STRICT, LENIENT], ids=["strict", "lenient"])
def vcenter(request, tmp_path_factory):
    with VCenter(tmp_path_factory.mktemp("world"), world(request.param)) as one:
        one.strict = request.param is STRICT
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
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", folder / "raw", folder / "vmdk"], check=True)
        data = bytearray((folder / "vmdk").read_bytes())
        if version:
            data[4:8] = version.to_bytes(4, "little")
        image_id = upload(cloud, f"ways-{name}", bytes(data), hw_disk_type="streamOptimized", min_disk=1)
        made[name] = (image_id, raw)
    # VMware's progress markers are in no table: how long the file is as ESXi wants it shows when it was made.
    first, *others = disks.GOOD_GRAINS
    marked = disks.streamed(version=1, grains=[first + disks.marker(4, 2) + bytes(2 * disks.SECTOR), *others])
    made["marked"] = (upload(cloud, "ways-marked", marked, hw_disk_type="streamOptimized", min_disk=1), disks.RAW)
    raw = disk(4 * KIND)
    made["eager"] = (upload(cloud, "ways-eager", raw, hw_disk_type="eagerZeroedThick", min_disk=1), raw)
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


@pytest.mark.parametrize("name", ["qemu", "old", "odd", "marked"])
def test_streams_that_esxi_may_refuse(vcenter, images, name):
    image_id, raw = images[name]
    result = seed(vcenter, image_id, verify="content")
    assert [row["encoding"] for row in result["images"][0]["datastores"]] == ["streamOptimized", None]
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


@pytest.mark.parametrize("upload_through", ["auto", "host"])
def test_a_host_that_only_a_lease_vouches_for(vcenter, images, upload_through):
    """Its certificate is of no CA that is known here. The disk goes to it, since the lease names it; nothing else needs it."""
    image_id, raw = images["qemu"]
    vcenter.empty()
    pinned = {**vcenter.connection, "ca_path": None, "thumbprint": thumbprint(vcenter.connection, "sha256"), "host_trust": "ca"}
    result = image_cache.run(options(pinned, [image_id], upload_through=upload_through), False)
    assert data_of(vcenter, image_id) == [raw, raw]
    assert bool(unnoted(result)) is (upload_through == "host")


def test_the_note_reaches_vsan(images, tmp_path):
    """There a PUT through the vCenter fails, and a disk comes by an import alone."""
    image_id, _raw = images["qemu"]
    setup = world({}, datastores=("n1",))
    setup["datacenters"][0]["datastores"][0]["type"] = "vsan"
    with VCenter(tmp_path, setup) as vcenter:
        assert unnoted(image_cache.run(options(vcenter.connection, [image_id]), False)) == []
        (note,) = vcenter.datastores.glob("**/*.seed.json")
        assert note.parent.name == image_id
        assert not image_cache.run(options(vcenter.connection, [image_id]), False)["changed"]


def test_an_import_that_breaks_is_made_again_when_its_name_is_free(vcenter, images):
    image_id, raw = images["qemu"]
    before = vcenter.mark()
    with vcenter.rule({"path": "^/nfc/"}, {"cut": {"after_bytes": 100000}}, nth=1):
        seed(vcenter, image_id)
        assert vcenter.fired()
    assert data_of(vcenter, image_id) == [raw, raw]
    assert vcenter.left() == [] and not list(vcenter.datastores.glob("openstack_vmware-*"))
    assert sum(line.get("path", "").startswith("/nfc/") for line in vcenter.requests(before)) == 2


def test_an_import_that_fails_leaves_nothing(vcenter, images):
    image_id, _raw = images["qemu"]
    with vcenter.rule({"path": "^/nfc/"}, {"status": {"code": 503}}), pytest.raises(NovaVmwareError) as caught:
        seed(vcenter, image_id)
    assert caught.value.code == "UPLOAD_FAILED" and vcenter.whole(image_id) == []
    assert vcenter.left() == [] and not list(vcenter.datastores.glob("*/openstack_vmware-*"))


def test_no_disk_is_zeroed_before_it_is_written(vcenter, images):
    image_id, raw = images["eager"]
    before = vcenter.mark()
    seed(vcenter, image_id, verify="content")
    assert data_of(vcenter, image_id) == [raw, raw]
    made = [line["args"] for line in vcenter.requests(before) if line.get("method") == "CreateVirtualDisk_Task"]
    assert len(made) == 1 and "eagerZeroedThick" not in str(made)


def test_a_privilege_that_the_vcenter_wants_for_an_upload(vcenter, images):
    """A 401 of a good session: named as what it is, without a login. Straight to a host nothing is missing."""
    image_id, raw = images["eager"]
    vcenter.empty()
    wish = {"connection": account(vcenter, "system"), "image_ids": [image_id]}
    before = vcenter.mark()
    try:
        image_cache.run(options(**wish, upload_through="server"), False)
        code, hint = None, ""
    except NovaVmwareError as error:
        code, hint = error.code, error.hint
    strict = vcenter.strict
    assert code == ("UPLOAD_NOT_PERMITTED" if strict else None)
    assert not strict or "Host.Config.SystemManagement" in hint
    assert sum(line.get("method") == "Login" for line in vcenter.requests(before)) == 1
    assert vcenter.left() == []
    vcenter.empty()
    assert unnoted(image_cache.run(options(**wish), False)) == []
    assert data_of(vcenter, image_id) == [raw, raw]


@pytest.mark.parametrize("name, upload_through", [("qemu", "auto"), ("eager", "host"), ("eager", "server")])
def test_a_host_in_crypto_safe_mode(images, tmp_path, name, upload_through):
    """Its 500 has a reason that it does not tell."""
    image_id, raw = images[name]
    with VCenter(tmp_path, world({}, datastores=("n1",), crypto_state="safe")) as vcenter:
        with pytest.raises(NovaVmwareError) as caught:
            image_cache.run(options(account(vcenter, "crypto"), [image_id], upload_through=upload_through), False)
        assert caught.value.code == "HOST_ENCRYPTS" and "Cryptographer.Access" in caught.value.hint and HOSTS[0] in caught.value.what
        assert vcenter.left() == []
        image_cache.run(options(vcenter.connection, [image_id], upload_through=upload_through), False)
        assert data_of(vcenter, image_id) == [raw]


@pytest.mark.parametrize("place", ["sslThumbprint", "certThumbprintList", "sslCertificate"])
def test_where_a_hosts_certificate_is_named(images, tmp_path, place):
    """Without a CA, by what the vCenter says of the host; and by CA, whatever it says."""
    with VCenter(tmp_path, world({"host_certificate": place}, datastores=("n1",))) as vcenter:
        pinned = {**vcenter.connection, "ca_path": None, "thumbprint": thumbprint(vcenter.connection, "sha256")}
        for connection in (pinned, vcenter.connection):
            for name in ("qemu", "eager"):
                image_id, raw = images[name]
                vcenter.empty()
                before = vcenter.mark()
                assert unnoted(image_cache.run(options(connection, [image_id], upload_through="host"), False)) == []
                assert data_of(vcenter, image_id) == [raw]
                uploads = [line["listener"] for line in vcenter.requests(before) if line.get("http") == "PUT" or line.get("path", "").startswith("/nfc/")]
                assert set(uploads) == {HOSTS[0]}
