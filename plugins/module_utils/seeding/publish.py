# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves a staged image into the cache, with others at work on the same image: another seeder, or a nova-compute."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import audit, others, removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.locations import look_into
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault


class PublishError(NovaVmwareError):
    """The image could not be published. What Nova sees is what was there before."""


def publish(session, image, stage, capacity):
    """Moves the staged folder into the cache: the moment from which Nova sees the image.

    Of several writers one wins, since a move never overwrites; who loses judges what is there and accepts it when it is whole. What is
    broken goes into the stage, and with it away. A folder without a disk in which something was written lately may be where a
    nova-compute is about to put one, so it is waited for.

    :arg capacity: bytes of the disk.
    :raises PublishError: ``FOLDER_IN_USE``: a folder without a disk stayed as it is.
    :raises NovaVmwareError: a broken image is in use, or the server refused.
    """
    location = stage.location
    files.make_directory(session, location.place, location.base)
    if image.kind == "streamOptimized":
        others.wait_for_imports(session, location, capacity)
    deadline = time.monotonic() + others.WAIT
    replaced = 0
    while True:
        try:
            files.move(session, location.place, stage.folder, location.image_path(image.id))
            return
        except VSphereFault as fault:
            if fault.fault != "FileAlreadyExists" or replaced > 1:
                raise
        there, at_work = look(session, location, image.id)
        if there is None:
            replaced += 1  # it went away meanwhile
            continue
        if there.state != audit.BROKEN:  # what can't be told is not ours to replace
            return
        if not at_work:
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


def look(session, location, image_id):
    """Judges what is in the place of an image.

    :returns: ``(audit.Entry or None, whether a nova-compute may be at work there)``.
    """
    browser, path = location.datastore.browser, location.image_path(image_id)
    there = look_into(session, location, image_id, path)
    # A disk that Nova moves in has its extent and its size at once. So a folder with an extent is nobody's work in progress.
    if there is None or there.state != audit.BROKEN or there.has_data:
        return there, False
    folder = files.list_names(session, [(browser, location.base_path)], image_id)[0]
    return there, others.is_at_work(session, [*folder, *there.files])


def _replace(session, image, stage, number):
    """Moves a broken folder out of the way.

    :returns: True when it turned out to be whole: another seeder had just replaced it. It is where it was, then.
    """
    location = stage.location
    target, away = location.image_path(image.id), f"{stage.root}/replaced-{number}"
    removal.refuse_used(session, [(location, image.id)])
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
