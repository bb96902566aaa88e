package main

import (
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// TestAuthorization: the account may do everything until it has a permission; then what its role has counts, below too if it is inherited.
func TestAuthorization(t *testing.T) {
	l := newLab(t)
	l.s.accounts.set("admin@vsphere.local", "secret")
	admin, err := l.loginAs("admin@vsphere.local", "secret")
	if err != nil {
		t.Fatal(err)
	}
	m := object.NewAuthorizationManager(admin.Client)
	root := l.c.ServiceContent.RootFolder
	cluster, err := l.f.ClusterComputeResource(l.ctx, "cluster-b")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(e types.ManagedObjectReference, privilege string) bool {
		t.Helper()
		res, err := methods.HasPrivilegeOnEntities(l.ctx, l.c.Client, &types.HasPrivilegeOnEntities{
			This: m.Reference(), Entity: []types.ManagedObjectReference{e}, PrivId: []string{privilege}})
		if fault(err) == "NoPermission" {
			return false // it may not even read the entity
		}
		if err != nil {
			t.Fatal(err)
		}
		return res.Returnval[0].PrivAvailability[0].IsGranted
	}
	if !ask(root, "Datastore.Browse") {
		t.Error("the administrator may not browse")
	}
	id, err := m.AddRole(l.ctx, "browser", []string{"Datastore.Browse"})
	if err != nil || id < 0 {
		t.Fatal(id, err)
	}
	role := object.AuthorizationRoleList{}
	if role, err = m.RoleList(l.ctx); err != nil || role.ByName("browser").RoleId != id {
		t.Errorf("role %d, list %v, %v", id, role.ByName("browser"), err)
	}
	grant := types.Permission{Principal: "nova@vsphere.local", RoleId: id}
	if err := m.SetEntityPermissions(l.ctx, root, []types.Permission{grant}); err != nil {
		t.Fatal(err)
	}
	if !ask(root, "Datastore.Browse") || ask(root, "Datastore.FileManagement") || ask(cluster.Reference(), "Datastore.Browse") {
		t.Error("the role's privilege, on the root alone, is what the account has")
	}
	grant.Propagate = true
	if err := m.SetEntityPermissions(l.ctx, root, []types.Permission{grant}); err != nil {
		t.Fatal(err)
	}
	if !ask(cluster.Reference(), "Datastore.Browse") {
		t.Error("the permission is not inherited")
	}
	all, err := m.RetrieveEntityPermissions(l.ctx, root, false)
	if err != nil || len(all) < 2 {
		t.Errorf("the permissions of others are gone: %v %v", all, err)
	}
}
