# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``vsphere_role``: the role with what Nova and this collection need, and its grant."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.clusters import demand_vcenter
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import inventory, pyvmomi
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import from_params


class RoleError(NovaVmwareError):
    """The role can't be made or granted as asked."""


def run(params, check_mode):
    """Makes the role what it should be, then grants it.

    :raises NovaVmwareError: the role is one of vSphere's own, a datacenter is missing, or vCenter refuses.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    with from_params(params) as session:
        demand_vcenter(session)
        manager = session.content.authorizationManager
        role = _find(session, manager, params["name"])
        if role is not None and role.system:
            raise RoleError("ROLE_IS_SYSTEM", f"Role {params['name']} is one of vSphere's own and can't be changed.", "Choose another name.")
        # A datacenter that is not there must not leave a role behind.
        objects = _objects(session, params["datacenters"]) if params["principal"] else []
        wanted = privileges.all_privileges(params["features"])
        before = sorted(set(role.privilege) - privileges.SYSTEM) if role is not None else None
        changed = before != wanted
        if changed and not check_mode:
            role_id = _write(session, manager, role, params["name"], wanted)
        else:
            role_id = role.roleId if role is not None else None
        grants = _grant(session, manager, params, objects, role_id, check_mode)
    return {
        "changed": changed or any(grant["changed"] for grant in grants),
        "role": {"name": params["name"], "role_id": role_id, "privileges": wanted, "changed": changed},
        "grants": grants,
        "diff": {
            "before": {"privileges": before or [], "grants": {grant["object"]: grant.pop("before") for grant in grants}},
            "after": {
                "privileges": wanted,
                "grants": {grant["object"]: _describe(params["name"], grant["propagate"]) for grant in grants},
            },
        },
    }


def _find(session, manager, name):
    roles = session.call("read the roles of the vCenter", lambda: manager.roleList)
    return next((role for role in roles if role.name == name), None)


def _write(session, manager, role, name, wanted):
    """Returns the id of the role."""
    if role is None:
        session.call(f"make the role {name}", manager.AddAuthorizationRole, name=name, privIds=wanted)
        return _find(session, manager, name).roleId
    session.call(f"change the role {name}", manager.UpdateAuthorizationRole, roleId=role.roleId, newName=name, privIds=wanted)
    return role.roleId


def _objects(session, datacenters):
    """Returns ``(managed object, path, whether the role holds below it)``: the root folder alone, and the datacenters with all below them.

    Also, alone, the folders that a datacenter is in: who may not see one does not find what is below it.
    """
    chosen = _datacenters(session, datacenters)
    folders = dict.fromkeys(folder for one in chosen for folder in one.folders)
    return [
        (session.content.rootFolder, "/", False),
        *((session.managed("Folder", moid), f"/{path}", False) for moid, path in folders),
        *((session.managed("Datacenter", one.moid), f"/{one.path}", True) for one in chosen),
    ]


def _grant(session, manager, params, objects, role_id, check_mode):
    """Grants the role on the objects, as :func:`_objects` returns them."""
    grants = []
    for obj, path, propagate in objects:
        existing = session.call(f"read the permissions on {path}", manager.RetrieveEntityPermissions, entity=obj, inherited=False)
        mine = next((one for one in existing if one.group == params["group"] and same_principal(one.principal, params["principal"])), None)
        changed = mine is None or role_id is None or mine.roleId != role_id or mine.propagate != propagate
        if changed and not check_mode:
            permission = vim.AuthorizationManager.Permission(principal=params["principal"], group=params["group"], roleId=role_id, propagate=propagate)
            session.call(
                f"grant the role {params['name']} to {params['principal']} on {path}",
                manager.SetEntityPermissions, entity=obj, permission=[permission],
            )  # fmt: skip
        names = {role.roleId: role.name for role in manager.roleList} if changed and mine is not None else {role_id: params["name"]}
        was = None if mine is None else _describe(names.get(mine.roleId, str(mine.roleId)), mine.propagate)
        grants.append({"object": path, "propagate": propagate, "changed": changed, "before": was})
    return grants


def _describe(role, propagate):
    return f"{role}, {'with all below' if propagate else 'there alone'}"


def _datacenters(session, names):
    """Returns the :class:`inventory.Datacenter` of each name. A datacenter without a cluster is no place for Nova, so clusters are read."""
    known = {cluster.datacenter.moid: cluster.datacenter for cluster in inventory.clusters(session)}
    found = []
    for name in names:
        matches = [one for one in known.values() if name in (one.name, one.path, "/" + one.path, one.moid)]
        if len(matches) != 1:
            raise RoleError(
                "DATACENTER_NOT_FOUND" if not matches else "DATACENTER_AMBIGUOUS",
                f"vCenter {session.server} has {len(matches)} datacenters {name} with a cluster that this account can see.",
                f"It has {', '.join(sorted('/' + one.path for one in known.values())) or 'none'}.",
            )
        found.append(matches[0])
    return list(dict.fromkeys(found))


def same_principal(one, other):
    """Tells whether two names mean one account: vCenter takes ``user@domain`` and shows ``DOMAIN\\user``. Pure."""
    return _principal(one) == _principal(other)


def _principal(name):
    user, domain = name, ""
    if "\\" in name:
        domain, user = name.split("\\", 1)
    elif "@" in name:
        user, domain = name.rsplit("@", 1)
    return user.lower(), domain.lower()
