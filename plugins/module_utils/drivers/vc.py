# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VCDriver's view of a vCenter: a cluster is one hypervisor."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import datastore as rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory

MIB = 1 << 20


class ClusterError(NovaVmwareError):
    """A cluster, or its datastore_regex, is not what nova.conf needs."""


@dataclass(frozen=True)
class Wanted:
    """One nova-compute: the words of its nova.conf. ``cluster_name`` may also be a managed object id or an inventory path: :func:`find_cluster`."""

    cluster_name: str
    datastore_regex: str | None = None


@dataclass(frozen=True)
class Hypervisor:
    """A cluster with all that decides where Nova would put things.

    ``verdicts`` holds a pair for each datastore of the cluster, in vSphere's order: :class:`inventory.Datastore`, and why Nova
    passes over it or None.
    """

    cluster: inventory.Cluster
    datastore_regex: str | None
    hosts: tuple
    verdicts: tuple

    @property
    def usable(self):
        """The datastores that Nova may use, for streamOptimized images and for its inventory."""
        return [datastore for datastore, refusal in self.verdicts if refusal is None]


def wanted(options):
    """Gives a :class:`Wanted` for each element of the module option ``clusters``.

    :raises ClusterError: ``DATASTORE_REGEX_INVALID``.
    """
    found = []
    for option in options or ():
        regex = option.get("datastore_regex")
        if regex is not None:
            try:
                re.compile(regex)
            except re.error as error:
                raise ClusterError(
                    "DATASTORE_REGEX_INVALID",
                    f"The datastore_regex {regex!r} of cluster {option['cluster_name']} is not a regular expression: {error}.",
                    "Nova would refuse to start with it.",
                ) from error
        found.append(Wanted(option["cluster_name"], regex))
    return found


def hypervisors(session, wishes, need_datastores=True, tell=True):
    """Reads clusters as the VCDriver sees them.

    :arg wishes: list of :class:`Wanted`; empty for every cluster of the vCenter, without a regex.
    :arg need_datastores: a cluster without a usable datastore is an error.
    :arg tell: name hosts and datastores that the account may not read in the session's warnings.
    :returns: a list of :class:`Hypervisor` in the order asked for.
    :raises ClusterError: a cluster is missing or ambiguous, or nothing is left of its datastores.
    """
    clusters = inventory.clusters(session)
    if wishes:
        chosen = [(find_cluster(clusters, wish.cluster_name, session.server), wish.datastore_regex) for wish in wishes]
    else:
        chosen = [(cluster, None) for cluster in sorted(clusters, key=lambda cluster: cluster.path)]
    hosts, datastores = inventory.hosts_and_datastores(session, [cluster for cluster, _regex in chosen], tell)
    found = []
    for cluster, regex in chosen:
        one = hypervisor(cluster, regex, hosts, datastores)
        if need_datastores and wishes and not one.usable:
            raise _no_datastore(one)
        found.append(one)
    return found


def hypervisor(cluster, regex, hosts, datastores):
    """Makes a :class:`Hypervisor` of a cluster.

    :arg regex: ``datastore_regex`` or None.
    :arg hosts: ``{moid: inventory.Host}``; ``datastores`` likewise (``inventory.hosts_and_datastores``).
    """
    verdicts = tuple(
        (
            datastore,
            rule.refusal(datastore.name, datastore.type, datastore.accessible, datastore.maintenance_mode, datastore_regex=regex),
        )
        for datastore in (datastores[moid] for moid in cluster.datastores if moid in datastores)
    )
    return Hypervisor(cluster, regex, tuple(hosts[moid] for moid in cluster.hosts if moid in hosts), verdicts)


def find_cluster(clusters, name, server, for_nova=False):
    """Gives the one cluster with this name, managed object id or inventory path.

    A name is spelt as vSphere writes it, which Nova compares (vm_util.py, ``get_cluster_ref_by_name``): ``a%2fb`` for a cluster that people call a/b. Nova
    takes the first of several with the same name, so more than one is an error.

    :arg for_nova: the name is what nova.conf has: a managed object id or a path is none.
    :raises ClusterError: ``CLUSTER_NOT_FOUND`` or ``CLUSTER_AMBIGUOUS``.
    """
    other = next((cluster for exact in ("moid", "path") for cluster in clusters if getattr(cluster, exact) == name), None)
    if other is not None and not for_nova:
        return other
    found = [cluster for cluster in clusters if cluster.name == name]
    if not found:
        names = sorted({cluster.name for cluster in clusters})
        meant = other or next((cluster for cluster in clusters if cluster.name == inventory.escape(name)), None)
        if meant is not None:
            kind = "the managed object id or the path of a cluster" if other else "not how vSphere spells the name of a cluster"
            why = f" It is {kind}, and Nova compares the name: {meant.name}."
        else:
            why = ""
        raise ClusterError(
            "CLUSTER_NOT_FOUND",
            f"vCenter {server} has no cluster with the name {name} that this account can see.{why}",
            f"Give cluster_name as {meant.name}." if meant else f"It has {', '.join(names) or 'none'}.",
            {"clusters": names},
        )
    if len(found) > 1:
        paths = sorted(cluster.path for cluster in found)
        raise ClusterError(
            "CLUSTER_AMBIGUOUS",
            f"vCenter {server} has {len(found)} clusters with the name {name}: {', '.join(paths)}.",
            "Nova compares the bare name and takes the first it meets: rename all but one.",
            {"clusters": paths},
        )
    return found[0]


