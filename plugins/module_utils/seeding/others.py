# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a nova-compute may be doing in a cache right now.

Nova takes its locks within a process, so nobody else can (nova/virt/vmwareapi/vmops.py, ``_fetch_image_if_missing`` and
``_use_disk_image_as_linked_clone``). What can be seen is what was written last, and when.
"""

from __future__ import annotations

import datetime

# A nova-compute that is at work writes all the time; what has been quiet for so long was left behind.
AT_WORK = datetime.timedelta(minutes=15)


def is_at_work(session, files):
    """Says whether any of these files was written, or any folder made, so lately that somebody may still be at it.

    :arg files: list of ``vsphere.files.File``; the server that gave their times is asked for its own.
    """
    times = [file.modified for file in files if file.modified is not None]
    return bool(times) and session.now() - max(times) < AT_WORK
