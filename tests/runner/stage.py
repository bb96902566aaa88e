"""One stage while it runs: its copy of the tree, its log, its counts and the environment of its commands."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree
from pathlib import Path

from labctl import base

WORK = base.ROOT / ".work"
LOG = WORK / "log"
VENV = base.VENV / "bin"


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

    def pytest(self, python, path, *options, plugin=False, report=None, **more):
        """Runs pytest and counts its tests.

        :arg plugin: True for tests of pytest-ansible, which links the tree into itself otherwise.
        :arg report: a name for the JUnit report; the path's by default.
        :returns: the path of the JUnit report.
        """
        if not plugin:
            options = ("-p", "no:pytest-ansible", *options)
        report = LOG / f"{self.name}-{report or Path(path).name}.xml"
        report.unlink(missing_ok=True)
        code, _output = self.run(
            python, "-m", "pytest", path, "-q", "-ra", "-p", "no:cacheprovider", f"--junitxml={report}", *options,
            check=False, **more,
        )  # fmt: skip
        self.count_report(f"pytest {path}", code, report)
        return report

    def count_report(self, what, code, *reports):
        """Counts the tests of a command's JUnit reports; a skipped test is one that did not pass.

        :arg what: the command, for messages; ``code`` is its exit code.
        :raises Failure: there is no report, one without a test, or a failure that none shows.
        """
        if not reports or not all(report.exists() for report in reports):
            raise Failure(f"{what} ended with exit code {code} and no report")
        suites = [xml.etree.ElementTree.parse(report).getroot().find("testsuite") for report in reports]
        numbers = [[int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")] for suite in suites]
        tests, failures, errors, skipped = map(sum, zip(*numbers))
        bad = failures + errors + skipped
        if not all(number[0] for number in numbers) or (code and not bad):
            raise Failure(f"{what} ended with exit code {code} and {tests} tests")
        if skipped:
            self.say(f"{skipped} skipped tests count as failed: nothing is left out")
        self.count(tests - bad, bad)


def copy_tree(copy):
    """Makes a stage's copy: every file of the working tree that git tracks or would track."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={base.ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=base.ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    shutil.rmtree(copy, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        source, target = base.ROOT / name, copy / name
        if source.is_file() or source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    # A repository of its own: the tools would take it for an ignored folder of the one around it.
    subprocess.run(["git", "init", "--quiet", "."], cwd=copy, check=True)
    subprocess.run(["git", "add", "--all"], cwd=copy, check=True)
