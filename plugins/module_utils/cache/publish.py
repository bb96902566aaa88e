# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves a staged image into the cache, with others at work on the same image: another seeder, or a nova-compute."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, others, removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import look_into
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault


class PublishError(NovaVmwareError):
    """The image could not be published. What Nova sees is what was there before."""


def publish(session, image, stage, capacity):
    """Moves the staged folder into the cache: the moment from which Nova sees the image.

    Of several writers one wins, since a move never overwrites; who loses judges what is there and accepts it when it is whole. What is
    broken goes into the stage, and with it away. A folder without a disk in which something was written lately may be where a
    nova-compute is about to put one, so it is waited for. A move that stops half-way is undone, by the next run where this one is killed.

    :arg capacity: bytes of the disk.
    :raises PublishError: ``FOLDER_IN_USE``: a folder without a disk stayed as it is.
    :raises NovaVmwareError: a broken image is in use, or the server refused.
    """
    location = stage.location
    if location.place.namespaces is None:  # there an image's folder is made with those above it
        files.make_directory(session, location.place, location.base)
    if image.kind == "streamOptimized":
        others.wait_for_imports(session, location, capacity)
    deadline = time.monotonic() + others.WAIT
    replaced = 0
    while True:
        if _move_in(session, image, stage):
            return
        there, at_work = others.look(session, location, image.id)
        if there is None:
            replaced += 1  # it went away meanwhile
        elif there.state != audit.BROKEN:  # what can't be told is not ours to replace
            return
        elif not at_work:
            replaced += 1
            if _replace(session, image, stage, replaced):
                return
        elif time.monotonic() > deadline:
            raise PublishError(
                "FOLDER_IN_USE",
                f"The folder {there.path} has no whole disk and was written a moment ago: a nova-compute may be about to put the image there.",
                f"Run this again in {others.AT_WORK.seconds // 60} minutes: when it is still so by then, it is replaced.",
                {"files": {file.name: file.size for file in there.files}},
            )
        else:
            time.sleep(others.POLL)
        if replaced > 2:
            raise PublishError(
                "FOLDER_CHANGES",
                f"The folder {location.image_path(image.id)} comes and goes: somebody else works on it.",
                "Find out who does, and run this again.",
            )


def _move_in(session, image, stage):
    """Tries to move the staged folder into the cache. Gives False where there is one already.

    A mark in the stage tells the next run what a killed one was at. Without a folder before, what is there after a failure is this run's.
    """
    location = stage.location
    if files.list_names(session, [(location.datastore.browser, location.place, location.base_path)], image.id)[0]:
        return False
    files.make_directory(session, location.place, stage.publishing, parents=False)
    try:
        files.move_folder(session, location.place, stage.folder, location.image_path(image.id), leave_source=True)
    except BaseException as error:
        if getattr(error, "fault", None) == "FileAlreadyExists":
            files.delete(session, location.place, location.place.path(stage.publishing))
            return False
        stage.unsure.append("a move that failed")
        with contextlib.suppress(NovaVmwareError):  # what can't be undone now is for the next run
            removal.drop_half(session, location, image.id, (audit.BROKEN, audit.UNKNOWN))
            stage.unsure.clear()
        raise
    return True


def _replace(session, image, stage, number):
    """Moves a broken folder out of the way.

    :returns: True when it turned out to be whole: another seeder had just replaced it. It is where it was, then.
    """
    location = stage.location
    target, away = location.image_path(image.id), f"{stage.root}/replaced-{number}"
    removal.refuse_used(session, [(location, image.id)])
    if location.place.namespaces is not None:  # a broken disk that is an object can't be moved
        there, _at_work = others.look(session, location, image.id)
        if there is None or there.state != audit.BROKEN:
            return there is not None
        files.delete(session, location.place, target)
        return False
    try:
        files.move(session, location.place, target, away)
    except VSphereFault as fault:
        if fault.fault != "FileNotFound":
            raise
        return False
    taken = look_into(session, location, image.id, away)
    if taken is None or taken.state == audit.BROKEN:
        return False
    with contextlib.suppress(VSphereFault):  # a third one may have been faster again, or ours takes its place
        files.move(session, location.place, away, target)
        return True
    return False
