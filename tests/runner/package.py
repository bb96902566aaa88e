"""What is published: the tarball, and the SBOM beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile

import yaml
from labctl import base
from labctl import stages as prepare

from .stage import VENV, WORK, Failure

# What needs the checkout has no place in the tarball.
OUTSIDE = (
    ".ci/", ".config/", ".devcontainer/", ".git", ".lab/", ".work/", "Makefile", "bench/", "collections/", "dist/", "extensions/", "lab/", "pyproject.toml",
    "requirements/", "tests/acceptance/", "tests/clients/", "tests/integration/", "tests/nova/", "tests/output/", "tests/run", "tests/runner/",
    "tests/unit/plugins/module_utils/probe/test_questions.py", "tests/unit/test_behaviour.py", "tests/unit/test_bench.py", "tests/unit/test_collection.py",
)  # fmt: skip
INSIDE = ("LICENSE", "README.md", "bindep.txt", "meta/runtime.yml", "playbooks/site.yml", "requirements.txt", "roles/nova_vcdriver/tasks/main.yml")


def tarball(stage):
    """Builds the tarball and unpacks it.

    :returns: its path, and the folder with ``ansible_collections`` that has what is in it.
    """
    folder = WORK / stage.name / "build"
    shutil.rmtree(folder, ignore_errors=True)
    stage.run(VENV / "ansible-galaxy", "collection", "build", "--output-path", folder)
    (path,) = folder.glob("*.tar.gz")
    collections = WORK / stage.name / "installed"
    copy = collections / "ansible_collections" / "openstack_vmware" / "nova"
    shutil.rmtree(collections, ignore_errors=True)
    copy.mkdir(parents=True)
    stage.run("tar", "xzf", path, "-C", copy)
    return path, collections


def misplaced(path):
    """Returns what should not be in a tarball, and what is missing from it."""
    with tarfile.open(path) as archive:
        names = archive.getnames()
    unwanted = [name for name in names if f"{name}/".startswith(OUTSIDE)]
    return sorted(unwanted), sorted(set(INSIDE) - set(names))


def sbom(stage, tools, path):
    """Writes the SBOM of a tarball beside it: CycloneDX JSON of what the collection needs at run time, in the versions that the tests run with.

    It lies beside the tarball since Galaxy and Automation Hub don't look into one for it, and since only so it can hold the tarball's digest.

    :arg tools: the ``bin`` folder with cyclonedx-py.
    :arg path: the tarball.
    :returns: the path of the SBOM.
    :raises Failure: a requirement is not in it.
    """
    galaxy = yaml.safe_load((stage.copy / "galaxy.yml").read_text(encoding="utf-8"))
    name, version = f"{galaxy['namespace']}.{galaxy['name']}", galaxy["version"]
    folder = WORK / stage.name / "sbom"
    python = folder / "venv" / "bin" / "python"
    prepare.uv("venv", "-q", "--clear", "--python", VENV / "python", folder / "venv")
    wanted, tested = stage.copy / "requirements.txt", base.ROOT / "requirements" / "control.lock"
    prepare.uv("pip", "install", "-q", "--python", python, "-r", wanted, "ansible-core", "-c", tested)
    project = folder / "pyproject.toml"
    lines = [line.strip() for line in wanted.read_text(encoding="utf-8").splitlines() if line.strip()]
    about = {"name": name, "version": version, "description": galaxy["description"], "license": "GPL-3.0-or-later", "dependencies": ["ansible-core", *lines]}
    project.write_text("[project]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in about.items()), encoding="utf-8")
    target = path.with_name(path.name.removesuffix(".tar.gz") + ".cdx.json")
    stage.run(tools / "cyclonedx-py", "environment", "--pyproject", project, "--output-reproducible", "--of", "JSON", "-o", target, python)
    bom = json.loads(target.read_text(encoding="utf-8"))
    component = bom["metadata"]["component"]
    component["purl"] = f"pkg:generic/{galaxy['namespace']}/{galaxy['name']}@{version}"
    component["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]
    target.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
    listed = {component["name"].lower() for component in bom["components"]}
    needed = {line.split(">=")[0].strip().lower() for line in about["dependencies"]}
    if missing := sorted(needed - listed):
        raise Failure(f"{target.name} lacks {', '.join(missing)}")
    stage.say(f"{target.name}: {len(listed)} components")
    return target
