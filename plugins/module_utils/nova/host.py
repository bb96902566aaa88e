# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of a hypervisor Nova's vmwareapi driver counts. Pure."""

from __future__ import annotations


def counts(host):
    """Tells whether Nova counts a host: it is connected and not in maintenance.

    Rule: nova/virt/vmwareapi/vm_util.py, ``get_stats_from_cluster``. Nova and this collection send nothing through other hosts either.

    :arg host: anything with ``connection_state`` and ``maintenance``, as ``inventory.Host`` has them.
    """
    return host.connection_state == "connected" and not host.maintenance
