package main

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// folderMethods is Folder's CreateVM_Task (gaps 10, 11, 12).
type folderMethods struct{ own }

// CreateVMTask creates a VM on a host that has room for it.
func (m *folderMethods) CreateVMTask(ctx *simulator.Context, req *types.CreateVM_Task) soap.HasFault {
	ctx = m.newContext(ctx)
	task := func() (types.AnyType, types.BaseMethodFault) {
		ref, fault := m.createVM(ctx, req.This, req.Pool, req.Host, &req.Config)
		if fault != nil {
			return nil, fault
		}
		return ref, nil
	}
	return &methods.CreateVM_TaskBody{Res: &types.CreateVM_TaskResponse{Returnval: m.runTask(ctx, req.This, "Folder.CreateVM_Task", task)}}
}

// newContext is a context for a task: the simulator's locks belong to a context, so a task may not share the call's.
func (s *server) newContext(ctx *simulator.Context) *simulator.Context {
	return &simulator.Context{Context: ctx.Context, Session: ctx.Session, Map: s.reg}
}

// createVM places and creates a VM and gives its reference.
func (s *server) createVM(ctx *simulator.Context, folder, pool types.ManagedObjectReference, host *types.ManagedObjectReference,
	config *types.VirtualMachineConfigSpec) (none types.ManagedObjectReference, fault types.BaseMethodFault) {
	f, ok := s.reg.Get(folder).(*simulator.Folder)
	if !ok {
		return none, &types.ManagedObjectNotFound{Obj: folder}
	}
	name := escapeName(config.Name)
	if fault := s.takeName(ctx, f, name); fault != nil {
		return none, fault
	}
	defer s.creating.Delete(folder.Value + "/" + name)
	dc := s.datacenterOf(folder)
	if config.Files == nil {
		return none, &types.InvalidVmConfig{Property: "configSpec.files"}
	}
	home, fault := s.resolve(&dc, config.Files.VmPathName)
	if fault != nil {
		return none, fault
	}
	if path.Ext(home.rel) != ".vmx" {
		// "[ds]" alone: vSphere makes a folder of the VM's name, or of name_1 and so on (Nova counts on
		// <uuid>/<uuid>.vmdk: vmops.py).
		dir := name
		for i := 1; (file{home.store, dir}).exists(); i++ {
			dir = fmt.Sprintf("%s_%d", name, i)
		}
		home.rel = dir + "/" + name + ".vmx"
		config.Files.VmPathName = home.name()
	} else if err := os.MkdirAll(home.with("").path(), 0700); err != nil { // govc import.vmdk gives a folder that may be missing
		return none, fileFault(home.name(), err)
	}
	disks, fault := s.prepareDevices(dc, home, config.DeviceChange)
	if fault != nil {
		return none, fault
	}
	if host == nil {
		if host, fault = s.placeNew(ctx, pool, home.store, config); fault != nil {
			return none, fault
		}
	}
	config.Name = strings.ReplaceAll(name, "%", "_") // a name that it has to escape makes the simulator add each device twice
	var task types.ManagedObjectReference
	res := locked(ctx, f.Self, func() soap.HasFault {
		return f.CreateVMTask(ctx, &types.CreateVM_Task{This: folder, Config: *config, Pool: pool, Host: host})
	})
	if res.Fault() != nil {
		return none, &types.RuntimeFault{}
	}
	task = res.(*methods.CreateVM_TaskBody).Res.Returnval
	result, fault := s.waitTask(task)
	if fault != nil {
		return none, fault
	}
	ref := result.(types.ManagedObjectReference)
	vm := s.reg.Get(ref).(*simulator.VirtualMachine)
	if fault := s.finishDisks(ctx, vm, disks); fault != nil {
		return none, fault
	}
	ctx.WithLock(vm, func() {
		vm.Name, vm.Config.Name, vm.Summary.Config.Name = name, name, name
		// Gap 18: an empty enumeration is none of its values, and pyVmomi refuses it.
		for _, rt := range []*types.VirtualMachineRuntimeInfo{&vm.Runtime, &vm.Summary.Runtime} {
			rt.FaultToleranceState = types.VirtualMachineFaultToleranceStateNotConfigured
			rt.RecordReplayState = types.VirtualMachineRecordReplayStateInactive
		}
	})
	return ref, nil
}

