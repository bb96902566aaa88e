# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images are seeded on vCenters that behave in one way and in the other (docs/simulator.md, "Behaviour"), with sizes, types and room told truly."""

from __future__ import annotations

import os

import pytest
from labctl.simulator import changes
from simulated import CACHE, CAPACITY, CLUSTERS, DATASTORES, HOSTS, PREFIX, VCenter, call, options, run, scenario
from test_removal import clone


def world(folder, hosts=HOSTS[:1], datastores=DATASTORES, kind="VMFS", **behaviour):
    """Gives a vCenter whose datastores are of a kind, and that behaves so. To be closed."""
    setup = scenario(hosts, datastores)
    setup["vcenter"]["behaviour"] = behaviour
    for datastore in setup["datacenters"][0]["datastores"]:
        datastore["type"] = kind
    return VCenter(folder, setup)


def seeded(vcenter, image_id, **more):
    """Seeds an image. Gives the result; fails the test when it fails."""
    result, error, text = run(options(vcenter.connection, [image_id], **more))
    assert error is None, text
    return result


def entries(vcenter, image_id):
    """Gives what image_cache_info says of an image: ``{datastore: entry}``."""
    found = call("image_cache_info", hypervisors=CLUSTERS, cache_prefix=PREFIX, **vcenter.connection)
    return {datastore["name"]: entry for datastore in found["datastores"] for entry in datastore["entries"] if entry["name"] == image_id}


@pytest.mark.parametrize("size", ["allocated", "provisioned"])
def test_sizes_of_thin_disks(images, tmp_path, size):
    """A whole image is taken for whole, whatever a listing says of a thin disk's extent, and a cut upload is found."""
    ids, content = images
    with world(tmp_path, thin_file_size=size, copy_without_spec="source") as vcenter:
        for kind, image_id in ids.items():
            cut = {"http": "POST", "path": "^/nfc/"} if kind == "stream" else {"http": "PUT", "path": "vmdk$"}
            with vcenter.rule(cut, {"short": {"bytes": 1 << 20}}):
                result, error, _text = run(options(vcenter.connection, [image_id], encoding="none"))
                assert result is None and error is not None
            assert vcenter.whole(image_id) == [] and vcenter.left() == []
            assert seeded(vcenter, image_id, linked_clone_sizes=[1])["changed"]
            assert vcenter.whole(image_id) == list(DATASTORES) and vcenter.wrong(image_id, content) == []
            assert not seeded(vcenter, image_id, linked_clone_sizes=[1])["changed"]
            for entry in entries(vcenter, image_id).values():
                assert (entry["state"], entry["capacity_bytes"]) == ("complete", CAPACITY), entry
                assert [copy["complete"] for copy in entry["sized_copies"]] == [True]
            vcenter.empty()


def test_sizes_on_vsan(images, tmp_path):
    """No listing shows an extent there: a host tells capacities all the same, and a disk of another size is broken."""
    ids, _content = images
    with world(tmp_path, kind="vsan") as vcenter:
        assert seeded(vcenter, ids["stream"], linked_clone_sizes=[1])["changed"]
        assert not seeded(vcenter, ids["stream"], linked_clone_sizes=[1])["changed"]
        for entry in entries(vcenter, ids["stream"]).values():
            assert (entry["state"], entry["capacity_bytes"]) == ("complete", CAPACITY)
            assert [copy["complete"] for copy in entry["sized_copies"]] == [True]
        (note,) = vcenter.datastores.glob(f"n1/{CACHE}/{ids['stream']}/*.seed.json")
        note.rename(note.with_name(f"{ids['stream']}.{2 * CAPACITY}.seed.json"))
        assert entries(vcenter, ids["stream"])["n1"]["state"] == "broken"


