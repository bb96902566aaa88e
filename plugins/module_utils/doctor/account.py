# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the vCenter what its account may do."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import HostDetails
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault


def missing_privileges(session, hypervisors, details, pulls=False):
    """Returns ``{object: [privileges]}`` that the session's account lacks: one request for each kind of object.

    :arg details: ``{host moid: HostDetails}``. :arg pulls: whether ESXi hosts are to fetch images themselves.
    """
    networks = registry.networks(session, hypervisors)
    stores = {datastore.moid: datastore for one in hypervisors for datastore in one.usable}
    safe = {host.moid: host for one in hypervisors for host in one.hosts if details.get(host.moid, HostDetails()).crypto_safe}
    always, features = registry.privileges(hypervisors), privileges.FEATURES
    asked = [
        (always.get("root", ()), {session.content.rootFolder: "the root folder"}),
        ([privileges.DATACENTER], {session.managed("Datacenter", one.datacenter.moid): f"datacenter {one.datacenter.name}" for one in hypervisors}),
        (
            {*always.get("folder", ()), *(features["pull"]["folder"] if pulls else ())},
            {session.managed("Folder", one.datacenter.vm_folder): f"VM folder of {one.datacenter.name}" for one in hypervisors},
        ),
        (always.get("pool", ()), {session.managed("ResourcePool", one.resource_pool): f"root resource pool of {one.path}" for one in hypervisors}),
        (always.get("datastore", ()), {session.managed("Datastore", moid): f"datastore {one.name}" for moid, one in stores.items()}),
        (always.get("network", ()), {obj: f"network {name}" for obj, name in networks.items()}),
        (
            features["vsan"]["datastore"],
            {session.managed("Datastore", moid): f"datastore {one.name}" for moid, one in stores.items() if one.type == "vsan"},
        ),
        (features["encryption"]["host"], {session.managed("HostSystem", moid): f"host {host.name}" for moid, host in safe.items()}),
    ]
    session_key = session.call("read the session's key", lambda: session.content.sessionManager.currentSession.key)
    missing = {}
    for wanted, names in asked:
        for obj, lacking in _lacking(session, session_key, names, sorted(wanted)).items():
            missing.setdefault(names[obj], []).extend(lacking)
    return missing


def _lacking(session, session_key, names, wanted):
    """Returns ``{managed object: [privileges that the account lacks]}`` for some objects of one kind.

    vSphere Web Services API, ``AuthorizationManager.HasPrivilegeOnEntities``. It asks for System.Read on each entity, and refuses all of them where one
    lacks it; then they are asked one by one.

    :arg names: ``{managed object: its name}``.
    """
    if not names or not wanted:
        return {}

    def ask(objects):
        answer = session.call(
            f"ask for the account's privileges on {names[objects[0]]}{' and others' if len(objects) > 1 else ''}",
            session.content.authorizationManager.HasPrivilegeOnEntities, entity=objects, sessionId=session_key, privId=wanted,
        )  # fmt: skip
        found = {one.entity: [granted.privId for granted in one.privAvailability if not granted.isGranted] for one in answer}
        return {obj: lacking for obj, lacking in found.items() if lacking}

    try:
        return ask(list(names))
    except VSphereFault as fault:
        if fault.fault != "NoPermission":
            raise
    found = {}
    for obj in names:
        try:
            found.update(ask([obj]))
        except VSphereFault as fault:
            if fault.fault != "NoPermission":
                raise
            found[obj] = ["System.Read"]
    return found