// takeName keeps a name for a VM that is being made. A name that another has in the folder is refused (API: Folder.CreateVM_Task and
// ResourcePool.ImportVApp, DuplicateName).
func (s *server) takeName(ctx *simulator.Context, f *simulator.Folder, name string) types.BaseMethodFault {
	var children []types.ManagedObjectReference
	_, taken := s.creating.LoadOrStore(f.Self.Value+"/"+name, true)
	ctx.WithLock(f, func() { children = slices.Clone(f.ChildEntity) })
	if e := s.reg.FindByName(name, children); e != nil {
		if !taken {
			s.creating.Delete(f.Self.Value + "/" + name)
		}
		return &types.DuplicateName{Name: name, Object: e.Reference()}
	}
	if taken {
		return &types.DuplicateName{Name: name, Object: f.Self}
	}
	return nil
}

// datacenterOf is the datacenter that an entity is in.
func (s *server) datacenterOf(ref types.ManagedObjectReference) types.ManagedObjectReference {
	for ref.Type != "Datacenter" {
		parent := s.parent(ref)
		if parent == nil {
			return types.ManagedObjectReference{}
		}
		ref = *parent
	}
	return ref
}

// newDisk is a disk whose files the simulator makes empty and we make right afterwards.
type newDisk struct {
	name   string
	size   int64 // bytes
	kind   diskKind
	eager  bool   // zeroed at once
	parent string // datastore path of the parent's descriptor
}

// prepareDevices completes a request's devices as vSphere would and gives the disks that will be made.
func (s *server) prepareDevices(dc types.ManagedObjectReference, home file, changes []types.BaseVirtualDeviceConfigSpec) ([]newDisk, types.BaseMethodFault) {
	var disks []newDisk
	for _, c := range changes {
		spec := c.GetVirtualDeviceConfigSpec()
		if ctlr, ok := spec.Device.(types.BaseVirtualSCSIController); ok && spec.Operation == types.VirtualDeviceConfigSpecOperationAdd {
			// Gap 16: the controller has unit 7 on its own bus; Nova reads it (vm_util.py _get_bus_driver, resize).
			if v := ctlr.GetVirtualSCSIController(); v.ScsiCtlrUnitNumber == 0 {
				v.ScsiCtlrUnitNumber = 7
			}
		}
		d, ok := spec.Device.(*types.VirtualDisk)
		if !ok || spec.Operation != types.VirtualDeviceConfigSpecOperationAdd {
			continue
		}
		b, ok := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		if !ok {
			continue
		}
		if spec.FileOperation == "" {
			// An existing disk: its capacity is what the descriptor says.
			f, fault := s.resolve(&dc, b.FileName)
			if fault != nil {
				return nil, fault
			}
			x, err := openDisk(f)
			if err != nil {
				return nil, diskFault(f, err)
			}
			d.CapacityInKB, d.CapacityInBytes = x.size>>10, x.size
			if b.ThinProvisioned == nil {
				b.ThinProvisioned = types.NewBool(x.kind.thin)
			}
			continue
		}
		var p object.DatastorePath
		if b.FileName == "" {
			p.Datastore = home.Name
		} else if !p.FromString(b.FileName) {
			return nil, &types.InvalidDatastorePath{DatastorePath: b.FileName}
		}
		if p.Path == "" {
			// hostd names the disk after the VM's folder: x.vmdk, x_1.vmdk ...
			base := strings.TrimSuffix(path.Base(home.rel), ".vmx")
			for i := 0; ; i++ {
				name := base
				if i > 0 {
					name = fmt.Sprintf("%s_%d", base, i)
				}
				p.Path = path.Join(path.Dir(home.rel), name+".vmdk")
				f, fault := s.resolve(&dc, p.String())
				if fault != nil {
					return nil, fault
				}
				if !f.exists() && !contains(disks, p.String()) {
					break
				}
			}
			b.FileName = p.String()
		}
		nd := newDisk{name: b.FileName, size: d.CapacityInKB << 10, kind: diskKind{thin: b.ThinProvisioned != nil && *b.ThinProvisioned}}
		if d.CapacityInBytes > 0 {
			nd.size = d.CapacityInBytes
		}
		nd.eager = b.EagerlyScrub != nil && *b.EagerlyScrub
		f, fault := s.resolve(&dc, nd.name)
		if fault != nil {
			return nil, fault
		}
		nd.kind = s.kindOn(f.store, nd.kind)
		b.ThinProvisioned = types.NewBool(nd.kind.thin)
		if b.Parent != nil {
			pf, fault := s.resolve(&dc, b.Parent.FileName)
			if fault != nil {
				return nil, fault
			}
			x, err := openDisk(pf)
			if err != nil {
				return nil, diskFault(pf, err)
			}
			nd.parent, nd.size, nd.kind.thin = b.Parent.FileName, x.size, true
			b.Parent.Datastore = &pf.ref
			if b.Parent.DiskMode == "" {
				b.Parent.DiskMode = "persistent"
			}
		}
		if !nd.kind.thin && nd.size > f.freeSpace() {
			return nil, noSpace(f)
		}
		disks = append(disks, nd)
	}
	return disks, nil
}

