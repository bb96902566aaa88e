# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``vsphere_host_firewall``: a ruleset of the ESXi hosts' firewalls."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory, pyvmomi


@dataclass(frozen=True)
class Ruleset:
    """A ruleset of one host's firewall as it is, and as it is to be. ``host`` is an :class:`inventory.Host`."""

    host: inventory.Host
    enabled: bool
    wanted: bool

    @property
    def changes(self):
        """Whether it is to be changed."""
        return self.enabled != self.wanted


def run(params, check_mode):
    """Opens or closes a ruleset on the hosts of hypervisors.

    :arg params: the module's options.
    :returns: its result.
    :raises NovaVmwareError: ``RULESET_UNKNOWN`` or ``HOST_NOT_FOUND``, before anything is changed; or vCenter refuses. Hosts that were changed before
        stay changed.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    name, wanted = params["ruleset"], params["state"] == "enabled"
    wishes = registry.wanted(params["hypervisors"])
    with registry.login(params, wishes) as session:
        hosts = chosen(registry.read(session, wishes, need_datastores=False), params["hosts"])
        found = plan(inventory.firewalls(session, [host.moid for host in hosts]), hosts, name, wanted)
        todo = [] if check_mode else [one.host for one in found if one.changes]
        systems = inventory.firewall_systems(session, [host.moid for host in todo]) if todo else {}
        for host in todo:
            inventory.set_ruleset(session, host, systems[host.moid], name, wanted)
        skipped = sorted({host.name for host in hosts} - {ruleset.host.name for ruleset in found})
        if skipped:
            session.warnings.append(f"The firewall was not looked at on hosts that are not connected: {', '.join(skipped)}.")
        return {
            "changed": any(ruleset.changes for ruleset in found),
            "hosts": [
                {"name": one.host.name, "moid": one.host.moid, "enabled": wanted, "changed": one.changes} for one in found
            ],
            "diff": {
                "before": {one.host.name: {name: one.enabled} for one in found},
                "after": {one.host.name: {name: one.wanted} for one in found},
            },
            "warnings": session.warnings,
        }  # fmt: skip


def chosen(hypervisors, names):
    """Returns the hosts of hypervisors, each once; with ``names`` only those of these names. Pure.

    :raises NovaVmwareError: ``HOST_NOT_FOUND``.
    """
    hosts = {host.moid: host for hypervisor in hypervisors for host in hypervisor.hosts}
    if names is None:
        return list(hosts.values())
    missing = sorted(set(names) - {host.name for host in hosts.values()})
    if missing:
        raise NovaVmwareError(
            "HOST_NOT_FOUND",
            f"The hypervisors have no host {', '.join(repr(name) for name in missing)}. They have: {', '.join(sorted(host.name for host in hosts.values()))}.",
            "Give names as vCenter shows them.",
        )
    return [host for host in hosts.values() if host.name in names]


def plan(firewalls, hosts, name, wanted):
    """Returns a :class:`Ruleset` for each host whose firewall can be read. Pure.

    :arg firewalls: ``{host moid: {name of a ruleset: whether it is open}}``.
    :raises NovaVmwareError: ``RULESET_UNKNOWN``: a host has no such ruleset.
    """
    found = [(host, firewalls[host.moid]) for host in hosts if host.connection_state == "connected" and host.moid in firewalls]
    lacking = sorted(host.name for host, rulesets in found if name not in rulesets)
    if lacking:
        raise NovaVmwareError(
            "RULESET_UNKNOWN",
            f"The firewall of {', '.join(lacking)} has no ruleset {name!r}.",
            "See the names with: esxcli network firewall ruleset list",
        )
    return [Ruleset(host, rulesets[name], wanted) for host, rulesets in found]
