# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated vCenter of a test's own, runs of image_cache on it, and judges of what they left."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time
import traceback
from unittest import mock

import openstack
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from conftest import LAB, ROOT
from labctl import base, simulator

from ansible_collections.openstack_vmware.nova.plugins.module_utils import module
from ansible_collections.openstack_vmware.nova.plugins.module_utils.conversion import streams
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache

FORK = multiprocessing.get_context("fork")
HOSTS = ("127.1.1.11", "127.1.1.12")  # the lab's certificate names them
DATASTORES = ("n1", "n2")
CLUSTERS = [{"cluster_name": "c1", "datastore_regex": "^n"}]
PREFIX = "w"
CACHE = PREFIX + "_base"  # the folder of the caches on a datastore
USER, PASSWORD = "u", "p"
NO_HOSTS = ("-host-listeners=false",)
CAPACITY = 4 << 20  # bytes of the disk of small_images
DISK_TYPES = {"sparse": "sparse", "stream": "streamOptimized", "flat": "thin"}  # of its images
DEADLINE = 60  # seconds for a run


def scenario(hosts=HOSTS, datastores=DATASTORES):
    """Gives a vCenter with one cluster."""
    return {
        "vcenter": {"name": "vc", "version": "8.0.3", "username": USER, "password": PASSWORD},
        "datacenters": [
            {
                "name": "dc1",
                "clusters": [{"name": "c1", "hosts": [{"name": name, "cores": 16, "threads": 32, "memory_mb": 262144} for name in hosts]}],
                "datastores": [{"name": name, "type": "VMFS", "capacity_gb": 10, "free_gb": 9, "clusters": ["c1"]} for name in datastores],
            }
        ],
    }


