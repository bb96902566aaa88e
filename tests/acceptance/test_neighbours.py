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
import select
import subprocess
import time

import pytest
from conftest import LAB, ROOT
from simulated import CACHE, CAPACITY, DATASTORES, DISK_TYPES, HOSTS, Run, VCenter, options, scenario


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory):
    """A vCenter whose host takes uploads: the lab's certificate names it."""
    with VCenter(tmp_path_factory.mktemp("neighbours"), scenario(HOSTS[:1])) as one:
        yield one


@pytest.fixture(autouse=True)
def empty(vcenter):
    """Each test starts with an empty cache and no rules."""
    for folder in vcenter.datastores.glob("*/*"):
        subprocess.run(["rm", "-rf", folder], check=True)
    vcenter.ask("DELETE", "/rules")


class Nova:
    """Nova's code in a process of its own, as a nova-compute: does a boot's work on an image, one boot after the other."""

    def __init__(self, cloud, vcenter, folder):
        self._cloud = cloud
        self._common = {
            **vcenter.for_nova(), "cluster_name": "c1", "lock_path": str(folder),
            "glance": {"endpoint": cloud.image.get_endpoint(), "token": cloud.auth_token},
        }  # fmt: skip
        self._errors = folder / "nova.log"
        with open(self._errors, "w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [LAB / "openstack" / "bin" / "python", "-W", "ignore", ROOT / "tests" / "acceptance" / "nova_fetch.py"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip

    def close(self):
        """Ends it."""
        self._process.terminate()
        self._process.wait(10)

    def start(self, image_id, kind, datastore="n1", root_gb=0):
        """Starts a boot's work."""
        wanted = {"id": image_id, "size": self._cloud.image.get_image(image_id).size, "disk_type": DISK_TYPES[kind]}
        self._process.stdin.write(json.dumps({**self._common, "datastore": datastore, "root_gb": root_gb, "image": wanted}) + "\n")
        self._process.stdin.flush()

    def answer(self):
        """Waits for the end of it. Gives its answer; fails the test when it failed."""
        assert self._has_ended(300), "Nova did not end"
        line = self._process.stdout.readline()
        assert line, self._errors.read_text(encoding="utf-8")[-3000:]
        answer = json.loads(line)
        assert "error" not in answer, answer["error"][-3000:]
        return answer

    def until(self, done, what, pause):
        """Waits until ``done`` says true while Nova is at work; looks each ``pause`` seconds."""
        deadline = time.monotonic() + 60
        while not done():
            assert not self._has_ended(pause), self.answer()
            assert time.monotonic() < deadline, f"Nova did not {what}"

    def _has_ended(self, seconds):
        """Waits at most so long for an answer."""
        return bool(select.select([self._process.stdout], [], [], seconds)[0])


@pytest.fixture(scope="module")
def nova(cloud, vcenter, tmp_path_factory):
    one = Nova(cloud, vcenter, tmp_path_factory.mktemp("nova"))
    yield one
    one.close()


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
def test_nova_is_fetching(nova, vcenter, images, kind):
    """Nova is in the middle of its download when the seed begins, and is slow: the seed is first, or waits for it."""
    ids, content = images
    upload = {"method": "HttpNfcLeaseComplete"} if kind == "stream" else {"http": "PUT", "path": "/folder/vmware_temp"}
    vcenter.ask("POST", "/rules", {"when": upload, "nth": 1, "do": {"stall": {"seconds": 4}}})
    nova.start(ids[kind], kind)
    nova.until(vcenter.fired, "begin to write", 0.1)
    assert seed(vcenter, ids[kind])["changed"]
    assert nova.answer()["fetched"]
    fine(vcenter, ids[kind], content)


def test_between_novas_folder_and_its_disk(nova, vcenter, images):
    """Nova has made the image's folder and has not moved the disk in: the folder is not touched."""
    ids, content = images
    vcenter.ask("POST", "/rules", {"when": {"method": "MoveVirtualDisk_Task"}, "nth": 1, "do": {"stall": {"seconds": 4}}})
    nova.start(ids["stream"], "stream")
    folder = vcenter.datastores / "n1" / CACHE / ids["stream"]
    nova.until(folder.exists, "make the folder", 0.02)
    made = folder.stat().st_ino
    assert seed(vcenter, ids["stream"])["changed"]
    assert nova.answer()["fetched"]
    assert folder.stat().st_ino == made
    fine(vcenter, ids["stream"], content)


@pytest.mark.parametrize("age", ["3 minutes ago", "20 minutes ago"])
def test_empty_folder(vcenter, images, monkeypatch, age):
    """A folder without a disk is where a Nova may be about to put one, until it is old."""
    ids, content = images
    folder = vcenter.datastores / "n1" / CACHE / ids["sparse"]
    folder.mkdir(parents=True)
    subprocess.run(["touch", "--date", age, folder], check=True)
    monkeypatch.setattr("ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.others.WAIT", 3)
    result, error, text = start_seed(vcenter, ids["sparse"]).wait(seconds=300)
    if age == "3 minutes ago":
        assert (result, error) == (None, "FOLDER_IN_USE")
        assert list(folder.iterdir()) == []
    else:
        assert error is None, text
        fine(vcenter, ids["sparse"], content)


@pytest.mark.parametrize("kind", DISK_TYPES)
def test_linked_clones(nova, vcenter, images, kind):
    """Nova finds the image and its sized copy: it neither downloads nor copies, and the copy has the guest's bytes and the flavor's size."""
    ids, content = images
    nova.start(ids[kind], kind, root_gb=1)
    unseeded = nova.answer()
    assert unseeded["fetched"] and unseeded["copied"], "a judge that always says no is none"
    subprocess.run(["rm", "-rf", vcenter.datastores / "n1" / CACHE], check=True)
    result = seed(vcenter, ids[kind], linked_clone_sizes=[1])
    assert result["totals"]["sized_copies"] == 2
    for datastore in DATASTORES:
        nova.start(ids[kind], kind, datastore, root_gb=1)
        parent = f"[{datastore}] {CACHE}/{ids[kind]}/{ids[kind]}.1.vmdk"
        assert nova.answer() == {"fetched": False, "copied": False, "parent": parent}
        with open(vcenter.datastores / datastore / CACHE / ids[kind] / f"{ids[kind]}.1-flat.vmdk", "rb") as disk:
            assert hashlib.sha256(disk.read(CAPACITY)).hexdigest() == content
            assert disk.seek(0, os.SEEK_END) == 1 << 30
    fine(vcenter, ids[kind], content)
