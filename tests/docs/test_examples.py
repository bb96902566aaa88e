# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of README and docs work as they stand. Only the addresses of vCenters are replaced by those of simulators."""

from __future__ import annotations

import collections
import contextlib
import functools
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from examples import COLLECTION, ROOT, examples

sys.path[:0] = [str(ROOT.parents[2]), str(Path(__file__).resolve().parents[2] / "lab")]
from labctl import base, simulator  # noqa: E402

EXAMPLES = examples()
BIN = base.VENV / "bin"
SCENARIO = {
    "vc1": {"cluster-a": ["127.1.1.11", "127.1.1.12"], "cluster-b": ["127.1.2.11"]},
    "vc2": {"cluster-a": ["127.1.1.11"], "east-1": ["127.1.2.11", "127.1.2.12"]},
}
# Variables that make the test's machine the compute hosts and the controller of an inventory.
HERE = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}


def of(*kinds):
    """Parametrizes a test with the examples of these kinds."""
    found = [one for one in EXAMPLES if one.kind in kinds]
    return pytest.mark.parametrize("example", found, ids=str)


def test_what_is_run():
    """Each block is of a kind that a test below runs, or its page says why not; and there are many of each."""
    assert [str(one) for one in EXAMPLES if one.kind == "unknown"] == [], "give the block a language, or write <!-- not run: REASON --> above it"
    count = collections.Counter(one.kind for one in EXAMPLES)
    print(dict(count))
    for kind, least in {"console": 12, "inventory": 3, "tasks": 3, "playbook": 4, "variables": 4, "vault": 2, "scenario": 2, "json": 1, "changelog": 1}.items():
        assert count[kind] >= least, kind
    assert count["not run"] <= 4


# Commands and what they are given


@functools.cache
def specs(role):
    """Returns the argument specs of a role's entries."""
    return yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]


def spec_problems(spec, given):
    """Returns what an argument spec has against values. Its descriptions are not Ansible's concern."""

    def bare(options):
        return {
            name: {key: bare(value) if key == "options" else value for key, value in option.items() if key not in ("description", "version_added")}
            for name, option in options.items()
        }

    return ArgumentSpecValidator(bare(spec)).validate(given).error_messages


def role_problems(variables, complete):
    """Returns what the roles' specs have against variables. complete: nothing that a role requires may be missing."""
    problems = []
    for role in ("nova_vcdriver", "image_seed"):
        options = specs(role)["main"]["options"]
        given = {name: value for name, value in variables.items() if name.startswith(f"{role}_")}
        problems += [f"{name} is no variable of {role}" for name in given if name not in options]
        if given:
            spec = options if complete else {name: options[name] for name in given if name in options}
            problems += spec_problems(spec, {name: value for name, value in given.items() if name in options})
    return problems


def spec_of_module(name):
    """Returns the argument spec of one of our modules."""
    page = importlib.import_module(f"ansible_collections.{COLLECTION}plugins.modules.{name.removeprefix(COLLECTION)}")
    with mock.patch.object(page, "run") as run_module:
        page.main()
    return run_module.call_args.args[1]


def task_problems(tasks):
    """Returns what is wrong with the options that tasks give our modules, and how many tasks have one."""
    problems, count = [], 0
    for task in tasks:
        for key in [key for key in task if key.startswith(COLLECTION)]:
            count += 1
            spec = spec_of_module(key)
            # What a template yields is only known when it runs, so of such an option the name is judged.
            templates = {name for name, value in task[key].items() if isinstance(value, str) and value.startswith("{{")}
            problems += [f"{key} has no option {name}" for name in templates - set(spec)]
            given = {name: value for name, value in task[key].items() if name not in templates}
            known = {name: {**option, "required": False} if name in templates else option for name, option in spec.items()}
            problems += ArgumentSpecValidator(known).validate(given).error_messages
    return problems, count


