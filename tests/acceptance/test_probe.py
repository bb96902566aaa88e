# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere_probe gives the behaviour of a simulated vCenter back, whatever that is, and leaves nothing, also after a kill."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest
import yaml
from conftest import LAB, ROOT, recap
from labctl.simulator import changes
from simulated import HOSTS, NO_HOSTS, PASSWORD, USER, Run, VCenter, call, scenario, validated

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import probe
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import Session
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import run_task

PROFILES = ROOT / "lab" / "profiles"
STORES = {"p-vmfs": "VMFS", "p-nfs": "NFS", "p-vsan": "vsan"}
# Those of the role that vsphere_role makes for Nova and image_cache, without the feature vcenter_upload.
PRIVILEGES = privileges.all_privileges(["vsan", "pull"])
ACCOUNT = {"username": "prober", "password": "for the probe"}
SECONDS = "eager_zero_seconds_per_gib"
TOLERANCE = 1.0  # seconds a GiB, on a machine that does other things as well


def extreme(name):
    """Gives one of the profiles of the repository."""
    return yaml.safe_load((PROFILES / f"{name}.yml").read_text(encoding="utf-8"))


HARMFUL, KIND = extreme("harmful"), extreme("kind")
SWITCHES = sorted(HARMFUL["behaviour"])


