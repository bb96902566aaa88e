# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running lab. Tests that want what the demo leaves take `demo` as well; they run one after the other, beside the rest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import openstack
import pytest
import yaml
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / ".lab"
# What takes the fixture demo or changes the demo's vCenter, by parts of the tests' ids.
DEMO = (
    "test_demo.py", "test_documentation.py", "test_leftovers.py", "test_prune.py", "test_verbs.py", "::test_the_demo_is_healthy",
    "::test_nova_is_the_judge", "::test_thumbprints", "test_transfer.py::test_ways",
)  # fmt: skip
sys.path[:0] = [str(ROOT / "lab"), str(ROOT / "tests" / "support"), str(LAB / "collections")]


class Lab:
    """The lab as its user sees it: its inventory, its cloud, its logs, and commands on it."""

    def __init__(self):
        folder = LAB / "inventory" / "group_vars" / "all"
        self.variables = {}
        for path in sorted(folder.glob("*.yml")):
            self.variables.update(yaml.safe_load(path.read_text(encoding="utf-8")))
        os.environ["OS_CLIENT_CONFIG_FILE"] = str(LAB / "clouds.yaml")
        self.cloud = openstack.connect(cloud="lab")

    @property
    def hosts(self):
        """Names of the nova-compute services that the inventory asks for."""
        return [f"{cluster['vcenter']}-{cluster['cluster_name']}" for cluster in self.variables["nova_vcdriver_computes"]]

    def hypervisors(self):
        """Gives ``{nova-compute: name of its hypervisor}``, as Nova says."""
        # Before 2.88 the answer has no uptime, for which Nova asks each nova-compute; those of molecule may be stopped.
        found = self.cloud.compute.get("/os-hypervisors/detail", microversion="2.53").json()["hypervisors"]
        return {one["service"]["host"]: one["hypervisor_hostname"] for one in found}

    def ansible(self, *command):
        """Runs an Ansible command on the lab's inventory. Gives its output; fails the test when it fails."""
        environment = {**os.environ, "ANSIBLE_CONFIG": str(LAB / "ansible.cfg"), "NO_COLOR": "1"}
        done = subprocess.run(
            [LAB / "venv" / "bin" / command[0], *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    def module(self, name, **options):
        """Runs a module of the collection on the control node. Gives its result."""
        output = self.ansible("ansible", "localhost", "-m", f"openstack_vmware.nova.{name}", "-a", json.dumps(options))
        return json.loads(output[output.index("=> {") + 3 :])

    def shell(self, text, words=""):
        """Runs a shell command on the compute host by ssh, with ``words`` as its input. Gives its output; fails the test when it fails."""
        ssh = ["ssh", "-p", "2222", "-i", LAB / "ssh" / "id_ed25519", "-o", f"UserKnownHostsFile={LAB / 'ssh' / 'known_hosts'}"]
        address = (LAB / "hosts" / "compute-1" / "address").read_text(encoding="utf-8").strip()
        done = subprocess.run([*ssh, f"root@{address}", text], input=words, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def vcenter(self):
        """Options of the vCenter for a module."""
        vcenter = self.variables["nova_vcdriver_vcenters"][0]
        return {
            "hostname": vcenter["host_ip"], "port": vcenter["host_port"], "username": vcenter["host_username"],
            "password": vcenter["host_password"], "ca_path": vcenter["ca_file"],
        }  # fmt: skip


def recap(output):
    """Gives ``{host: {ok, changed, ...}}`` of a playbook's output."""
    lines = output[output.index("PLAY RECAP") :].splitlines()[1:]
    return {line.split()[0]: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)} for line in lines if re.search(r"\bok=\d", line)}


@pytest.fixture(scope="session")
def cloud():
    """The lab's OpenStack, for tests that need no demo. `lab/lab up` has started it."""
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(LAB / "clouds.yaml")
    return openstack.connect(cloud="lab")


@pytest.fixture(scope="module")
def images(cloud, tmp_path_factory):
    """A small image of each way to travel, ``{kind: id}``, and the SHA-256 of what a guest reads of all of them."""
    from simulated import small_images  # here, since it imports this file

    with small_images(cloud, tmp_path_factory.mktemp("images")) as found:
        yield found


@pytest.fixture(scope="session")
def lab():
    """The lab: `lab/lab up` has started it."""
    return Lab()


@pytest.fixture(scope="session")
def demo():
    """Runs the demo and gives what it printed; its own verdict is the first test."""
    done = subprocess.run([ROOT / "lab" / "lab", "demo"], cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def takes_demo(nodeid):
    """Says whether a test works on what the demo leaves, or on its vCenter."""
    return any(name in nodeid for name in DEMO)


class Scopes(LoadScopeScheduling):
    """What works on the demo's vCenter runs one after the other; beside it, file by file, what brings its own."""

    def _split_scope(self, nodeid):
        return "demo" if takes_demo(nodeid) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config, log):
    """Used with -n 2. xdist's own way, the mark xdist_group, does nothing with the pytest of today."""
    config.option.loadscopereorder = False
    return Scopes(config, log)


def pytest_collection_modifyitems(items):
    """The longest comes first."""
    items.sort(key=lambda item: not takes_demo(item.nodeid))