class Site:
    """A folder in which the commands of a page run: its inventory, its passwords and its files are in `site`, as the pages say."""

    def __init__(self, folder, page):
        self.folder = folder
        (folder / "site" / "files").mkdir(parents=True)
        (folder / "site" / "group_vars" / "all").mkdir(parents=True)
        found = {one.kind: one for one in reversed([one for one in EXAMPLES if one.page == page])}
        readme = {one.kind: one for one in reversed([one for one in EXAMPLES if one.page == "README.md"])}
        self.inventory = found.get("inventory", readme["inventory"]).data
        self.passwords = found.get("vault", readme["vault"])
        (folder / "site" / "group_vars" / "all" / "vault.yml").write_text(self.passwords.text, encoding="utf-8")
        for one in EXAMPLES:
            if one.page == page and one.kind == "playbook":
                (folder / "site" / "role.yml").write_text(one.text, encoding="utf-8")
        self.write()

    def write(self):
        """Writes the inventory."""
        (self.folder / "site" / "hosts.yml").write_text(yaml.safe_dump(self.inventory, sort_keys=False), encoding="utf-8")

    def use(self, vcenters):
        """Puts the addresses of simulated vCenters into the inventory: {name: (port, password)}, and the CA into the files that it names."""
        variables = self.inventory["nova_vcdriver"]["vars"]
        for vcenter in variables["nova_vcdriver_vcenters"]:
            vcenter["host_ip"], vcenter["host_port"] = "127.0.0.1", vcenters[vcenter["name"]]
            (self.folder / "site" / vcenter["ca_file"]).write_bytes((base.TLS / "ca.pem").read_bytes())
        self.write()

    def run(self, command, *more):
        """Runs a command of a page. Returns its output; fails the test when it fails."""
        words = [word for word in shlex.split(command) if word != "--ask-vault-pass"]
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1", "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "password")}
        (self.folder / "password").write_text("not-a-secret", encoding="utf-8")
        done = subprocess.run(
            [*words, *more], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout[-5000:]}{done.stderr[-2000:]}"
        return done.stdout


@contextlib.contextmanager
def vcenters(folder, accounts):
    """Runs the simulated vCenters of SCENARIO, in their harmful behaviour. accounts: {vCenter: (user, password)}. Returns {vCenter: port} and their logs."""
    with contextlib.ExitStack() as stack:
        ports, logs = {}, {}
        for name, clusters in SCENARIO.items():
            user, password = accounts[name]
            prefix = "nova" if name == "vc1" else "east"
            setup = {
                "vcenter": {"name": name, "version": "8.0.3", "username": user, "password": password},
                "datacenters": [{
                    "name": "dc1",
                    "clusters": [{"name": cluster, "hosts": [{"name": host} for host in hosts]} for cluster, hosts in clusters.items()],
                    "datastores": [{"name": f"{prefix}-a1", "clusters": list(clusters)}, {"name": "nova-a2", "clusters": ["cluster-a"]}],
                }],
            }  # fmt: skip
            path = folder / f"{name}.yml"
            path.write_text(yaml.safe_dump(setup), encoding="utf-8")
            ports[name], logs[name] = base.free_port(), folder / f"{name}.log"
            process = simulator.start(simulator.command(path, ports[name], folder / f"{name}-datastores", logs[name]))
            stack.callback(simulator.end, process)
        yield ports, logs


def logins(log):
    """Says how often somebody logged in at a simulated vCenter."""
    return sum(request.get("method") == "Login" for request in simulator.requests(log))


# The tests


@of("inventory")
def test_an_inventory_is_complete(example, tmp_path):
    """Ansible reads it, and each compute host has all that both roles require, of the right types."""
    path = tmp_path / "hosts.yml"
    path.write_text(example.text, encoding="utf-8")
    done = subprocess.run([BIN / "ansible-inventory", "-i", path, "--list"], capture_output=True, text=True, timeout=60, check=True)
    assert "WARNING" not in done.stderr, done.stderr
    found = json.loads(done.stdout)
    hosts = found["nova_vcdriver"]["hosts"]
    assert hosts and found["nova_controller"]["hosts"]
    problems = {host: role_problems(found["_meta"]["hostvars"][host], complete=True) for host in hosts}
    assert problems == {host: [] for host in hosts}
    # Each password that it takes from elsewhere is in the page's example of a vault, where the page has one.
    vault = [one.data for one in EXAMPLES if one.page == example.page and one.kind == "vault"]
    assert not vault or set(re.findall(r"\bvault_\w+", example.text)) == set(vault[0])


