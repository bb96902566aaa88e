package main

import (
	"reflect"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// own is embedded in our replacements of a managed object type's methods. One object stands for all objects of the
// type: a method finds the one that was called in its request's This.
//
// The simulator's Registry.Handler may name another object for a call, but for a logged-in session what the session
// finds under method.This wins. So our object is registered under a reference of its own, and the handler puts that
// reference into method.This. Methods that we do not have stay the simulator's.
type own struct {
	// ManagedObject is empty. The simulator looks for such a first field in all that is in its registry, and panics where there is none.
	ManagedObject mo.ExtensibleManagedObject
	*server
	Self types.ManagedObjectReference
}

// Reference implements mo.Reference.
func (o own) Reference() types.ManagedObjectReference { return o.Self }

// Lock opts out of the simulator's lock around each call: our object is shared by all calls of its type, and our
// methods lock the objects that they touch.
func (own) Lock() {}

// Unlock is Lock's counterpart.
func (own) Unlock() {}

// installMethods puts our methods before the simulator's.
func (s *server) installMethods() {
	mine := map[string]mo.Reference{}
	add := func(kind string, obj mo.Reference) {
		mine[kind] = obj
		s.reg.Put(obj)
	}
	o := func(kind string) own {
		return own{server: s, Self: types.ManagedObjectReference{Type: "Vcsim" + kind, Value: kind}}
	}
	add("PropertyCollector", &propertyCollector{o("PropertyCollector")})
	add("ServiceInstance", &serviceInstance{o("ServiceInstance")})
	add("AuthorizationManager", &authorizationManager{o("AuthorizationManager")})
	add("SessionManager", &sessionManager{o("SessionManager")})
	add("FileManager", &fileManager{o("FileManager")})
	add("DatastoreNamespaceManager", &namespaceManager{o("DatastoreNamespaceManager")})
	add("VirtualDiskManager", &diskManager{o("VirtualDiskManager")})
	add("HostDatastoreBrowser", &browser{o("HostDatastoreBrowser")})
	add("Datastore", &datastoreMethods{o("Datastore")})
	add("Folder", &folderMethods{o("Folder")})
	add("SearchIndex", &searchIndex{o("SearchIndex")})
	add("OvfManager", &ovfManager{o("OvfManager")})
	add("ResourcePool", &poolMethods{o("ResourcePool")})
	add("ClusterComputeResource", &clusterMethods{o("ClusterComputeResource")})
	add("HostSystem", &hostMethods{o("HostSystem")})
	add("HostDatastoreSystem", &datastoreSystem{o("HostDatastoreSystem")})
	add("VcenterVStorageObjectManager", &firstClassDisks{o("VcenterVStorageObjectManager")})
	add("VirtualMachine", &vmMethods{o("VirtualMachine")})
	s.reg.Handler = func(ctx *simulator.Context, m *simulator.Method) (mo.Reference, types.BaseMethodFault) {
		s.calls.note(ctx)
		if fault := s.noToken(ctx, m); fault != nil {
			return nil, fault
		}
		if needsSession(ctx, m) {
			return nil, &types.NotAuthenticated{NoPermission: types.NoPermission{Object: &m.This, PrivilegeId: "System.View"}}
		}
		s.takeFriendly(m)
		if fault := s.permit(ctx, m); fault != nil {
			return nil, fault
		}
		escapeNewName(m.Body)
		obj, ok := mine[m.This.Type]
		if !ok || ctx.Session == nil && m.This.Type != "PropertyCollector" {
			return nil, nil // without a session the simulator refuses, and its fault names the object that was called
		}
		name := strings.ToUpper(m.Name[:1]) + strings.TrimSuffix(m.Name[1:], "_Task")
		if strings.HasSuffix(m.Name, "_Task") {
			name += "Task"
		}
		if _, ok := reflect.TypeOf(obj).MethodByName(name); ok {
			m.This = obj.Reference()
			return obj, nil
		}
		return nil, nil
	}
}

// locked runs f with the lock on the object that a simulator's method expects.
func locked(ctx *simulator.Context, ref types.ManagedObjectReference, f func() soap.HasFault) (res soap.HasFault) {
	ctx.WithLock(ref, func() { res = f() })
	return res
}

// runTask starts run as a task and gives the task's reference; name is "<type>.<method>". Unlike the simulator's tasks it holds no lock while
// it runs, as vSphere's copies run in parallel, and its info.entity is a managed entity, which pyVmomi insists on
// (gap 19; TaskInfo.entity is a ManagedEntity in the API).
func (s *server) runTask(ctx *simulator.Context, entity types.ManagedObjectReference, name string,
	run func() (types.AnyType, types.BaseMethodFault)) types.ManagedObjectReference {
	t := simulator.CreateTask(entity, name, nil)
	kind, method, _ := strings.Cut(name, ".")
	t.Info.Name = method
	t.Info.DescriptionId = kind + "." + strings.ToLower(method[:1]) + strings.TrimSuffix(method[1:], "_Task")
	if e, ok := s.reg.Get(entity).(mo.Entity); ok {
		t.Info.EntityName = e.Entity().Name
	}
	user := s.scenario.VCenter.Username
	if ctx.Session != nil {
		user = ctx.Session.UserName
	}
	t.Info.Reason = &types.TaskReasonUser{UserName: user}
	s.reg.Put(t)
	t.Info.Key, t.Info.Task = t.Self.Value, t.Self
	work := ctx
	ctx = s.newContext(ctx)
	s.reg.AtomicUpdate(ctx, t, []types.PropertyChange{
		{Name: "info.startTime", Val: time.Now()},
		{Name: "info.state", Val: types.TaskInfoStateRunning},
	})
	go func() {
		result, fault := s.guardedRun(work, entity, name, run)
		changes := []types.PropertyChange{{Name: "info.completeTime", Val: time.Now()}}
		if fault != nil {
			changes = append(changes,
				types.PropertyChange{Name: "info.error", Val: types.LocalizedMethodFault{Fault: fault, LocalizedMessage: faultMessage(fault)}},
				types.PropertyChange{Name: "info.state", Val: types.TaskInfoStateError})
		} else {
			changes = append(changes, types.PropertyChange{Name: "info.result", Val: result},
				types.PropertyChange{Name: "info.state", Val: types.TaskInfoStateSuccess})
		}
		s.reg.AtomicUpdate(ctx, t, changes)
	}()
	return t.Self
}

// waitTask waits for a task of the simulator and gives its result. The simulator's own Task.Wait sleeps 10 ms a
// turn: four of those a VM are why plain vcsim needs 40 ms to create one.
func (s *server) waitTask(ref types.ManagedObjectReference) (types.AnyType, types.BaseMethodFault) {
	ctx := &simulator.Context{Map: s.reg}
	t, ok := s.reg.Get(ref).(*simulator.Task)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: ref}
	}
	for {
		var info types.TaskInfo
		s.reg.WithLock(ctx, t, func() { info = t.Info })
		switch info.State {
		case types.TaskInfoStateSuccess:
			return info.Result, nil
		case types.TaskInfoStateError:
			return nil, info.Error.Fault
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// typeName is the API's name of a value's type.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// faultMessage is the text that goes with a fault, in the words of vCenter where there are such.
func faultMessage(fault types.BaseMethodFault) string {
	file := ""
	if f, ok := fault.(types.BaseFileFault); ok {
		file = f.GetFileFault().File
	}
	switch f := fault.(type) {
	case *types.FileNotFound:
		return "File " + file + " was not found"
	case *types.FileAlreadyExists:
		return "Cannot complete the operation because the file or folder " + file + " already exists"
	case *types.FileLocked:
		return "Unable to access file " + file + " since it is locked"
	case *types.NoDiskSpace:
		return "Insufficient disk space on datastore '" + f.Datastore + "'."
	case *types.CannotCreateFile:
		return "Cannot complete file creation operation."
	case *types.CannotDeleteFile:
		return "Cannot delete file " + file
	case *types.CannotAccessFile:
		return "Unable to access file " + file
	case *types.InvalidDatastorePath:
		return "Invalid datastore path '" + f.DatastorePath + "'."
	case *types.InvalidDatastore:
		return "Datastore '" + f.Name + "' is not accessible."
	case *types.InsufficientMemoryResourcesFault:
		return "The host does not have sufficient memory resources to satisfy the reservation."
	case *types.InsufficientCpuResourcesFault:
		return "The host does not have sufficient CPU resources to satisfy the reservation."
	case *types.DuplicateName:
		return "The name '" + f.Name + "' already exists."
	case *types.NoCompatibleHost:
		return "No host is compatible with the virtual machine."
	case *types.NoPermission:
		return "Permission to perform this operation was denied."
	case *types.InvalidDiskFormat:
		return "The file specified is not a virtual disk"
	}
	return typeName(fault)
}

// soapFault is a fault as a method's answer.
func soapFault(fault types.BaseMethodFault) *soap.Fault {
	return simulator.Fault(faultMessage(fault), fault)
}
