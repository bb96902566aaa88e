# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks over every request of a seed and breaks it: the cache then has the whole image or nothing, and the next run finishes.

Each run is a process of its own, forked from this one, since a run that is killed or that could not clean up is recognised by its pid.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
import unittest.mock

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from conftest import LAB

sys.path.insert(0, str(LAB / "collections"))

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.modules import image_cache as image_cache_module  # noqa: E402

CAPACITY = 4 << 20  # bytes
FORK = multiprocessing.get_context("fork")
# How a request is broken. ``kill`` ends the run while the server sits on the request.
KINDS = {
    "cut": {"cut": {}},
    "status": {"status": {"code": 503}},
    "expire": {"expire": {}},
    "restart": {"restart": {}},
    "kill": {"stall": {"seconds": 1}},
}
SCENARIO = {
    "vcenter": {"name": "vc", "version": "8.0.3", "username": "u", "password": "p"},
    "datacenters": [
        {
            "name": "dc1",
            "clusters": [{"name": "c1", "hosts": [{"name": "127.1.9.11", "cores": 16, "threads": 32, "memory_mb": 262144}]}],
            "datastores": [{"name": name, "type": "VMFS", "capacity_gb": 10, "free_gb": 9, "clusters": ["c1"]} for name in ("n1", "n2")],
        }
    ],
}


