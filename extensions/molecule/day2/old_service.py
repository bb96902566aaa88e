# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: old_service.py add|remove: the record of a nova-compute of Nova 33 in the lab's Nova, of a host that is not there.

Controllers are upgraded before nova-computes. A nova-compute that is older than all that Nova knows does not start (nova/objects/service.py,
``_check_minimum_version``, ServiceTooOld), and other scenarios may have registered newer ones by now. With this record there has been an old one before.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab"))

from labctl import services  # noqa: E402

HOST = "molecule-before"
VERSION = 72  # of Nova 33 (nova/objects/service.py, SERVICE_VERSION)

with services.database("nova") as connection, connection.cursor() as cursor:
    cursor.execute("delete from services where host = %s", (HOST,))
    if sys.argv[1:] == ["add"]:
        cursor.execute(
            "insert into services (created_at, host, `binary`, topic, report_count, disabled, forced_down, deleted, version, uuid)"
            " values (utc_timestamp(), %s, 'nova-compute', 'compute', 0, 0, 0, 0, %s, uuid())",
            (HOST, VERSION),
        )
