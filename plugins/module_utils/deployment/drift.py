# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the inventory and what is there. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.units import written_for

SERVICES = {"broker": "message broker", "keystone": "Keystone", "placement": "Placement", "neutron": "Neutron", "glance": "Glance"}
WRITTEN = ("as the role writes it", "another text; --diff shows it")


@dataclass(frozen=True)
class Difference:
    """One thing that differs. ``host`` is the name of the nova-compute."""

    host: str
    what: str
    expected: str
    found: str


@dataclass(frozen=True)
class Facts:
    """What a compute host has, each dict by the name of the nova-compute.

    ``deployed`` and ``kept`` are names: those with a configuration, and those that a rollout which was cut short has left. ``venv`` is what the link
    leads to, ``state`` the two words of systemd, ``process`` the venv that the process runs from, ``old`` a file that is younger than the process.
    """

    deployed: list = field(default_factory=list)
    kept: list = field(default_factory=list)
    venv: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)
    process: dict = field(default_factory=dict)
    old: dict = field(default_factory=dict)


def read(lines):
    """Returns the :class:`Facts` that the script of tasks/drift.yml has printed. :arg lines: each ``<kind> <nova-compute> [<value>]``."""
    facts = Facts()
    for line in lines:
        kind, host, *value = line.split(" ", 2)
        if kind in ("deployed", "kept"):
            getattr(facts, kind).append(host)
        else:
            getattr(facts, kind)[host] = value[0] if value else ""
    return facts


def differences(lines, hosts, computes, venv, files, unit_changed, cluster_states, missing, reached):
    """Returns what differs, a dict of ``host``, ``what``, ``expected`` and ``found`` each.

    :arg lines: what the script of tasks/drift.yml has printed.
    :arg hosts: the names of all nova-computes of the inventory for this host.
    :arg computes: those that the run is about, as the filter ``computes`` gives them.
    :arg venv: what each should run from.
    :arg files: ``{name of a file: what the task that writes it has registered}``, one result a nova-compute.
    :arg unit_changed: the unit differs.
    :arg cluster_states: results of ``vsphere_cluster_settings`` in check mode, one a call.
    :arg missing: lines of the filter ``missing``.
    :arg reached: what ``compute_host_info`` gives as ``compute_host.openstack``.
    """
    facts = read(lines)
    found = [Difference(host, "rollout", "none under way", "one that was cut short; run it again") for host in facts.kept]
    for name, task in files.items():
        changed = [written_for(result) for result in task.get("results", ()) if result["changed"]]
        found += [Difference(host, name, *WRITTEN) for host in changed if host in facts.deployed]
    foreign = dict.fromkeys(host for host in facts.deployed if host not in hosts)
    found += [Difference(host, "deployed", "not in nova_vcdriver_computes", "deployed; remove_cluster.yml removes it") for host in foreign]
    for compute in computes:
        found += _runs(compute["host"], facts, venv, unit_changed)
    for result in cluster_states:
        found += _settings(result, computes)
    for line in missing:
        host, what = line.split(": ", 1)
        found.append(Difference(host, "Nova and Placement", "up, enabled, with the resources of vCenter", what))
    for one in reached:
        if one["problem"] not in (None, "unknown"):
            found += [Difference(host, SERVICES[one["service"]], "works from the compute host", one["error"]) for host in one["computes"]]
    return [asdict(difference) for difference in found]


def _runs(host, facts, venv, unit_changed):
    """Yields what differs in how one nova-compute runs."""
    if host not in facts.deployed:
        yield Difference(host, "deployed", "deployed", "not on this host; add_cluster.yml deploys it")
        return
    link, state, process = facts.venv.get(host, ""), facts.state.get(host, ""), facts.process.get(host, "")
    if link != venv:
        yield Difference(host, "release", venv, link or "none")
    if state != "active enabled":
        yield Difference(host, "unit", "active enabled", state or "none")
    elif process != link:
        yield Difference(host, "process", f"runs from {link}", f"runs from {process or 'nothing'}; restart it")
    if host in facts.old:
        yield Difference(host, "process", "younger than its files", f"older than {facts.old[host]}; restart it")
    if unit_changed:
        yield Difference(host, "unit file", *WRITTEN)


def _settings(result, computes):
    """Yields each cluster of a call whose DRS or HA differs."""
    for cluster in result["clusters"]:
        if cluster["changed"]:
            names = (cluster["cluster_name"], cluster["path"])
            ours = [one for one in computes if one["vcenter"] == result["item"]["vcenter"] and one["cluster"]["cluster_name"] in names]
            expected = json.dumps({"drs": cluster["drs"], "ha": cluster["ha"]})
            yield Difference(ours[0]["host"], "cluster settings", expected, json.dumps(cluster["before"]))