func contains(disks []newDisk, name string) bool {
	for _, d := range disks {
		if d.name == name {
			return true
		}
	}
	return false
}

// finishDisks gives new disks a whole descriptor and an extent of the right size.
func (s *server) finishDisks(ctx *simulator.Context, vm *simulator.VirtualMachine, disks []newDisk) types.BaseMethodFault {
	dc := s.datacenterOf(*vm.Parent)
	for _, d := range disks {
		f, fault := s.resolve(&dc, d.name)
		if fault != nil {
			return fault
		}
		_ = os.Remove(f.path())
		_ = os.Remove(f.flat().path())
		var link *parentLink
		if d.parent != "" {
			pf, fault := s.resolve(&dc, d.parent)
			if fault != nil {
				return fault
			}
			parent, err := openDisk(pf)
			if err != nil {
				return diskFault(pf, err)
			}
			link = parent.linkTo()
		}
		if err := createDisk(f, d.size, d.kind, link); err != nil {
			return fileFault(f.name(), err)
		}
		if d.eager && !d.kind.thin {
			s.zero(d.size)
		}
	}
	ctx.WithLock(vm, func() {
		vm.RefreshStorageInfo(ctx, nil)
		s.fixLayout(dc, vm)
	})
	return nil
}

// fixLayout corrects layoutEx: the simulator lists a -flat for each disk, but a child has a -delta.
func (s *server) fixLayout(dc types.ManagedObjectReference, vm *simulator.VirtualMachine) {
	keys := map[string]int32{}
	for _, f := range vm.LayoutEx.File {
		keys[f.Name] = f.Key
	}
	wrong := map[int32]int32{} // key of a -flat that is not there: key of the -delta
	vm.LayoutEx.File = slices.DeleteFunc(vm.LayoutEx.File, func(x types.VirtualMachineFileLayoutExFileInfo) bool {
		f, fault := s.resolve(&dc, x.Name)
		base, isFlat := strings.CutSuffix(x.Name, "-flat.vmdk")
		if fault != nil || !isFlat || f.exists() {
			return false
		}
		wrong[x.Key] = keys[base+"-delta.vmdk"]
		return true
	})
	for i := range vm.LayoutEx.Disk {
		for j := range vm.LayoutEx.Disk[i].Chain {
			for k, key := range vm.LayoutEx.Disk[i].Chain[j].FileKey {
				if right, ok := wrong[key]; ok {
					vm.LayoutEx.Disk[i].Chain[j].FileKey[k] = right
				}
			}
		}
	}
}

// vmMethods are VirtualMachine's methods that see capacity, locks and files.
type vmMethods struct{ own }

// vm finds a VM, or gives the fault for what is none.
func (m *vmMethods) vm(ref types.ManagedObjectReference) (*simulator.VirtualMachine, *soap.Fault) {
	vm, ok := m.reg.Get(ref).(*simulator.VirtualMachine)
	if !ok {
		return nil, soapFault(&types.ManagedObjectNotFound{Obj: ref})
	}
	return vm, nil
}

// refusal gives the fault in an answer of the simulator, or nil.
func refusal(res soap.HasFault) types.BaseMethodFault {
	if f := res.Fault(); f != nil {
		return f.VimFault().(types.BaseMethodFault)
	}
	return nil
}

