# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook shows how far a seed is while it runs, and cleans up when it is cancelled in the middle."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest
import yaml
from conftest import LAB, ROOT
from simulated import CACHE, HOSTS, NO_HOSTS, PREFIX, VCenter, scenario, upload

SIZE = 64 << 20  # bytes
CLUSTERS = [{"cluster_name": "c1", "datastore_regex": "^n1"}]
LINE = re.compile(r"\[localhost\] push progress-flat to n1: (\d+ % of 64\.0 MiB, [\d.]+ [KM]iB/s(, [\d.]+ s left)?|(done|failed), .*)")


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory):
    with VCenter(tmp_path_factory.mktemp("progress"), scenario(HOSTS[:1]), NO_HOSTS) as one:
        yield one


def slow(vcenter, seconds):
    """For a ``with``: the simulator takes so long for the image."""
    return vcenter.rule({"http": "PUT", "path": "-flat.vmdk$"}, {"slow": {"bytes_per_second": SIZE // seconds}})


@pytest.fixture(scope="module")
def image(cloud):
    """The id of a flat image."""
    image_id = upload(cloud, "progress-flat", random.Random(9).randbytes(SIZE), hw_disk_type="thin")
    yield image_id
    cloud.image.delete_image(image_id)


@pytest.fixture(autouse=True)
def empty(vcenter):
    """Each test starts with an empty cache."""
    vcenter.empty()


class Run:
    """A playbook that seeds the image, with the lines of its standard error and when each came."""

    def __init__(self, vcenter, folder, **task):
        wish = {**vcenter.connection, "openstack": {"cloud": "lab"}, "hypervisors": CLUSTERS, "cache_prefix": PREFIX, "images": ["progress-flat"]}
        tasks = [{"name": "Seed", "openstack_vmware.nova.image_cache": wish, **task}]
        playbook = folder / "playbook.yml"
        playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        self.process = subprocess.Popen(
            [LAB / "venv" / "bin" / "ansible-playbook", "-v", playbook], cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "ANSIBLE_CONFIG": str(LAB / "ansible.cfg"), "NO_COLOR": "1", "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
                 "ANSIBLE_REMOTE_TEMP": str(folder / "remote")},
        )  # fmt: skip
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append((time.monotonic(), line.rstrip("\n")))

    def first(self):
        """Waits for the first line of progress."""
        for _attempt in range(600):
            if self.told():
                return
            assert self.process.poll() is None, self.process.stdout.read()
            time.sleep(0.05)
        raise AssertionError("no line within 30 seconds")

    def end(self):
        """Waits for the playbook. Gives its standard output and when it ended."""
        output = self.process.stdout.read()
        self.process.wait(60)
        ended = time.monotonic()
        self._reader.join(10)
        return output, ended

    def told(self):
        """Gives ``(when, line)`` of each line of progress."""
        return [(at, line) for at, line in list(self.lines) if line.startswith("[localhost] push ")]


def test_lines_come_while_it_runs(vcenter, image, tmp_path):
    seconds = 8
    with slow(vcenter, seconds):
        run = Run(vcenter, tmp_path)
        output, ended = run.end()
    assert run.process.returncode == 0, output
    told = run.told()
    assert all(LINE.fullmatch(line) for _at, line in told), told
    # One after a second, one every five seconds at the most, one at the end; a busy machine takes longer than the simulator asks for.
    assert 2 <= len(told) <= 3 + (told[-1][0] - told[0][0]) / 5, told
    assert told[0][0] < ended - seconds / 2, "the first line came when all was over"
    assert "done, 64.0 MiB in" in told[-1][1]
    # A callback that writes a document has standard output for itself.
    assert "[localhost] push" not in output
    assert str(SIZE) in output, "the result has no figures"


@pytest.mark.parametrize("task, more", [("no_log", {"no_log": True}), ("check_mode", {"check_mode": True}), ("async", {"async": 60, "poll": 2})])
def test_silent(vcenter, image, tmp_path, task, more):
    """Where nothing may be told or Ansible has its own way to wait, the module runs as without the plugin."""
    with slow(vcenter, 3):  # a line would come after one second, and one at the end
        run = Run(vcenter, tmp_path, **more)
        output, _ended = run.end()
    assert run.process.returncode == 0, output
    assert run.told() == []
    assert vcenter.whole(image) == ([] if task == "check_mode" else ["n1"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_cancelled(vcenter, image, tmp_path, number):
    """The signal reaches the module behind the plugin; it removes what it staged."""
    stages = vcenter.datastores / "n1" / "openstack_vmware"
    with slow(vcenter, 60):  # no run is quicker than the signal, however busy the machine is
        run = Run(vcenter, tmp_path)
        run.first()
        assert list(stages.iterdir())
        run.process.send_signal(number)
        run.end()
    assert run.process.returncode != 0
    for _attempt in range(200):
        if not list(stages.iterdir()):
            break
        time.sleep(0.1)
    assert list(stages.iterdir()) == []
    assert list((vcenter.datastores / "n1" / CACHE).glob("*")) == []
