# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks the requests of a seed, one a run, in each way: Nova then sees the whole image or none, and the next run finishes.

After each broken run Nova's own code says where it sees the image, and what a guest would read there is compared. By default each
method that changes something meets each way once, on one of the images and at one of its places in the seed; FAULT_WALK=full walks all
combinations. It is not a part of `make test`, where test_fault_walk.py breaks each request in five ways: `make fault-walk` runs it.
"""

from __future__ import annotations

import collections
import hashlib
import os
import queue
import random
import signal
import time
import traceback
from dataclasses import dataclass

import pytest
from api_proxy import ApiProxy
from labctl.simulator import is_read
from simulated import DATASTORES, FORK, VCenter, convert, options, run, upload

CAPACITY = 1 << 20  # bytes
FULL = os.environ.get("FAULT_WALK") == "full"
WORKERS = int(os.environ.get("FAULT_WALK_WORKERS", "2"))
SECONDS = 4 * 3600 if FULL else 1200  # for all


@dataclass(frozen=True)
class Way:
    """How a request is broken: a rule of the simulator, which requests it can break, and a signal for the run once it did."""

    do: dict
    breaks: str = "any"  # any, upload, soap, task or change
    signal: int | None = None


WAYS = {
    "cut before": Way({"cut": {"after_bytes": 0}}),
    "cut in the middle": Way({"cut": {"after_bytes": 65536}}, "upload"),
    "cut after": Way({"cut": {}}),
    "stall": Way({"stall": {"seconds": 1}}),
    "slow": Way({"slow": {"bytes_per_second": 1 << 20}}, "upload"),
    "status": Way({"status": {"code": 503}}),
    "status at once": Way({"status": {"code": 503, "at_once": True}}, "upload"),
    "short, with success": Way({"short": {"bytes": 100}}, "upload"),
    "fault": Way({"fault": {"name": "HostCommunication"}}, "soap"),
    "fault of a task": Way({"fault": {"name": "NoDiskSpace", "task": True}}, "task"),
    "hang": Way({"hang": {"seconds": 1}}, "task"),
    "full": Way({"full": {"datastore": DATASTORES[0], "free_bytes": 0}}, "change"),
    "expire": Way({"expire": {}}),
    "restart": Way({"restart": {}}),
    "kill": Way({"stall": {"seconds": 1}}, "any", signal.SIGKILL),
    "term": Way({"stall": {"seconds": 1}}, "any", signal.SIGTERM),
}


@dataclass(frozen=True)
class Step:
    """The ``nth`` request of its kind in a seed. ``when`` is the simulator's; for Glance it is None and ``nth`` counts all requests."""

    label: str
    when: dict | None
    nth: int
    is_read: bool

    def can(self, breaks):
        """Says whether a way of this kind can break it."""
        return {
            "any": True, "upload": "http" in self.when, "soap": "method" in self.when, "task": self.label.endswith("_Task"),
            "change": not self.is_read,
        }[breaks]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One request of the seed of one image, broken in one way."""

    image: str
    step: Step
    way: str


def vcenter_steps(requests):
    """Gives the steps of a seed to the vCenter and its hosts: each change, and of each read the first, the middle and the last."""
    seen = collections.Counter()
    found = []
    for request in requests:
        if "http" not in request:
            continue
        method = request.get("method")
        when = {"method": method} if method else {"http": request["http"], "path": "^/" + request["path"].split("/")[1]}
        label = method or f"{request['http']} {when['path'][1:]}"
        seen[label] += 1
        found.append(Step(label, when, seen[label], bool(method) and is_read(method)))
    wanted = {label: {1, (count + 1) // 2, count} for label, count in seen.items()}
    return [step for step in found if FULL or not step.is_read or step.nth in wanted[step.label]]


def glance_cases(image, paths):
    """Gives the cases of the requests to Glance."""
    return [
        Case(image, Step("GET file" if "/file" in path else "GET image", None, number, True), way)
        for number, path in enumerate(paths, 1)
        for way in ApiProxy.KINDS
        if "/file" in path or way not in ("flip", "whole", "short")
    ]


class Walker:
    """One simulator, one proxy of Glance, and a judge."""

    def __init__(self, folder, cloud, images):
        self.vcenter = VCenter(folder)
        self.glance = ApiProxy(folder, cloud)
        self.images = images
        os.environ["OS_CLIENT_CONFIG_FILE"] = str(self.glance.clouds)

    def close(self):
        """Ends what was started."""
        self.vcenter.close()
        self.glance.close()

    def seed(self, image, way=None, fired=None):
        """Runs image_cache. The way's signal comes once ``fired`` says true."""
        params = options(self.vcenter.connection, [self.images[image].id], openstack={"cloud": "proxied"})
        if way is None or way.signal is None:
            return run(params)
        return run(params, fired, way.signal)

    def wrong(self, image):
        """Gives the datastores where Nova would boot something that is not the image, and those where it sees it."""
        one = self.images[image]
        seen = sorted(name for name, size in self.vcenter.nova(one.id).items() if size is not None)
        return [name for name in seen if self.vcenter.disk(name, one.id) != one.content], seen

    def steps(self, image):
        """Gives the cases of an image, by a seed that nothing breaks."""
        self.vcenter.empty()
        self.glance.set("none", 0)
        mark = self.vcenter.mark()
        result, error, text = self.seed(image)
        assert result, (image, error, text)
        cases = [Case(image, step, name) for step in vcenter_steps(self.vcenter.requests(mark)) for name, way in WAYS.items() if step.can(way.breaks)]
        return cases + glance_cases(image, self.glance.paths)

    def walk(self, case):
        """Breaks one run and does another. Gives ``(did it break, what is wrong or an empty text, its error or None)``."""
        self.vcenter.empty()
        self.glance.set("none", 0)
        if case.step.when is None:
            self.glance.set(case.way, case.step.nth)
            result, error, text = self.seed(case.image)
            fired = self.glance.fault.fired
            self.glance.set("none", 0)
        else:
            way = WAYS[case.way]
            with self.vcenter.rule(case.step.when, way.do, case.step.nth):
                result, error, text = self.seed(case.image, way, self.vcenter.fired)
                fired = self.vcenter.fired()
        problems = []
        if error is not None and not error.isupper():
            problems.append(f"ended with {error}: {text}")
        bad, seen = self.wrong(case.image)
        if bad:
            problems.append(f"Nova would boot a wrong disk on {bad}")
        if result is not None and seen != list(DATASTORES):
            problems.append(f"said that all is well, and Nova sees the image on {seen} only")
        time.sleep(max(0.0, self.glance.down_until - time.monotonic()))  # until a Glance that restarts is there again
        result, again, text = self.seed(case.image)
        if result is None:
            problems.append(f"the next run failed with {again}: {text}")
        bad, seen = self.wrong(case.image)
        if bad or seen != list(DATASTORES):
            problems.append(f"after the next run Nova sees the image on {seen}, wrong: {bad}")
        if case.way in ("kill", "term") and self.vcenter.left():  # the server did the dead run's PUT, which makes folders, after the clean-up
            self.seed(case.image)
        if self.vcenter.left():
            problems.append(f"the next run left {self.vcenter.left()}")
        return fired, "; ".join(problems), error


