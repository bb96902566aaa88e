"""Runs the tests: all stages, or those that are named. `make test` calls it.

usage: tests/run [--keep-going] [STAGE...]

What is quick comes first, one after the other. The rest goes in lanes side by side; a stage of a lane shows its output when it has ended.
Each stage installs what it needs, writes .work/log/STAGE.log and counts its tests; a stage without a test is a failure.
Each stage works on its own copy of the tree, .work/STAGE/ansible_collections/openstack_vmware/nova, since Ansible's tools want a collection there and
must not see .lab. The last line is the sum: `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree
import zlib
from pathlib import Path

import yaml
from labctl import base
from labctl import clients as others
from labctl import stages as prepare

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / ".lab"
WORK = ROOT / ".work"
LOG = WORK / "log"
VENV = LAB / "venv" / "bin"


class Failure(Exception):
    """A stage can't go on; the text says why."""


class Stage:
    """One stage while it runs: its log, its counts and the environment of its commands."""

    def __init__(self, name, deadline):
        """:arg deadline: the point of ``time.monotonic()``, in seconds, at which its command is ended."""
        self.name = name
        self.collections = WORK / name
        self.copy = self.collections / "ansible_collections" / "openstack_vmware" / "nova"
        self.deadline = deadline
        self.passed = 0
        self.failed = 0
        self.log = open(LOG / f"{name}.log", "w", encoding="utf-8", errors="replace")
        self.env = dict(os.environ)
        # Pyenv's shims need variables that ansible-test removes, so real programs come first.
        self.env["PATH"] = f"{VENV}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{os.environ['PATH']}"
        # A stale copy of the collection below ~/.ansible would win over the one under test.
        self.env["ANSIBLE_HOME"] = str(WORK / "ansible-home")
        self.env["ANSIBLE_COLLECTIONS_PATH"] = str(self.collections)
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"
        self.env["NO_COLOR"] = "1"
        for name in ("PYTHONPATH", "ANSIBLE_CONFIG"):
            self.env.pop(name, None)

    def say(self, text):
        """Prints a line, and writes it to the stage's log."""
        print(text, flush=True)
        print(text, file=self.log, flush=True)

    def run(self, *command, cwd=None, check=True, **env):
        """Runs a command, shows and logs its output.

        :arg cwd: the folder to run it in; the copy of the tree by default.
        :arg check: False gives the exit code back instead of an error.
        :arg env: more environment variables.
        :returns: the pair of exit code and output.
        :raises Failure: it failed, or the stage's time is over; the command's process group has ended then.
        """
        command = [str(part) for part in command]
        self.say(f"$ {' '.join(command)}")
        output = []
        with subprocess.Popen(
            command, cwd=cwd or self.copy, env={**self.env, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        ) as process:  # fmt: skip
            signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
            signal.alarm(max(1, int(self.deadline - time.monotonic())))
            try:
                for line in process.stdout:
                    output.append(line)
                    sys.stdout.write(line)
                    self.log.write(line)
                code = process.wait()
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                raise
            finally:
                signal.alarm(0)
                sys.stdout.flush()
                self.log.flush()
        if time.monotonic() > self.deadline:
            raise Failure(f"{command[0]}: the stage's time is over")
        if check and code:
            raise Failure(f"{command[0]} failed with exit code {code}")
        return code, "".join(output)

    def check(self, *command, **options):
        """Runs a command that counts as one test."""
        code, _output = self.run(*command, check=False, **options)
        self.count(not code, int(bool(code)))

    def count(self, passed, failed):
        """Adds tests to the stage's counts."""
        self.passed += int(passed)
        self.failed += int(failed)

    def pytest(self, python, path, *options, plugin=False, **more):
        """Runs pytest and counts its tests.

        :arg plugin: True for tests of pytest-ansible, which links the tree into itself otherwise.
        :returns: the path of the JUnit report.
        """
        if not plugin:
            options = ("-p", "no:pytest-ansible", *options)
        report = LOG / f"{self.name}-{Path(path).name}.xml"
        report.unlink(missing_ok=True)
        code, _output = self.run(
            python, "-m", "pytest", path, "-q", "-ra", "-p", "no:cacheprovider", f"--junitxml={report}", *options,
            check=False, **more,
        )  # fmt: skip
        self.count_report(f"pytest {path}", code, report)
        return report

    def count_report(self, what, code, report):
        """Counts the tests of a JUnit report; a skipped test is one that did not pass.

        :arg what: the command, for messages; ``code`` is its exit code.
        :raises Failure: there is no report, no test in it, or a failure that it does not show.
        """
        if not report.exists():
            raise Failure(f"{what} ended with exit code {code} and no report")
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
        tests, failures, errors, skipped = (int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped"))
        bad = failures + errors + skipped
        if tests == 0 or (code and not bad):
            raise Failure(f"{what} ended with exit code {code} and {tests} tests")
        if skipped:
            self.say(f"{skipped} skipped tests count as failed: nothing is left out")
        self.count(tests - bad, bad)


def copy_tree(copy):
    """Makes a stage's copy: every file of the working tree that git tracks or would track."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    shutil.rmtree(copy, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, copy / name
        if source.is_file() or source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    # A repository of its own: the tools would take it for an ignored folder of the one around it.
    subprocess.run(["git", "init", "--quiet", "."], cwd=copy, check=True)
    subprocess.run(["git", "add", "--all"], cwd=copy, check=True)


def install(stage, *packages):
    """Installs the Debian packages that are missing."""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}"]
    missing = [name for name in packages
               if subprocess.run([*query, name], check=False, capture_output=True, text=True).stdout != "installed"]  # fmt: skip
    if missing:
        stage.run("apt-get", "update", "-qq")
        stage.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, DEBIAN_FRONTEND="noninteractive")


def lint(stage):
    """yamllint, ansible-lint's production profile, the changelog, and the tarball that users would install."""
    stage.check("yamllint", "--strict", ".")
    stage.check("ansible-lint", "--offline", "--profile", "production", "--nocolor")
    stage.check("antsibull-changelog", "lint")
    shutil.rmtree(WORK / "build", ignore_errors=True)
    stage.run("ansible-galaxy", "collection", "build", "--output-path", WORK / "build")
    (tarball,) = (WORK / "build").glob("*.tar.gz")
    _code, names = stage.run("tar", "tzf", tarball)
    unwanted = [name for name in names.split() if re.match(r"(\./)?(\.lab|\.work|\.git|\.ci|lab|tests/output)/", name)]
    stage.say(f"{tarball.name}: {len(names.split())} files, unwanted: {unwanted}")
    stage.count(not unwanted, bool(unwanted))


def sanity(stage):
    """ansible-test sanity, all of its tests."""
    install(stage, "shellcheck")
    bootstrap_pip(stage)
    code, output = stage.run("ansible-test", "sanity", "--local", "--python", python_version(), "--color", "no", check=False)
    ran = set(re.findall(r'^Running sanity test "([^"]+)"', output, re.MULTILINE))
    failed = set(re.findall(r"^FATAL: The (\d+) sanity test", output, re.MULTILINE))
    bad = max(sum(map(int, failed)), int(bool(code)))
    stage.count(len(ran) - bad, bad)


def unit(stage):
    """tests/unit by ansible-test, in an environment of its own, then tests/nova, which asks Nova's own code."""
    bootstrap_pip(stage)
    code, _output = stage.run("ansible-test", "units", "--venv", "--python", python_version(), "--color", "no", "--num-workers", "2", check=False)
    reports = stage.copy / "tests" / "output" / "junit"
    stage.count_report("ansible-test units", code, reports / f"python{python_version()}-controller-units.xml")
    with base.lock():
        prepare.openstack_venv()
    stage.pytest(base.OPENSTACK / "bin" / "python", "tests/nova", PYTHONPATH=str(stage.collections))


def go(stage):
    """go vet and go test of the simulator."""
    with base.lock():
        program = prepare._go()
    options = {"cwd": ROOT / "lab" / "vcsim", "GOCACHE": str(LAB / "cache/go-build"), "GOMODCACHE": str(LAB / "cache/go-mod"),
               "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}  # fmt: skip
    stage.check(program, "vet", "./...", **options)
    code, output = stage.run(program, "test", "-count=1", "-v", "./...", check=False, **options)
    failed = len(re.findall(r"^--- FAIL:", output, re.MULTILINE))
    stage.count(len(re.findall(r"^--- PASS:", output, re.MULTILINE)), max(failed, int(bool(code))))


def clients(stage):
    """govc, and modules of community.vmware and vmware.vmware, on a simulator in its harmful behaviour."""
    with base.lock():
        config = {"govc": str(others.govc()), "collections": str(others.collections())}
    with simulator(stage.name, "clients") as variables:
        path = WORK / stage.name / "clients.json"
        base.write_private(path, json.dumps(config | variables))
        stage.pytest(VENV / "python", "tests/clients", "--durations=5", CLIENTS=str(path))


def docs(stage):
    """Every option and return value is documented, and antsibull-docs and Sphinx build the pages without a warning."""
    stage.check("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", ".")
    site = WORK / "site"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(mode=0o700, parents=True)
    stage.run("antsibull-docs", "sphinx-init", "--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", site,
              "openstack_vmware.nova")  # fmt: skip
    # The pages link to three labels of Ansible's own manual. Their inventory would come from the Internet, so here is one with just these.
    labels = ("common_return_values", "ansible_configuration_settings", "action_plugins")
    listed = "".join(f"{label} std:label -1 {label}.html {label}\n" for label in labels)
    inventory = site / "ansible.inv"
    header = "# Sphinx inventory version 2\n# Project: Ansible\n# Version:\n# The remainder of this file is compressed using zlib.\n"
    inventory.write_bytes(header.encode() + zlib.compress(listed.encode()))
    with open(site / "conf.py", "a", encoding="utf-8") as conf:
        conf.write(f"\nintersphinx_mapping = {{'ansible': ('https://docs.ansible.com/ansible/latest/', {str(inventory)!r})}}\n")
    stage.check("bash", site / "build.sh")


def integration(stage):
    """tests/integration/targets against a simulator of its own, and the OpenStack services of the lab."""
    targets = sorted(path.parent.name for path in (stage.copy / "tests/integration/targets").glob("*/aliases")
                     if "hidden" not in path.read_text(encoding="utf-8").split())  # fmt: skip
    if not targets:
        raise Failure("no target in tests/integration/targets")
    stage.run("lab/lab", "up", cwd=ROOT)
    cloud = yaml.safe_load((LAB / "clouds.yaml").read_text(encoding="utf-8"))["clouds"]["lab"]
    with simulator(stage.name) as variables:
        folder = stage.copy / "tests" / "integration"
        variables |= {"openstack_auth": cloud["auth"], "glance_access_log": str(LAB / "log" / "glance-access.log")}
        base.write_private(folder / "integration_config.yml", json.dumps(variables))
        # ansible-test wants this file for targets with the alias cloud/vcenter.
        lines = [f"{key}: {variables[key]}\n" for key in ("vcenter_hostname", "vcenter_username", "vcenter_password")]
        base.write_private(folder / "cloud-config-vcenter.ini", "[DEFAULT]\n" + "".join(lines))
        for target in targets:
            stage.check("ansible-test", "integration", "--local", "--python", python_version(), "--color", "no", target)


def molecule(stage):
    """Every scenario of the roles, by pytest-ansible: hosts that lab/hosts makes once for all, simulators of its own, and the lab's OpenStack."""
    scenarios = {path.parent.name for path in (ROOT / "extensions" / "molecule").glob("*/molecule.yml")}
    stage.run("lab/lab", "up", cwd=ROOT)
    with contextlib.ExitStack() as stack:
        variables = stack.enter_context(simulator(stage.name))
        names = {"VMWARE_HOST": "hostname", "VMWARE_PORT": "port", "VMWARE_USER": "username", "VMWARE_PASSWORD": "password",
                 "VMWARE_CA_PATH": "ca_path", "VMWARE_CONTROL": "control"}  # fmt: skip
        environment = {name: str(variables[f"vcenter_{key}"]) for name, key in names.items()}
        for name in ("east", "west", "day2"):
            other = stack.enter_context(simulator(f"molecule-{name}", name))
            environment |= {f"{name.upper()}_PORT": str(other["vcenter_port"]), f"{name.upper()}_CONTROL": other["vcenter_control"]}
        environment["COMPUTE_NET"] = base.free_compute_net()
        environment |= {"OS_CLIENT_CONFIG_FILE": str(LAB / "clouds.yaml"), "MOLECULE_LOGS": str(LOG)}
        # pytest-ansible asks git for the scenarios, and takes the collection from ANSIBLE_COLLECTIONS_PATH.
        environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(ROOT)}
        options = ["-n", "2", "--ansible-unit-inject-only"]
        hosts = {"cwd": ROOT / "extensions", "MOLECULE_EPHEMERAL_DIRECTORY": str(WORK / stage.name / "hosts"), **environment}
        shutil.rmtree(hosts["MOLECULE_EPHEMERAL_DIRECTORY"], ignore_errors=True)  # what a killed run has left
        try:
            stage.run("molecule", "create", **hosts)
            report = stage.pytest(VENV / "python", "tests/integration", *options, cwd=ROOT, plugin=True, MOLECULE_OPTS="--destroy=never", **environment)
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
    stage.run("lab/lab", "up", cwd=ROOT)
    stage.pytest(VENV / "python", "tests/acceptance", "-n", "2", "--durations=25", cwd=ROOT, ANSIBLE_COLLECTIONS_PATH=str(LAB / "collections"))


def secrets(stage):
    """No password in what the other stages printed, nor in a log of the lab."""
    # Those of the lab's services, of the simulated vCenter, and the made-up ones of the molecule scenarios' inventories.
    vcenters = [base.scenario()["vcenter"]["password"], *(f"lab-only-nova-{name}" for name in ("east", "west", "day2", "2", "3", "clients"))]
    words = {"lab": list(base.passwords().values()), "vCenter": [*vcenters, "lab-only-nobody"], "molecule": ["keystone-secret", "rabbit-secret"]}
    logs = sorted(path for folder in (LOG, LAB / "log") for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    for path in logs:
        text = path.read_text(encoding="utf-8", errors="replace")
        found = [kind for kind, secrets in words.items() if any(secret in text for secret in secrets)]
        if found:
            stage.say(f"{path.relative_to(ROOT)} holds a password of: {', '.join(found)}")
        stage.count(not found, bool(found))


# The most seconds that each may take, while others run beside it.
STAGES = {
    lint: 300, unit: 900, sanity: 900, go: 900, clients: 600, docs: 600, integration: 1800, acceptance: 3600, molecule: 3600, secrets: 60,
}  # fmt: skip
# What runs one after the other and what side by side: a list of lanes for each step. Molecule and the acceptance tests have two workers each, which
# fill two cores.
STEPS = (
    [[lint, unit]],
    [[sanity, go, docs], [clients, integration]],
    [[molecule]],
    [[acceptance]],
    [[secrets]],
)


def python_version():
    """Gives the control environment's version of Python, as ansible-test wants it: ``3.11``."""
    return re.search(r"version(?:_info)? = (\d+\.\d+)", (LAB / "venv" / "pyvenv.cfg").read_text(encoding="utf-8")).group(1)


def bootstrap_pip(stage):
    """Puts pip's bootstrap script where ansible-test looks for it, so that only the package index is needed.

    ansible-test (python_requirements.py, requirements.py) fetches it from a host of its own otherwise. This one has the
    same meaning: it installs the wheel of the same version.
    """
    home = WORK / "home"
    cache = home / ".ansible" / "test" / "cache"
    (source,) = (LAB / "venv").glob("lib/*/site-packages/ansible_test/_internal/python_requirements.py")
    version = re.search(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8")).group(1)
    wheel = cache / f"pip-{version}-py3-none-any.whl"
    stage.env["HOME"] = str(home)
    if wheel.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    stage.run("/usr/bin/python3", "-m", "venv", WORK / "pip")
    stage.run(WORK / "pip" / "bin" / "pip", "download", "-q", "--no-deps", "-d", cache, f"pip=={version}", cwd=ROOT)
    (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(wheel)!r})\n"
        "from pip._internal.cli.main import main\n"
        "options = [word for word in sys.argv[1:] if word not in ('--no-setuptools', '--no-wheel')]\n"
        "sys.exit(main(['install', '--upgrade'] + options))\n",
        encoding="utf-8",
    )


def free_port():
    """Gives a TCP port that is free on every address: simulated ESXi hosts listen on several with the same port."""
    with socket.socket() as free:
        free.bind(("0.0.0.0", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def simulator(name, scenario="demo"):
    """Runs a vCenter simulator on a port and with datastores of its own.

    :arg scenario: name of a file in lab/scenarios.
    :returns: the variables that tests use: ``vcenter_hostname``, ``vcenter_port``, ``vcenter_username``,
        ``vcenter_password``, ``vcenter_ca_path``, ``vcenter_request_log``, the folder ``vcenter_datastores``, and the socket
        ``vcenter_control`` (docs/simulator.md).
    :raises Failure: it does not answer within 30 seconds.
    """
    with base.lock():
        prepare.simulator()
        prepare.certificates()
    home = WORK / name / "vcsim"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    path = base.SCENARIO.with_name(f"{scenario}.yml")
    vcenter = yaml.safe_load(path.read_text(encoding="utf-8"))["vcenter"]
    port = free_port()
    control = base.sockets() / f"{name}.sock"
    command = [base.BIN / "vcsim", "-scenario", path, "-listen", f"127.0.0.1:{port}", "-control", control,
               "-cert", base.TLS / "vcenter.pem", "-key", base.TLS / "vcenter.key", "-wsdl", LAB / "wsdl",
               "-datastores", home / "datastores", "-request-log", home / "requests.log"]  # fmt: skip
    with open(LOG / f"{name}-vcsim.log", "w", encoding="utf-8") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"the simulator does not answer, see {LOG / f'{name}-vcsim.log'}")
                time.sleep(0.1)
            yield {
                "vcenter_hostname": "127.0.0.1", "vcenter_port": port, "vcenter_username": vcenter["username"],
                "vcenter_password": vcenter["password"], "vcenter_ca_path": str(base.TLS / "ca.pem"),
                "vcenter_request_log": str(home / "requests.log"), "vcenter_datastores": str(home / "datastores"), "vcenter_control": str(control),
            }  # fmt: skip
        finally:
            process.terminate()


def run_stage(function, seconds):
    """Runs a stage.

    :returns: the stage, and what ended it early, or an empty text.
    """
    stage = Stage(function.__name__, time.monotonic() + seconds)
    print(f"\n=== {stage.name}: {function.__doc__.splitlines()[0]}", flush=True)
    why = ""
    try:
        # A second run of the same stage waits: both would use the same copy.
        with open(WORK / f"{stage.name}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            copy_tree(stage.copy)
            function(stage)
        if not stage.passed and not stage.failed:
            raise Failure("no test was found")
    except (Failure, base.LabError, OSError, subprocess.SubprocessError) as error:
        why = str(error)
        stage.failed += 1
        stage.say(f"{stage.name}: {why}")
    stage.log.close()
    return stage, why


class Row:
    """How a stage ended: its counts, its seconds, and what ended it early or an empty text."""

    def __init__(self, passed, failed, seconds, why):
        self.passed, self.failed, self.seconds, self.why = passed, failed, seconds, why


def run_here(function):
    """Runs a stage in this process. Gives its :class:`Row`."""
    begin = time.monotonic()
    stage, why = run_stage(function, STAGES[function])
    return Row(stage.passed, stage.failed, time.monotonic() - begin, why)


class Lanes:
    """Stages side by side, each in a process of its own. The first that fails ends the others, unless told to keep going."""

    def __init__(self, keep_going):
        self._keep_going = keep_going
        self._over = threading.Event()
        self._shown = threading.Lock()
        self.rows = {}

    def run(self, lanes):
        """Runs the lanes to their ends; what this process is told to end by takes them along.

        :arg lanes: lists of stages.
        """
        with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
            try:
                for future in [pool.submit(self._lane, lane) for lane in lanes]:
                    future.result()
            finally:
                self._over.set()

    def _lane(self, lane):
        for function in lane:
            if self._over.is_set():
                return
            row = self.rows[function] = self._stage(function.__name__, STAGES[function])
            if row.failed and not self._keep_going:
                self._over.set()

    def _stage(self, name, seconds):
        result = WORK / f"{name}.json"
        result.unlink(missing_ok=True)
        begin = time.monotonic()
        command = [sys.executable, __file__, "--result", str(result), name]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        while process.poll() is None:
            if self._over.wait(0.5) or time.monotonic() - begin > seconds + 60:
                process.terminate()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
        seconds = time.monotonic() - begin
        with self._shown:  # the stage's log has all that it printed
            print((LOG / f"{name}.log").read_text(encoding="utf-8", errors="replace"), flush=True)
        if not result.exists():
            return Row(0, 1, seconds, "it was ended")
        return Row(**json.loads(result.read_text(encoding="utf-8")), seconds=seconds)


def end_by_signal(*_):
    """Lets a signal run what stands in ``finally``: the commands under way end too."""
    raise SystemExit("ended by a signal")


def main():
    """Runs the stages and prints the table. The exit code is 1 if a test failed."""
    names = {function.__name__: function for function in STAGES}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", metavar="STAGE", nargs="*", choices=[[], *names], help=", ".join(names))
    parser.add_argument("--keep-going", action="store_true", help="run the next stages after a failed one")
    parser.add_argument("--result", help=argparse.SUPPRESS)  # the file for the counts of one stage, in a lane
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end_by_signal)
    LOG.mkdir(parents=True, exist_ok=True)
    if arguments.result:
        row = run_here(names[arguments.stages[0]])
        Path(arguments.result).write_text(json.dumps({"passed": row.passed, "failed": row.failed, "why": row.why}), encoding="utf-8")
        return 0
    begin = time.monotonic()
    wanted = [function for name, function in names.items() if name in (arguments.stages or names)]
    rows = {}
    for step in STEPS:
        lanes = [lane for lane in ([function for function in lane if function in wanted] for lane in step) if lane]
        if len(lanes) > 1:
            beside = Lanes(arguments.keep_going)
            beside.run(lanes)
            rows.update(beside.rows)
        else:
            for function in (function for lane in lanes for function in lane):
                rows[function] = run_here(function)
                if rows[function].failed and not arguments.keep_going:
                    break
        if any(row.failed for row in rows.values()) and not arguments.keep_going:
            break
    print(f"\n{'stage':<12} {'passed':>7} {'failed':>7} {'seconds':>8}")
    for function in wanted:
        if row := rows.get(function):
            print(f"{function.__name__:<12} {row.passed:>7} {row.failed:>7} {row.seconds:>8.1f}  {row.why}".rstrip())
        else:
            print(f"{function.__name__:<12} {'not run':>15}")
    passed, failed = sum(row.passed for row in rows.values()), sum(row.failed for row in rows.values())
    print(f"in all {time.monotonic() - begin:.1f} s")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
