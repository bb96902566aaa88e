# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must agree between the files of the collection."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import variables

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "runner"))

import matrix  # noqa: E402

IGNORED = {".git", ".lab", ".work", ".ansible", ".pytest_cache", ".hypothesis", ".ruff_cache", "__pycache__", "collections", "dist", "output"}
# Written so that these lines do not match themselves.
FORBIDDEN = {
    "a path of one machine": re.compile(rb"/wor[k]/|/hom[e]/[a-z]|/User[s]/[a-z]|[.]pyen[v]/"),
    "a package index": re.compile(
        rb"pypi[.]org|pythonhosted[.]org|(?:proxy|sum)[.]golang[.]org|deb[.]debian[.]org|archive[.]ubuntu[.]com|registry[.]npmjs[.]org"
    ),
}


def read_yaml(path):
    """Gives what a YAML file of the collection says. :arg path: below the collection's root."""
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def modules():
    """Gives the DOCUMENTATION of each module by the module's name."""
    found = {}
    for path in sorted((ROOT / "plugins" / "modules").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION":
                found[path.stem] = yaml.safe_load(node.value.value)
    return found


def files():
    """Yields every file of the collection; what git ignores is left out, and `.git`, which is a file in a worktree."""
    for folder, names, entries in os.walk(ROOT):
        names[:] = [name for name in names if name not in IGNORED]
        yield from (Path(folder) / entry for entry in entries if entry not in IGNORED and Path(folder, entry) != ROOT / "lab" / "openrc")


@pytest.mark.parametrize("group", ["vcenter", "openstack"])
def test_action_groups(group):
    """`module_defaults: group/...` reaches exactly the modules that have the options of the fragment."""
    fragment = f"openstack_vmware.nova.{group}"
    having = {name for name, page in modules().items() if fragment in page.get("extends_documentation_fragment", [])}
    assert having, f"no module uses the fragment {fragment}"
    members = read_yaml("meta/runtime.yml")["action_groups"][group]
    assert {member.removeprefix("openstack_vmware.nova.") for member in members if isinstance(member, str)} == having


def test_action_groups_are_these():
    """No group without a fragment that says what may be in it."""
    assert set(read_yaml("meta/runtime.yml")["action_groups"]) == {"vcenter", "openstack"}


def test_execution_environment():
    """What ansible-builder reads names files that are there."""
    dependencies = read_yaml("meta/execution-environment.yml")["dependencies"]
    assert set(dependencies) == {"python", "system"}
    for name in dependencies.values():
        assert (ROOT / name).read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("name", modules())
def test_each_module_has_a_target(name):
    """A target of the module's name in tests/integration/targets runs it."""
    target = ROOT / "tests" / "integration" / "targets" / name
    assert (target / "aliases").is_file()
    assert any(f"openstack_vmware.nova.{name}:" in path.read_text(encoding="utf-8") for path in target.glob("tasks/*.yml"))


ROLES = sorted(path.name for path in (ROOT / "roles").glob("*") if path.is_dir())


def test_there_are_roles():
    """With no role found the tests below would say nothing."""
    assert {"nova_vcdriver", "image_seed"} <= set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_role_variables(role):
    """Each default of a role is an argument of its main entry with the same value, and the other way round."""
    defaults = read_yaml(f"roles/{role}/defaults/main.yml")
    entries = read_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    options = entries["main"]["options"]
    assert sorted(set(defaults) - set(options)) == [], "in defaults, but not in argument_specs"
    optional = {name for name, option in options.items() if not option.get("required")}
    assert sorted(optional - set(defaults)) == [], "optional in argument_specs, but not in defaults"
    for name, option in options.items():
        assert name.startswith(f"{role}_"), f"{name} has not the role's prefix"
        if "default" in option:
            assert option["default"] == defaults[name], f"the default of {name} differs"
    for entry, page in entries.items():
        assert sorted(set(page.get("options", {})) - set(options)) == [], f"the entry {entry} has arguments that main has not"
        assert entry == "main" or (ROOT / "roles" / role / "tasks" / f"{entry}.yml").is_file(), f"no task file {entry}.yml"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_of_one_machine(what):
    """The tree works on any machine: no path of a home, no address of one package index."""
    matches = []
    for path in files():
        found = FORBIDDEN[what].search(path.read_bytes()) if path.is_file() else None
        if found:
            matches.append(f"{path.relative_to(ROOT)}: {found.group().decode()}")
    assert matches == []


def test_the_address_is_in_one_file():
    """A fork changes where the project lives, and where problems are reported, in galaxy.yml alone."""
    galaxy = read_yaml("galaxy.yml")
    address = galaxy["repository"]
    assert galaxy["issues"].startswith(address)
    assert [str(path.relative_to(ROOT)) for path in files() if path.is_file() and address.encode() in path.read_bytes()] == ["galaxy.yml"]
    assert "`issues` in [galaxy.yml](galaxy.yml)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_sanity_ignores_nothing():
    """Each finding of ansible-test sanity is repaired, not put on a list."""
    lists = list((ROOT / "tests" / "sanity").glob("ignore-*.txt"))
    assert lists
    assert [path.name for path in lists if path.read_bytes()] == []


def test_the_oldest_ansible_is_tested():
    """requires_ansible, the roles' metadata, the control environment and the table of versions agree; each version in the table has its lock."""
    oldest = matrix.OLDEST
    assert read_yaml("meta/runtime.yml")["requires_ansible"] == f">={oldest}.0"
    assert {read_yaml(f"roles/{role}/meta/main.yml")["galaxy_info"]["min_ansible_version"] for role in ROLES} == {oldest}
    assert f"\nansible-core=={oldest}." in (ROOT / "requirements" / "control.lock").read_text(encoding="utf-8")
    locks = {path.name for path in (ROOT / "requirements" / "matrix").glob("*.lock")}
    assert {f"matrix/{name}" for name in locks} == {row.lock for row in matrix.MATRIX}
    for row in matrix.MATRIX:
        assert all((ROOT / "tests" / "unit" / path).exists() for path in row.tests)
        lock = (ROOT / "requirements" / row.lock).read_text(encoding="utf-8")
        assert row.only_target or f"\nansible-core=={row.core}." in f"\n{lock}"


def test_what_compute_hosts_run_is_tested_as_there():
    """The table of versions has a test for each file that compute_host_info, which runs on compute hosts, takes along."""
    utils = "ansible_collections.openstack_vmware.nova.plugins.module_utils"
    found, todo = set(), [ROOT / "plugins" / "modules" / "compute_host_info.py"]
    while todo:
        for node in ast.walk(ast.parse(todo.pop().read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(utils):
                below = node.module[len(utils) :].strip(".").replace(".", "/")
                names = [below, *(f"{below}/{alias.name}" for alias in node.names)]
                files = {ROOT / "plugins" / "module_utils" / f"{name}.py" for name in names if (ROOT / "plugins" / "module_utils" / f"{name}.py").is_file()}
                todo += files - found
                found |= files
    expected = {str(path.relative_to(ROOT / "plugins" / "module_utils").with_name(f"test_{path.name}")) for path in found}
    assert expected == set(matrix.HOST)


def numbers(version):
    """Returns the parts of a version such as ``0.1.0`` as numbers, which compare as versions do."""
    return tuple(int(part) for part in str(version).split("."))


VERSION_ADDED = re.compile(r"""^\s*version_added:\s*["']?([^\s"']+)""", re.MULTILINE)
PAGES = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "plugins").rglob("*.yml"), *(ROOT / "roles").glob("*/meta/argument_specs.yml")]


def test_nothing_is_newer_than_the_collection():
    """No version_added is above the version in galaxy.yml."""
    said = {(str(path.relative_to(ROOT)), version) for path in PAGES for version in VERSION_ADDED.findall(path.read_text(encoding="utf-8"))}
    assert len(said) >= len(modules())
    newest = numbers(read_yaml("galaxy.yml")["version"])
    assert sorted((path, version) for path, version in said if numbers(version) > newest) == []


def test_changelog_is_of_this_version():
    """What was released is not above the version in galaxy.yml, and each fragment has the sections that the changelog knows."""
    newest = numbers(read_yaml("galaxy.yml")["version"])
    assert [release for release in read_yaml("changelogs/changelog.yaml")["releases"] if numbers(release) > newest] == []
    config = read_yaml("changelogs/config.yaml")
    known = {name for name, _title in config["sections"]} | {config["prelude_section_name"], config["trivial_section_name"]}
    for path in (ROOT / "changelogs" / "fragments").glob("*.yml"):
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= known, path.name


def test_the_tested_ansible_core_is_required():
    """The lowest ansible-core that is promised is the one that the tests run on, wherever it is said."""
    locked = re.search(r"^ansible-core==(\d+\.\d+)", (ROOT / "requirements" / "control.lock").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert read_yaml("meta/runtime.yml")["requires_ansible"] == f">={locked}.0"
    for role in ROLES:
        assert read_yaml(f"roles/{role}/meta/main.yml")["galaxy_info"]["min_ansible_version"] == locked
    assert f"ansible-core {locked} or later" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_count_of_rules():
    """README says how many rules docs/checks.md has; test_docs.py compares these with the code."""
    rows = re.findall(r"^\| `[A-Z_]+` \|", (ROOT / "docs" / "checks.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.findall(r"\b(\d+) rules\b", (ROOT / "README.md").read_text(encoding="utf-8")) == [str(len(rows))]


def test_the_map_names_what_is_there():
    """Each path in the table of CONTRIBUTING.md exists."""
    rows = re.findall(r"^\|.*\|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    paths = re.findall(r"`((?:docs|extensions|lab|meta|playbooks|plugins|requirements|roles|tests)/[^` ]*)`", "\n".join(rows))
    assert len(paths) > 30
    assert sorted({path for path in paths if not any(ROOT.glob(path.rstrip("/")))}) == []


PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("[!_]*.yml"))


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_each_playbook_looks_at_the_inventory_first(name):
    """Ansible ends well where no host matches, so that nothing that was checked would look like all that is right."""
    plays = read_yaml(f"playbooks/{name}")
    imported = [play["ansible.builtin.import_playbook"] for play in plays if "ansible.builtin.import_playbook" in play]
    assert imported[0] in ("_inventory.yml", "site.yml")
    if imported[0] == "_inventory.yml":
        needed = plays[0]["vars"]["needed"]
        specs = [read_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"] for role in ("nova_vcdriver", "image_seed")]
        assert needed and set(needed) <= {name for options in specs for name, one in options.items() if one.get("required")}
        assert set(needed) <= set(variables.EXAMPLES)


def test_pre_commit_runs_what_lint_runs():
    """Each tool of the stage lint has its hook."""
    hooks = [hook["entry"] for repo in read_yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    source = (ROOT / "tests" / "runner" / "stages.py").read_text(encoding="utf-8")
    tools = re.findall(r'stage\.check\("([\w-]+)"', source[source.index("def lint(") : source.index("def package(")])
    assert {"ruff", "yamllint", "ansible-lint", "antsibull-changelog"} <= set(tools)
    assert [tool for tool in tools if not any(entry.startswith(f".lab/venv/bin/{tool} ") for entry in hooks)] == []


def test_the_dev_container_is_readable():
    """It is JSON with comments on lines of their own, and its keys are those of the specification (containers.dev)."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    about = json.loads("\n".join(line for line in text.splitlines() if not line.strip().startswith("//")))
    assert set(about) == {"name", "image", "privileged", "containerUser", "remoteUser", "onCreateCommand", "postCreateCommand", "customizations"}
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert about["postCreateCommand"].removeprefix("make ") in targets