def sample(cases):
    """Gives one case for each way and method that changes something, and for every third way and method that reads.

    Of the images and of the places in the seed a random one, the same in each run.
    """
    mixed = random.Random(1).sample(cases, len(cases))
    ways, labels = [*WAYS, *ApiProxy.KINDS], sorted({case.step.label for case in cases})
    chosen = {(case.way, case.step.label): case for case in mixed}
    return [
        case for (way, label), case in chosen.items()
        if not case.step.is_read or case.step.when is None or (ways.index(way) + labels.index(label)) % 3 == 0
    ]  # fmt: skip


def report(case, fired, problem, error):
    """Writes one line on a case to the file FAULT_WALK_LOG, for whoever waits for a long walk."""
    if os.environ.get("FAULT_WALK_LOG"):
        with open(os.environ["FAULT_WALK_LOG"], "a", encoding="utf-8") as log:
            log.write(f"{case.image}: {case.step.label} {case.step.nth}, {case.way}: fired {fired}, {error}, {problem or 'fine'}\n")


def work(folder, cloud, images, cases, answers):
    """Walks some cases in a process of its own."""
    walker = Walker(folder, cloud, images)
    try:
        for case in cases:
            try:
                answers.put((case, *walker.walk(case)))
            except BaseException:  # pylint: disable=broad-except
                answers.put((case, False, traceback.format_exc(), None))
    finally:
        walker.close()
        answers.put(None)


