# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on vSAN, whichever way it behaves: seeded as Nova finds them, never removed while a clone lives, and nothing half stays."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from simulated import CACHE, HOSTS, VCenter, call, options, run, scenario
from test_removal import clone

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import Session
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import run_task

TAKEN = {"old_stream": "taken", "stream_without_footer": "taken"}  # qemu-img has made the image
KIND = {
    "vsan_root_folder": "made", "vsan_folder_move": "moved", "vsan_folder_delete": "deleted", "vsan_disk_path": "name", "vsan_listing": "name",
    "vsan_put_through_vcenter": "works",
}  # fmt: skip
MOVE = {"method": "MoveVirtualDisk_Task"}
ABSENT = "33333333-2222-4333-8444-555555555555"  # no image
CONVERT = {"method": "ConvertNamespacePathToUuidPath"}


def start(folder, behaviour):
    """Gives a vCenter with one vsan datastore."""
    setup = scenario(HOSTS[:1], ("n1",))
    setup["vcenter"]["behaviour"] = {**TAKEN, **behaviour}
    setup["datacenters"][0]["datastores"][0]["type"] = "vsan"
    return VCenter(folder, setup)


@pytest.fixture(scope="module", params=({}, KIND), ids=("harmful", "kind"))
def vcenter(request, tmp_path_factory):
    with start(tmp_path_factory.mktemp("vsan"), request.param) as one:
        yield one


@pytest.fixture
def image(images):
    """The id of an image, and the SHA-256 of what a guest reads."""
    made, content = images
    return made["stream"], content


@pytest.fixture
def other(images):
    """The id of another image: the one that is to be kept."""
    return images[0]["flat"]


@pytest.fixture(autouse=True)
def empty(vcenter):
    """Each test starts with an empty datastore, no virtual machines and no rules."""
    vcenter.ask("DELETE", "/rules")
    remove_vms(vcenter)
    for folder in vcenter.datastores.glob("*/*"):
        subprocess.run(["rm", "-rf", folder], check=True)


def remove_vms(vcenter):
    with Session(**vcenter.connection) as session:
        for vm in session.content.rootFolder.childEntity[0].vmFolder.childEntity:
            run_task(session, "remove a virtual machine", vm.Destroy_Task)


def seed(vcenter, image_id, **more):
    """Seeds an image. Gives the result; fails the test when it fails."""
    result, code, text = run(options(vcenter.connection, [image_id], **more))
    assert code is None, text
    return result


def fine(vcenter, image):
    """The image is whole where Nova looks for it, and nothing is left."""
    image_id, content = image
    assert None not in vcenter.nova(image_id).values()
    assert vcenter.disk("n1", image_id) == content
    assert vcenter.left() == []
    assert sorted(path.name for path in vcenter.datastores.glob("n1/*")) == ["openstack_vmware", CACHE]


def test_seed_and_remove(vcenter, image):
    result = seed(vcenter, image[0])
    assert result["changed"]
    fine(vcenter, image)
    assert not seed(vcenter, image[0])["changed"]
    assert seed(vcenter, image[0], state="absent")["changed"]
    assert list(vcenter.datastores.glob(f"n1/{CACHE}/*")) == []
    assert vcenter.left() == []


def prune(vcenter, image_id, kept):
    """Gives what image_cache_prune says of an image that is old enough, where another one is to be kept, and does it."""
    ago = time.time() - 3600
    for path in vcenter.datastores.glob(f"n1/{CACHE}/{image_id}/*"):
        os.utime(path, (ago, ago))
    result = call(
        "image_cache_prune", **vcenter.connection, openstack={"cloud": "lab"}, hypervisors=[{"cluster_name": "c1"}], cache_prefix=CACHE.removesuffix("_base"),
        keep=[kept], minimum_age=0,
    )  # fmt: skip
    (row,) = result["entries"]
    return row["verdict"], row["reason"]


def test_the_parent_of_a_powered_off_clone_stays(vcenter, image, other):
    """Its virtual machine names it by the UUID of the cache folder, and no lock of ESXi holds it."""
    seed(vcenter, image[0])
    clone(vcenter, image[0])
    assert prune(vcenter, image[0], other) == ("keep", "IN_USE")
    _result, code, text = run(options(vcenter.connection, [image[0]], state="absent"))
    assert code == "IMAGE_IN_USE", text
    assert vcenter.disk("n1", image[0]) == image[1]
    # Broken as it is, a clone may still read of it.
    break_descriptor(vcenter, image[0])
    _result, code, text = run(options(vcenter.connection, [image[0]]))
    assert code == "IMAGE_IN_USE", text
    remove_vms(vcenter)
    assert prune(vcenter, image[0], other) == ("remove", "NOT_WANTED")


