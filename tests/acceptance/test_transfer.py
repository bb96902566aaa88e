# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an image travels: without its holes, out of an ova, by a chosen way, over sessions and tokens that end, to a vCenter with a thumbprint."""

from __future__ import annotations

import hashlib
import io
import json
import random
import ssl
import subprocess
import tarfile

import pytest
import requests
from conftest import LAB, ROOT
from simulated import CACHE, DATASTORES, HOSTS, NO_HOSTS, VCenter, convert, options, scenario, upload
from test_removal import clone

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache, push
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import Session
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import run_task

SIZE = 64 << 20  # bytes
USED = SIZE // 10
CLUSTER_A = [{"cluster_name": "cluster-a", "datastore_regex": "^nova-a1"}]  # of the lab


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory):
    with VCenter(tmp_path_factory.mktemp("transfer"), scenario(HOSTS[:1]), NO_HOSTS) as one:
        yield one


@pytest.fixture(scope="module")
def images(cloud):
    """Images of one disk, a tenth of it in use: ``{kind: id}``, and the sha256 of the disk."""
    noise = random.Random(11)
    disk = bytearray(SIZE)
    for part in range(10):
        at = part * SIZE // 10 // 65536 * 65536
        disk[at : at + USED // 10] = noise.randbytes(USED // 10)
    disk = bytes(disk)
    encoder = encoding.Encoder(SIZE, "an image")
    stream = b"".join([encoder.start(), *encoder.feed(disk), *encoder.finish()])
    ovf = (
        b'<Envelope xmlns:o="http://schemas.dmtf.org/ovf/envelope/1"><References><File o:id="f" o:href="a.vmdk"/></References>'
        b'<DiskSection><Disk o:diskId="d" o:fileRef="f"/></DiskSection></Envelope>'
    )
    manifest = "".join(f"SHA256({name})= {hashlib.sha256(data).hexdigest()}\n" for name, data in (("a.ovf", ovf), ("a.vmdk", stream)))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in (("a.ovf", ovf), ("a.mf", manifest.encode()), ("a.vmdk", stream)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    made = {}
    for kind, data, container, disk_type in (
        ("thick", disk, "bare", "preallocated"), ("thin", disk, "bare", "thin"), ("stream", stream, "bare", "streamOptimized"),
        ("ova", archive.getvalue(), "ova", "streamOptimized"),
    ):  # fmt: skip
        made[kind] = upload(cloud, f"transfer-{kind}", data, container_format=container, hw_disk_type=disk_type)
    yield made, hashlib.sha256(disk).hexdigest()
    for image_id in made.values():
        cloud.image.delete_image(image_id)


def put(vcenter, image_id, **more):
    """Seeds one image anew. Gives the module's result."""
    vcenter.empty()
    return image_cache.run(options(vcenter.connection, [image_id], **more), False)


def pushed(result):
    (row,) = (row for row in result["images"][0]["datastores"] if row["action"] == "push")
    return row


def uploaded(vcenter):
    """Gives the bytes of all uploads so far."""
    return sum(line["bytes_in"] for line in vcenter.requests() if line.get("http") == "PUT" or line.get("path", "").startswith("/nfc/"))


@pytest.mark.parametrize("kind, thin", [("thick", False), ("thin", True)])
def test_a_flat_image_travels_without_its_holes(vcenter, images, kind, thin):
    ids, content = images
    before = uploaded(vcenter)
    result = put(vcenter, ids[kind])
    sent = uploaded(vcenter) - before
    row = pushed(result)
    print(f"{kind}: {SIZE} bytes, {USED} in use, {sent} on the wire: {sent / USED:.3f} of those in use")
    assert (row["via"], row["encoding"]) == ("import lease", "streamOptimized")
    assert row["bytes"] <= sent <= USED * 1.1
    assert vcenter.disks(ids[kind]) == [content, content]
    descriptor = vcenter.datastores / row["name"] / CACHE / ids[kind] / f"{ids[kind]}.vmdk"
    assert ("thinProvisioned" in descriptor.read_text(encoding="utf-8")) is thin
    assert [text for text in result["warnings"] if "for copies" not in text] == []


def read_back(vcenter):
    """Gives how many bytes of disks were read back so far."""
    return sum(line.get("bytes_out", 0) for line in vcenter.requests() if line.get("http") == "GET" and line.get("path", "").endswith("-flat.vmdk"))


def stored(cloud, image_id):
    """Gives the bytes of an image in Glance."""
    return cloud.image.get(f"/images/{image_id}/file").content


@pytest.fixture(scope="module")
def sparse(cloud, images, tmp_path_factory):
    """The disk of :func:`images` as a monolithicSparse file: the image's id."""
    folder = tmp_path_factory.mktemp("sparse")
    (folder / "raw").write_bytes(stored(cloud, images[0]["thick"]))
    image_id = upload(cloud, "transfer-sparse", convert(folder / "raw", folder / "sparse", "monolithicSparse").read_bytes(), hw_disk_type="sparse")
    yield image_id
    cloud.image.delete_image(image_id)


@pytest.mark.parametrize("kind", ["thick", "stream", "ova", "sparse"])
@pytest.mark.parametrize("damaged", [None, "n1", "n2"])
def test_content_is_read_back(vcenter, images, sparse, monkeypatch, kind, damaged):
    """A bit that turns on a datastore, in the pushed disk or in the copy of it, is found before anything of it is published."""
    image_id = {**images[0], "sparse": sparse}[kind]
    list_trees = files.list_trees
    turned = []

    def turn(session, folders, *more, **named):
        """What :func:`finish.finish` asks for first: the disk is staged, and not verified."""
        for flat in vcenter.datastores.glob(f"{damaged}/openstack_vmware/*/*/*-flat.vmdk"):
            with open(flat, "r+b") as disk:
                disk.seek(SIZE // 2 + 12345)
                (byte,) = disk.read(1)
                disk.seek(SIZE // 2 + 12345)
                disk.write(bytes([byte ^ 1]))
            turned.append(flat)
        return list_trees(session, folders, *more, **named)

    monkeypatch.setattr(files, "list_trees", turn)
    before = read_back(vcenter)
    if damaged is None:
        put(vcenter, image_id, verify="content")
        assert vcenter.disks(image_id) == [images[1]] * 2
        assert read_back(vcenter) - before >= 2 * SIZE
        return
    with pytest.raises(NovaVmwareError) as caught:
        put(vcenter, image_id, verify="content")
    assert turned
    assert caught.value.code in ("SEED_CONTENT_DIFFERS", "SEED_INCOMPLETE")
    assert f"What {damaged} holds of the image" in caught.value.what, caught.value.what
    assert damaged not in vcenter.whole(image_id)
    assert vcenter.disks(image_id) == [images[1]] * len(vcenter.whole(image_id))
    assert vcenter.left() == []


def damage(vcenter, name, image_id):
    """Loses a grain of a cached disk, as storage may: its size and all else stay."""
    (flat,) = vcenter.datastores.glob(f"{name}/*/{image_id}/{image_id}-flat.vmdk")
    with open(flat, "r+b") as disk:
        disk.write(bytes(65536))


@pytest.mark.parametrize("kind", ["thin", "ova", "sparse"])
def test_what_is_cached_is_read_back(vcenter, images, sparse, kind):
    """What a disk has lost since it was published shows when it is read, in check mode too, and is replaced from a good copy or from Glance."""
    image_id = {**images[0], "sparse": sparse}[kind]
    put(vcenter, image_id)

    def again(check=False, **more):
        return image_cache.run(options(vcenter.connection, [image_id], **more), check)

    before = read_back(vcenter)
    good = again(verify="cached")
    assert not good["changed"] and read_back(vcenter) - before == 2 * SIZE
    assert good["images"][0]["bytes_from_glance"] == good["images"][0]["size"]
    for damaged, actions in ((["n1"], {"copy": 1, "push": 0}), (["n1", "n2"], {"copy": 1, "push": 1})):
        for name in damaged:
            damage(vcenter, name, image_id)
        assert not again()["changed"], "nothing but a reading shows it"
        planned = again(True, verify="cached")
        assert len(vcenter.wrong(image_id, images[1])) == len(damaged), "check mode changes nothing"
        done = again(verify="cached")
        for result in (planned, done):
            rows = {row["name"]: row for row in result["images"][0]["datastores"]}
            assert result["changed"] and {name for name, row in rows.items() if row["state"] == "broken"} == set(damaged)
            assert all("not that of the image in Glance" in rows[name]["reasons"][0] for name in damaged)
            assert {action: sum(row["action"] == action for row in rows.values()) for action in actions} == actions
        assert vcenter.disks(image_id) == [images[1]] * 2 and vcenter.left() == []
    assert not again(verify="cached")["changed"]


def test_what_is_cached_and_differs_and_is_in_use(vcenter, images):
    """It stays, and the error says both. One that can't be read is left alone and named."""
    image_id = images[0]["thin"]
    put(vcenter, image_id)
    wish = options(vcenter.connection, [image_id], verify="cached")
    with vcenter.rule({"http": "GET", "path": "-flat.vmdk"}, {"status": {"code": 500}}):
        result = image_cache.run(wish, False)
    assert not result["changed"] and result["totals"]["unknown"] == 2
    assert sum("could not be read back" in text for text in result["warnings"]) == 2
    damage(vcenter, "n1", image_id)
    clone(vcenter, image_id)
    try:
        with pytest.raises(NovaVmwareError) as caught:
            image_cache.run(wish, False)
        assert caught.value.code == "IMAGE_IN_USE" and "differs from the image in Glance" in caught.value.what
        assert vcenter.whole(image_id) == ["n1", "n2"] and vcenter.left() == []
    finally:
        with Session(**vcenter.connection) as session:
            (machine,) = session.content.rootFolder.childEntity[0].vmFolder.childEntity
            run_task(session, "remove the clone", machine.Destroy_Task)


def test_an_import_that_is_refused(vcenter, images, monkeypatch):
    """As where the account may write files, but not import machines. Glance is read once all the same."""
    ids, content = images
    reads = []
    read = glance_images.read
    monkeypatch.setattr(glance_images, "read", lambda *args: reads.append(args) or read(*args))
    with vcenter.rule({"method": "ImportVApp"}, {"fault": {"name": "NoPermission"}}):
        result = put(vcenter, ids["thick"])
    row = pushed(result)
    assert (row["encoding"], row["bytes"], len(reads)) == (None, SIZE, 1)
    assert row["via"] == "vcenter"
    assert "NoPermission" in result["warnings"][0]
    assert vcenter.disks(ids["thick"]) == [content, content]


def test_too_little_room_for_the_spool(vcenter, images, monkeypatch):
    """What is in the spool goes out again, and the rest behind it."""
    ids, content = images
    monkeypatch.setattr(push.spools, "is_worth_it", lambda *_args: True)
    monkeypatch.setattr(push.spools, "room", lambda: USED // 2)
    row = pushed(put(vcenter, ids["thick"]))
    assert (row["encoding"], row["bytes"]) == (None, SIZE)
    assert vcenter.disks(ids["thick"]) == [content, content]


def test_ova(vcenter, images):
    ids, content = images
    result = put(vcenter, ids["ova"])
    assert (result["images"][0]["kind"], pushed(result)["via"]) == ("ova", "import lease")
    assert vcenter.disks(ids["ova"]) == [content, content]


def test_nova_is_the_judge(lab, images):
    """Nova's own driver code finds a thick image and an ova in the cache, on each datastore.

    It is asked as for a sparse image, of which alone it reads the extent's size. On NFS, where each disk is thin, that may be what is allocated.
    """
    ids, _content = images
    variables = lab.variables["nova_vcdriver_vcenters"][0]
    clusters = [cluster for cluster in lab.variables["nova_vcdriver_computes"] if cluster["cluster_name"] == "cluster-b"]
    wanted = [{key: cluster[key] for key in ("cluster_name", "datastore_regex")} for cluster in clusters]
    wish = options(lab.vcenter(), [ids["thick"], ids["ova"]], hypervisors=wanted, cache_prefix=variables["name"])
    image_cache.run(wish, False)
    asked = {
        **{name: variables[name] for name in ("host_ip", "host_port", "host_username", "host_password", "ca_file")},
        "cache_prefix": variables["name"], "clusters": clusters, "images": dict.fromkeys(wish["images"], "vmdk"),
    }  # fmt: skip
    done = subprocess.run(
        [LAB / "openstack" / "bin" / "python", "-W", "ignore", ROOT / "tests" / "acceptance" / "nova_judge.py"],
        input=json.dumps(asked), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    image_cache.run({**wish, "state": "absent"}, False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)["cluster-b"]
    for name, sizes in found.items():
        assert set(sizes) == set(wish["images"]) and None not in sizes.values(), (name, sizes)
    assert found["nova-shared"] == dict.fromkeys(wish["images"], SIZE), found


EXPIRES = [
    {"method": "MakeDirectory"}, {"method": "ImportVApp"}, {"path": "^/nfc/"}, {"method": "HttpNfcLeaseComplete"}, {"method": "UnregisterVM"},
    {"method": "MoveVirtualDisk_Task"}, {"http": "PUT"}, {"method": "MoveDatastoreFile_Task"}, {"method": "CopyVirtualDisk_Task"},
]  # fmt: skip


@pytest.mark.parametrize(
    "kind, when",
    [pytest.param(kind, when, id=f"{kind}-{next(iter(when.values()))}") for kind, whens in (("stream", EXPIRES), ("thick", EXPIRES[1:4])) for when in whens],
)
def test_a_session_that_ends_in_the_middle(vcenter, images, kind, when):
    ids, content = images
    with vcenter.rule(when, {"expire": {}}, nth=1):
        put(vcenter, ids[kind])
        assert vcenter.fired()
    assert vcenter.disks(ids[kind]) == [content, content]
    assert vcenter.whole(ids[kind]) == list(DATASTORES)
    assert vcenter.left() == []


class BreaksOnce:
    """Glance's adapter, whose first stream breaks after a chunk; then something happens."""

    def __init__(self, glance, then):
        self._glance = glance
        self._then = then
        self.ranges = []

    def get(self, path, **options):
        response = self._glance.get(path, **options)
        self.ranges.append(options.get("headers", {}).get("Range"))
        if len(self.ranges) == 1:
            stream = response.iter_content

            def broken(size):
                yield next(stream(size), b"")
                self._then()
                raise requests.ConnectionError("broken by the test")

            response.iter_content = broken
        return response


def test_a_token_that_ends_in_the_middle(cloud, images):
    """keystoneauth logs in again, and the read goes on at the byte where it broke."""
    own = type(cloud)(config=cloud.config)
    revoked = []

    def revoke():
        auth = own.session.auth
        auth.invalidate()
        revoked.append(own.session.get_token())  # a new one, which Glance has not seen and so can't remember
        answer = cloud.identity.delete("/auth/tokens", headers={"X-Subject-Token": revoked[0]})
        assert answer.status_code == 204, answer.text

    glance = BreaksOnce(own.image, revoke)
    digest = hashlib.sha512()
    for chunk in glance_images.read(glance, images[0]["stream"], cloud.image.get_image(images[0]["stream"]).size):
        digest.update(chunk)
    assert digest.hexdigest() == cloud.image.get_image(images[0]["stream"]).hash_value
    assert glance.ranges == [None, f"bytes={1 << 20}-"]
    assert own.session.get_token() != revoked[0], "the revoked token was taken"


def test_an_image_that_is_deleted_in_the_middle(cloud, vcenter, images, monkeypatch):
    image_id = upload(cloud, "transfer-gone", stored(cloud, images[0]["stream"]), hw_disk_type="streamOptimized")
    read = glance_images.read

    def vanishing(glance, *args):
        return read(BreaksOnce(glance, lambda: cloud.image.delete_image(image_id)), *args)

    monkeypatch.setattr(glance_images, "read", vanishing)
    with pytest.raises(NovaVmwareError) as caught:
        put(vcenter, image_id)
    assert caught.value.code == "IMAGE_GONE"
    assert vcenter.left() == [] and vcenter.whole(image_id) == []


def test_a_transfer_that_takes_too_long(vcenter, images):
    with vcenter.rule({"path": "^/nfc/"}, {"slow": {"bytes_per_second": 100000}}), pytest.raises(NovaVmwareError) as caught:
        put(vcenter, images[0]["stream"], transfer_timeout=3)
    assert caught.value.code == "TRANSFER_TIMEOUT"
    assert vcenter.left() == [] and vcenter.whole(images[0]["stream"]) == []


def thumbprint(vcenter, algorithm):
    text = ssl.get_server_certificate((vcenter["hostname"], vcenter["port"]))
    return hashlib.new(algorithm, ssl.PEM_cert_to_DER_cert(text)).hexdigest()


def test_thumbprints(lab, images):
    """Without a CA: the vCenter by its thumbprint, and the hosts by those that it names. A wrong one is the end."""
    base = options(lab.vcenter(), [images[0]["thin"]], hypervisors=CLUSTER_A, cache_prefix="thumb", ca_path=None)
    sha256, sha1 = (thumbprint(lab.vcenter(), name) for name in ("sha256", "sha1"))
    for good in (sha256, ":".join(sha1.upper()[at : at + 2] for at in range(0, 40, 2))):
        image_cache.run({**base, "thumbprint": good, "state": "absent"}, False)
        result = image_cache.run({**base, "thumbprint": good, "upload_through": "host", "encoding": "none"}, False)
        assert pushed(result)["via"].startswith("host ")
    image_cache.run({**base, "thumbprint": sha256, "state": "absent"}, False)
    for more, code in (
        ({}, "CERTIFICATE_NOT_TRUSTED"),
        ({"thumbprint": sha256[:-1] + ("0" if sha256[-1] != "0" else "1")}, "CERTIFICATE_NOT_TRUSTED"),
        ({"thumbprint": "12:34"}, "THUMBPRINT_INVALID"),
        # The hosts' certificates are signed by a CA that is not in the system's list.
        ({"thumbprint": sha256, "host_trust": "ca", "encoding": "none"}, "CERTIFICATE_NOT_TRUSTED"),
    ):
        with pytest.raises(NovaVmwareError) as caught:
            image_cache.run({**base, **more}, False)
        assert caught.value.code == code, caught.value.what


@pytest.mark.parametrize("way, via", [("host", "host "), ("server", "vcenter"), ("auto", "host ")])
def test_ways(lab, images, way, via):
    base = options(lab.vcenter(), [images[0]["thin"]], hypervisors=CLUSTER_A, cache_prefix="ways", encoding="none")
    image_cache.run({**base, "state": "absent"}, False)
    assert pushed(image_cache.run({**base, "upload_through": way}, False))["via"].startswith(via)
    image_cache.run({**base, "state": "absent"}, False)
