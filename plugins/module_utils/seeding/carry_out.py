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
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import inspect
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import FROM_GLANCE
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.push import push
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals


def carry_out(job, works, report):
    """Does the steps of all images. An image that fails does not stop the others.

    What other datastores hold and could not be copied from there is read from Glance in the end.

    :arg job: the :class:`job.Job`. :arg works: list of :class:`work.Work`.
    :arg report: a :class:`report.Report`, which is told how each step went.
    :raises NovaVmwareError: the error of the one image that failed; ``SEED_INCOMPLETE`` where several did.
    """
    with _worker(job) as worker:
        unserved = _push_and_copy(job, worker, works, report)
        _push_and_copy(job, worker, _from_glance(job, unserved, report), report)
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
def _worker(job):
    """Makes an executor with one thread; at the end its work is done.

    When the main thread is cancelled, the thread stops at its next look, and what it staged is removed as well.
    """
    with ThreadPoolExecutor(max_workers=1, initializer=leave_signals) as executor:
        try:
            yield executor
        except BaseException:
            job.stop.set()
            raise


def _push_and_copy(job, worker, works, report):
    """Pushes images one after the other; the copies of each run in the worker's thread while the next is pushed.

    A push is bound by the network, a copy by the datastores.

    :returns: list of the :class:`work.Work` whose image could not be copied from other datastores.
    """
    copying = []
    for work in works:
        try:
            content = _push(job, work, report)
        except NovaVmwareError as error:
            report.failures.append(error)
        else:
            copying.append(worker.submit(_copy, job, work, content, report))
    unserved = [future.result() for future in copying]
    return [work for work in unserved if work is not None]


def _push(job, work, report):
    """Does the push of one image, where its plan has one. Returns the :class:`content.Content` of what was sent, or None."""
    if work.set_min_disk:
        glance_images.set_min_disk(job.glance, work.image.id, work.min_disk)
    content = work.content
    for step in work.steps:
        if step.action in FROM_GLANCE:
            place = work.places[step.moid]
            done = push(job, work, place)
            report.done(work.image, place, done)
            content = done.content
    return content


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