// ReconfigVMTask changes a VM. It names and fills the disks that it adds, and grows and deletes those that the request says.
func (m *vmMethods) ReconfigVMTask(ctx *simulator.Context, req *types.ReconfigVM_Task) soap.HasFault {
	vm, fault := m.vm(req.This)
	if fault != nil {
		return &methods.ReconfigVM_TaskBody{Fault_: fault}
	}
	ctx = m.newContext(ctx)
	task := func() (types.AnyType, types.BaseMethodFault) {
		var vmx string
		ctx.WithLock(vm, func() { vmx = vm.Config.Files.VmPathName })
		dc := m.datacenterOf(*vm.Parent)
		home, fault := m.resolve(&dc, vmx)
		if fault != nil {
			return nil, fault
		}
		disks, fault := m.prepareDevices(dc, home, req.Spec.DeviceChange)
		if fault != nil {
			return nil, fault
		}
		changed, fault := m.changedDisks(ctx, vm, req.Spec.DeviceChange)
		if fault != nil {
			return nil, fault
		}
		res := locked(ctx, vm.Self, func() soap.HasFault { return vm.ReconfigVMTask(ctx, req) })
		if fault := refusal(res); fault != nil {
			return nil, fault
		}
		result, fault := m.waitTask(res.(*methods.ReconfigVM_TaskBody).Res.Returnval)
		if fault != nil {
			return nil, fault
		}
		for _, c := range changed {
			if c.size == 0 {
				_ = removeDisk(c.disk)
				continue
			}
			if fault := m.growDisk(c.disk, c.size); fault != nil {
				return nil, fault
			}
			setCapacity(ctx, vm, c.disk.desc.name(), c.size)
		}
		return result, m.finishDisks(ctx, vm, disks)
	}
	return &methods.ReconfigVM_TaskBody{Res: &types.ReconfigVM_TaskResponse{Returnval: m.runTask(ctx, req.This, "VirtualMachine.ReconfigVM_Task", task)}}
}

// changedDisk is a disk of a VM that gets another size, in bytes; with none it goes.
type changedDisk struct {
	disk *disk
	size int64
}

// changedDisks are the disks that a reconfiguration grows or deletes. A smaller size is refused, as a device's change that can't be
// (API: InvalidDeviceOperation).
func (s *server) changedDisks(ctx *simulator.Context, vm *simulator.VirtualMachine, changes []types.BaseVirtualDeviceConfigSpec) (out []changedDisk, fault types.BaseMethodFault) {
	dc := s.datacenterOf(*vm.Parent)
	var devices object.VirtualDeviceList
	ctx.WithLock(vm, func() { devices = slices.Clone(vm.Config.Hardware.Device) })
	for i, c := range changes {
		spec := c.GetVirtualDeviceConfigSpec()
		wanted, ok := spec.Device.(*types.VirtualDisk)
		if !ok || spec.Operation == types.VirtualDeviceConfigSpecOperationAdd {
			continue
		}
		present, ok := devices.FindByKey(wanted.Key).(*types.VirtualDisk)
		if !ok {
			continue
		}
		chain := backingChain(present.Backing)
		if len(chain) == 0 {
			continue
		}
		f, fault := s.resolve(&dc, chain[0])
		if fault != nil {
			return nil, fault
		}
		d, err := openDisk(f)
		size := wanted.CapacityInKB << 10
		if wanted.CapacityInBytes > present.CapacityInBytes || size == 0 {
			size = wanted.CapacityInBytes
		}
		switch {
		case spec.Operation == types.VirtualDeviceConfigSpecOperationRemove && spec.FileOperation == types.VirtualDeviceConfigSpecFileOperationDestroy:
			spec.FileOperation = "" // the simulator leaves a child's extent
			if err == nil {
				out = append(out, changedDisk{disk: d})
			}
		case spec.Operation != types.VirtualDeviceConfigSpecOperationEdit:
		case err != nil:
			return nil, diskFault(f, err)
		case size > 0 && size>>10 < present.CapacityInKB:
			return nil, &types.InvalidDeviceOperation{InvalidDeviceSpec: types.InvalidDeviceSpec{DeviceIndex: int32(i)}, BadOp: spec.Operation}
		case size > d.size && !d.kind.thin && size-d.size > f.freeSpace():
			return nil, noSpace(f)
		case size > d.size:
			wanted.CapacityInKB, wanted.CapacityInBytes = size>>10, size
			out = append(out, changedDisk{disk: d, size: size})
		}
	}
	return out, nil
}

