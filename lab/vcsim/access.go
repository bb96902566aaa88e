package main

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// The privileges that everybody, who may see an object, and who may read it, has (API: AuthorizationManager.AddAuthorizationRole).
const (
	systemAnonymous = "System.Anonymous"
	systemView      = "System.View"
	systemRead      = "System.Read"
)

// access knows what accounts may do. It keeps what it has found out until a permission or a role changes.
type access struct {
	mu     sync.RWMutex
	byUser map[string]*rights
	owners map[types.ManagedObjectReference]types.ManagedObjectReference // a host's managers: the host
}

// rights are what an account may do by its permissions.
type rights struct {
	s     *server
	all   bool                                   // an administrator, who has no permission of its own
	own   map[types.ManagedObjectReference]grant // the permission that the account has on an entity itself
	above map[types.ManagedObjectReference]bool  // entities with such an entity below them
}

// grant is a permission of an account with the privileges of its role.
type grant struct {
	may       map[string]bool
	propagate bool
}

// forgetRights makes permissions and roles be read anew.
func (s *server) forgetRights() {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	s.access.byUser = nil
}

// rightsOf are the rights of an account.
func (s *server) rightsOf(user string) *rights {
	s.access.mu.RLock()
	r := s.access.byUser[user]
	s.access.mu.RUnlock()
	if r != nil {
		return r
	}
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	if s.access.byUser == nil {
		s.access.byUser = map[string]*rights{}
	}
	r = s.readRights(user)
	s.access.byUser[user] = r
	return r
}

// readRights reads the permissions of an account. Those of groups do not count: no account here is in one.
func (s *server) readRights(user string) *rights {
	r := &rights{s: s, own: map[types.ManagedObjectReference]grant{}, above: map[types.ManagedObjectReference]bool{}}
	m := s.authorization()
	var permissions []types.Permission
	var roles object.AuthorizationRoleList
	s.reg.WithLock(&simulator.Context{Map: s.reg}, m.Self, func() {
		permissions = m.RetrieveAllPermissions(&types.RetrieveAllPermissions{}).(*methods.RetrieveAllPermissionsBody).Res.Returnval
		roles = slices.Clone(m.RoleList)
	})
	for _, p := range permissions {
		role := roles.ById(p.RoleId)
		if p.Group || p.Principal != user || p.Entity == nil || role == nil {
			continue
		}
		g := grant{may: map[string]bool{systemAnonymous: true}, propagate: p.Propagate}
		for _, id := range role.Privilege {
			g.may[id] = true
		}
		r.own[*p.Entity] = g
		for at := s.parent(*p.Entity); at != nil && g.may[systemView]; at = s.parent(*at) {
			r.above[*at] = true
		}
	}
	r.all = len(r.own) == 0 && !s.accounts.limited(user)
	return r
}

// authorization is the simulator's AuthorizationManager.
func (s *server) authorization() *simulator.AuthorizationManager {
	content := s.reg.Get(simulatorInstance).(*simulator.ServiceInstance).Content
	return s.reg.Get(*content.AuthorizationManager).(*simulator.AuthorizationManager)
}

// may says whether the account has a privilege on an entity. The permission on the entity counts, else the nearest above it that is inherited
// (API: AuthorizationManager). A virtual machine has two parents, its folder and its resource pool, and inherits from both ("vSphere
// Security", "Hierarchical Inheritance of Permissions").
func (r *rights) may(entity types.ManagedObjectReference, privilege string) bool {
	if r.all || privilege == systemAnonymous {
		return true
	}
	if privilege == systemView && r.above[entity] && r.s.scenario.VCenter.Behaviour.ParentsView == "granted" {
		return true
	}
	if g, ok := r.own[entity]; ok {
		return g.may[privilege]
	}
	if vm, ok := r.s.reg.Get(entity).(*simulator.VirtualMachine); ok && vm.ResourcePool != nil && r.inherited(*vm.ResourcePool, privilege) {
		return true
	}
	return r.inherited(entity, privilege)
}

// inherited follows the parents. "Child objects in a complex entity are forced to inherit permissions from the parent object ... regardless of
// the propagation flag": the folders of a datacenter and the root resource pool of a cluster.
func (r *rights) inherited(entity types.ManagedObjectReference, privilege string) bool {
	for same := true; ; {
		if g, ok := r.own[entity]; ok && (same || g.propagate) {
			return g.may[privilege]
		}
		parent := r.s.parent(entity)
		if parent == nil {
			return false
		}
		same = same && partOf(entity, *parent)
		entity = *parent
	}
}

