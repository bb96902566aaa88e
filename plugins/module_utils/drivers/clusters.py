# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of a vCenter, by the names that nova.conf has for them. For what is about clusters and vCenters, whatever the driver."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import HypervisorError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.text import unknown
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory

_HIDDEN = "Correct cluster_name; if the cluster is there, the account lacks System.Read on it."
# Whether an account sees what is above an object on which it has a permission is not known of vSphere (docs/probe.md, parents_view).
NONE_SEEN = (
    "The account sees no cluster at all. Grant it the role on the root folder alone, and on the datacenter with all below it, as vsphere_role does: "
    "who does not see a folder does not find what is in it."
)


def refusal(session):
    """Returns a :class:`HypervisorError`, ``NOT_A_VCENTER``, where the session is with something else, such as an ESXi host; else None."""
    about = session.about
    if about.apiType == "VirtualCenter":
        return None
    return HypervisorError(
        "NOT_A_VCENTER",
        f"{session.server} is {about.fullName}, not a vCenter.",
        "Nova's VCDriver drives clusters of a vCenter: give the vCenter's name in hostname.",
    )


def demand_vcenter(session):
    """Does nothing where the session is with a vCenter.

    :raises HypervisorError: ``NOT_A_VCENTER``.
    """
    error = refusal(session)
    if error:
        raise error


def _some(names, limit=20):
    """Returns the first names in quotes, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def find(clusters, name, server, for_nova=False):
    """Returns the one cluster with this name, managed object id or inventory path.

    A name is spelt as vSphere writes it, which Nova compares (vm_util.py, ``get_cluster_ref_by_name``): ``a%2fb`` for a cluster that people call a/b. Nova
    takes the first of several with the same name, so more than one is an error.

    :arg for_nova: the name is what nova.conf has: a managed object id or a path is none.
    :raises HypervisorError: ``CLUSTER_NOT_FOUND`` or ``CLUSTER_AMBIGUOUS``.
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
            why = f" It is {kind}, and Nova compares the name: '{meant.name}'."
        else:
            why = f" It has {_some(names) or 'none'}."
        raise HypervisorError(
            "CLUSTER_NOT_FOUND",
            f"vCenter {server} has no cluster {unknown(name, names)} that this account can see.{why}",
            f"Give cluster_name as '{meant.name}'." if meant else _HIDDEN if names else NONE_SEEN,
            {"clusters": names},
        )
    if len(found) > 1:
        paths = sorted(cluster.path for cluster in found)
        raise HypervisorError(
            "CLUSTER_AMBIGUOUS",
            f"vCenter {server} has {len(found)} clusters with the name '{name}': {', '.join(paths)}.",
            "Nova compares the bare name and takes the first it meets: rename all but one.",
            {"clusters": paths},
        )
    return found[0]