class VCenter:
    """A simulated vCenter, with rules that break requests (docs/simulator.md, "Faults"). To be closed.

    :arg folder: where its files are; made here. :arg setup: a scenario (docs/simulator.md).
    :arg options: more options of the simulator, for example :data:`NO_HOSTS`: then uploads go through the vCenter.
    :arg certificate: files of the certificate and its key, and of what to trust.
    """

    def __init__(self, folder, setup=None, options=(), certificate=("vcenter.pem", "vcenter.key", "ca.pem")):
        folder.mkdir(exist_ok=True)
        setup = setup or scenario()
        (folder / "scenario.yml").write_text(yaml.safe_dump(setup), encoding="utf-8")
        self.datastores = folder / "datastores"
        self.log = folder / "requests.log"
        self.port = base.free_port()
        *served, trust = certificate
        self.connection = {
            "hostname": "127.0.0.1", "port": self.port, "username": setup["vcenter"]["username"], "password": setup["vcenter"]["password"],
            "ca_path": str(base.TLS / trust),
        }  # fmt: skip
        self._control = str(folder / "control.sock")
        self._judge = None
        self._process = simulator.start(
            simulator.command(folder / "scenario.yml", self.port, self.datastores, self.log, "-control", self._control, *options, certificate=served)
        )

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        """Ends it."""
        if self._judge:
            self._judge.kill()  # it has only read, and takes its time to end by itself
            self._judge.wait(10)
        simulator.end(self._process)

    def ask(self, method, path, body=None):
        """Gives the answer of the control socket."""
        return simulator.ask(self._control, method, path, body)

    def fired(self):
        """Says whether a rule has fired."""
        return any(rule["fired"] for rule in self.ask("GET", "/rules") or ())

    @contextlib.contextmanager
    def rule(self, when, do, nth=None):
        """Breaks a request in the way ``do``, until the end of the block: the ``nth`` of those, or each."""
        self.ask("POST", "/rules", {"when": when, "do": do, **({"nth": nth} if nth else {})})
        try:
            yield
        finally:
            self.ask("DELETE", "/rules")
            if "full" in do:
                for name in DATASTORES:
                    self.ask("POST", "/do", {"full": {"datastore": name, "free_bytes": 9 << 30}})

    def mark(self):
        """Gives the place in the log from which :meth:`requests` reads."""
        return self.log.stat().st_size

    def requests(self, since=0):
        """Gives the lines of the log after a place."""
        return simulator.requests(self.log, since)

    def nova(self, image_id, disk_format="vmdk"):
        """Asks Nova's own code where it sees the image in its cache: ``{datastore: size or None}``."""
        if self._judge is None:
            self._judge = subprocess.Popen(
                [LAB / "openstack" / "bin" / "python", "-W", "ignore", ROOT / "tests" / "acceptance" / "nova_judge.py"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        question = {**self.for_nova(), "clusters": CLUSTERS, "images": {image_id: disk_format}}
        self._judge.stdin.write(json.dumps(question) + "\n")
        self._judge.stdin.flush()
        answer = json.loads(self._judge.stdout.readline())
        return {name: sizes[image_id] for name, sizes in answer["c1"].items()}

    def for_nova(self):
        """Gives its options in the words of nova.conf."""
        words = {"hostname": "host_ip", "port": "host_port", "username": "host_username", "password": "host_password", "ca_path": "ca_file"}
        return {"cache_prefix": PREFIX, **{words[name]: value for name, value in self.connection.items()}}

    def disk(self, datastore, image_id, disk_format="vmdk"):
        """Gives the SHA-256 of what a guest would read of the cached image, or None where there is nothing to read."""
        name = f"{image_id}-flat.vmdk" if disk_format == "vmdk" else f"{image_id}.iso"
        path = self.datastores / datastore / CACHE / image_id / name
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def disks(self, image_id):
        """Gives :meth:`disk` of each datastore that has a folder of the image."""
        return [self.disk(path.parts[-3], image_id) for path in sorted(self.datastores.glob(f"*/{CACHE}/{image_id}"))]

    def whole(self, image_id):
        """Gives the datastores that have the image's descriptor: there Nova sees it."""
        return sorted(path.parts[-4] for path in self.datastores.glob(f"*/{CACHE}/{image_id}/{image_id}.vmdk"))

    def wrong(self, image_id, content):
        """Gives the datastores where Nova could boot something that is not the image."""
        return [name for name in self.whole(image_id) if self.disk(name, image_id) != content]

    def left(self):
        """Gives what is staged."""
        return [path for pattern in ("*/openstack_vmware/*", "*/openstack_vmware-*") for path in self.datastores.glob(pattern)]

    def empty(self):
        """Takes all images out of the caches."""
        for folder in self.datastores.glob(f"*/{CACHE}"):
            shutil.rmtree(folder)


def upload(cloud, name, data, **properties):
    """Makes an image in Glance, a VMDK unless told otherwise, with all of its data at once. Gives its id."""
    image = cloud.image.create_image(
        name=name, validate_checksum=False, allow_duplicates=True, **{"disk_format": "vmdk", "container_format": "bare", **properties}
    )
    image.upload(cloud.image, data=data)
    return image.id


def convert(raw, file, subformat):
    """Makes a VMDK of a raw disk: a streamOptimized one as image_vmdk makes it, so that Nova can send it too. Gives its file."""
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", f"subformat={subformat}", raw, file], check=True)
    if subformat == "streamOptimized":
        streams.lay_out(str(file), str(file))
    return file


@contextlib.contextmanager
def small_images(cloud, folder):
    """Gives images of one disk of :data:`CAPACITY`, gone at the end: ``{kind: id}``, and the SHA-256 of what a guest reads."""
    raw = folder / "raw"
    raw.write_bytes(random.Random(7).randbytes(CAPACITY // 2) + bytes(CAPACITY // 2))
    files = {
        "sparse": convert(raw, folder / "sparse", "monolithicSparse"), "stream": convert(raw, folder / "stream", "streamOptimized"), "flat": raw,
    }  # fmt: skip
    made = {kind: upload(cloud, f"small-{kind}", file.read_bytes(), hw_disk_type=DISK_TYPES[kind]) for kind, file in files.items()}
    try:
        yield made, hashlib.sha256(raw.read_bytes()).hexdigest()
    finally:
        for image_id in made.values():
            cloud.image.delete_image(image_id)


@functools.cache
def _body_and_spec(name):
    page = importlib.import_module(f"ansible_collections.openstack_vmware.nova.plugins.modules.{name}")
    with mock.patch.object(page, "run") as run_module:
        page.main()
    return run_module.call_args.args


def validated(name, /, **given):
    """Gives the options of a module as it gets them: checked, and with their defaults."""
    _body, spec = _body_and_spec(name)
    valid = ArgumentSpecValidator(spec).validate(given)
    assert not valid.error_messages, valid.error_messages
    return valid.validated_parameters


def call(name, /, **given):
    """Runs a module in this process, without Ansible. Gives its result as Ansible would read it.

    :raises NovaVmwareError: it fails.
    """
    body, _spec = _body_and_spec(name)
    return json.loads(json.dumps(body(validated(name, **given), False)))


@functools.cache
def glance_access():
    """Gives the option ``openstack`` with a token for the lab's Glance, got once: a log-in at Keystone would take longer than a run."""
    cloud = openstack.connect(cloud="lab")
    return {"auth_type": "admin_token", "auth": {"endpoint": cloud.image.get_endpoint(), "token": cloud.auth_token}}


def options(connection, image_ids, **more):
    """Gives the options of image_cache.

    :arg connection: those of the vCenter.
    """
    given = {"openstack": more.get("openstack") or glance_access(), "hypervisors": CLUSTERS, "cache_prefix": PREFIX, **connection, "images": image_ids, **more}
    return validated("image_cache", **given)


class Run:
    """A run of a module, by default of image_cache, in a process of its own, forked from this one: a run that is killed is recognised by its pid.

    :arg params: its options. :arg body: its function.
    """

    def __init__(self, params, body=image_cache.run):
        self._here, there = FORK.Pipe()

        def child():
            for one in module.CANCELLED_BY:
                signal.signal(one, module._cancel)
            try:
                there.send((body(params, False), None, ""))
            except NovaVmwareError as error:
                there.send((None, error.code, error.what))
            except module.Cancelled:
                there.send((None, "CANCELLED", ""))
            except BaseException:  # pylint: disable=broad-except
                there.send((None, "traceback", traceback.format_exc()))
            os._exit(0)

        self._process = FORK.Process(target=child)
        self._process.start()
        there.close()

    def wait(self, signal_when=None, number=signal.SIGKILL, seconds=DEADLINE):
        """Waits for its end, at most so many seconds.

        :arg signal_when: a function; once it says true the run gets the signal ``number``.
        :returns: ``(result, error code, text)``; the first two are None where it was killed.
        """
        answer = (None, None, "")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self._here.poll(0.01 if signal_when else 0.5):
                    answer = self._here.recv()
                    break
            except EOFError:
                break
            if signal_when and signal_when():
                os.kill(self._process.pid, number)
                signal_when = None
        else:
            os.kill(self._process.pid, signal.SIGKILL)
            answer = (None, "timeout", f"it did not end within {seconds} seconds")
        self._process.join()
        self._here.close()
        return answer


def run(params, signal_when=None, number=signal.SIGKILL):
    """As :class:`Run`, to its end."""
    return Run(params).wait(signal_when, number)