// setCapacity sets the size of the VM's disk of that name, in bytes.
func setCapacity(ctx *simulator.Context, vm *simulator.VirtualMachine, name string, size int64) {
	ctx.WithLock(vm, func() {
		for _, d := range vm.Config.Hardware.Device {
			if disk, ok := d.(*types.VirtualDisk); ok {
				if c := backingChain(disk.Backing); len(c) > 0 && c[0] == name {
					disk.CapacityInKB, disk.CapacityInBytes = size>>10, size
				}
			}
		}
	})
}

// DestroyTask deletes a VM with its files. The simulator ends the task while it still deletes.
func (m *vmMethods) DestroyTask(ctx *simulator.Context, req *types.Destroy_Task) soap.HasFault {
	vm, fault := m.vm(req.This)
	if fault != nil {
		return &methods.Destroy_TaskBody{Fault_: fault}
	}
	ctx = m.newContext(ctx)
	entity := *vm.Parent
	task := func() (types.AnyType, types.BaseMethodFault) { return nil, m.destroy(ctx, vm) }
	return &methods.Destroy_TaskBody{Res: &types.Destroy_TaskResponse{Returnval: m.runTask(ctx, entity, "VirtualMachine.Destroy_Task", task)}}
}

// destroy unregisters a VM and deletes its files: its disks, those of their parents that are in its own folder, and its own by their names. The
// folder goes when nothing else is in it. A disk that was taken off the VM stays, as do parents elsewhere.
func (s *server) destroy(ctx *simulator.Context, vm *simulator.VirtualMachine) types.BaseMethodFault {
	var disks []string
	var vmx string
	dc := s.datacenterOf(*vm.Parent)
	res := locked(ctx, vm.Self, func() soap.HasFault {
		if vm.Config != nil {
			vmx = vm.Config.Files.VmPathName
			for _, d := range vm.Config.Hardware.Device {
				if disk, ok := d.(*types.VirtualDisk); ok {
					for i, name := range backingChain(disk.Backing) {
						if i == 0 || path.Dir(name) == path.Dir(vmx) {
							disks = append(disks, name)
						}
					}
				}
			}
		}
		return vm.UnregisterVM(ctx, &types.UnregisterVM{This: vm.Self})
	})
	if fault := refusal(res); fault != nil {
		return fault
	}
	for _, name := range disks {
		if f, fault := s.resolve(&dc, name); fault == nil {
			if d, err := openDisk(f); err == nil {
				_ = removeDisk(d)
			} else {
				_ = os.Remove(f.path())
			}
		}
	}
	home, fault := s.resolve(&dc, vmx)
	if fault != nil {
		return nil
	}
	base := strings.TrimSuffix(path.Base(home.rel), ".vmx")
	entries, _ := os.ReadDir(home.with("").path())
	for _, e := range entries {
		if own := strings.HasPrefix(e.Name(), base) && slices.Contains(vmExtensions, path.Ext(e.Name())); own || vmLog.MatchString(e.Name()) {
			_ = os.Remove(home.with(e.Name()).path())
		}
	}
	if path.Dir(home.rel) != "." {
		_ = os.Remove(home.with("").path())
	}
	return nil
}

// vmExtensions are those of a VM's own files beside its disks, and vmLog is the names of its logs (API: VirtualMachineFileLayoutExFileType).
var (
	vmExtensions = []string{".vmx", ".vmxf", ".vmsd", ".vmsn", ".vmem", ".vmss", ".vswp", ".nvram", ".hlog"}
	vmLog        = regexp.MustCompile(`^vmware(-\d+)?\.log$`)
)

// poolMethods is ResourcePool's ImportVApp.
type poolMethods struct{ own }

// datastoreMethods is Datastore's RefreshDatastore, which in the simulator overwrites the sizes.
type datastoreMethods struct{ own }

// RefreshDatastore reads the free space anew.
func (m *datastoreMethods) RefreshDatastore(ctx *simulator.Context, req *types.RefreshDatastore) soap.HasFault {
	m.changed()
	m.refreshOne(ctx, req.This)
	return &methods.RefreshDatastoreBody{Res: new(types.RefreshDatastoreResponse)}
}