class VCenter:
    """A simulated vCenter of these tests, with rules that break requests (docs/simulator.md, "Faults")."""

    def __init__(self, folder, scenario=None, options=("-host-listeners=false",)):
        # The certificate of the lab names no host of our scenario, so uploads to one would be refused: hosts do not listen.
        (folder / "scenario.yml").write_text(yaml.safe_dump(scenario or SCENARIO), encoding="utf-8")
        self.datastores = folder / "datastores"
        self._control = str(folder / "control.sock")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen([
            LAB / "bin" / "vcsim", "-scenario", folder / "scenario.yml", "-listen", f"127.0.0.1:{self.port}", *options,
            "-cert", LAB / "tls" / "vcenter.pem", "-key", LAB / "tls" / "vcenter.key", "-wsdl", LAB / "wsdl",
            "-datastores", self.datastores, "-request-log", folder / "requests.log", "-control", self._control,
        ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        for _attempt in range(100):
            with socket.socket() as probe:
                if os.path.exists(self._control) and probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the simulator does not answer")

    def ask(self, method, path, body=None):
        """Gives the answer of the control socket."""
        connection = http.client.HTTPConnection("vcsim")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self._control)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        connection.close()
        return json.loads(text) if text.strip() else None

    def fired(self):
        """Says whether the one rule has fired."""
        return any(rule["fired"] for rule in self.ask("GET", "/rules"))


@pytest.fixture(scope="module")
def vcenter(lab, tmp_path_factory):
    one = VCenter(tmp_path_factory.mktemp("walk"))
    yield one
    one.process.terminate()
    one.process.wait(10)


@pytest.fixture(scope="module")
def images(lab, tmp_path_factory):
    """Small images of each kind: ``{kind: (id, sha256 of the guest's bytes)}``."""
    folder = tmp_path_factory.mktemp("images")
    raw = folder / "raw"
    raw.write_bytes(random.Random(7).randbytes(CAPACITY // 2) + bytes(CAPACITY // 2))
    made = {}
    for kind, subformat, disk_type in (("sparse", "monolithicSparse", "sparse"), ("stream", "streamOptimized", "streamOptimized"), ("flat", None, "thin")):
        file = raw
        if subformat:
            file = folder / kind
            subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", f"subformat={subformat}", raw, file], check=True)
        image = lab.cloud.image.create_image(
            name=f"walk-{kind}", disk_format="vmdk", container_format="bare", validate_checksum=False, allow_duplicates=True,
            hw_disk_type=disk_type,
        )  # fmt: skip
        with open(file, "rb") as data:
            image.upload(lab.cloud.image, data=data)
        made[kind] = image.id
    yield made, hashlib.sha256(raw.read_bytes()).hexdigest()
    for image_id in made.values():
        lab.cloud.image.delete_image(image_id)


def options():
    """Gives the argument spec of the module."""
    found = {}
    with unittest.mock.patch.object(image_cache_module, "run", lambda _body, spec: found.update(spec)):
        image_cache_module.main()
    return found


def call(vcenter, image_id, **more):
    """Runs image_cache in this process. Gives ``(result, error code)``: one is None."""
    given = {
        "hostname": "127.0.0.1", "port": vcenter.port, "username": "u", "password": "p", "ca_path": str(LAB / "tls" / "ca.pem"),
        "openstack": {"cloud": "lab"}, "clusters": [{"cluster_name": "c1", "datastore_regex": "^n"}], "cache_prefix": "w", "images": [image_id],
        **more,
    }  # fmt: skip
    try:
        valid = ArgumentSpecValidator(options()).validate(given)
        assert not valid.error_messages, valid.error_messages
        return image_cache.run(valid.validated_parameters, False), None
    except NovaVmwareError as error:
        return None, error.code
    except BaseException:  # pylint: disable=broad-except
        return None, traceback.format_exc()


def run(vcenter, image_id, kill_when_fired=False):
    """As :func:`call`, in a process of its own. Gives ``(None, None)`` where it was killed."""
    here, there = FORK.Pipe()

    def child():
        there.send(call(vcenter, image_id))
        os._exit(0)

    process = FORK.Process(target=child)
    process.start()
    answer = (None, None)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if here.poll(0.02):
            answer = here.recv()
            break
        if kill_when_fired and vcenter.fired():
            os.kill(process.pid, signal.SIGKILL)
            break
    else:
        os.kill(process.pid, signal.SIGKILL)
        answer = (None, "it did not end within 60 seconds")
    process.join()
    return answer


def wrong(vcenter, image_id, content):
    """Gives what Nova could boot and is not the image."""
    found = []
    for folder in vcenter.datastores.glob(f"*/w_base/{image_id}"):
        flat = folder / f"{image_id}-flat.vmdk"
        if (folder / f"{image_id}.vmdk").exists():
            if not flat.exists() or hashlib.sha256(flat.read_bytes()).hexdigest() != content:
                found.append(folder)
    return found


def whole(vcenter, image_id):
    """Gives the datastores that have the image."""
    return sorted(path.parts[-4] for path in vcenter.datastores.glob(f"*/w_base/{image_id}/{image_id}.vmdk"))


def left(vcenter):
    """Gives what is staged."""
    return [path for pattern in ("*/openstack_vmware/*", "*/openstack_vmware-*") for path in vcenter.datastores.glob(pattern)]


# Each kind on the image with most steps; the others with the kinds that end a run in the middle.
@pytest.mark.parametrize(
    "image, kind", [*(("sparse", kind) for kind in KINDS), ("stream", "cut"), ("stream", "kill"), ("flat", "status")]
)
def test_walk(vcenter, images, image, kind):
    ids, content = images
    image_id = ids[image]
    broken = 0
    for number in range(1, 200):
        for folder in vcenter.datastores.glob("*/w_base"):
            shutil.rmtree(folder)
        vcenter.ask("POST", "/rules", {"when": {"seq": number}, "do": KINDS[kind]})
        result, error = run(vcenter, image_id, kill_when_fired=kind == "kill")
        fired = vcenter.fired()
        vcenter.ask("DELETE", "/rules")
        assert wrong(vcenter, image_id, content) == [], (number, error)
        if error is not None:
            assert error.isupper(), f"request {number}: {error}"
        if result is not None:
            assert whole(vcenter, image_id) == ["n1", "n2"], number
        result, error = run(vcenter, image_id)
        assert error is None, (number, error)
        assert wrong(vcenter, image_id, content) == []
        assert whole(vcenter, image_id) == ["n1", "n2"]
        assert left(vcenter) == [], number
        if not fired:
            break
        broken += 1
    print(f"{image}, {kind}: {broken} requests broken, wrong bootable images: 0, left after the next run: 0")
    assert broken > 20
