# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the molecule scenarios, and which may run at the same time."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# Groups on hosts of their own, with -n 4 side by side. In a group later ones use what earlier ones have installed.
GROUPS = (("rotation",), ("default", "multi_cluster", "decommission"), ("upgrade",), ("packages", "preflight"))
ORDER = [name for group in GROUPS for name in group]


def scenario(nodeid):
    """Gives the scenario's name of a test's id: test_integration[extensions-default]."""
    return nodeid.rpartition("[extensions-")[2].rstrip("]")


def pytest_collection_modifyitems(items):
    """A scenario that is not in GROUPS is an error: its hosts are not known to be its own."""
    items.sort(key=lambda item: ORDER.index(scenario(item.nodeid)))


class SideBySide(LoadScopeScheduling):
    """Gives each worker a group."""

    def _split_scope(self, nodeid):
        return next(str(number) for number, group in enumerate(GROUPS) if scenario(nodeid) in group)


def pytest_xdist_make_scheduler(config, log):
    return SideBySide(config, log)
