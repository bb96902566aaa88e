# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mistakes of a first inventory, made with the collection as users install it, away from the checkout. No compute host is needed: whatever they are
about is found before one is asked, or on the control node. The stage `clients` starts the vCenter, and names it in CLIENTS."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CLUSTER = "cluster-a"


@pytest.fixture(scope="session")
def vcenter():
    """The simulated vCenter: hostname, port, username, password, ca_path."""
    names = json.loads(Path(os.environ["CLIENTS"]).read_text(encoding="utf-8"))
    return {name: names[f"vcenter_{name}"] for name in ("hostname", "port", "username", "password", "ca_path")}


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The folder into which the tarball was installed."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    subprocess.run(["git", "-C", ROOT, "-c", "safe.directory=*", "checkout-index", "-a", f"--prefix={source}/"], check=False, capture_output=True)
    if not (source / "galaxy.yml").exists():  # no git, as in a copy of the tree
        source = ROOT
    galaxy = [BIN / "ansible-galaxy", "collection"]
    subprocess.run([*galaxy, "build", "--output-path", folder, source], check=True, capture_output=True)
    (tarball,) = folder.glob("*.tar.gz")
    # By force: a copy that ANSIBLE_COLLECTIONS_PATH leads to, such as that of the tests, would be enough for it otherwise.
    subprocess.run([*galaxy, "install", "--force", "--offline", "-p", folder / "collections", tarball], check=True, capture_output=True)
    assert (folder / "collections" / "ansible_collections" / "openstack_vmware" / "nova" / "playbooks").is_dir()
    return folder / "collections"


