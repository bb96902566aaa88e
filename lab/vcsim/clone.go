package main

import (
	"errors"
	"os"
	"path"
	"reflect"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// CloneVMTask makes a VM from another with the content of its disks (API: VirtualMachine.CloneVM_Task. Nova makes its snapshots with it:
// nova/virt/vmwareapi/vmops.py _create_vm_snapshot, vm_util.py clone_vmref_for_instance). What it differs in comes by a reconfiguration.
func (m *vmMethods) CloneVMTask(ctx *simulator.Context, req *types.CloneVM_Task) soap.HasFault {
	vm, fault := m.vm(req.This)
	if fault != nil {
		return &methods.CloneVM_TaskBody{Fault_: fault}
	}
	ctx = m.newContext(ctx)
	task := func() (types.AnyType, types.BaseMethodFault) {
		ref, fault := m.clone(ctx, vm, req)
		if fault != nil {
			return nil, fault
		}
		return ref, nil
	}
	return &methods.CloneVM_TaskBody{Res: &types.CloneVM_TaskResponse{Returnval: m.runTask(ctx, req.This, "VirtualMachine.CloneVM_Task", task)}}
}

// clonedDisk is a disk of a clone that gets the content of another.
type clonedDisk struct {
	from file                                  // an extent
	to   *types.VirtualDiskFlatVer2BackingInfo // of the new disk, named when the VM is there
}

func (m *vmMethods) clone(ctx *simulator.Context, vm *simulator.VirtualMachine, req *types.CloneVM_Task) (none types.ManagedObjectReference, fault types.BaseMethodFault) {
	at := req.Spec.Location
	dc := m.datacenterOf(*vm.Parent)
	config := types.VirtualMachineConfigSpec{Name: req.Name, Files: new(types.VirtualMachineFileInfo)}
	var devices object.VirtualDeviceList
	var pool, host *types.ManagedObjectReference
	var home string
	ctx.WithLock(vm, func() {
		c := vm.Config
		config.Version, config.GuestId, config.Annotation, config.Firmware = c.Version, c.GuestId, c.Annotation, c.Firmware
		config.NumCPUs, config.MemoryMB, config.NumCoresPerSocket = c.Hardware.NumCPU, int64(c.Hardware.MemoryMB), c.Hardware.NumCoresPerSocket
		config.ExtraConfig = append(config.ExtraConfig, c.ExtraConfig...)
		config.MemoryAllocation, config.CpuAllocation = c.MemoryAllocation, c.CpuAllocation
		devices = deepCopy(reflect.ValueOf(c.Hardware.Device), "\x00", "").Interface().([]types.BaseVirtualDevice)
		home, host = c.Files.VmPathName, vm.Runtime.Host
		if !c.Template {
			pool = vm.ResourcePool
		}
	})
	if at.Pool != nil && (pool == nil || *pool != *at.Pool) {
		pool, host = at.Pool, nil
	}
	if pool == nil { // API: VirtualMachineRelocateSpec.pool, "if a template is cloned to a virtual machine this must be specified"
		return none, &types.InvalidArgument{InvalidProperty: "spec.location.pool"}
	}
	if at.Host != nil {
		host = at.Host
	}
	source, fault := m.resolve(&dc, home)
	if fault != nil {
		return none, fault
	}
	target := source.store
	if at.Datastore != nil {
		if target = m.storeOf(*at.Datastore); target == nil {
			return none, &types.ManagedObjectNotFound{Obj: *at.Datastore}
		}
	}
	config.Files.VmPathName = "[" + target.Name + "]"
	disks, fault := m.cloneDevices(dc, target, devices, &at, &config)
	if fault != nil {
		return none, fault
	}
	ref, fault := m.createVM(ctx, req.Folder, *pool, host, &config)
	if fault != nil {
		return none, fault
	}
	clone := m.reg.Get(ref).(*simulator.VirtualMachine)
	if fault := m.fillClone(ctx, clone, disks, req); fault != nil {
		_ = m.destroy(ctx, clone)
		return none, fault
	}
	return ref, nil
}

// cloneDevices puts the VM's devices into the clone's spec, but those that each VM has, and gives the disks that are to be filled. A disk's type
// is the source's or the locator's; createNewChildDiskBacking makes a child of the source's disk, moveChildMostDiskBacking one of its parent.
func (m *vmMethods) cloneDevices(dc types.ManagedObjectReference, target *store, devices object.VirtualDeviceList,
	at *types.VirtualMachineRelocateSpec, config *types.VirtualMachineConfigSpec) (disks []clonedDisk, fault types.BaseMethodFault) {
	defaults := object.VirtualDeviceList(esx.VirtualDevice)
	var need int64
	for _, d := range devices {
		if defaults.Find(devices.Name(d)) != nil {
			continue
		}
		change := &types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: d}
		config.DeviceChange = append(config.DeviceChange, change)
		disk, isDisk := d.(*types.VirtualDisk)
		b, ok := d.GetVirtualDevice().Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		if !isDisk || !ok {
			continue
		}
		f, fault := m.resolve(&dc, b.FileName)
		if fault != nil {
			return nil, fault
		}
		x, err := openDisk(f)
		if err != nil {
			return nil, diskFault(f, err)
		}
		to, how, kind := target, at.DiskMoveType, x.kind
		for _, locator := range at.Disk {
			if locator.DiskId != disk.Key {
				continue
			}
			if to = m.storeOf(locator.Datastore); to == nil {
				return nil, &types.ManagedObjectNotFound{Obj: locator.Datastore}
			}
			if locator.DiskMoveType != "" {
				how = locator.DiskMoveType
			}
			if want, ok := locator.DiskBackingInfo.(*types.VirtualDiskFlatVer2BackingInfo); ok && want.ThinProvisioned != nil {
				kind.thin = *want.ThinProvisioned
			}
		}
		own := *b
		*b = types.VirtualDiskFlatVer2BackingInfo{DiskMode: b.DiskMode, ThinProvisioned: &kind.thin,
			VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: "[" + to.Name + "]"}}
		change.FileOperation = types.VirtualDeviceConfigSpecFileOperationCreate
		disk.CapacityInKB, disk.CapacityInBytes = x.size>>10, x.size
		switch types.VirtualMachineRelocateDiskMoveOptions(how) {
		case types.VirtualMachineRelocateDiskMoveOptionsCreateNewChildDiskBacking:
			b.Parent = &own
		case types.VirtualMachineRelocateDiskMoveOptionsMoveChildMostDiskBacking, types.VirtualMachineRelocateDiskMoveOptionsMoveAllDiskBackingsAndAllowSharing:
			b.Parent = own.Parent
		}
		if b.Parent == nil {
			root, err := m.root(x)
			if err != nil {
				return nil, diskFault(f, err)
			}
			if info, err := os.Stat(root.extent.path()); err == nil && kind.thin {
				need += allocated(info)
			} else if !kind.thin {
				need += x.size
			}
			if need > to.freeSpace() {
				return nil, noSpace(file{to, path.Join(config.Name, path.Base(f.rel))})
			}
			disks = append(disks, clonedDisk{from: root.extent, to: b})
		}
	}
	return disks, nil
}

