package main

import (
	"slices"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// authorizationManager is AuthorizationManager. Roles and permissions are the simulator's; it keeps them but answers every question with yes.
// Nothing else in here asks for privileges: a call that would be refused by vSphere works.
type authorizationManager struct{ own }

// base is the simulator's manager.
func (m *authorizationManager) base() *simulator.AuthorizationManager {
	content := m.reg.Get(simulatorInstance).(*simulator.ServiceInstance).Content
	return m.reg.Get(*content.AuthorizationManager).(*simulator.AuthorizationManager)
}

// HasPrivilegeOnEntities says what the session's account may do (API: AuthorizationManager.HasPrivilegeOnEntities). The permission on the
// object counts, else the nearest above it that is inherited. The scenario's account may do everything while it has no permission of its own anywhere.
func (m *authorizationManager) HasPrivilegeOnEntities(ctx *simulator.Context, req *types.HasPrivilegeOnEntities) soap.HasFault {
	body := &methods.HasPrivilegeOnEntitiesBody{Res: new(types.HasPrivilegeOnEntitiesResponse)}
	ctx.WithLock(m.base().Self, func() {
		for _, entity := range req.Entity {
			granted, all := m.granted(ctx, entity)
			one := types.EntityPrivilege{Entity: entity}
			for _, id := range req.PrivId {
				one.PrivAvailability = append(one.PrivAvailability, types.PrivilegeAvailability{PrivId: id, IsGranted: all || slices.Contains(granted, id)})
			}
			body.Res.Returnval = append(body.Res.Returnval, one)
		}
	})
	return body
}

// granted are the privileges of the session's account on an object; all when it is the administrator.
func (m *authorizationManager) granted(ctx *simulator.Context, entity types.ManagedObjectReference) (privileges []string, all bool) {
	user := ctx.Session.UserName
	mine := func(p types.Permission) bool { return p.Principal == user && !p.Group }
	every := m.base().RetrieveAllPermissions(&types.RetrieveAllPermissions{}).(*methods.RetrieveAllPermissionsBody).Res.Returnval
	if user == m.scenario.VCenter.Username && !slices.ContainsFunc(every, mine) {
		return nil, true
	}
	for ref := &entity; ref != nil; {
		here := m.base().RetrieveEntityPermissions(ctx, &types.RetrieveEntityPermissions{Entity: *ref}).(*methods.RetrieveEntityPermissionsBody).Res.Returnval
		for _, p := range here {
			if mine(p) && (p.Propagate || *ref == entity) {
				if role := object.AuthorizationRoleList(m.base().RoleList).ById(p.RoleId); role != nil {
					return role.Privilege, false
				}
			}
		}
		ref = m.reg.Get(*ref).(mo.Entity).Entity().Parent
	}
	return nil, false
}

// AddAuthorizationRole makes a role; the simulator does not tell its id, which the API does.
func (m *authorizationManager) AddAuthorizationRole(ctx *simulator.Context, req *types.AddAuthorizationRole) soap.HasFault {
	return locked(ctx, m.base().Self, func() soap.HasFault {
		body := m.base().AddAuthorizationRole(req).(*methods.AddAuthorizationRoleBody)
		if body.Res != nil {
			if role := object.AuthorizationRoleList(m.base().RoleList).ByName(req.Name); role != nil {
				body.Res.Returnval = role.RoleId
			}
		}
		return body
	})
}

// SetEntityPermissions sets the permissions of the principals that are named; those of others stay (API: "If a permission is specified
// multiple times for the same user or group, the last one counts"; the simulator forgets everybody else's).
func (m *authorizationManager) SetEntityPermissions(ctx *simulator.Context, req *types.SetEntityPermissions) soap.HasFault {
	return locked(ctx, m.base().Self, func() soap.HasFault {
		kept := slices.Clone(req.Permission)
		for i := range kept {
			kept[i].Entity = &req.Entity
		}
		here := m.base().RetrieveEntityPermissions(ctx, &types.RetrieveEntityPermissions{Entity: req.Entity}).(*methods.RetrieveEntityPermissionsBody).Res.Returnval
		for _, old := range here {
			same := func(p types.Permission) bool { return p.Principal == old.Principal && p.Group == old.Group }
			if !slices.ContainsFunc(req.Permission, same) {
				kept = append(kept, old)
			}
		}
		return m.base().SetEntityPermissions(&types.SetEntityPermissions{This: req.This, Entity: req.Entity, Permission: kept})
	})
}
