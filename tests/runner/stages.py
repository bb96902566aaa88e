"""The stages, each a function of a :class:`Stage`, how long each may take, and which run side by side."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree

import yaml
from coverage import CoverageData
from labctl import base
from labctl import clients as others
from labctl import stages as prepare
from labctl.simulator import READS

from . import matrix as versions
from . import package as built
from . import site
from .environments import environment
from .simulator import simulator
from .stage import LOG, VENV, WORK, Failure

COVERAGE = WORK / "measured"


def install(stage, *packages):
    """Installs the Debian packages that are missing."""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}"]
    missing = [name for name in packages
               if subprocess.run([*query, name], check=False, capture_output=True, text=True).stdout != "installed"]  # fmt: skip
    if missing:
        stage.run("apt-get", "update", "-qq")
        stage.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, DEBIAN_FRONTEND="noninteractive")


def python_version():
    """Gives the control environment's version of Python, as ansible-test wants it: ``3.11``."""
    return re.search(r"version(?:_info)? = (\d+\.\d+)", (base.LAB / "venv" / "pyvenv.cfg").read_text(encoding="utf-8")).group(1)


def bootstrap_pip(stage, environment_of=base.LAB / "venv"):
    """Puts pip's bootstrap script where ansible-test looks for it, so that only the package index is needed.

    ansible-test (python_requirements.py, requirements.py) fetches it from a host of its own otherwise. This one has the
    same meaning: it installs the wheel of the same version.

    :arg environment_of: the folder of the environment that has ansible-test.
    """
    home = WORK / "home"
    cache = home / ".ansible" / "test" / "cache"
    (source,) = environment_of.glob("lib/*/site-packages/ansible_test/_internal/python_requirements.py")
    version = re.search(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8")).group(1)
    wheel = cache / f"pip-{version}-py3-none-any.whl"
    stage.env["HOME"] = str(home)
    if wheel.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    stage.run("/usr/bin/python3", "-m", "venv", WORK / "pip")
    stage.run(WORK / "pip" / "bin" / "pip", "download", "-q", "--no-deps", "-d", cache, f"pip=={version}", cwd=base.ROOT)
    (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(wheel)!r})\n"
        "from pip._internal.cli.main import main\n"
        "options = [word for word in sys.argv[1:] if word not in ('--no-setuptools', '--no-wheel')]\n"
        "sys.exit(main(['install', '--upgrade'] + options))\n",
        encoding="utf-8",
    )


def lint(stage):
    """ruff, yamllint, ansible-lint's production profile and the changelog."""
    stage.check("ruff", "format", "--no-cache", "--check", ".")
    stage.check("ruff", "check", "--no-cache", ".")
    stage.check("yamllint", "--strict", ".")
    stage.check("ansible-lint", "--offline", "--profile", "production", "--nocolor")
    stage.check("antsibull-changelog", "lint")


def package(stage):
    """The tarball that users install and its SBOM, in dist/: galaxy-importer, REUSE, and nothing in it that needs the checkout."""
    tools = environment("release", "release.lock", python_version())
    stage.check(tools / "reuse", "lint", "--lines")
    path, _collections = built.tarball(stage)
    unwanted, missing = built.misplaced(path)
    stage.say(f"{path.name}: unwanted: {unwanted}, missing: {missing}")
    stage.count(not (unwanted or missing), bool(unwanted or missing))
    config = WORK / stage.name / "galaxy-importer.cfg"
    # ansible-lint and ansible-test have stages of their own; here they would want a container.
    config.write_text(
        "[galaxy-importer]\nRUN_ANSIBLE_TEST = False\nRUN_ANSIBLE_LINT = False\nRUN_FLAKE8 = False\nCHECK_REQUIRED_TAGS = True\n", encoding="utf-8"
    )
    code, output = stage.run(
        tools / "python", "-m", "galaxy_importer.main", path, cwd=WORK / stage.name, check=False,
        GALAXY_IMPORTER_CONFIG=str(config), PATH=f"{tools}:{stage.env['PATH']}",
    )  # fmt: skip
    # It warns of each list of ignored findings, even of an empty one.
    warned = [line for line in output.splitlines() if line.startswith(("WARNING", "ERROR")) and "with 0 statement(s)" not in line]
    good = not code and not warned and "Importer processing completed successfully" in output
    stage.count(good, not good)
    bom = built.sbom(stage, tools, path)
    shutil.rmtree(base.ROOT / "dist", ignore_errors=True)
    (base.ROOT / "dist").mkdir()
    for one in (path, bom):
        shutil.copy2(one, base.ROOT / "dist")
    stage.count(True, False)