@dataclass(frozen=True)
class Image:
    """An image in Glance, and the SHA-256 of what its guest reads."""

    id: str
    content: str


@pytest.fixture(scope="module")
def images(cloud, tmp_path_factory):
    """A small image of each way to travel: ``{name: Image}``. ``holes`` is flat and mostly empty."""
    folder = tmp_path_factory.mktemp("images")
    noise = random.Random(7)
    (folder / "full").write_bytes(noise.randbytes(CAPACITY))
    (folder / "holes").write_bytes(noise.randbytes(CAPACITY // 8) + bytes(8 * CAPACITY - CAPACITY // 8))
    made = {}
    for name, raw, subformat, disk_type in (
        ("sparse", "full", "monolithicSparse", "sparse"), ("stream", "full", "streamOptimized", "streamOptimized"),
        ("flat", "full", None, "thin"), ("holes", "holes", None, "thin"),
    ):  # fmt: skip
        file = convert(folder / raw, folder / name, subformat) if subformat else folder / raw
        image_id = upload(cloud, f"walk-{name}", file.read_bytes(), hw_disk_type=disk_type)
        made[name] = Image(image_id, hashlib.sha256((folder / raw).read_bytes()).hexdigest())
    yield made
    for image in made.values():
        cloud.image.delete_image(image.id)


def test_walk(cloud, images, tmp_path, capsys):
    first = Walker(tmp_path / "first", cloud, images)
    try:
        every = [case for image in images for case in first.steps(image)]
    finally:
        first.close()
    cases = every if FULL else sample(every)
    answers = FORK.Queue()
    workers = [FORK.Process(target=work, args=(tmp_path / str(number), cloud, images, cases[number::WORKERS], answers)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    results, ended = [], 0
    try:
        while ended < WORKERS:
            answer = answers.get(timeout=SECONDS)
            ended += answer is None
            if answer is not None:
                results.append(answer)
                report(*answer)
    except queue.Empty:
        results.append((cases[0], False, "a worker hangs", None))
    finally:
        for worker in workers:
            worker.terminate()
    broken = collections.Counter(case.way for case, fired, _problem, _error in results if fired)
    codes = collections.Counter(error or "went well" for _case, fired, _problem, error in results if fired)
    problems = [f"{case.image}: {case.step.label} {case.step.nth}, {case.way}: {text}" for case, _fired, text, _error in results if text]
    with capsys.disabled():
        print(f"\n{len(cases)} of {len(every)} combinations of {len({(case.image, case.step.label, case.step.nth) for case in every})} requests and "
              f"{len(WAYS) + len(ApiProxy.KINDS)} ways; broken: {sum(broken.values())} {dict(broken)}")  # fmt: skip
        print(f"ended as: {dict(codes)}")
        print(f"wrong bootable images: {sum('wrong disk' in text for text in problems)}, "
              f"left after the next run: {sum('run left' in text for text in problems)}, problems: {len(problems)}")  # fmt: skip
    assert problems == []
    assert len(results) == len(cases)
    assert set(broken) == {*WAYS, *ApiProxy.KINDS}, "a way broke nothing"
    assert sum(broken.values()) > 0.9 * len(cases)