def world(folder, profile, granted=None, stores=None, permissions=None):
    """Gives a vCenter that behaves as a profile says, with the options of its account.

    :arg granted: privileges of the account on the datacenter, :arg permissions: or all of its permissions. :arg stores: its datastores and their types.
    """
    granted, stores = granted or PRIVILEGES, stores or STORES
    folder.mkdir(exist_ok=True)
    setup = scenario()
    (dc,) = setup["datacenters"]
    for host in dc["clusters"][0]["hosts"]:
        host["http_client"] = True
    dc["datastores"] = [{"name": name, "type": kind, "capacity_gb": 10, "free_gb": 9, "clusters": ["c1"]} for name, kind in stores.items()]
    dc["vms"] = [{"name": "running", "cluster": "c1", "datastore": name} for name, kind in stores.items() if kind == "NFS"]
    if permissions is None:
        permissions = [{"entity": "/dc1", "privileges": granted}]
        if profile["behaviour"]["parents_view"] == "refused":
            permissions.append({"entity": "/", "privileges": [], "propagate": False})
    setup["vcenter"]["accounts"] = [{**ACCOUNT, "permissions": permissions}]
    (folder / "profile.yml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    vcenter = VCenter(folder / "vcenter", setup, ("-profile", folder / "profile.yml"))
    vcenter.connection.update(ACCOUNT)
    return vcenter


def left(vcenter):
    """Gives what of a probe is on the datastores."""
    return [path for path in vcenter.datastores.rglob("*") if "openstack_vmware_probe" in path.name]


def roots(vcenter):
    """Gives what is at the roots of the datastores: on vsan folders have other names there."""
    return sorted(vcenter.datastores.glob("*/*"))


def assert_same(given, found):
    """Compares a profile with the one that came back."""
    given, found = ({**one, "behaviour": dict(one["behaviour"])} for one in (given, found))
    if given["behaviour"]["parents_view"] == "refused":  # the account has a permission on all parents, so that it finds the datastore at all
        del given["behaviour"]["parents_view"]
    assert abs(found["behaviour"].pop(SECONDS) - given["behaviour"].pop(SECONDS)) < TOLERANCE
    names = {*given["behaviour"], *found["behaviour"]}
    assert {name: (given["behaviour"].get(name), found["behaviour"].get(name)) for name in names
            if given["behaviour"].get(name) != found["behaviour"].get(name)} == {}  # fmt: skip
    assert found == given


def coded(bit):
    """Gives a profile of both extremes: a switch is kind where the bit of its number is set. Of all bits, each two switches differ somewhere."""
    behaviour = {name: (KIND if number >> bit & 1 else HARMFUL)["behaviour"][name] for number, name in enumerate(SWITCHES)}
    return {**HARMFUL, "behaviour": behaviour}


THIRD = {
    **HARMFUL,
    "version": "9.0.0",
    "behaviour": {**HARMFUL["behaviour"], "host_certificate": "sslCertificate", "vsan_folder_move": "refused", "pull_manifest": "sha1"},
}
WORLDS = {"harmful": HARMFUL, "kind": KIND, "third": THIRD, **{f"bit {bit}": coded(bit) for bit in range(len(SWITCHES).bit_length())}}


def test_each_value_is_in_a_world():
    """Also those between the two extremes."""
    source = (ROOT / "lab" / "vcsim" / "behaviour.go").read_text(encoding="utf-8")
    switches = {name: set(values.split()) for name, values in re.findall(r'yaml:"(\w+)" values:"([^"]*)"', source)}
    assert len(switches) == len(SWITCHES) - 1
    assert {name: values - {world["behaviour"][name] for world in WORLDS.values()} for name, values in switches.items()} == dict.fromkeys(switches, set())


@pytest.mark.parametrize("name", WORLDS)
def test_profile_comes_back(name, tmp_path):
    profile = WORLDS[name]
    with world(tmp_path, profile) as vcenter:
        before = roots(vcenter)
        result = call("vsphere_probe", datastores=list(STORES), **vcenter.connection)
        unknown = result["unknown"]
        if profile["behaviour"]["vcenter_put"] == "host_config":
            # Without the privilege nothing goes through the vCenter, and with it nobody knows whether it is needed: both accounts together tell all.
            assert unknown.pop(unknown.index("vsan_put_through_vcenter"))
            other = call("vsphere_probe", datastores=["p-vsan"], **{**vcenter.connection, "username": USER, "password": PASSWORD})
            result["profile"]["behaviour"]["vsan_put_through_vcenter"] = other["profile"]["behaviour"]["vsan_put_through_vcenter"]
        assert_same(profile, result["profile"])
        refused = profile["behaviour"]["parents_view"] == "refused"
        assert unknown == (["parents_view"] if refused else [])
        evidence = {one["evidence"] for one in result["verdicts"] if one["id"] == "parents_view"}
        assert all("has a permission on all" in text for text in evidence) is refused, evidence
        assert [one for one in result["verdicts"] if one["level"] == "problem"] == []
        assert (result["changed"], result["leftovers"], result["not_removed"]) == (False, [], [])
        assert (left(vcenter), roots(vcenter)) == ([], before)
        text = str(result["profile"])
        assert not [one for one in (*STORES, *HOSTS, *ACCOUNT.values(), "dc1", "c1", "127.0.0.1") if f"'{one}'" in text]


@pytest.mark.parametrize("value", ["refused", "granted"])
def test_parents_view_is_found_out(value, tmp_path):
    """A folder stands between the datacenter and the datastore, and the account has no permission on it."""
    profile = {**HARMFUL, "behaviour": {**HARMFUL["behaviour"], "parents_view": value}}
    below = [{"entity": path, "privileges": PRIVILEGES} for path in ("/dc1/host/c1", "/dc1/datastore/p-vmfs")]
    alone = [{"entity": path, "privileges": PRIVILEGES, "propagate": False} for path in ("/", "/dc1")]
    with world(tmp_path, profile, stores={"p-vmfs": "VMFS"}, permissions=alone + below) as vcenter:
        with Session(**{**vcenter.connection, "username": USER, "password": PASSWORD}) as session:
            (datacenter,) = session.content.rootFolder.childEntity
            apart = datacenter.datastoreFolder.CreateFolder("apart")
            run_task(session, "move the datastore", apart.MoveIntoFolder_Task, list=list(datacenter.datastore))
        result = call("vsphere_probe", datastores=["p-vmfs"], **vcenter.connection)
        (verdict,) = [one for one in result["verdicts"] if one["id"] == "parents_view"]
        assert (verdict["finding"], result["profile"]["behaviour"]["parents_view"]) == (value, value), verdict
        assert "Folder group-" in verdict["evidence"] and "parents_view" not in result["unknown"]


def test_an_account_that_sees_nothing(tmp_path):
    """It has no permission on the root folder, where parents are not seen: the error says what is missing."""
    with world(tmp_path, HARMFUL, stores={"p-vmfs": "VMFS"}, permissions=[{"entity": "/dc1", "privileges": PRIVILEGES}]) as vcenter:
        with pytest.raises(NovaVmwareError) as caught:
            call("vsphere_probe", datastores=["p-vmfs"], **vcenter.connection)
        assert caught.value.code == "DATASTORE_NOT_FOUND" and "root folder" in caught.value.hint


def staged(vcenter, part):
    """Gives a function that says whether a probe has made something with such a name."""
    return lambda: any(part in path.name for path in left(vcenter))


@pytest.fixture(scope="module")
def harmful(tmp_path_factory):
    """The vCenter that does the most harm, for tests that need not ask all of it: without a vsan datastore."""
    with world(tmp_path_factory.mktemp("probe"), HARMFUL, stores={"p-vmfs": "VMFS"}) as vcenter:
        yield vcenter


def options(vcenter, **more):
    """Gives the module's options."""
    return {"datastores": ["p-vmfs"], **vcenter.connection, **more}


@pytest.mark.parametrize("part", ["flat.vmdk", "-vm1", "-vm4"])
def test_killed_probe(harmful, part):
    """What a killed probe leaves, on datastores and in the inventory, is removed by the next."""
    run = Run(validated("vsphere_probe", **options(harmful)), probe.run)
    assert run.wait(lambda: any(part in str(path) for path in harmful.datastores.rglob("*probe*/*")), signal.SIGKILL)[:2] == (None, None)
    assert left(harmful), "it was killed too late for the test"
    result = call("vsphere_probe", **options(harmful))
    assert result["leftovers"] and result["changed"] and result["not_removed"] == []
    assert left(harmful) == []
    again = call("vsphere_probe", **options(harmful))
    assert (again["changed"], again["leftovers"]) == (False, [])


def test_killed_probe_on_vsan(tmp_path):
    """There folders are found by what they are called, and deleted after what is in them."""
    with world(tmp_path, HARMFUL, stores={"p-vsan": "vsan"}) as vcenter:
        before = roots(vcenter)
        given = options(vcenter, datastores=["p-vsan"])
        run = Run(validated("vsphere_probe", **given), probe.run)
        assert run.wait(staged(vcenter, "-vm2"), signal.SIGKILL)[:2] == (None, None)
        assert roots(vcenter) != before, "it was killed too late for the test"
        result = call("vsphere_probe", **given)
        assert result["leftovers"] and result["not_removed"] == []
        assert roots(vcenter) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancelled_probe(harmful, number):
    run = Run(validated("vsphere_probe", **options(harmful)), probe.run)
    assert run.wait(staged(harmful, "-vm2"), number)[1] == "CANCELLED"
    assert left(harmful) == []


def test_check_mode(harmful):
    mark = harmful.mark()
    result = probe.run(validated("vsphere_probe", **options(harmful)), True)
    assert {one["finding"] for one in result["verdicts"]} == {"unknown"}
    assert result["profile"]["behaviour"] == {} and not result["changed"]
    assert [request for request in harmful.requests(mark) if changes(request)] == []


@pytest.mark.parametrize("given, code", [("nowhere", "DATASTORE_NOT_FOUND")])
def test_bad_input(harmful, given, code):
    with pytest.raises(NovaVmwareError) as caught:
        call("vsphere_probe", **options(harmful, datastores=[given]))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "privilege, question", [("VApp.Import", "stream_image"), ("Datastore.FileManagement", "scratch_folder"), ("Datastore.Browse", "move_image")]
)
def test_missing_privilege_is_a_finding(privilege, question, tmp_path):
    granted = [one for one in PRIVILEGES if one != privilege]
    with world(tmp_path, HARMFUL, granted, {"p-vmfs": "VMFS"}) as vcenter:
        result = call("vsphere_probe", **options(vcenter))
        (verdict,) = [one for one in result["verdicts"] if one["id"] == question]
        assert (verdict["finding"], verdict["level"]) == ("no", "problem")
        assert privilege in verdict["meaning"] + verdict["action"], verdict
        assert left(vcenter) == []


