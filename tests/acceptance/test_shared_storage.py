# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two datacenters mount one storage, and a move of a folder on it stops half-way: an image goes there once, stays while anybody uses it, and is never half."""

from __future__ import annotations

import copy
import datetime
import os
import subprocess
import time

import pytest
from simulated import CACHE, DISK_TYPES, HOSTS, PASSWORD, Run, VCenter, options, run, scenario
from test_removal import clone

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import locations
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import Session
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import run_task

BOTH = [{"cluster_name": "c1", "datastore_regex": "^n"}, {"cluster_name": "c2", "datastore_regex": "^other"}]
MOVE = {"method": "MoveDatastoreFile_Task"}
SHORT_SIGHTED = "short-sighted"  # an account that sees the other datacenter, and not its virtual machines
ABSENT = "33333333-2222-4333-8444-555555555555"  # no image


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory):
    """A vCenter with the datacenters dc1 and dc2, each with a cluster. The storage is n1 in one and other-n1 in the other."""
    setup = scenario(HOSTS[:1], ("n1",))
    first = setup["datacenters"][0]
    first["datastores"][0]["url"] = "ds:///vmfs/volumes/5f000000-00000000-0000-000000000001/"
    second = copy.deepcopy(first)
    second["name"] = "dc2"
    second["clusters"][0].update(name="c2", hosts=[{**second["clusters"][0]["hosts"][0], "name": HOSTS[1]}])
    second["datastores"][0].update(name="other-n1", clusters=["c2"])
    setup["datacenters"].append(second)
    setup["vcenter"]["accounts"] = [
        {
            "username": SHORT_SIGHTED, "password": PASSWORD,
            "permissions": [
                {"entity": "/", "privileges": ["Sessions.ValidateSession"], "propagate": False},
                {"entity": "/dc1", "privileges": privileges.all_privileges()},
                {"entity": "/dc2", "privileges": [], "propagate": False},
                {"entity": "/dc2/datastore/other-n1", "privileges": []},
            ],
        }
    ]  # fmt: skip
    with VCenter(tmp_path_factory.mktemp("shared"), setup) as one:
        yield one


@pytest.fixture(autouse=True)
def empty(vcenter):
    """Each test starts with an empty storage, no virtual machines and no rules."""
    vcenter.ask("DELETE", "/rules")
    remove_vms(vcenter)
    for folder in vcenter.datastores.glob("*/*"):
        subprocess.run(["rm", "-rf", folder], check=True)


def remove_vms(vcenter):
    with Session(**vcenter.connection) as session:
        for datacenter in session.content.rootFolder.childEntity:
            for vm in datacenter.vmFolder.childEntity:
                run_task(session, "remove a virtual machine", vm.Destroy_Task)


def seed(vcenter, image_id, **more):
    """Seeds an image, or does what else is wanted of it. Gives the result; fails the test when it fails."""
    result, code, text = run(options(vcenter.connection, [image_id], **more))
    assert code is None, text
    return result


def test_one_job_for_both(vcenter, images):
    made, content = images
    result = seed(vcenter, made["flat"], hypervisors=BOTH)
    (image,) = result["images"]
    assert [one["action"] for one in image["datastores"]] == ["push"]
    assert result["datastores"][0]["hypervisors"] == ["c1", "c2"]
    assert vcenter.disks(made["flat"]) == [content]
    # From the other side it is there.
    assert not seed(vcenter, made["flat"], hypervisors=BOTH[1:])["changed"]


@pytest.mark.parametrize("clusters", [BOTH, BOTH[:1]], ids=("both", "one"))
def test_a_clone_of_the_other_datacenter(vcenter, images, clusters):
    """It is powered off, and names the storage as its datacenter does."""
    made, content = images
    seed(vcenter, made["flat"])
    clone(vcenter, made["flat"], "other-n1")
    _result, code, text = run(options(vcenter.connection, [made["flat"]], state="absent", hypervisors=clusters))
    assert code == "IMAGE_IN_USE", text
    assert vcenter.disks(made["flat"]) == [content]
    remove_vms(vcenter)
    assert seed(vcenter, made["flat"], state="absent", hypervisors=clusters)["changed"]


def test_machines_that_an_account_may_not_see(vcenter, images):
    """What they use nobody can tell, so the image stays. The error says so. Nothing else needs them."""
    made, content = images
    connection = {**vcenter.connection, "username": SHORT_SIGHTED}
    _result, code, text = run(options(connection, [made["flat"]]))
    assert code is None, text
    clone(vcenter, made["flat"], "other-n1")
    _result, code, text = run(options(connection, [made["flat"]], state="absent"))
    assert code == "IMAGE_USE_UNKNOWN", text
    assert vcenter.disks(made["flat"]) == [content]
    remove_vms(vcenter)
    _result, code, text = run(options(connection, [made["flat"]], state="absent"))
    assert code is None, text


@pytest.mark.parametrize("kind", DISK_TYPES)
def test_half_a_publication(vcenter, images, kind):
    """The descriptor came without its data: a boot would take it."""
    made, content = images
    with vcenter.rule(MOVE, {"half": {}}, nth=1):
        _result, code, text = run(options(vcenter.connection, [made[kind]]))
        assert code == "FILE_FAULT", text
    assert list(vcenter.datastores.glob(f"n1/{CACHE}/*")) == []
    assert vcenter.left() == []
    seed(vcenter, made[kind])
    assert vcenter.disks(made[kind]) == [content]


