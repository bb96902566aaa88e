# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a nova-compute may be doing in a cache right now.

Nova takes its locks within a process, so nobody else can (nova/virt/vmwareapi/vmops.py, ``_fetch_image_if_missing`` and
``_use_disk_image_as_linked_clone``). What can be seen is what was written last, and when.

Where Nova fetches a flat, sparse or iso image, it moves a whole folder into the cache as we do, and takes ours when that is there first. For a
streamOptimized one it imports ``OSTACK_IMG_<uuid>``, then makes the folder, which fails when it is there, and moves the disk in
(``_cache_stream_optimized_image``). So that is what must be waited for.
"""

from __future__ import annotations

import datetime
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import look_into
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files

# A nova-compute that is at work writes all the time; what has been quiet for so long was left behind.
AT_WORK = datetime.timedelta(minutes=15)
WAIT = 120  # seconds to wait for one at the most
POLL = 2  # seconds
_IMPORTS = "OSTACK_IMG_*"  # nova/virt/vmwareapi/constants.py, IMAGE_VM_PREFIX


def is_at_work(session, listed):
    """Says whether any of these files was written, or any folder made, so lately that somebody may still be at it.

    :arg listed: list of ``vsphere.files.File``; the server that gave their times is asked for its own.
    """
    times = [file.modified for file in listed if file.modified is not None]
    return bool(times) and session.now() - max(times) < AT_WORK


def look(session, location, image_id):
    """Judges what is in the place of an image.

    :returns: ``(audit.Entry or None, whether a nova-compute may be at work there)``.
    """
    there = look_into(session, location, image_id, location.image_path(image_id))
    # A disk that Nova moves in has its extent and its size at once. So a folder with an extent is nobody's work in progress.
    if there is None or there.state != audit.BROKEN or there.has_data:
        return there, False
    (folder,) = files.list_names(session, [(location.datastore.browser, location.place, location.base_path)], image_id)
    return there, is_at_work(session, [*folder, *there.files])


def wait_for_imports(session, location, capacity):
    """Waits until no nova-compute imports a streamOptimized disk of this size, or less, to a datastore, or for two minutes.

    After that nothing is worse than without: a boot that finds our folder fails, and is scheduled anew.

    :arg capacity: bytes of the disk. The name of an import does not tell the image.
    """
    deadline = time.monotonic() + WAIT
    while _importing(session, location, capacity) and time.monotonic() < deadline:
        time.sleep(POLL)


def _importing(session, location, capacity):
    browser, place = location.datastore.browser, location.place
    names = [folder.name for folder in files.list_names(session, [(browser, place, place.path())], _IMPORTS)[0]]
    folders = [(browser, place.path(name)) for name in names]
    for tree in files.open_disks(session, folders, files.list_trees(session, folders)):
        inside = [file for listing in (tree or {}).values() for file in listing]
        capacities = [file.disk.capacity for file in inside if file.disk and file.disk.capacity]
        # Without one, the folder is so new that there is no disk yet, or the import holds the lock of its disk.
        if (not capacities or any(capacity <= size < capacity + (1 << 20) for size in capacities)) and is_at_work(session, inside):
            return True
    return False
