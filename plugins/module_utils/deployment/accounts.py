# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts that nova-computes log in with, as they are and as they were. Pure."""

from __future__ import annotations


def accounts(lines, computes, moving):
    """Returns which accounts of vCenters are in use, each as ``<host_ip> <host_username>``.

    :arg lines: ``used <nova-compute> <host_ip> <host_username>`` for each configuration on the host, and ``replaced <host_ip> <host_username>`` for
        each account that a rotation has replaced and that is not dropped yet.
    :arg computes: all nova-computes of the host, as the filter ``computes`` gives them.
    :arg moving: names of those that the run moves.
    :returns: the lists ``used``, ``replaced``, ``after``, which is what is used when the run has moved its nova-computes, also where check mode did
        not move them, and ``leaving``, which is what is used now and is no longer in the inventory.
    """
    wanted = {compute["host"]: "{host_ip} {host_username}".format(**compute["config"]["vmware"]) for compute in computes}
    used, replaced, after = [], [], []
    for line in lines:
        kind, rest = line.split(" ", 1)
        if kind == "replaced":
            replaced.append(rest)
            continue
        host, account = rest.split(" ", 1)
        used.append(account)
        after.append(wanted[host] if host in moving else account)
    leaving = [account for account in dict.fromkeys(used) if account not in wanted.values()]
    return {"used": used, "replaced": replaced, "after": after, "leaving": leaving}
