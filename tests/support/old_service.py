# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the record of a nova-compute of Nova 33 into the lab's Nova, of a host that is not there, unless it has one.

In life controllers are upgraded before nova-computes, so there is an old one when they are. In the lab all begin at once: once Nova knows only newer
nova-computes, an older one does not start (nova/objects/service.py, ``_check_minimum_version``, ServiceTooOld). The conductor remembers the oldest version
that it has seen, so it is restarted where it may have seen none so old.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))

from labctl import services  # noqa: E402

HOST = "molecule-before"
VERSION = 72  # of Nova 33 (nova/objects/service.py, SERVICE_VERSION)

with services.database("nova") as connection, connection.cursor() as cursor:
    there = cursor.execute("select id from services where host = %s", (HOST,))
    newer = cursor.execute("select id from services where `binary` = 'nova-compute' and version > %s", (VERSION,))
    if not there:
        cursor.execute(
            "insert into services (created_at, host, `binary`, topic, report_count, disabled, forced_down, deleted, version, uuid)"
            " values (utc_timestamp(), %s, 'nova-compute', 'compute', 0, 0, 0, 0, %s, uuid())",
            (HOST, VERSION),
        )
if newer and not there:
    services.supervisor("restart", "nova-conductor")
    services.wait_agents()
