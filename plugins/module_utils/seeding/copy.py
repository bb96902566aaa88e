# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies one image from datastores that have it to others, by vSphere itself: round after round, all copies of a round at once."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import readback
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import Location
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.stage import Stage, staged
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.content import Content
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import sized
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.finish import finish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Done, Job
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import groups
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import Work
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files

AT_ONCE = 4  # calls to the vCenter for the copies of one image; each waits for its answer


def copy_image(job, work, expected, report):
    """Copies one image to where it is missing, round after round, then makes its copies for linked clones.

    :arg job: the :class:`job.Job`. :arg work: the image's :class:`work.Work`.
    :arg expected: the :class:`content.Content` of what was pushed, or None. Where copies are to be compared and nothing was pushed, the first
        source is read back.
    :arg report: a :class:`report.Report`, which is told of each copy that was made.
    :raises NovaVmwareError: ``SEED_INCOMPLETE``: some copies failed, or some copies for linked clones.
    """
    failures = {}
    for batch in work.rounds:
        failures.update({step.moid: failures[step.source] for step in batch if step.source in failures})
        pairs = [(work.everywhere[step.source], work.places[step.moid]) for step in batch if step.source not in failures]
        if not pairs:
            continue
        if job.options.reads_back and expected is None:
            expected = _content_of(job, work, pairs[0][0])
        for target, outcome in _copy_round(job, work, pairs, expected):
            if isinstance(outcome, NovaVmwareError):
                failures[target.datastore.moid] = outcome
            else:
                report.done(work.image, target, outcome)
    for root_gb, moids in work.sized_wanted.items():
        able = [work.places[moid] for moid in moids if moid not in failures]
        for places in groups([(place, place.hosts) for place in able], job.options.limits):
            for target, error in sized.make(job, work, root_gb, places):
                if error is not None:
                    failures[target.datastore.moid] = error
    if failures:
        reasons = sorted((work.places[moid].name, error.what) for moid, error in failures.items())
        raise NovaVmwareError(
            "SEED_INCOMPLETE",
            f"The image {work.image.name} ({work.image.id}) is not complete on {len(failures)} of {len(work.steps)} datastores: "
            + " ".join(f"{name}: {reason}" for name, reason in reasons),
            "The others have it. Remove the cause, then run this again: only these are repeated.",
        )


def _content_of(job, work, location):
    """Reads back what a datastore has in its cache, for copies of it to be compared with. Returns a :class:`content.Content`.

    :raises NovaVmwareError: it can't be read.
    """
    path = f"{location.base}/{work.image.id}"
    return readback.read(job.session, work.image, location, path, Content(work.capacity), job.rules, job.cancelled)


def _copy_round(job, work, pairs, expected):
    """Makes the copies of one round, all at once.

    :arg pairs: list of ``(source location, target location)``.
    :arg expected: the :class:`content.Content` that each copy must have, or None where only sizes are compared.
    :returns: ``[(target location, Done or error)]``: one that fails does not stop the others.
    """
    where = pairs[0][1].name if len(pairs) == 1 else f"{len(pairs)} datastores"
    with contextlib.ExitStack() as stack:
        step = stack.enter_context(progress.step("copy", work.image.name, where, work.capacity * len(pairs)))
        stages = stack.enter_context(contextlib.ExitStack())
        # What is short and waits for answers runs side by side, a few at once; the copies have common polls.
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=AT_ONCE, initializer=leave_signals))
        batch = _Round(job, work, expected, step, stages)
        prepared = list(pool.map(batch.prepare, pairs))
        ready = [one for one in prepared if isinstance(one, _Copy)]
        outcomes = [one for one in prepared if not isinstance(one, _Copy)]
        outcomes += pool.map(batch.end, ready, files.copy_all(job.session, [one.wish(work.image) for one in ready], batch.tick, pool.map))
        copied = sum(isinstance(outcome, Done) for _target, outcome in outcomes)
        step.reach(copied * work.capacity)
        if copied < len(pairs):
            step.outcome = f"{len(pairs) - copied} failed"
    return outcomes


@dataclass(frozen=True)
class _Copy:
    """A copy that vSphere is to make. ``own`` removes its stage."""

    source: Location
    target: Location
    stage: Stage
    own: contextlib.ExitStack

    def wish(self, image):
        """Returns the :class:`files.Copy`."""
        name = cache.image_file(image.id, image.disk_format)
        return files.Copy(
            f"copy the image {image.name} from {self.source.name} to {self.target.name}",
            self.source.place, f"{self.source.image_path(image.id)}/{name}", self.stage.location.place, f"{self.stage.folder}/{name}",
            None if image.kind == "iso" else image.cached_type, image.adapter_type,
        )  # fmt: skip


@dataclass(frozen=True)
class _Round:
    """The copies of one image that are made at once. ``stages`` removes what is left of their stages at the end."""

    job: Job
    work: Work
    expected: Content | None
    step: progress.Step
    stages: contextlib.ExitStack

    def prepare(self, pair):
        """Makes the stage of a copy. Returns a :class:`_Copy`, or ``(target location, error)``."""
        source, target = pair
        try:
            with contextlib.ExitStack() as own:
                stage = own.enter_context(staged(self.job.session, target, self.work.image.id, self.job.run_id))
                kept = own.pop_all()
        except NovaVmwareError as error:
            return target, error
        self.stages.push(kept)
        return _Copy(source, target, stage, kept)

    def tick(self, percents):
        """Tells how far the copies are, at each poll.

        :arg percents: of each copy, None where it is not known.
        :raises SeedError: ``CANCELLED``.
        """
        self.job.refuse_cancelled(f"The copying of the image {self.work.image.name}")
        told = [percent for percent in percents if percent is not None]
        self.step.reach(sum(self.work.capacity * percent // 100 for percent in told) if told else None)

    def end(self, copied, error):
        """Verifies and publishes a copy, and removes its stage.

        :arg copied: a :class:`_Copy`. :arg error: why vSphere did not make it, or None.
        :returns: ``(target location, Done or error)``.
        """
        try:
            with copied.own:
                if error is not None:
                    raise error
                found = finish(self.job, self.work.image, copied.stage, self.work.capacity, self.expected)
        except NovaVmwareError as caught:
            return copied.target, caught
        via = f"copy from {copied.source.name}"
        return copied.target, Done(self.step, "copy", via=via, seconds=self.step.seconds, bytes=self.work.capacity, thin=found.thin)
