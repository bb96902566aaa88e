# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries the plan of all images out: pushes one image after the other, while the copies of those before run."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.copy import copy_image
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Done
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import inspect
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.pull import REFUSED
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.push import bring
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals


def carry_out(job, works, report):
    """Does the steps of all images. An image that fails does not stop the others.

    What other datastores hold and could not be copied from there is read from Glance in the end.

    :arg job: the :class:`job.Job`. :arg works: list of :class:`work.Work`.
    :arg report: a :class:`report.Report`, which is told how each step went.
    :raises NovaVmwareError: the error of the one image that failed; ``SEED_INCOMPLETE`` where several did.
    """
    with _threads(job) as (fetching, copying):
        unserved = _bring_and_copy(job, fetching, copying, works, report)
        _bring_and_copy(job, fetching, copying, _from_glance(job, unserved, report), report)
    if len(report.failures) == 1:
        report.failures[0].details["images"] = report.images
        raise report.failures[0]
    if report.failures:
        raise NovaVmwareError(
            "SEED_INCOMPLETE",
            f"{len(report.failures)} of {len(works)} images are not everywhere: " + " ".join(error.what for error in report.failures),
            "The others are. Remove the cause, then run this again: only what is missing is repeated.",
            {"failures": [error.to_result() for error in report.failures], "images": report.images},
        )


@contextlib.contextmanager
def _threads(job):
    """Makes two executors, for pulls and for copies; at the end their work is done.

    When the main thread is cancelled, their threads stop at their next look, and what they staged is removed as well.
    """
    with contextlib.ExitStack() as stack:
        fetching = stack.enter_context(ThreadPoolExecutor(max_workers=job.options.limits.pulls, initializer=leave_signals))
        copying = stack.enter_context(ThreadPoolExecutor(max_workers=1, initializer=leave_signals))
        try:
            yield fetching, copying
        except BaseException:
            job.stop.set()
            raise


def _bring_and_copy(job, fetching, copying, works, report):
    """Pushes images one after the other, while hosts fetch others; the copies of each run while the next comes.

    A push is bound by the network, a copy by the datastores.

    :returns: list of the :class:`work.Work` whose image could not be copied from other datastores.
    """
    copied = []
    pulled = [
        [fetching.submit(_pull, job.numbered(number), work, step, report) for number, step in enumerate(step for step in work.steps if step.action == "pull")]
        for work in works
    ]
    # What is pushed goes first: it need not wait for anybody.
    for work, pulls in sorted(zip(works, pulled), key=lambda pair: bool(pair[1])):
        try:
            brought, content = _brought(job, work, [pull.result() for pull in pulls], report)
        except NovaVmwareError as error:
            report.failures.append(error)
        else:
            copied.append(copying.submit(_copy, job, brought, content, report))
    unserved = [future.result() for future in copied]
    return [work for work in unserved if work is not None]


def _pull(job, work, step, report):
    """Lets a host fetch one image to one datastore.

    :returns: ``(step, outcome)``: a :class:`job.Done`, or the error; None where no host is asked any more.
    """
    if job.pushes.is_set():
        return step, None
    place = work.places[step.moid]
    try:
        job.refuse_cancelled(f"The pull of the image {work.image.name}")
        done = bring(job, work, place, "pull")
    except NovaVmwareError as error:
        if _may_push(job, error):
            job.pushes.set()  # the next images would meet the same
        return step, error
    report.done(work.image, place, done)
    return step, done


def _may_push(job, error):
    """Says whether a push may do what a pull could not."""
    return isinstance(error, REFUSED) and job.options.upload_through != "pull"


def _brought(job, work, pulls, report):
    """Pushes an image where its plan says so. Where hosts could not fetch it, it is planned anew without them.

    :arg pulls: what :func:`_pull` gave for each of its pulls.
    :returns: ``(work.Work, content.Content or None)``: what is left to copy, and the content of what was brought.
    :raises NovaVmwareError: what failed; there are no copies then.
    """
    if work.set_min_disk:
        glance_images.set_min_disk(job.glance, work.image.id, work.min_disk)
    there = {step.moid: outcome for step, outcome in pulls if isinstance(outcome, Done)}
    errors = [outcome for _step, outcome in pulls if isinstance(outcome, NovaVmwareError)]
    for error in errors:
        if not _may_push(job, error):
            raise error
    if len(there) < len(pulls):
        work = work.without_pulls(there, job.options.limits)
        report.replanned(work)
    for error in errors[:1]:
        instead = "copied" if there else "pushed"
        job.session.warnings.append(f"The image {work.image.name} was {instead}, since no ESXi host could fetch it: {error.what} {error.hint}".strip())
    content = next((done.content for done in there.values()), work.content)
    for step in work.steps:
        if step.action == "push":
            done = bring(job, work, work.places[step.moid], "push")
            report.done(work.image, work.places[step.moid], done)
            content = done.content
    return work, content


def _copy(job, work, content, report):
    """Does the copies of one image. Returns its work where other datastores hold it and nothing could be copied from them, or None."""
    try:
        copy_image(job, work, content, report)
    except NovaVmwareError as error:
        if work.elsewhere and not report.has_made(work.image):
            job.session.warnings.append(f"The image {work.image.name} was read from Glance, since it could not be copied: {error.what}")
            return work
        report.failures.append(error)
    return None


def _from_glance(job, works, report):
    """Plans images anew, so that they are pushed. Returns a list of :class:`work.Work`, without those that can't be read."""
    again = []
    for work in works:
        planned = work.from_glance(job.options.limits)
        report.replanned(planned)
        try:
            again.append(replace(planned, disk=planned.disk or inspect(planned.image, planned.source)))
        except NovaVmwareError as error:
            report.failures.append(error)
        else:
            report.reads_glance(planned.image)
    return again