@pytest.mark.parametrize("moves", ["half", "refused", "moved"])
def test_moves_of_folders(images, tmp_path, moves):
    """No folder with a disk is moved on vsan, so it does not matter what becomes of one."""
    ids, content = images
    with world(tmp_path, kind="vsan", vsan_folder_move=moves) as vcenter:
        assert seeded(vcenter, ids["stream"])["changed"]
        assert vcenter.whole(ids["stream"]) == list(DATASTORES) and vcenter.disks(ids["stream"]) == [content] * 2
        assert seeded(vcenter, ids["stream"], state="absent")["changed"]
        assert vcenter.whole(ids["stream"]) == [] and vcenter.left() == []


def test_a_disk_that_nobody_can_open_is_left_alone(images, tmp_path):
    """Whether it is whole is not known: it is neither replaced nor copied from, and named. One whose data was cut is told by its length, and replaced."""
    ids, content = images
    with world(tmp_path) as vcenter:
        seeded(vcenter, ids["flat"], linked_clone_sizes=[1])
        for name in ("n1", "n2"):
            folder = vcenter.datastores / name / CACHE / ids["flat"]
            cut = folder / f"{ids['flat']}{'-flat' if name == 'n1' else '.1-flat'}.vmdk"
            os.truncate(cut, CAPACITY // 2)
            for file in folder.iterdir():
                os.utime(file, (1, 1))
        mended = seeded(vcenter, ids["flat"], linked_clone_sizes=[1])
        assert (mended["totals"]["broken"], mended["totals"]["copies"], mended["totals"]["sized_copies"]) == (1, 1, 2)
        assert vcenter.wrong(ids["flat"], content) == [] and not seeded(vcenter, ids["flat"], linked_clone_sizes=[1])["changed"]

        seeded(vcenter, ids["stream"])
        damaged = vcenter.datastores / "n1" / CACHE / ids["stream"] / f"{ids['stream']}.vmdk"
        damaged.write_bytes(b"\0" * 512)
        again = seeded(vcenter, ids["stream"])
        assert not again["changed"] and (again["totals"]["complete"], again["totals"]["unknown"]) == (1, 1)
        assert "n1 was left alone" in "".join(again["warnings"])
        assert entries(vcenter, ids["stream"])["n1"]["state"] == "unknown"
        assert damaged.read_bytes() == b"\0" * 512


@pytest.mark.parametrize(
    "kind, behaviour, thin",
    [
        # What becomes of a copy of a thin disk, and of a sparse image, which Nova's own copy makes a preallocated one.
        ("VMFS", {"copy_spec": "refused", "copy_without_spec": "preallocated"}, {"stream": False, "flat": False, "sparse": False}),
        ("VMFS", {"copy_spec": "refused", "copy_without_spec": "source"}, {"stream": True, "flat": True, "sparse": True}),
        ("VMFS", {"copy_spec": "honoured"}, {"stream": True, "flat": True, "sparse": False}),
        ("NFS", {"nfs_preallocated": "thin"}, {"stream": True, "flat": True, "sparse": True}),
        ("NFS", {"nfs_preallocated": "taken"}, {"stream": False, "flat": False, "sparse": False}),
    ],
)
def test_types_of_copies(images, tmp_path, kind, behaviour, thin):
    """Each image arrives whole and stays so, whatever type of disk vSphere makes of a copy; what it makes of a thin one is told."""
    ids, content = images
    with world(tmp_path, kind=kind, **behaviour) as vcenter:
        for name, image_id in ids.items():
            before = vcenter.mark()
            result = seeded(vcenter, image_id, linked_clone_sizes=[1])
            assert vcenter.whole(image_id) == list(DATASTORES) and vcenter.wrong(image_id, content) == []
            (copied,) = (row["name"] for row in result["images"][0]["datastores"] if row["action"] == "copy")
            entry = entries(vcenter, image_id)[copied]
            assert (entry["state"], entry["thin"], entry["capacity_bytes"]) == ("complete", thin[name], CAPACITY)
            told = [text for text in result["warnings"] if "thick disks" in text]
            assert len(told) == (not thin[name] and name != "sparse"), result["warnings"]
            copies = [line for line in vcenter.requests(before) if line.get("method") == "CopyVirtualDisk_Task" and "http" in line]
            refused = [line for line in copies if line["fault"] == "NotImplemented"]
            # Once refused, a type is not asked for again: 2 disks of a size at once at the most.
            assert len(refused) <= 2 and len(copies) - len(refused) == 3 + (name == "sparse")
            assert not seeded(vcenter, image_id, linked_clone_sizes=[1])["changed"]
            vcenter.empty()


def test_copies_are_planned_with_all_of_their_size(images, tmp_path):
    """A copy of a thin disk may become thick: a plan for which there is no room then is refused before a byte moves."""
    ids, _content = images
    with world(tmp_path) as vcenter:
        for free, error in ((4 * CAPACITY // 3, None), (CAPACITY - 1, "DATASTORE_FULL")):
            for name in DATASTORES:
                vcenter.ask("POST", "/do", {"full": {"datastore": name, "free_bytes": free}})
            before = vcenter.mark()
            result, code, _text = run(options(vcenter.connection, [ids["stream"]]))
            assert code == error
            if error:
                assert not [line for line in vcenter.requests(before) if changes(line)]
            else:
                assert [one["needed_bytes"] for one in result["datastores"]].count(CAPACITY) == 1
            vcenter.empty()


@pytest.mark.parametrize("offload, rounds", [("supported", 2), ("unsupported", 5), ("unknown", 5)])
def test_copies_by_what_the_storage_does_itself(images, tmp_path, offload, rounds):
    """A host carries one copy at a time, as it was told to; what storage copies by itself it need not carry."""
    ids, content = images
    names = [f"n{number}" for number in range(6)]
    setup = scenario(HOSTS[:1], names)
    for datastore in setup["datacenters"][0]["datastores"]:
        datastore["offload"] = offload
    with VCenter(tmp_path, setup) as vcenter:
        result = seeded(vcenter, ids["sparse"], copies_per_host=1, bandwidth_limit=100)
        assert result["totals"]["rounds"] == rounds
        assert vcenter.whole(ids["sparse"]) == names and vcenter.wrong(ids["sparse"], content) == []


@pytest.mark.parametrize("shown", ["shown", "hidden"])
def test_lock_files(images, tmp_path, shown):
    """NFS lists a lock file beside each file that a running machine has open: such an image is whole, stays where it is, and is copied from."""
    ids, content = images
    with world(tmp_path, kind="NFS", nfs_lock_files=shown) as vcenter:
        seeded(vcenter, ids["flat"], hypervisors=[{"cluster_name": "c1", "datastore_regex": "^n1$"}])
        clone(vcenter, ids["flat"], start=True)
        (entry,) = entries(vcenter, ids["flat"]).values()
        assert entry["state"] == "complete"
        result = seeded(vcenter, ids["flat"])
        assert (result["totals"]["pushes"], result["totals"]["copies"], result["totals"]["broken"]) == (0, 1, 0)
        assert vcenter.whole(ids["flat"]) == list(DATASTORES) and vcenter.wrong(ids["flat"], content) == []
        assert not seeded(vcenter, ids["flat"])["changed"]
        _result, error, _text = run(options(vcenter.connection, [ids["flat"]], state="absent"))
        assert error == "IMAGE_IN_USE" and vcenter.whole(ids["flat"]) == list(DATASTORES)


@pytest.mark.parametrize("chunked", ["refused", "taken"])
def test_uploads_tell_their_length(images, tmp_path, chunked):
    """So they arrive whether or not a host takes a chunked body."""
    ids, content = images
    with world(tmp_path, chunked_put=chunked) as vcenter:
        for image_id in ids.values():
            assert seeded(vcenter, image_id, encoding="none")["changed"]
            assert vcenter.whole(image_id) == list(DATASTORES) and vcenter.wrong(image_id, content) == []
