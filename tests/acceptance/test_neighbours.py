# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image is seeded while others work on the same cache: other seeders, and Nova's own driver code that fetches it.

Whoever is first, the cache then holds the image whole, nothing is left, and nobody fails.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time

import pytest
from conftest import LAB, ROOT
from simulated import CACHE, CAPACITY, DATASTORES, DISK_TYPES, HOSTS, Run, VCenter, options, scenario, small_images


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory):
    """A vCenter whose host takes uploads: the lab's certificate names it."""
    with VCenter(tmp_path_factory.mktemp("neighbours"), scenario(HOSTS[:1])) as one:
        yield one


@pytest.fixture(scope="module")
def images(cloud, tmp_path_factory):
    with small_images(cloud, tmp_path_factory.mktemp("images")) as found:
        yield found


@pytest.fixture(autouse=True)
def empty(vcenter):
    """Each test starts with an empty cache and no rules."""
    for folder in vcenter.datastores.glob("*/*"):
        subprocess.run(["rm", "-rf", folder], check=True)
    vcenter.ask("DELETE", "/rules")


def start_nova(lab, vcenter, image_id, kind, datastore="n1", root_gb=0):
    """Starts a boot's work on an image, in Nova's code. Gives the process."""
    image = lab.cloud.image.get_image(image_id)
    asked = {
        **vcenter.for_nova(), "cluster_name": "c1", "datastore": datastore, "root_gb": root_gb, "lock_path": str(vcenter.datastores.parent),
        "image": {"id": image_id, "size": image.size, "disk_type": DISK_TYPES[kind]},
        "glance": {"endpoint": lab.cloud.image.get_endpoint(), "token": lab.cloud.auth_token},
    }  # fmt: skip
    process = subprocess.Popen(
        [LAB / "openstack" / "bin" / "python", "-W", "ignore", ROOT / "tests" / "acceptance" / "nova_fetch.py"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdin.write(json.dumps(asked))
    process.stdin.close()
    return process


def ended(process):
    """Waits for :func:`start_nova`. Gives its answer, or what it wrote where it failed."""
    process.wait(300)
    output, errors = process.stdout.read(), process.stderr.read()
    return json.loads(output) if process.returncode == 0 else errors[-3000:]


def seed(vcenter, image_id, **more):
    """Seeds an image. Gives the result; fails the test when it fails."""
    return finished(start_seed(vcenter, image_id, **more))


def start_seed(vcenter, image_id, **more):
    """Starts to seed an image. Gives the run."""
    return Run(options(vcenter.connection, [image_id], **more))


def finished(run):
    """Waits for a seed. Gives the result; fails the test when it failed."""
    result, error, text = run.wait(seconds=300)
    assert error is None, text
    return result


def fine(vcenter, image_id, content):
    """The cache holds the whole image on both datastores, and nothing is left."""
    assert vcenter.wrong(image_id, content) == []
    assert vcenter.whole(image_id) == list(DATASTORES)
    assert vcenter.left() == []
    for datastore in vcenter.datastores.glob("*"):
        assert list(datastore.glob("OSTACK_IMG_*")) == []
        assert list(datastore.glob("vmware_temp/*/*")) == []


@pytest.mark.parametrize("kind", DISK_TYPES)
def test_two_seeders(vcenter, images, kind):
    ids, content = images
    # All moves into the cache are slow, so that both are there at once.
    with vcenter.rule({"method": "MoveDatastoreFile_Task"}, {"stall": {"seconds": 1}}):
        runs = [start_seed(vcenter, ids[kind]) for _number in range(2)]
        for run in runs:
            assert finished(run)["changed"]
    fine(vcenter, ids[kind], content)


@pytest.mark.parametrize("kind", DISK_TYPES)
def test_nova_is_fetching(lab, vcenter, images, kind):
    """Nova is in the middle of its download when the seed begins, and is slow: the seed is first, or waits for it."""
    ids, content = images
    upload = {"method": "HttpNfcLeaseComplete"} if kind == "stream" else {"http": "PUT", "path": "/folder/vmware_temp"}
    vcenter.ask("POST", "/rules", {"when": upload, "nth": 1, "do": {"stall": {"seconds": 8}}})
    nova = start_nova(lab, vcenter, ids[kind], kind)
    deadline = time.monotonic() + 60
    while not vcenter.fired():
        assert nova.poll() is None, nova.stderr.read()[-3000:]
        assert time.monotonic() < deadline, "Nova did not begin to write"
        time.sleep(0.1)
    assert seed(vcenter, ids[kind])["changed"]
    answer = ended(nova)
    assert isinstance(answer, dict) and answer["fetched"], answer
    fine(vcenter, ids[kind], content)


def test_between_novas_folder_and_its_disk(lab, vcenter, images):
    """Nova has made the image's folder and has not moved the disk in: the folder is not touched."""
    ids, content = images
    vcenter.ask("POST", "/rules", {"when": {"method": "MoveVirtualDisk_Task"}, "nth": 1, "do": {"stall": {"seconds": 6}}})
    nova = start_nova(lab, vcenter, ids["stream"], "stream")
    folder = vcenter.datastores / "n1" / CACHE / ids["stream"]
    deadline = time.monotonic() + 60
    while not folder.exists():
        assert nova.poll() is None, nova.stderr.read()[-3000:]
        assert time.monotonic() < deadline, "Nova did not make the folder"
        time.sleep(0.02)
    made = folder.stat().st_ino
    assert seed(vcenter, ids["stream"])["changed"]
    answer = ended(nova)
    assert isinstance(answer, dict) and answer["fetched"], answer
    assert folder.stat().st_ino == made
    fine(vcenter, ids["stream"], content)


@pytest.mark.parametrize("age", ["3 minutes ago", "20 minutes ago"])
def test_empty_folder(vcenter, images, monkeypatch, age):
    """A folder without a disk is where a Nova may be about to put one, until it is old."""
    ids, content = images
    folder = vcenter.datastores / "n1" / CACHE / ids["sparse"]
    folder.mkdir(parents=True)
    subprocess.run(["touch", "--date", age, folder], check=True)
    monkeypatch.setattr("ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.others.WAIT", 3)
    result, error, text = start_seed(vcenter, ids["sparse"]).wait(seconds=300)
    if age == "3 minutes ago":
        assert (result, error) == (None, "FOLDER_IN_USE")
        assert list(folder.iterdir()) == []
    else:
        assert error is None, text
        fine(vcenter, ids["sparse"], content)


@pytest.mark.parametrize("kind", DISK_TYPES)
def test_linked_clones(lab, vcenter, images, kind):
    """Nova finds the image and its sized copy: it neither downloads nor copies, and the copy has the guest's bytes and the flavor's size."""
    ids, content = images
    unseeded = ended(start_nova(lab, vcenter, ids[kind], kind, root_gb=1))
    assert unseeded["fetched"] and unseeded["copied"], "a judge that always says no is none"
    subprocess.run(["rm", "-rf", vcenter.datastores / "n1" / CACHE], check=True)
    result = seed(vcenter, ids[kind], linked_clone_sizes=[1])
    assert result["totals"]["sized_copies"] == 2
    for datastore in DATASTORES:
        answer = ended(start_nova(lab, vcenter, ids[kind], kind, datastore, root_gb=1))
        parent = f"[{datastore}] {CACHE}/{ids[kind]}/{ids[kind]}.1.vmdk"
        assert answer == {"fetched": False, "copied": False, "parent": parent}
        with open(vcenter.datastores / datastore / CACHE / ids[kind] / f"{ids[kind]}.1-flat.vmdk", "rb") as disk:
            assert hashlib.sha256(disk.read(CAPACITY)).hexdigest() == content
            assert disk.seek(0, os.SEEK_END) == 1 << 30
    fine(vcenter, ids[kind], content)