// partOf says whether an entity is a part of the complex entity above it (API: AuthorizationManager.SetEntityPermissions).
func partOf(entity, parent types.ManagedObjectReference) bool {
	switch parent.Type {
	case "Datacenter":
		return true
	case "ClusterComputeResource":
		return entity.Type == "ResourcePool"
	case "ComputeResource":
		return true
	}
	return false
}

// need is a privilege that a call wants on an object.
type need struct {
	on        types.ManagedObjectReference
	privilege string
}

// missing gives the fault for needs that the account does not have, nil when it has all. Since 7.0.3.2 the fault names all
// (API: NoPermission); object and privilegeId are the first.
func (r *rights) missing(needs []need) types.BaseMethodFault {
	if r.all {
		return nil
	}
	var fault *types.NoPermission
	for _, n := range needs {
		if r.may(n.on, n.privilege) || r.s.reg.Get(n.on) == nil {
			continue
		}
		if fault == nil {
			fault = noPermission(n)
			continue
		}
		i := slices.IndexFunc(fault.MissingPrivileges, func(m types.NoPermissionEntityPrivileges) bool { return m.Entity == n.on })
		if i < 0 {
			fault.MissingPrivileges = append(fault.MissingPrivileges, types.NoPermissionEntityPrivileges{Entity: n.on})
			i = len(fault.MissingPrivileges) - 1
		}
		if !slices.Contains(fault.MissingPrivileges[i].PrivilegeIds, n.privilege) {
			fault.MissingPrivileges[i].PrivilegeIds = append(fault.MissingPrivileges[i].PrivilegeIds, n.privilege)
		}
	}
	if fault == nil {
		return nil
	}
	return fault
}

func noPermission(n need) *types.NoPermission {
	return &types.NoPermission{Object: &n.on, PrivilegeId: n.privilege,
		MissingPrivileges: []types.NoPermissionEntityPrivileges{{Entity: n.on, PrivilegeIds: []string{n.privilege}}}}
}

// permit gives the fault for a call that the session's account may not make.
func (s *server) permit(ctx *simulator.Context, m *simulator.Method) types.BaseMethodFault {
	if ctx.Session == nil {
		return s.permitLogin(m)
	}
	r := s.rightsOf(ctx.Session.UserName)
	if r.all {
		return nil
	}
	return r.missing(s.needs(&call{s, m.This, m.Name, m.Body}))
}

// permitLogin refuses the login of an account without any permission (API: SessionManager.Login, NoPermission "if the user and password are
// valid, but the user has no access granted").
func (s *server) permitLogin(m *simulator.Method) types.BaseMethodFault {
	req, ok := m.Body.(*types.Login)
	if !ok || !s.accounts.login(req) {
		return nil
	}
	if r := s.rightsOf(req.UserName); !r.all && len(r.own) == 0 {
		return noPermission(need{s.rootFolder(), systemView})
	}
	return nil
}

func (s *server) rootFolder() types.ManagedObjectReference {
	return s.reg.Get(simulatorInstance).(*simulator.ServiceInstance).Content.RootFolder
}

// ownSession are the types of objects that belong to a session: who has the session may use them.
var ownSession = map[string]bool{"PropertyCollector": true, "PropertyFilter": true, "ContainerView": true, "ListView": true, "InventoryView": true,
	"Task": true, "TaskHistoryCollector": true, "EventHistoryCollector": true, "HttpNfcLease": true}

// entityOf is the entity whose permissions count for an object: itself, the datastore of a browser, the host of one of its managers, the VM of a
// snapshot. For a service's object it is the root folder ("vSphere Web Services SDK Programming Guide": reading a property of the
// PerformanceManager "requires the System.View privilege on the root folder"). It is false for what is the session's own.
func (s *server) entityOf(ref types.ManagedObjectReference) (types.ManagedObjectReference, bool) {
	if ownSession[ref.Type] {
		return ref, false
	}
	switch obj := s.reg.Get(ref).(type) {
	case nil:
		return ref, false // what is gone is no matter of privileges
	case mo.Entity:
		return ref, true
	case *simulator.HostDatastoreBrowser:
		if len(obj.Datastore) == 1 {
			return obj.Datastore[0], true
		}
	case *simulator.VirtualMachineSnapshot:
		return obj.Vm, true
	}
	if strings.HasPrefix(ref.Type, "Host") {
		if host, ok := s.hostOf(ref); ok {
			return host, true
		}
	}
	return s.rootFolder(), true
}