def lab(stage):
    """The lab's services run, and its hosts have their root file systems: what integration, molecule and acceptance need, made early."""
    stage.check("lab/lab", "up", cwd=base.ROOT)
    stage.run(VENV / "python", "tests/support/old_service.py", cwd=base.ROOT)  # before any nova-compute comes, for molecule's scenario upgrade
    for suite in ("bookworm", "trixie"):
        stage.check("lab/hosts/hosts", "image", suite, cwd=base.ROOT)


def sanity(stage):
    """ansible-test sanity, all of its tests."""
    install(stage, "shellcheck")
    bootstrap_pip(stage)
    _sanity(stage, "ansible-test", python_version())


def _sanity(stage, command, python, *options, **variables):
    """Runs ansible-test sanity and counts its tests."""
    code, output = stage.run(command, "sanity", "--local", "--python", python, "--color", "no", *options, check=False, **variables)
    ran = set(re.findall(r'^Running sanity test "([^"]+)"', output, re.MULTILINE))
    failed = set(re.findall(r"^FATAL: The (\d+) sanity test", output, re.MULTILINE))
    bad = max(sum(map(int, failed)), int(bool(code)))
    stage.count(len(ran) - bad, bad)


def unit(stage):
    """tests/unit by ansible-test, in an environment of its own, then tests/nova, which asks Nova's own code."""
    bootstrap_pip(stage)
    code, _output = stage.run("ansible-test", "units", "--venv", "--python", python_version(), "--color", "no", "--num-workers", "2", check=False)
    reports = stage.copy / "tests" / "output" / "junit"
    # One for what runs on the control node, one for what modules take along.
    stage.count_report("ansible-test units", code, *(reports / f"python{python_version()}-{part}-units.xml" for part in ("controller", "module_utils")))
    prepare.openstack_venv()
    stage.pytest(base.OPENSTACK / "bin" / "python", "tests/nova", PYTHONPATH=str(stage.collections))


