package main

import (
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// unregistered are the VMs that were taken out of the inventory, by the path of their .vmx: our .vmx files are empty, so what they would tell
// is kept here.
type unregistered struct {
	mu  sync.Mutex
	vms map[string]*simulator.VirtualMachine
}

// UnregisterVM takes a VM out of the inventory and leaves its files (API: VirtualMachine.UnregisterVM).
func (m *vmMethods) UnregisterVM(ctx *simulator.Context, req *types.UnregisterVM) soap.HasFault {
	vm, fault := m.vm(req.This)
	if fault != nil {
		return &methods.UnregisterVMBody{Fault_: fault}
	}
	var home file
	dc := m.datacenterOf(*vm.Parent)
	ctx.WithLock(vm, func() { home, _ = m.resolve(&dc, vm.Config.Files.VmPathName) })
	res := locked(ctx, vm.Self, func() soap.HasFault { return vm.UnregisterVM(ctx, req) })
	if res.Fault() == nil && home.store != nil {
		m.unregistered.mu.Lock()
		defer m.unregistered.mu.Unlock()
		if m.unregistered.vms == nil {
			m.unregistered.vms = map[string]*simulator.VirtualMachine{}
		}
		m.unregistered.vms[home.path()] = vm
	}
	return res
}

// RegisterVMTask puts a VM whose files are there into the inventory (API: Folder.RegisterVM_Task; NotFound for a .vmx that is not there,
// AlreadyExists for one that is registered, DuplicateName).
func (m *folderMethods) RegisterVMTask(ctx *simulator.Context, req *types.RegisterVM_Task) soap.HasFault {
	ctx = m.newContext(ctx)
	task := func() (types.AnyType, types.BaseMethodFault) {
		ref, fault := m.register(ctx, req)
		if fault != nil {
			return nil, fault
		}
		return ref, nil
	}
	return &methods.RegisterVM_TaskBody{Res: &types.RegisterVM_TaskResponse{Returnval: m.runTask(ctx, req.This, "Folder.RegisterVM_Task", task)}}
}

func (s *server) register(ctx *simulator.Context, req *types.RegisterVM_Task) (none types.ManagedObjectReference, fault types.BaseMethodFault) {
	f, ok := s.reg.Get(req.This).(*simulator.Folder)
	if !ok {
		return none, &types.ManagedObjectNotFound{Obj: req.This}
	}
	dc := s.datacenterOf(req.This)
	home, fault := s.resolve(&dc, req.Path)
	if fault != nil {
		return none, fault
	}
	if path.Ext(home.rel) != ".vmx" || !home.exists() {
		return none, &types.NotFound{}
	}
	for _, e := range s.reg.All("VirtualMachine") {
		taken := false
		ctx.WithLock(e, func() {
			vm, ok := e.(*simulator.VirtualMachine)
			if !ok || vm.Config == nil || vm.Parent == nil {
				return
			}
			in := s.datacenterOf(*vm.Parent)
			its, fault := s.resolve(&in, vm.Config.Files.VmPathName)
			taken = fault == nil && its.path() == home.path()
		})
		if taken {
			return none, &types.AlreadyExists{Name: e.Reference().Value}
		}
	}
	if !req.AsTemplate && req.Pool == nil {
		return none, &types.InvalidArgument{InvalidProperty: "pool"}
	}
	if req.Name == "" {
		req.Name = strings.TrimSuffix(path.Base(home.rel), ".vmx")
	}
	if !req.AsTemplate && req.Host == nil {
		if req.Host, fault = s.placeNew(ctx, *req.Pool, home.store, &types.VirtualMachineConfigSpec{}); fault != nil {
			return none, fault
		}
	}
	for _, name := range []string{req.Name + ".nvram", "vmware.log"} { // the simulator opens them
		wanted := file{home.store, path.Join(path.Dir(home.rel), name)}.path()
		if x, err := os.OpenFile(wanted, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0600); err == nil {
			_ = x.Close()
			defer os.Remove(wanted)
		}
	}
	res := locked(ctx, f.Self, func() soap.HasFault { return f.RegisterVMTask(ctx, req) })
	if fault := refusal(res); fault != nil {
		return none, fault
	}
	result, fault := s.waitTask(res.(*methods.RegisterVM_TaskBody).Res.Returnval)
	if fault != nil {
		return none, fault
	}
	ref := result.(types.ManagedObjectReference)
	vm := s.reg.Get(ref).(*simulator.VirtualMachine)
	s.unregistered.mu.Lock()
	old := s.unregistered.vms[home.path()]
	delete(s.unregistered.vms, home.path())
	s.unregistered.mu.Unlock()
	ctx.WithLock(vm, func() { // as createVM does
		for _, rt := range []*types.VirtualMachineRuntimeInfo{&vm.Runtime, &vm.Summary.Runtime} {
			rt.FaultToleranceState = types.VirtualMachineFaultToleranceStateNotConfigured
			rt.RecordReplayState = types.VirtualMachineRecordReplayStateInactive
		}
	})
	if old != nil {
		s.restoreVM(ctx, vm, old)
	}
	return ref, nil
}

// restoreVM gives a registered VM the devices and settings that it had before.
func (s *server) restoreVM(ctx *simulator.Context, vm, old *simulator.VirtualMachine) {
	var stores []types.ManagedObjectReference
	ctx.WithLock(vm, func() {
		name, template := vm.Name, vm.Config.Template
		vm.Config, vm.Layout, vm.LayoutEx, vm.Storage = old.Config, old.Layout, old.LayoutEx, old.Storage
		vm.Summary.Config, vm.Summary.Storage = old.Summary.Config, old.Summary.Storage
		vm.Config.Name, vm.Summary.Config.Name = name, name
		vm.Config.Template, vm.Summary.Config.Template = template, template
		for _, ds := range old.Datastore {
			if !slices.Contains(vm.Datastore, ds) {
				vm.Datastore = append(vm.Datastore, ds)
				stores = append(stores, ds)
			}
		}
	})
	for _, ref := range stores {
		if ds, ok := s.reg.Get(ref).(*simulator.Datastore); ok {
			s.reg.AddReference(ctx, ds, &ds.Vm, vm.Self)
		}
	}
}