// fillClone gives a clone its disks' content and makes of it what the request says.
func (m *vmMethods) fillClone(ctx *simulator.Context, clone *simulator.VirtualMachine, disks []clonedDisk, req *types.CloneVM_Task) types.BaseMethodFault {
	dc := m.datacenterOf(*clone.Parent)
	for _, d := range disks {
		to, fault := m.resolve(&dc, d.to.FileName)
		if fault != nil {
			return fault
		}
		x, err := openDisk(to)
		if err != nil {
			return diskFault(to, err)
		}
		tmp, err := sameFileSystemTemp(m.uploadsDir(), "clone-*")
		if err == nil {
			err = errors.Join(copySparse(d.from.path(), tmp), os.Truncate(tmp, x.size))
		}
		if err == nil {
			err = os.Rename(tmp, x.extent.path())
		}
		if err != nil {
			_ = os.Remove(tmp)
			return fileFault(to.name(), err)
		}
	}
	var changes types.VirtualMachineConfigSpec
	if req.Spec.Config != nil {
		changes = *req.Spec.Config
		changes.Files = nil
	}
	changes.DeviceChange = append(append([]types.BaseVirtualDeviceConfigSpec{}, req.Spec.Location.DeviceChange...), changes.DeviceChange...)
	if !reflect.ValueOf(changes).IsZero() {
		res := m.ReconfigVMTask(ctx, &types.ReconfigVM_Task{This: clone.Self, Spec: changes})
		if _, fault := m.waitTask(res.(*methods.ReconfigVM_TaskBody).Res.Returnval); fault != nil {
			return fault
		}
	}
	if c := req.Spec.Customization; c != nil && !req.Spec.Template {
		res := locked(ctx, clone.Self, func() soap.HasFault {
			return clone.CustomizeVMTask(ctx, &types.CustomizeVM_Task{This: clone.Self, Spec: *c})
		})
		if fault := refusal(res); fault != nil {
			return fault
		}
		if _, fault := m.waitTask(res.(*methods.CustomizeVM_TaskBody).Res.Returnval); fault != nil {
			return fault
		}
	}
	switch {
	case req.Spec.Template:
		return refusal(locked(ctx, clone.Self, func() soap.HasFault { return clone.MarkAsTemplate(&types.MarkAsTemplate{This: clone.Self}) }))
	case req.Spec.PowerOn:
		res := m.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: clone.Self})
		_, fault := m.waitTask(res.(*methods.PowerOnVM_TaskBody).Res.Returnval)
		return fault
	}
	return nil
}