class Site:
    """An operator's inventory, and another folder in which he works."""

    def __init__(self, folder, installed, vcenter):
        self.folder, self.work = folder / "site", folder / "work"
        self.folder.mkdir()
        self.work.mkdir()
        self._installed = installed
        self.variables = {
            "ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "nova_vcdriver_vcenters": [
                {"name": "vc1", "host_ip": vcenter["hostname"], "host_port": vcenter["port"], "host_username": vcenter["username"],
                 "host_password": vcenter["password"], "ca_file": "files/ca.pem"}
            ],
            "nova_vcdriver_transport_url": "rabbit://nova:x@127.0.0.1:1/",
            "nova_vcdriver_auth": {"auth_url": "http://127.0.0.1:1/v3", "username": "nova", "password": "x", "project_name": "service"},
            "nova_vcdriver_openstack": {"cloud": "prod"}, "nova_vcdriver_my_ip": "127.0.0.1", "image_seed_images": ["one"],
        }  # fmt: skip
        self.computes = [{"cluster_name": CLUSTER, "datastore_regex": ".*"}]
        self.hosts = {"compute-1": {"nova_vcdriver_computes": self.computes}}
        self.group = "nova_vcdriver"

    def trust(self, vcenter, folder=None):
        """Puts the CA where the relative name of the inventory means it."""
        files = (folder or self.folder) / "files"
        files.mkdir()
        (files / "ca.pem").write_text(Path(vcenter["ca_path"]).read_text(encoding="utf-8"), encoding="utf-8")

    def run(self, playbook, *options, inventory=True):
        """Runs a playbook. Returns its exit code and all that it printed."""
        controller = {"hosts": {"controller-1": {}}, "vars": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
        hosts = {self.group: {"hosts": self.hosts, "vars": self.variables}, "nova_controller": controller}
        path = self.folder / "inventory.yml"
        path.write_text(yaml.safe_dump(copy.deepcopy(hosts)), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "OS_"))}
        done = subprocess.run(
            [BIN / "ansible-playbook", *(["-i", path] if inventory else []), f"openstack_vmware.nova.{playbook}", *options], cwd=self.work, check=False,
            env={**environment, "ANSIBLE_COLLECTIONS_PATH": str(self._installed), "NO_COLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def refused(self, playbook, *options, **how):
        """Runs a playbook that must be refused before anything is changed. Returns what it printed."""
        code, output = self.run(playbook, *options, **how)
        assert code == 2, output
        assert "argument_spec_data" not in output and "Traceback" not in output, output
        return output


@pytest.fixture
def site(tmp_path, installed, vcenter):
    return Site(tmp_path, installed, vcenter)


@pytest.mark.parametrize("playbook", ["preflight", "add_cluster", "drain", "probe"])
def test_no_inventory(site, playbook):
    """Ansible itself ends well where no host matches."""
    assert "No host is in the group nova_vcdriver, so there is nothing to do." in site.refused(playbook, "-e", "nova_vcdriver_only=x", inventory=False)


def test_another_group(site):
    site.group = "nova-vcdriver"
    assert "It has a group 'nova-vcdriver': did you mean that?" in site.refused("preflight")


def test_limit_to_another_host(site):
    assert "--limit leaves no host of the group nova_vcdriver, which has compute-1." in site.refused("preflight", "--limit", "controller-1")


def test_variables(site):
    """What is missing, with an example; what is misspelt; what a vault would have."""
    del site.variables["nova_vcdriver_transport_url"]
    site.variables["nova_vcdriver_chek_ignore"] = []
    site.variables["nova_vcdriver_vcenters"][0]["host_password"] = "{{ vault_password }}"
    output = site.refused("site")
    assert "compute-1: the inventory does not set nova_vcdriver_transport_url." in output and '  nova_vcdriver_transport_url: "rabbit://nova' in output
    assert "did you mean nova_vcdriver_check_ignore?" in output
    assert "nova_vcdriver_vcenters can't be rendered: 'vault_password' is undefined" in output


def test_no_cluster(site):
    site.computes.clear()
    assert "- COMPUTES_EMPTY: nova_vcdriver_computes: " in site.refused("preflight")


def test_a_name_with_a_typing_error(site):
    for playbook in ("preflight", "seed_images"):
        output = site.refused(playbook, "-e", "nova_vcdriver_only=vc1-clustr-a")
        assert f"nova_vcdriver_only has 'vc1-clustr-a' (did you mean 'vc1-{CLUSTER}'?)." in output


@pytest.mark.parametrize("version", ["35.0.0", "dalmatian"])
def test_a_release_without_pins(site, vcenter, version):
    site.trust(vcenter)
    output = site.refused("preflight", "-e", f"nova_vcdriver_version={version}")
    said = {"35.0.0": "the role has pins for 33.0.2, 34.0.0. Fix: ", "dalmatian": "- RELEASE_INVALID: 'dalmatian': it is not the number of a release"}
    assert said[version] in output


def test_a_file_that_is_nowhere(site):
    """The inventory's folder, then the one in which the operator works."""
    output = site.refused("preflight")
    assert f"ca_file of vCenter vc1: there is no file {site.folder}/files/ca.pem and no file {site.work}/files/ca.pem." in output


def test_preflight(site, vcenter):
    """With the CA in the working directory. The findings are shown, also where something else is wrong."""
    site.trust(vcenter, site.work)
    site.computes[0]["cluster_name"] = "clustr-a"
    site.variables["nova_vcdriver_check_ignore"] = ["HA_OF"]
    output = site.refused("preflight", "-e", "nova_vcdriver_check_openstack=false")
    assert f"no cluster 'clustr-a' (did you mean '{CLUSTER}'?) that this account can see" in output
    assert "not checked: whether the controllers take Nova 34.0.0, since 'nova-manage --version' on controller-1 gave no release" in output
    assert "nova_vcdriver_check_ignore has 'HA_OF' (did you mean 'HA_OFF'?)" in output


def test_hosts_that_are_down(site, vcenter):
    """The report of drift ends with Ansible's code for it."""
    site.trust(vcenter)
    site.hosts["compute-1"] |= {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    code, output = site.run("report_drift")
    assert code == 4 and "unreachable=1" in output, output
