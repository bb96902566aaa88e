package main

import (
	"fmt"
	"slices"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// authorizationManager is AuthorizationManager. Roles and permissions are the simulator's; what they let an account do is in access.go.
type authorizationManager struct{ own }

// base is the simulator's manager.
func (m *authorizationManager) base() *simulator.AuthorizationManager { return m.authorization() }

// edit changes permissions or roles, which count from then on.
func (m *authorizationManager) edit(ctx *simulator.Context, f func() soap.HasFault) soap.HasFault {
	defer m.forgetRights()
	return locked(ctx, m.base().Self, f)
}

// HasPrivilegeOnEntities says what the session's account may do (API: AuthorizationManager.HasPrivilegeOnEntities).
func (m *authorizationManager) HasPrivilegeOnEntities(ctx *simulator.Context, req *types.HasPrivilegeOnEntities) soap.HasFault {
	return &methods.HasPrivilegeOnEntitiesBody{Res: &types.HasPrivilegeOnEntitiesResponse{
		Returnval: m.rightsOf(ctx.Session.UserName).on(req.Entity, req.PrivId)}}
}

// HasUserPrivilegeOnEntities says what an account may do.
func (m *authorizationManager) HasUserPrivilegeOnEntities(_ *simulator.Context, req *types.HasUserPrivilegeOnEntities) soap.HasFault {
	return &methods.HasUserPrivilegeOnEntitiesBody{Res: &types.HasUserPrivilegeOnEntitiesResponse{
		Returnval: m.rightsOf(req.UserName).on(req.Entities, req.PrivId)}}
}

// HasPrivilegeOnEntity says what the session's account may do on one entity.
func (m *authorizationManager) HasPrivilegeOnEntity(ctx *simulator.Context, req *types.HasPrivilegeOnEntity) soap.HasFault {
	body := &methods.HasPrivilegeOnEntityBody{Res: new(types.HasPrivilegeOnEntityResponse)}
	for _, id := range req.PrivId {
		body.Res.Returnval = append(body.Res.Returnval, m.rightsOf(ctx.Session.UserName).may(req.Entity, id))
	}
	return body
}

// FetchUserPrivilegeOnEntities lists what an account may do.
func (m *authorizationManager) FetchUserPrivilegeOnEntities(_ *simulator.Context, req *types.FetchUserPrivilegeOnEntities) soap.HasFault {
	body := &methods.FetchUserPrivilegeOnEntitiesBody{Res: new(types.FetchUserPrivilegeOnEntitiesResponse)}
	r := m.rightsOf(req.UserName)
	known := object.AuthorizationRoleList(m.base().RoleList).ByName("Admin").Privilege
	for _, entity := range req.Entities {
		one := types.UserPrivilegeResult{Entity: entity}
		for _, id := range known {
			if r.may(entity, id) {
				one.Privileges = append(one.Privileges, id)
			}
		}
		body.Res.Returnval = append(body.Res.Returnval, one)
	}
	return body
}

// on says which of the privileges the account has on each entity.
func (r *rights) on(entities []types.ManagedObjectReference, privileges []string) (out []types.EntityPrivilege) {
	for _, entity := range entities {
		one := types.EntityPrivilege{Entity: entity}
		for _, id := range privileges {
			one.PrivAvailability = append(one.PrivAvailability, types.PrivilegeAvailability{PrivId: id, IsGranted: r.may(entity, id)})
		}
		out = append(out, one)
	}
	return out
}

// AddAuthorizationRole makes a role; the simulator does not tell its id, which the API does.
func (m *authorizationManager) AddAuthorizationRole(ctx *simulator.Context, req *types.AddAuthorizationRole) soap.HasFault {
	return m.edit(ctx, func() soap.HasFault {
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
	if parent := m.parent(req.Entity); parent != nil && partOf(req.Entity, *parent) {
		// "These objects always have the same permissions as their parent."
		return &methods.SetEntityPermissionsBody{Fault_: soapFault(&types.InvalidArgument{InvalidProperty: "entity"})}
	}
	return m.edit(ctx, func() soap.HasFault {
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

// RemoveEntityPermission takes a permission away.
func (m *authorizationManager) RemoveEntityPermission(ctx *simulator.Context, req *types.RemoveEntityPermission) soap.HasFault {
	return m.edit(ctx, func() soap.HasFault { return m.base().RemoveEntityPermission(req) })
}

// UpdateAuthorizationRole changes a role.
func (m *authorizationManager) UpdateAuthorizationRole(ctx *simulator.Context, req *types.UpdateAuthorizationRole) soap.HasFault {
	return m.edit(ctx, func() soap.HasFault { return m.base().UpdateAuthorizationRole(req) })
}

// RemoveAuthorizationRole removes a role.
func (m *authorizationManager) RemoveAuthorizationRole(ctx *simulator.Context, req *types.RemoveAuthorizationRole) soap.HasFault {
	return m.edit(ctx, func() soap.HasFault { return m.base().RemoveAuthorizationRole(req) })
}

// loadAccounts makes the scenario's other accounts with their permissions, each with a role of its own.
func (s *server) loadAccounts(ctx *simulator.Context) error {
	m := s.authorization()
	index := s.reg.Get(*s.reg.Get(simulatorInstance).(*simulator.ServiceInstance).Content.SearchIndex).(*simulator.SearchIndex)
	for _, account := range s.scenario.VCenter.Accounts {
		s.accounts.set(account.Username, account.Password)
		if account.Permissions == nil {
			continue
		}
		s.accounts.confine(account.Username)
		for i, p := range *account.Permissions {
			found := index.FindByInventoryPath(ctx, &types.FindByInventoryPath{InventoryPath: p.Entity}).(*methods.FindByInventoryPathBody)
			if found.Res == nil || found.Res.Returnval == nil {
				return fmt.Errorf("account %s: there is no %s", account.Username, p.Entity)
			}
			entity := *found.Res.Returnval
			if parent := s.parent(entity); parent != nil && partOf(entity, *parent) {
				return fmt.Errorf("account %s: %s always has the permissions of its parent", account.Username, p.Entity)
			}
			name := p.Role
			if name == "" {
				name = fmt.Sprintf("%s %d", account.Username, i+1)
				if body := m.AddAuthorizationRole(&types.AddAuthorizationRole{Name: name, PrivIds: p.Privileges}).(*methods.AddAuthorizationRoleBody); body.Fault_ != nil {
					return fmt.Errorf("account %s: %s: a privilege is not known", account.Username, p.Entity)
				}
			}
			role := object.AuthorizationRoleList(m.RoleList).ByName(name)
			if role == nil {
				return fmt.Errorf("account %s: there is no role %s", account.Username, p.Role)
			}
			here := m.RetrieveEntityPermissions(ctx, &types.RetrieveEntityPermissions{Entity: entity}).(*methods.RetrieveEntityPermissionsBody).Res.Returnval
			m.SetEntityPermissions(&types.SetEntityPermissions{Entity: entity, Permission: append(slices.Clone(here), types.Permission{
				Entity: &entity, Principal: account.Username, RoleId: role.RoleId, Propagate: p.Propagate == nil || *p.Propagate})})
		}
	}
	return nil
}