// hostOf is the host of one of its managers, such as its HostStorageSystem.
func (s *server) hostOf(manager types.ManagedObjectReference) (types.ManagedObjectReference, bool) {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	if host, ok := s.access.owners[manager]; ok {
		return host, true
	}
	s.access.owners = map[types.ManagedObjectReference]types.ManagedObjectReference{}
	for _, e := range s.reg.All("HostSystem") {
		h, ok := e.(*simulator.HostSystem)
		if !ok {
			continue
		}
		s.access.owners[h.DatastoreBrowser] = h.Self
		v := reflect.ValueOf(h.ConfigManager)
		for i := range v.NumField() {
			if ref, ok := v.Field(i).Interface().(*types.ManagedObjectReference); ok && ref != nil {
				s.access.owners[*ref] = h.Self
			}
		}
	}
	host, ok := s.access.owners[manager]
	return host, ok
}

// hide takes what the account may not read out of what was read: such a property is in missingSet with NoPermission (API: ObjectContent), and a
// folder or a view does not list what the account may not see.
func (r *rights) hide(objects []types.ObjectContent) {
	if r.all {
		return
	}
	for i := range objects {
		o := &objects[i]
		entity, owned := r.s.entityOf(o.Obj)
		seen := map[string]bool{}
		o.PropSet = slices.DeleteFunc(o.PropSet, func(p types.DynamicProperty) bool {
			privilege := readPrivilege(o.Obj.Type, p.Name)
			if !owned || privilege == "" {
				return false
			}
			ok, known := seen[privilege]
			if !known {
				ok = r.may(entity, privilege)
				seen[privilege] = ok
			}
			if !ok {
				fault := noPermission(need{entity, privilege})
				o.MissingSet = append(o.MissingSet, types.MissingProperty{Path: p.Name,
					Fault: types.LocalizedMethodFault{Fault: fault, LocalizedMessage: faultMessage(fault)}})
			}
			return !ok
		})
		for j := range o.PropSet {
			if refs, ok := o.PropSet[j].Val.(*types.ArrayOfManagedObjectReference); ok && listsVisible(o.Obj.Type, o.PropSet[j].Name) {
				o.PropSet[j].Val = &types.ArrayOfManagedObjectReference{ManagedObjectReference: r.visible(refs.ManagedObjectReference)}
			}
			if refs, ok := o.PropSet[j].Val.(types.ArrayOfManagedObjectReference); ok && listsVisible(o.Obj.Type, o.PropSet[j].Name) {
				o.PropSet[j].Val = types.ArrayOfManagedObjectReference{ManagedObjectReference: r.visible(refs.ManagedObjectReference)}
			}
		}
	}
}

// hideUpdates does the same to updates.
func (r *rights) hideUpdates(filters []types.PropertyFilterUpdate) {
	if r.all {
		return
	}
	for i := range filters {
		for j := range filters[i].ObjectSet {
			u := &filters[i].ObjectSet[j]
			read := []types.ObjectContent{{Obj: u.Obj}}
			for _, change := range u.ChangeSet {
				read[0].PropSet = append(read[0].PropSet, types.DynamicProperty{Name: change.Name, Val: change.Val})
			}
			r.hide(read)
			told := map[string]types.AnyType{}
			for _, prop := range read[0].PropSet {
				told[prop.Name] = prop.Val
			}
			var changes []types.PropertyChange
			for _, change := range u.ChangeSet {
				if val, ok := told[change.Name]; ok {
					change.Val = val
					changes = append(changes, change)
				}
			}
			u.ChangeSet, u.MissingSet = changes, append(u.MissingSet, read[0].MissingSet...)
		}
	}
}

// listsVisible says whether a property has those objects only that the account may see. Others, such as a cluster's datastore, have all.
func listsVisible(kind, property string) bool {
	return property == "childEntity" || property == "view" && strings.HasSuffix(kind, "View")
}

// visible are the objects that the account may see.
func (r *rights) visible(refs []types.ManagedObjectReference) []types.ManagedObjectReference {
	var out []types.ManagedObjectReference
	for _, ref := range refs {
		if entity, owned := r.s.entityOf(ref); !owned || r.may(entity, systemView) {
			out = append(out, ref)
		}
	}
	return out
}

// mayFollow says whether a traversal may read the property that it goes along.
func (r *rights) mayFollow(from types.ManagedObjectReference, path string) bool {
	if r.all {
		return true
	}
	name, _, _ := strings.Cut(path, ".")
	privilege := readPrivilege(from.Type, name)
	entity, owned := r.s.entityOf(from)
	return !owned || privilege == "" || r.may(entity, privilege)
}