def test_half_a_publication_of_a_killed_run(vcenter, images):
    """The next run removes it first, whatever image it is about."""
    made, content = images
    hang = {"hang": {"seconds": 2}}
    with vcenter.rule(MOVE, hang, nth=1):
        run(options(vcenter.connection, [made["flat"]]), signal_when=vcenter.fired)
        time.sleep(3)
    # The move went on after its client. Had it stopped half-way, the data would still be in the stage.
    (stage_left,) = vcenter.left()
    folder = stage_left / made["flat"]
    folder.mkdir()
    (vcenter.datastores / "n1" / CACHE / made["flat"] / f"{made['flat']}-flat.vmdk").rename(folder / f"{made['flat']}-flat.vmdk")
    assert vcenter.whole(made["flat"]) == ["n1"], "Nova would take it"
    assert seed(vcenter, ABSENT, state="absent")["leftovers"]
    assert list(vcenter.datastores.glob(f"n1/{CACHE}/*")) == []
    assert vcenter.left() == []
    seed(vcenter, made["flat"])
    assert vcenter.disks(made["flat"]) == [content]


def test_half_a_removal(vcenter, images):
    """What could not be moved out is whole again, and can be removed."""
    made, content = images
    seed(vcenter, made["flat"])
    with vcenter.rule(MOVE, {"half": {}}, nth=1):
        _result, code, text = run(options(vcenter.connection, [made["flat"]], state="absent"))
        assert code == "FILE_FAULT", text
    assert vcenter.disks(made["flat"]) == [content]
    assert vcenter.whole(made["flat"]) == ["n1"]
    assert vcenter.left() == []
    seed(vcenter, made["flat"], state="absent")
    assert list(vcenter.datastores.glob(f"n1/{CACHE}/*")) == []


def machines(vcenter):
    """Gives the names of the virtual machines in the VM folder of each datacenter."""
    with Session(**vcenter.connection) as session:
        return [[vm.name for vm in datacenter.vmFolder.childEntity] for datacenter in session.content.rootFolder.childEntity]


def test_a_killed_import_of_the_other_datacenter(vcenter, images):
    """Its machine is in the VM folder of dc2. The next run knows the storage by a cluster of dc1 alone, and removes it all the same."""
    made, content = images
    other = {"hypervisors": BOTH[1:]}
    with vcenter.rule({"method": "HttpNfcLeaseComplete"}, {"stall": {"seconds": 2}}, nth=1):
        run(options(vcenter.connection, [made["stream"]], **other), signal_when=vcenter.fired)
        time.sleep(3)  # the lease is completed after its client's end: nothing aborts it any more
    assert [len(names) for names in machines(vcenter)] == [0, 1] and len(vcenter.left()) == 2
    result = seed(vcenter, made["stream"], hypervisors=BOTH[:1])
    assert len(result["leftovers"]) == 2
    assert machines(vcenter) == [[], []] and vcenter.left() == []
    assert vcenter.disks(made["stream"]) == [content]


def run_until(vcenter, image_id, done):
    """Starts to seed an image and waits until ``done`` says true. Gives the run."""
    seeding = Run(options(vcenter.connection, [image_id]))
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return seeding


def only_location(session):
    """Gives the location of the storage."""
    (location,) = locations(registry.read(session, registry.wanted(BOTH[:1])), CACHE).values()
    return location


def listing(session, location, name):
    """Gives the files of a stage."""
    path = location.place.path("openstack_vmware", name)
    (tree,) = files.list_trees(session, [(location.datastore.browser, path)])
    return tree[path]


@pytest.mark.parametrize("kind", ["flat", "stream"])
def test_a_transfer_of_many_hours(vcenter, images, monkeypatch, kind):
    """A run of another machine does not take its stage for a dead one's, and takes that of one which is dead."""
    made, _content = images
    monkeypatch.setattr(stage, "HEARTBEAT", 0.2)
    upload = {"http": "PUT", "path": "-flat.vmdk"} if kind == "flat" else {"method": "HttpNfcLeaseComplete"}
    with vcenter.rule(upload, {"stall": {"seconds": 4}}, nth=1):
        seeding = run_until(vcenter, made[kind], vcenter.fired)
        (left,) = vcenter.datastores.glob("n1/openstack_vmware/*")
        with Session(**vcenter.connection) as session:
            location = only_location(session)
            now = session.now()
            first = stage.alive_at(listing(session, location, left.name))
            time.sleep(1.5)
            second = stage.alive_at(listing(session, location, left.name))
            assert first < second, "it says again that it is alive"
            # To another machine, after hours in which no file was written.
            monkeypatch.setattr(stage, "_node", lambda: "00000000")
            old = time.time() - 5 * 3600
            for path in (left, *left.rglob("*")):
                os.utime(path, (old, old))
            assert stage.leftovers(session, [location]) == []
            monkeypatch.setattr(session, "now", lambda: now + datetime.timedelta(hours=4))
            assert left.name in [one.path.rpartition("/")[2] for one in stage.leftovers(session, [location])]
        _result, code, text = seeding.wait()
        assert code is None, text
    assert vcenter.left() == []