def test_no_host_answers(tmp_path):
    """Then nothing is asked of hosts, and what goes through the vCenter is told."""
    setup = scenario(datastores=["p-vmfs"])
    with VCenter(tmp_path / "vcenter", setup, NO_HOSTS) as vcenter:
        result = call("vsphere_probe", **options(vcenter))
        found = {one["id"]: one for one in result["verdicts"]}
        assert (found["host_upload"]["finding"], found["host_upload"]["level"]) == ("none", "problem")
        assert found["host_upload"]["evidence"].startswith("0 of 2 hosts")
        assert [found[name]["finding"] for name in ("flat_image", "sparse_image", "stream_image", "put_missing_folder")] == ["yes", "yes", "yes", "unknown"]
        assert left(vcenter) == []


def play(folder, variables, *options):
    """Runs the playbook on an inventory of two compute hosts with these variables. Gives how it ended."""
    inventory = {"nova_vcdriver": {"hosts": {"compute-1": {}, "compute-2": {}}, "vars": variables}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(LAB / "ansible.cfg"), "NO_COLOR": "1", "ANSIBLE_COLLECTIONS_PATH": str(LAB / "collections")}
    return subprocess.run(
        [LAB / "venv" / "bin" / "ansible-playbook", "-i", folder / "inventory.yml", "playbooks/probe.yml", "-e", "probe_datastore=p-vmfs", *options],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_playbook_without_a_cluster(tmp_path):
    """Nothing is asked then, which must not look well."""
    done = play(tmp_path, {})
    assert done.returncode == 2 and "the inventory does not set nova_vcdriver_vcenters, nova_vcdriver_computes" in done.stdout, done.stdout[-3000:]


def test_playbook(harmful, tmp_path):
    """It shows each verdict and its progress, and writes a profile that the simulator takes."""
    vcenter = {"name": "vc1", "host_ip": harmful.connection["hostname"], "host_port": harmful.port, "host_username": ACCOUNT["username"],
               "host_password": ACCOUNT["password"], "ca_file": harmful.connection["ca_path"]}  # fmt: skip
    both = {"nova_vcdriver_vcenters": [vcenter], "nova_vcdriver_computes": [{"cluster_name": "c1", "datastore_regex": "^p"}]}
    done = play(tmp_path, both, "-e", f"probe_profiles={tmp_path}/profiles")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "note: copy_without_spec on p-vmfs: preallocated. What becomes of" in done.stdout
    assert "ok: stream_image on p-vmfs: yes." in done.stdout
    assert "[compute-1 -> localhost] ask old_stream on p-vmfs: done in " in done.stderr
    assert recap(done.stdout)["compute-1"]["failed"] == 0
    profile = yaml.safe_load((tmp_path / "profiles" / "vc1.yml").read_text(encoding="utf-8"))
    known = {name: value for name, value in profile["behaviour"].items() if name != SECONDS}
    assert known.items() <= HARMFUL["behaviour"].items() and len(known) > 8
    assert ACCOUNT["password"] not in done.stdout + done.stderr
    with world(tmp_path / "again", profile | {"behaviour": {"parents_view": "refused", **profile["behaviour"]}}):
        pass
    assert left(harmful) == []