def matrix(stage):
    """The unit tests, in the unpacked tarball, and the sanity tests that differ, on each version in tests/runner/matrix.py."""
    _path, collections = built.tarball(stage)
    installed = collections / "ansible_collections" / "openstack_vmware" / "nova"
    cores = {versions.OLDEST: base.LAB / "venv"}
    for row in versions.MATRIX:
        tools = environment(row.name, row.lock, row.python)
        variables = {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_CONTROLLER_MIN_PYTHON_VERSION": "3.11"}
        if row.only_target:
            # What Ansible sends to a host: ansible.module_utils, and nothing else of ansible-core.
            (core,) = cores[row.core].glob("lib/*/site-packages/ansible")
            sent = WORK / stage.name / row.name / "ansible"
            shutil.rmtree(sent, ignore_errors=True)
            sent.mkdir(parents=True)
            (sent / "__init__.py").touch()
            shutil.copy2(core / "release.py", sent)
            shutil.copytree(core / "module_utils", sent / "module_utils")
            options, variables["PYTHONPATH"] = (), f"{collections}:{sent.parent}"
        else:
            cores[row.core] = tools.parent
            (plugins,) = tools.parent.glob("lib/*/site-packages/ansible_test/_util/target/pytest/plugins")
            options, variables["PYTHONPATH"] = ("-p", "ansible_pytest_collections"), f"{collections}:{plugins}"
        stage.say(f"\n{row.name}")
        paths = [f"tests/unit/{path}" for path in row.tests]
        if row == versions.MEASURED:
            data = COVERAGE / "unit"
            COVERAGE.mkdir(exist_ok=True)
            data.unlink(missing_ok=True)
            # Python counts lines itself (sys.monitoring), at next to no cost.
            variables |= {"COVERAGE_FILE": str(data), "COVERAGE_CORE": "sysmon"}
            options += ("--cov=plugins", "--cov-report=")
        stage.pytest(tools / "python", paths[0], *paths[1:], "-n", "2", "-W", "ignore", *options, report=row.name, cwd=installed, **variables)
        if not row.only_target:
            bootstrap_pip(stage, tools.parent)
            skipped = [word for name in versions.SAME_SANITY for word in ("--skip-test", name)]
            _sanity(stage, tools / "ansible-test", row.python, *skipped, PATH=f"{tools}:{stage.env['PATH']}")


def go(stage):
    """go vet and go test of the simulator."""
    with base.lock():
        program = prepare.go()
    options = {"cwd": base.ROOT / "lab" / "vcsim", "GOCACHE": str(base.LAB / "cache/go-build"), "GOMODCACHE": str(base.LAB / "cache/go-mod"),
               "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}  # fmt: skip
    stage.check(program, "vet", "./...", **options)
    code, output = stage.run(program, "test", "-count=1", "-v", "./...", check=False, **options)
    failed = len(re.findall(r"^--- FAIL:", output, re.MULTILINE))
    stage.count(len(re.findall(r"^--- PASS:", output, re.MULTILINE)), max(failed, int(bool(code))))


def clients(stage):
    """govc, modules of community.vmware and vmware.vmware on a simulator in its harmful behaviour, and the playbooks as a new user runs them."""
    with base.lock():
        config = {"govc": str(others.govc()), "collections": str(others.collections())}
    with simulator(stage.name, "clients") as variables:
        path = WORK / stage.name / "clients.json"
        base.write_private(path, json.dumps(config | variables))
        stage.pytest(VENV / "python", "tests/clients", "--durations=5", CLIENTS=str(path))
        stage.pytest(VENV / "python", "tests/playbooks", "--durations=5", CLIENTS=str(path))


def docs(stage):
    """Every option and return value is documented, the site is built without a warning, and the examples of its pages run."""
    stage.check("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", ".")
    page = site.build(stage)
    with base.lock():
        prepare.simulator()
        prepare.certificates()
    stage.pytest(VENV / "python", "tests/docs", "--durations=5", cwd=base.ROOT, COLLECTION=str(stage.copy))
    stage.say(f"the site is in {page}")
    browser(stage)


def browser(stage):
    """Runs tests/browser: report.html in Debian's chromium."""
    install(stage, "chromium", "chromium-driver", "fonts-dejavu-core")
    venv, wanted = WORK / "browser", base.ROOT / "requirements" / "browser.txt"
    done = venv / "installed.txt"
    if not done.exists() or done.read_text(encoding="utf-8") != wanted.read_text(encoding="utf-8"):
        shutil.rmtree(venv, ignore_errors=True)
        stage.run(VENV / "python", "-m", "venv", venv)
        stage.run(venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", wanted)
        # Its axe.min.js is all that is used of it; its dependencies would be a second way to drive a browser.
        stage.run(venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "axe-playwright-python==0.1.8")
        shutil.copy2(wanted, done)
    pictures = LOG / "report"
    pictures.mkdir(exist_ok=True)
    stage.pytest(venv / "bin" / "python", "tests/browser", PYTHONPATH=str(stage.collections), PICTURES=str(pictures))


def integration(stage):
    """tests/integration/targets against a simulator of its own, and the OpenStack services of the lab."""
    targets = sorted(path.parent.name for path in (stage.copy / "tests/integration/targets").glob("*/aliases")
                     if "hidden" not in path.read_text(encoding="utf-8").split())  # fmt: skip
    if not targets:
        raise Failure("no target in tests/integration/targets")
    stage.run("lab/lab", "up", cwd=base.ROOT)
    cloud = yaml.safe_load((base.LAB / "clouds.yaml").read_text(encoding="utf-8"))["clouds"]["lab"]
    with simulator(stage.name) as variables:
        folder = stage.copy / "tests" / "integration"
        options = {name: variables[f"vcenter_{name}"] for name in ("hostname", "port", "username", "password", "ca_path")}
        variables |= {"vcenter_options": options, "vcenter_reads": READS}
        auth = {**cloud["auth"], "username": "integration", "password": base.passwords()["integration"]}
        variables |= {"openstack_auth": auth, "glance_access_log": str(base.LAB / "log" / "glance-access.log")}
        base.write_private(folder / "integration_config.yml", json.dumps(variables))
        # ansible-test wants this file for targets with the alias cloud/vcenter.
        lines = [f"{key}: {variables[key]}\n" for key in ("vcenter_hostname", "vcenter_username", "vcenter_password")]
        base.write_private(folder / "cloud-config-vcenter.ini", "[DEFAULT]\n" + "".join(lines))
        options = ("--local", "--python", python_version(), "--color", "no", "--continue-on-error", "--coverage")
        code, _output = stage.run("ansible-test", "integration", *options, *targets, check=False)
    _keep_coverage(stage)
    # What ansible-test writes of a run: the targets that passed, and only those.
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in (stage.copy / "tests" / "output" / "data").glob("integration-*.json")]
    passed = set(targets) & {name for report in reports for name in report.get("targets", {})}
    failed = sorted(set(targets) - passed)
    stage.say(f"{len(passed)} of {len(targets)} targets passed, failed: {failed}")
    stage.count(len(passed), len(failed) or int(bool(code)))


def _keep_coverage(stage):
    """Puts what ansible-test has measured where the stage `coverage` looks for it."""
    stage.run("ansible-test", "coverage", "combine", "--color", "no")
    COVERAGE.mkdir(exist_ok=True)
    shutil.copy2(stage.copy / "tests" / "output" / "coverage" / "coverage", COVERAGE / "integration")


# The simulated vCenters of the molecule scenarios, by their files in lab/scenarios.
VCENTERS = ("east", "west", "day2", "north")


def molecule(stage):
    """Every scenario of the roles, by pytest-ansible: hosts that lab/hosts makes once for all, simulators of its own, and the lab's OpenStack."""
    scenarios = {path.parent.name for path in (base.ROOT / "extensions" / "molecule").glob("*/molecule.yml")}
    stage.run("lab/lab", "up", cwd=base.ROOT)
    stage.run(VENV / "python", "tests/support/old_service.py", cwd=base.ROOT)
    with contextlib.ExitStack() as stack:
        variables = stack.enter_context(simulator(stage.name))
        names = {"VMWARE_HOST": "hostname", "VMWARE_PORT": "port", "VMWARE_USER": "username", "VMWARE_PASSWORD": "password",
                 "VMWARE_CA_PATH": "ca_path", "VMWARE_CONTROL": "control"}  # fmt: skip
        environment = {name: str(variables[f"vcenter_{key}"]) for name, key in names.items()}
        for name in VCENTERS:
            other = stack.enter_context(simulator(f"molecule-{name}", name))
            environment |= {f"{name.upper()}_PORT": str(other["vcenter_port"]), f"{name.upper()}_CONTROL": other["vcenter_control"]}
        environment["COMPUTE_NET"] = base.free_compute_net()
        environment |= {"OS_CLIENT_CONFIG_FILE": str(base.LAB / "clouds.yaml"), "MOLECULE_LOGS": str(LOG)}
        # pytest-ansible asks git for the scenarios, and takes the collection from ANSIBLE_COLLECTIONS_PATH.
        environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(base.ROOT)}
        options = ["-n", "4", "--ansible-unit-inject-only"]
        hosts = {"cwd": base.ROOT / "extensions", "MOLECULE_EPHEMERAL_DIRECTORY": str(WORK / stage.name / "hosts"), **environment}
        shutil.rmtree(hosts["MOLECULE_EPHEMERAL_DIRECTORY"], ignore_errors=True)  # what a killed run has left
        try:
            stage.run("molecule", "create", **hosts)
            report = stage.pytest(VENV / "python", "tests/integration", *options, cwd=base.ROOT, plugin=True, MOLECULE_OPTS="--destroy=never", **environment)
        finally:
            stage.run("molecule", "destroy", **hosts)
    stage.say(f"\n{'scenario':<16} {'':<8} {'seconds':>8}")
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        name = case.get("name").rpartition("-")[2].rstrip("]")
        scenarios.discard(name)
        stage.say(f"{name:<16} {'FAILED' if len(case) else 'passed':<8} {float(case.get('time')):>8.1f}")
    if scenarios:
        raise Failure(f"pytest-ansible has not found {', '.join(sorted(scenarios))}: it knows what git has")


def acceptance(stage):
    """tests/acceptance on the whole lab: real OpenStack services and a compute host on the simulator."""
    stage.run("lab/lab", "up", cwd=base.ROOT)
    stage.pytest(VENV / "python", "tests/acceptance", "-n", "2", "--durations=25", cwd=base.ROOT, ANSIBLE_COLLECTIONS_PATH=str(base.LAB / "collections"))


def coverage(stage):
    """The lines of plugins/ that the unit tests and the integration targets ran, by file. It reads what the stages matrix and integration have left."""
    sources = [COVERAGE / "unit", COVERAGE / "integration"]
    if missing := [path.name for path in sources if not path.exists()]:
        raise Failure(f"no coverage of: {', '.join(missing)}. Run the stages matrix and integration first")
    settings = WORK / stage.name / "coveragerc"
    # Each stage measured its own copy of the tree.
    settings.write_text("[paths]\nsource =\n    .\n    */ansible_collections/openstack_vmware/nova\n[run]\nrelative_files = true\n", encoding="utf-8")
    parts = {source.name: WORK / stage.name / source.name for source in sources}
    for source in sources:
        stage.run("coverage", "combine", "--keep", "-q", f"--rcfile={settings}", f"--data-file={parts[source.name]}", source)
    for name, path in {**parts, "both": _lines_of(WORK / stage.name / "both", parts.values())}.items():
        data = (f"--rcfile={settings}", f"--data-file={path}")
        _code, text = stage.run("coverage", "report", "--include=plugins/*", "--sort=cover", *data)
        files = len(re.findall(r"^plugins/\S+\.py +\d", text, re.MULTILINE))
        stage.count(bool(files), not files)
        stage.say(f"{name}: {text.split()[-1]} of the lines in {files} files")


def _lines_of(path, parts):
    """Puts the lines of several measurements into one file. `coverage combine` refuses that where only some have counted branches.

    :returns: the path.
    """
    path.unlink(missing_ok=True)
    both = CoverageData(str(path))
    for part in parts:
        data = CoverageData(str(part))
        data.read()
        both.add_lines({file: data.lines(file) for file in data.measured_files()})
    both.write()
    return path


def secrets(stage):
    """No password in what the other stages printed, nor in a log of the lab."""
    # Those of the lab's services, of the simulated vCenter, and the made-up ones of the molecule scenarios' inventories.
    vcenters = [base.scenario()["vcenter"]["password"], *(f"lab-only-nova-{name}" for name in (*VCENTERS, "2", "3", "clients"))]
    words = {"lab": list(base.passwords().values()), "vCenter": [*vcenters, "lab-only-nobody"], "molecule": ["keystone-secret", "rabbit-secret"]}
    logs = sorted(path for folder in (LOG, base.LAB / "log") for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    for path in logs:
        text = path.read_text(encoding="utf-8", errors="replace")
        found = [kind for kind, secrets in words.items() if any(secret in text for secret in secrets)]
        if found:
            stage.say(f"{path.relative_to(base.ROOT)} holds a password of: {', '.join(found)}")
        stage.count(not found, bool(found))


# The most seconds that each may take, while others run beside it.
STAGES = {
    lint: 600, package: 600, unit: 900, matrix: 1800, lab: 1800, sanity: 900, go: 900, clients: 900, docs: 900, integration: 1800, acceptance: 3600,
    molecule: 3600, coverage: 60, secrets: 60,
}  # fmt: skip
# What runs one after the other and what side by side: a list of lanes for each step. The lab comes up, for which it waits for downloads, while lint
# computes. Molecule's four workers and the two of the acceptance tests often wait: for a host, for nova-compute, for the next look at either. What only
# computes takes what they leave of two cores.
PATIENT = {matrix, sanity, go, clients, docs}  # they run with a lower priority beside the others
STEPS = (
    [[lint, package, unit], [lab]],
    [[acceptance], [integration, molecule], [matrix, sanity, go, clients, docs]],
    [[coverage, secrets]],
)
