# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left after a run was cancelled or killed, and what the next run makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
from conftest import LAB, ROOT
from simulated import call

pytestmark = pytest.mark.usefixtures("demo")

DATASTORES = LAB / "run" / "datastores"
PREFIX = "left"


def options(lab, **more):
    """Options of image_cache for one cluster and a cache folder of these tests."""
    return {
        "hypervisors": [{"cluster_name": "cluster-b", "datastore_regex": "^nova-b"}], "cache_prefix": PREFIX,
        "openstack": {"cloud": "lab"}, **lab.vcenter(), **more,
    }  # fmt: skip


def start(lab, **more):
    """Starts the module as a process of its own. Gives the process."""
    environment = {**os.environ, "PYTHONPATH": str(LAB / "collections")}
    process = subprocess.Popen(
        [LAB / "venv" / "bin" / "python", "-m", "ansible_collections.openstack_vmware.nova.plugins.modules.image_cache"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
    )  # fmt: skip
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options(lab, **more)}))
    process.stdin.close()
    return process


def stages():
    """Gives what is staged on the datastore."""
    return sorted(path.name for path in (DATASTORES / "nova-b1" / "openstack_vmware").glob("*"))


def published():
    """Gives the images in the cache of these tests."""
    return sorted(path.name for path in (DATASTORES / "nova-b1" / f"{PREFIX}_base").glob("*"))


@pytest.fixture
def flat(lab):
    """The id of a flat image of 1 GiB; nothing of it is in the cache, before and after."""
    image = {image.name: image.id for image in lab.cloud.image.images()}["demo-flat"]
    call("image_cache", **options(lab, images=[image], state="absent"))
    yield image
    call("image_cache", **options(lab, images=[image], state="absent"))


def interrupt(lab, flat, number):
    """Starts to seed and sends a signal when the first file is being staged."""
    process = start(lab, images=[flat])
    try:
        for _attempt in range(1000):
            if any(flat in name for name in stages()):
                break
            assert process.poll() is None, process.stdout.read() + process.stderr.read()
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(number)
        process.wait(60)
    finally:
        process.kill()
    return process


def test_cancelled(lab, flat):
    process = interrupt(lab, flat, signal.SIGTERM)
    assert json.loads(process.stdout.read())["error_code"] == "CANCELLED"
    assert stages() == []
    assert published() == []


def test_killed(lab, flat):
    """The next run removes what the killed one left, and finishes the work."""
    interrupt(lab, flat, signal.SIGKILL)
    (left,) = stages()
    assert flat in left
    assert published() == [], "nothing half-done is visible"
    result = call("image_cache", **options(lab, images=[flat]))
    assert result["leftovers"] == [f"[nova-b1] openstack_vmware/{left}"]
    assert stages() == []
    assert published() == [flat]
    again = call("image_cache", **options(lab, images=[flat]))
    assert (again["changed"], again["leftovers"]) == (False, [])


def test_others_are_left_alone(lab, flat):
    """A stage of another machine stays while it may be at work, and what has no name of ours always."""
    folder = DATASTORES / "nova-b1" / "openstack_vmware"
    fresh, old, foreign = f"{flat}-00000000-17-4242", f"{flat}-00000000-18-4242", "notes"
    for name in (fresh, old, foreign):
        (folder / name / flat).mkdir(parents=True)
        (folder / name / flat / "file").write_bytes(b"x")
    ago = time.time() - 4 * 3600
    for path in (folder / old / flat / "file", folder / old / flat, folder / old):
        os.utime(path, (ago, ago))
    try:
        result = call("image_cache", **options(lab, images=[flat], state="absent"))
        assert result["leftovers"] == [f"[nova-b1] openstack_vmware/{old}"]
        assert stages() == sorted([fresh, foreign])
    finally:
        subprocess.run(["rm", "-rf", folder / fresh, folder / foreign], check=True)
