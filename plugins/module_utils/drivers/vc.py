# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova's VMwareVCDriver: a cluster of a vCenter is one hypervisor. A :class:`base.Driver`."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import clusters
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import Hypervisor, HypervisorError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import datastore as rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec, traversal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim

NAME = "vc"
KEY = "cluster_name"
KIND = "cluster"
COMPUTE_DRIVER = "vmwareapi.VMwareVCDriver"
PRIVILEGES = privileges.PRIVILEGES
refusal = clusters.refusal


def read(session, wishes, tell=True, for_nova=False):
    """Reads clusters as the VCDriver sees them; see :meth:`base.Driver.read`. ``name`` of a wish is as :func:`clusters.find` takes it."""
    known = inventory.clusters(session)
    if wishes:
        chosen = [(_found(known, wish.name, session.server, for_nova), wish.datastore_regex) for wish in wishes]
    else:
        chosen = [(cluster, None) for cluster in sorted(known, key=lambda cluster: cluster.path)]
    there = [one for one, _regex in chosen if not isinstance(one, HypervisorError)]
    hosts, datastores = inventory.hosts_and_datastores(session, there, tell)
    uuid = session.about.instanceUuid
    return [one if isinstance(one, HypervisorError) else hypervisor(one, regex, hosts, datastores, uuid) for one, regex in chosen]


def networks(session, hypervisors):
    """Reads the networks of clusters; see :meth:`base.Driver.networks`."""
    network = traversal(vim.ComputeResource, "network")
    clusters_of = [object_spec(session.managed("ClusterComputeResource", one.moid), [network]) for one in hypervisors]
    found = session.read("read the networks of the clusters", clusters_of, {vim.Network: ["name"]})
    return {obj: value.get("name", obj._GetMoId()) for obj, value in found}


def _found(known, name, server, for_nova):
    try:
        return clusters.find(known, name, server, for_nova)
    except HypervisorError as error:
        return error


def hypervisor(cluster, regex, hosts, datastores, instance_uuid):
    """Makes the :class:`Hypervisor` of a cluster. Pure.

    :arg regex: ``datastore_regex`` or None.
    :arg hosts: ``{moid: inventory.Host}``; ``datastores`` likewise (``inventory.hosts_and_datastores``).
    :arg instance_uuid: the vCenter's, ``about.instanceUuid``.
    """
    verdicts = tuple(
        (
            datastore,
            rule.refusal(datastore.name, datastore.type, datastore.accessible, datastore.maintenance_mode, datastore_regex=regex),
        )
        for datastore in (datastores[moid] for moid in cluster.datastores if moid in datastores)
    )
    return Hypervisor(
        key=KEY,
        kind=KIND,
        name=cluster.name,
        moid=cluster.moid,
        path=cluster.path,
        node_name=rule.node_name(cluster.moid, instance_uuid),
        datacenter=cluster.datacenter,
        resource_pool=cluster.resource_pool,
        hosts=tuple(hosts[moid] for moid in cluster.hosts if moid in hosts),
        verdicts=verdicts,
        datastore_regex=regex,
        # API, ResourcePool.ImportVApp: the host may be left out for a stand-alone one and a cluster with DRS.
        import_needs_host=None if cluster.drs_enabled else f"The cluster {cluster.name} has no DRS",
        cluster=cluster,
    )