@of("variables")
def test_variables_are_those_of_a_role(example):
    assert role_problems(example.data, complete=False) == []


@of("playbook", "tasks")
def test_tasks_and_playbooks_can_be_run(example, tmp_path):
    """Ansible takes them, and the modules and roles take their options."""
    plays = example.data if example.kind == "playbook" else [{"name": "Example", "hosts": "localhost", "gather_facts": False, "tasks": example.data}]
    path = tmp_path / "example.yml"
    path.write_text(yaml.safe_dump(plays), encoding="utf-8")
    done = subprocess.run([BIN / "ansible-playbook", "--syntax-check", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for play in plays:
        problems, count = task_problems(play.get("tasks", ()))
        assert problems == []
        variables = {name: value for name, value in play.get("vars", {}).items() if name.startswith(("nova_vcdriver_", "image_seed_"))}
        assert count or variables or [task for task in play["tasks"] if "ansible.builtin.import_role" in task], "nothing in it is ours"
        assert role_problems(variables, complete=False) == []


@of("scenario")
def test_a_scenario_is_taken(example, tmp_path):
    """The simulator starts with it; what one leaves out is as in the first one of the page."""
    first = next(one.data for one in EXAMPLES if one.kind == "scenario" and one.page == example.page)
    (tmp_path / "scenario.yml").write_text(yaml.safe_dump({**first, **example.data}), encoding="utf-8")
    command = simulator.command(tmp_path / "scenario.yml", base.free_port(), tmp_path / "datastores", tmp_path / "log")
    simulator.end(simulator.start(command))


@of("json")
def test_json_is_json(example):
    assert [type(json.loads(line)) for line in example.text.splitlines()] == [dict] * len(example.text.splitlines())


@of("changelog")
def test_a_fragment_has_known_sections(example):
    sections = yaml.safe_load((ROOT / "changelogs" / "config.yaml").read_text(encoding="utf-8"))["sections"]
    assert set(example.data) <= {name for name, _title in sections}


@of("vault")
def test_a_vault_has_passwords(example):
    assert all(isinstance(value, str) for value in example.data.values())


PLAYBOOK = re.compile(r"ansible-playbook .*\bopenstack_vmware\.nova\.(\w+)")


@of("console")
def test_commands_can_be_run(example, tmp_path):
    """Each command of the page: playbooks are checked with the page's inventory, make's targets are there, and the rest is run."""
    site = Site(tmp_path, example.page)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert example.commands
    for command in example.commands:
        words = shlex.split(command)
        if PLAYBOOK.match(command):
            assert words[1] == "-i", f"{command} names no inventory"
            assert (ROOT / "playbooks" / f"{PLAYBOOK.match(command)[1]}.yml").is_file()
            site.run(command, "--syntax-check")
        elif words[0] == "ansible-playbook":
            site.run(command, "--syntax-check")
        elif words[0] == "make":
            assert set(words[1:]) <= set(targets), command
        elif words[:2] == ["ansible-vault", "encrypt"]:
            site.run(command)
        elif words[0] in ("ansible-doc", "ansible-inventory"):
            assert site.run(command).strip()
        elif words[0] not in ("python3", ".", "pip", "ansible-galaxy"):  # test_it_installs runs these
            raise AssertionError(f"no test runs {command}: write <!-- not run: REASON --> above the block")


INSTALL = "ansible-galaxy collection install "
INSTALLATIONS = {}  # {what is installed: the commands up to the last of pip and ansible-galaxy}
for one in EXAMPLES:
    for command in one.commands if one.kind == "console" else ():
        if command.startswith(INSTALL):
            commands = tuple(command for command in one.commands if command.split()[0] in ("python3", ".", "pip", "ansible-galaxy"))
            INSTALLATIONS.setdefault(command.removeprefix(INSTALL), set()).add(commands)


def test_pages_agree_how_to_install():
    assert {what: len(ways) for what, ways in INSTALLATIONS.items()} == {".": 1, "openstack_vmware-nova-0.1.0.tar.gz": 1}


@pytest.mark.parametrize("what", INSTALLATIONS)
def test_it_installs(what, tmp_path):
    """The commands make an environment in which the collection is complete: from the checkout, and from the tarball without one."""
    (commands,) = INSTALLATIONS[what]
    environment = {name: value for name, value in os.environ.items() if name not in ("ANSIBLE_HOME", "ANSIBLE_COLLECTIONS_PATH", "VIRTUAL_ENV", "COLLECTION")}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
    environment |= {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:/usr/local/bin:/usr/bin:/bin"}
    folder = ROOT
    if what != ".":
        folder = tmp_path
        subprocess.run([BIN / "ansible-galaxy", "collection", "build", "--output-path", tmp_path, ROOT], capture_output=True, timeout=60, check=True)
    judge = [
        "cd /", "ansible-doc -t module openstack_vmware.nova.image_cache", "python -c 'import pyVmomi, openstack, requests'",
        "ansible-playbook --syntax-check -i localhost, openstack_vmware.nova.preflight",
    ]  # fmt: skip
    script = "\n".join(["set -e", *commands, *judge])
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert str(tmp_path) in done.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/first-site.md"])
def test_preflight_of_a_page(page, tmp_path):
    """Preflight takes the inventory of the page, finds each cluster and changes nothing."""
    site = Site(tmp_path, page)
    passwords = site.passwords.data
    accounts = {name: ("nova@vsphere.local", passwords.get(f"vault_{name}_password", "unused")) for name in SCENARIO}
    with vcenters(tmp_path, accounts) as (ports, logs):
        site.use(ports)
        chosen = {"nova_vcdriver_check_openstack": False, "nova_vcdriver_check_fail_on": "never"}
        output = site.run("ansible-playbook -i site/hosts.yml openstack_vmware.nova.preflight", "-e", json.dumps({**HERE, **chosen}))
        used = {vcenter["name"] for vcenter in site.inventory["nova_vcdriver"]["vars"]["nova_vcdriver_vcenters"]}
        assert {name: bool(logins(log)) for name, log in logs.items()} == {name: name in used for name in SCENARIO}
        assert [request for log in logs.values() for request in simulator.requests(log) if simulator.changes(request)] == []
    for unwanted in ("CLUSTER_NOT_FOUND", "VCENTER_UNUSABLE", "NO_USABLE_DATASTORE", "INVALID_LOGIN", "CERTIFICATE_NOT_TRUSTED"):
        assert unwanted not in output


def test_the_role_of_the_first_site(tmp_path):
    """The playbook of the guide makes the role, and makes no change when it is run again."""
    site = Site(tmp_path, "docs/first-site.md")
    administrator = ("administrator@vsphere.local", "admin-secret")
    with vcenters(tmp_path, dict.fromkeys(SCENARIO, administrator)) as (ports, _logs):
        site.use(ports)
        (play,) = yaml.safe_load((tmp_path / "site" / "role.yml").read_text(encoding="utf-8"))
        options = play["tasks"][0][f"{COLLECTION}vsphere_role"]
        options["hostname"], options["port"] = "127.0.0.1", ports["vc1"]
        (tmp_path / "site" / "role.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
        commands = [command for one in EXAMPLES if one.page == "docs/first-site.md" and one.kind == "console"
                    for command in one.commands if "site/role.yml" in command]  # fmt: skip
        assert len(commands) == 2
        recaps = [site.run(command, "-e", json.dumps({**HERE, "admin_password": administrator[1]})) for command in [*commands, commands[-1]]]
        assert [int(re.search(r"changed=(\d+)", output)[1]) for output in recaps] == [1, 1, 0]


def test_the_examples_of_a_path_are_of_this_checkout():
    """What is tested is the copy of the tree that the stage has made."""
    assert (ROOT / "galaxy.yml").is_file()
    assert Path(os.environ["ANSIBLE_COLLECTIONS_PATH"]) == ROOT.parents[2]