def _no_datastore(hypervisor):
    reasons = {datastore.name: refusal for datastore, refusal in hypervisor.verdicts}
    text = "; ".join(f"{name} {reason}" for name, reason in reasons.items()) or "it has none at all"
    return ClusterError(
        "NO_USABLE_DATASTORE",
        f"Nova could use no datastore of cluster {hypervisor.cluster.name}: {text}.",
        "Change datastore_regex, or give the cluster a datastore; Nova would start and then fail each boot.",
        {"datastores": reasons},
    )


def describe(hypervisor, instance_uuid, loads):
    """Gives a hypervisor as a plain dict, as the module ``hypervisor_info`` documents it.

    :arg loads: ``{host moid: inventory.Load}``.
    """
    cluster = hypervisor.cluster
    names = {host.moid: host.name for host in hypervisor.hosts}
    best = rule.pick(hypervisor.usable)
    # Hosts that Nova counts: vm_util.py, get_stats_from_cluster.
    counted = [host for host in hypervisor.hosts if not host.maintenance and host.connection_state == "connected"]
    return {
        "cluster_name": cluster.name,
        "moid": cluster.moid,
        "path": cluster.path,
        "datacenter": {"name": cluster.datacenter.name, "moid": cluster.datacenter.moid},
        "hypervisor_hostname": rule.node_name(cluster.moid, instance_uuid),
        "drs": {"enabled": cluster.drs_enabled, "behavior": cluster.drs_behavior},
        "ha": {"enabled": cluster.ha_enabled, "admission_control": cluster.ha_admission_control},
        "hosts": [_describe_host(host, loads.get(host.moid, inventory.Load())) for host in hypervisor.hosts],
        "datastore_regex": hypervisor.datastore_regex,
        "datastores": [
            {
                "name": datastore.name,
                "moid": datastore.moid,
                "type": datastore.type,
                "accessible": datastore.accessible,
                "maintenance_mode": datastore.maintenance_mode,
                "capacity_bytes": datastore.capacity_bytes,
                "free_bytes": datastore.free_bytes,
                "mounted_hosts": sorted(names[moid] for moid, writable in datastore.mounts.items() if writable and moid in names),
                "usable": refusal is None,
                "reason": refusal,
            }
            for datastore, refusal in hypervisor.verdicts
        ],
        "datastore": best and best.name,
        "datastore_reason": _why(best, hypervisor),
        "totals": {
            "vcpus": sum(host.threads for host in counted),
            "memory_mb": sum(host.memory_bytes // MIB for host in counted),
            "max_unit_vcpus": max((host.threads for host in counted), default=0),
            "max_unit_memory_mb": max((host.memory_bytes // MIB for host in counted), default=0),
            "disk_gb": sum(datastore.capacity_bytes for datastore in hypervisor.usable) >> 30,
            "hosts_counted": len(counted),
        },
    }


def _why(best, hypervisor):
    if best is None:
        return "no datastore is usable"
    others = len(hypervisor.usable) - 1
    if not others:
        return "it is the only usable datastore"
    return f"it has the most free space ({best.free_bytes >> 30} GiB) of {others + 1} usable datastores"


def _describe_host(host, load):
    return {
        "name": host.name,
        "moid": host.moid,
        "connection_state": host.connection_state,
        "maintenance": host.maintenance,
        "cores": host.cores,
        "threads": host.threads,
        "memory_mb": host.memory_bytes // MIB,
        "configured": {"vms": load.vms, "vcpus": load.vcpus, "memory_mb": load.memory_mb},
        "reserved": {"memory_mb": load.memory_reserved_mb, "cpu_mhz": load.cpu_reserved_mhz},
    }
