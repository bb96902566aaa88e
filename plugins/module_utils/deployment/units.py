# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of nova-computes: since when they run, and which a run would restart. Pure."""

from __future__ import annotations

import re


def starts(text, unit):
    """Returns the second of the epoch at which the process of each nova-compute started, by its name. One that never ran has no entry.

    :arg text: what ``systemctl show --property=Id,ExecMainStartTimestamp --timestamp=unix`` printed: a block a unit.
    :arg unit: the unit's name before that of the nova-compute, such as ``nova-vmware@``.
    """
    found = {}
    for block in text.split("\n\n"):
        name = re.search(rf"(?m)^Id={re.escape(unit)}(.+)[.]service$", block)
        since = re.search(r"(?m)^ExecMainStartTimestamp=@([0-9]+)$", block)
        if name and since:
            found[name[1]] = int(since[1])
    return found


def written_for(result):
    """Returns the name of the nova-compute that a result of a loop is about: its item is that name, or has it as ``host`` or ``key``."""
    item = result["item"]
    return item if isinstance(item, str) else item.get("host") or item.get("key") or ""


def rewritten(tasks, hosts, unit_changed):
    """Returns the names of the nova-computes whose files a run has written, or would write. Check mode knows by it what would be restarted.

    :arg tasks: what tasks that write files have registered, each with its ``results``.
    :arg hosts: the names of all that the run is about.
    :arg unit_changed: the unit that all of them share was written.
    """
    if unit_changed:
        return list(hosts)
    return list(dict.fromkeys(written_for(result) for task in tasks for result in task.get("results", ()) if result["changed"]))