@pytest.mark.parametrize("fault", ["NoPermission", "NotSupported"])
def test_use_cannot_be_told(vcenter, image, other, fault):
    """Without the UUID of the cache folder nothing is removed or replaced. The error says so."""
    seed(vcenter, image[0])
    with vcenter.rule(CONVERT, {"fault": {"name": fault}}):
        _result, code, text = run(options(vcenter.connection, [image[0]], state="absent"))
        assert code == "IMAGE_USE_UNKNOWN", text
        assert prune(vcenter, image[0], other) == ("keep", "USE_UNKNOWN")
        break_descriptor(vcenter, image[0])
        _result, code, text = run(options(vcenter.connection, [image[0]]))
        assert code == "IMAGE_USE_UNKNOWN", text
    assert (vcenter.datastores / "n1" / CACHE / image[0]).exists()
    seed(vcenter, image[0])
    fine(vcenter, image)


def break_descriptor(vcenter, image_id):
    """Takes the descriptor away, long ago: nobody is at work there."""
    folder = vcenter.datastores / "n1" / CACHE / image_id
    (folder / f"{image_id}.vmdk").unlink()
    ago = time.time() - 3600
    for path in (*folder.iterdir(), folder):
        os.utime(path, (ago, ago))


def test_publishing_fails(vcenter, image):
    """The disk could not be moved in: no folder stays, which would break a boot of Nova's. So does a broken descriptor."""
    with vcenter.rule(MOVE, {"fault": {"name": "FileLocked", "task": True}}, nth=2):
        _result, code, text = run(options(vcenter.connection, [image[0]]))
        assert code == "FILE_LOCKED", text
    assert list(vcenter.datastores.glob(f"n1/{CACHE}/*")) == []
    assert vcenter.left() == []


def test_killed_between_the_folder_and_its_disk(vcenter, image):
    """The next run removes the folder first, whatever image it is about."""
    with vcenter.rule(MOVE, {"hang": {"seconds": 3}}, nth=2):
        run(options(vcenter.connection, [image[0]]), signal_when=vcenter.fired)
        assert [path.name for path in vcenter.datastores.glob(f"n1/{CACHE}/*")] == [image[0]]
        left = {path.name for path in vcenter.left()}
        time.sleep(3)
    # The task went on after its client. Without it the folder would be empty.
    for path in vcenter.datastores.glob(f"n1/{CACHE}/*/*"):
        path.unlink()
    result = seed(vcenter, ABSENT, state="absent")
    assert {path.rpartition("/")[2].removeprefix("[n1] ") for path in result["leftovers"]} == left
    assert list(vcenter.datastores.glob(f"n1/{CACHE}/*")) == []
    assert vcenter.left() == []
    seed(vcenter, image[0])
    fine(vcenter, image)


def test_killed_during_an_import(vcenter, image):
    """The folder of the import is at the root, where a listing tells UUIDs: it is found all the same."""
    with vcenter.rule({"method": "HttpNfcLeaseComplete"}, {"stall": {"seconds": 3}}, nth=1):
        run(options(vcenter.connection, [image[0]]), signal_when=vcenter.fired)
    assert len(vcenter.left()) == 2
    time.sleep(3)
    result = seed(vcenter, image[0])
    assert len(result["leftovers"]) == 2
    fine(vcenter, image)


def test_cleaning_up_fails(vcenter, image):
    """The image is there and whole: what stays behind is a warning, and gone with the next run."""
    with vcenter.rule({"method": "DeleteDatastoreFile_Task"}, {"fault": {"name": "FileLocked", "task": True}}):
        with vcenter.rule({"method": "DeleteDirectory"}, {"fault": {"name": "FileLocked"}}):
            result = seed(vcenter, image[0])
    assert [text for text in result["warnings"] if "Nobody needs it" in text]
    assert vcenter.disk("n1", image[0]) == image[1]
    assert seed(vcenter, image[0])["leftovers"]
    fine(vcenter, image)


def test_the_missing_privilege_is_named(tmp_path, image):
    """A folder at the root needs Datastore.Config. One that an operator has made is taken without."""
    with start(tmp_path / "vcenter", {}) as vcenter:
        with vcenter.rule({"method": "CreateDirectory"}, {"fault": {"name": "NoPermission"}}):
            _result, code, text = run(options(vcenter.connection, [image[0]]))
            assert (code, "Datastore.Config" in text) == ("NO_PERMISSION", True), text
            for name in (CACHE, "openstack_vmware"):
                (vcenter.datastores / "n1" / name).mkdir()
            seed(vcenter, image[0])
            assert vcenter.disk("n1", image[0]) == image[1]
