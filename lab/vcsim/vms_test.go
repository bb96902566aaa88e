package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// vmSpec is a VM as Nova makes it: home is the datastore alone.
func vmSpec(name, ds string, memoryMB, reservedMB int64, disk *types.VirtualDiskFlatVer2BackingInfo, create bool) types.VirtualMachineConfigSpec {
	spec := types.VirtualMachineConfigSpec{Name: name, GuestId: "otherGuest", NumCPUs: 2, MemoryMB: memoryMB,
		MemoryAllocation: &types.ResourceAllocationInfo{Reservation: &reservedMB},
		Files:            &types.VirtualMachineFileInfo{VmPathName: "[" + ds + "]"}}
	scsi := &types.VirtualLsiLogicController{VirtualSCSIController: types.VirtualSCSIController{SharedBus: "noSharing",
		VirtualController: types.VirtualController{VirtualDevice: types.VirtualDevice{Key: -101}}}}
	spec.DeviceChange = append(spec.DeviceChange, &types.VirtualDeviceConfigSpec{Operation: "add", Device: scsi})
	if disk != nil {
		d := &types.VirtualDeviceConfigSpec{Operation: "add", Device: &types.VirtualDisk{CapacityInKB: 1024, VirtualDevice: types.VirtualDevice{
			Key: -1, ControllerKey: -101, UnitNumber: types.NewInt32(0), Backing: disk}}}
		if create {
			d.FileOperation = "create"
		} else {
			d.Device.(*types.VirtualDisk).CapacityInKB = 0
		}
		spec.DeviceChange = append(spec.DeviceChange, d)
	}
	return spec
}

func backing(name string) *types.VirtualDiskFlatVer2BackingInfo {
	return &types.VirtualDiskFlatVer2BackingInfo{DiskMode: "persistent", ThinProvisioned: types.NewBool(true),
		VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: name}}
}

func (l *lab) createVM(cluster string, spec types.VirtualMachineConfigSpec) (*object.VirtualMachine, string) {
	l.Helper()
	pool, err := l.f.ResourcePool(l.ctx, cluster+"/Resources")
	l.must(err)
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	task, err := folders.VmFolder.CreateVM(l.ctx, spec, pool, nil)
	l.must(err)
	info, err := task.WaitForResult(l.ctx, nil)
	if err != nil {
		return nil, l.wait(task, err)
	}
	return object.NewVirtualMachine(l.c.Client, info.Result.(types.ManagedObjectReference)), ""
}

func TestCreateVM(t *testing.T) {
	l := newLab(t)
	vm, fault := l.createVM("cluster-a", vmSpec("uuid-1", "ds-a", 1024, 0, backing("[ds-a]"), true))
	if fault != "" {
		t.Fatal(fault)
	}
	var m mo.VirtualMachine
	l.props(vm.Reference(), &m, "config", "runtime", "summary", "layoutEx")
	if m.Config.Files.VmPathName != "[ds-a] uuid-1/uuid-1.vmx" || m.Runtime.FaultToleranceState != "notConfigured" || m.Summary.Runtime.RecordReplayState != "inactive" {
		t.Errorf("%+v %+v", m.Config.Files, m.Runtime)
	}
	for _, d := range m.Config.Hardware.Device {
		if c, ok := d.(*types.VirtualLsiLogicController); ok && c.ScsiCtlrUnitNumber != 7 {
			t.Errorf("scsiCtlrUnitNumber %d", c.ScsiCtlrUnitNumber)
		}
	}
	d, err := openDisk(file{l.s.stores["ds-a"], "uuid-1/uuid-1.vmdk"})
	l.must(err)
	if d.size != 1<<20 {
		t.Errorf("%+v", d)
	}
	if _, fault := l.createVM("cluster-a", vmSpec("uuid-1", "ds-a", 1024, 0, nil, false)); fault != "DuplicateName" {
		t.Errorf("a second VM of the name: %q", fault)
	}
	// The folder's name is taken.
	l.want("")(vm.Rename(l.ctx, "other"))
	vm2, _ := l.createVM("cluster-a", vmSpec("uuid-1", "ds-a", 1024, 0, nil, false))
	l.props(vm2.Reference(), &m, "config.files")
	if m.Config.Files.VmPathName != "[ds-a] uuid-1_1/uuid-1.vmx" {
		t.Errorf("%+v", m.Config.Files)
	}
	// A disk that is there already, and one that is not.
	l.disk("[ds-a] full/full.vmdk", 3<<20, "x")
	vm3, fault := l.createVM("cluster-a", vmSpec("uuid-3", "ds-a", 1024, 0, backing("[ds-a] full/full.vmdk"), false))
	if fault != "" {
		t.Fatal(fault)
	}
	l.props(vm3.Reference(), &m, "config.hardware.device")
	disks := object.VirtualDeviceList(m.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil))
	if got := disks[0].(*types.VirtualDisk).CapacityInKB; got != 3<<10 {
		t.Errorf("capacity %d", got)
	}
	if _, fault := l.createVM("cluster-a", vmSpec("uuid-4", "ds-a", 1024, 0, backing("[ds-a] none.vmdk"), false)); fault != "FileNotFound" {
		t.Errorf("missing disk: %q", fault)
	}
	if _, fault := l.createVM("cluster-b", vmSpec("uuid-5", "ds-shared", 1024, 0, nil, false)); fault != "InvalidArgument" {
		t.Errorf("several hosts, no DRS: %q", fault)
	}
}

func TestLinkedClone(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] base/i/i.vmdk", 2<<20, "content")
	child := backing("[ds-a]")
	child.Parent = backing("[ds-a] base/i/i.vmdk")
	vm, fault := l.createVM("cluster-a", vmSpec("clone", "ds-a", 1024, 0, child, true))
	if fault != "" {
		t.Fatal(fault)
	}
	var m mo.VirtualMachine
	l.props(vm.Reference(), &m, "config.hardware.device", "layoutEx")
	disk := object.VirtualDeviceList(m.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil))[0].(*types.VirtualDisk)
	if got := fmt.Sprint(backingChain(disk.Backing)); got != "[[ds-a] clone/clone.vmdk [ds-a] base/i/i.vmdk]" {
		t.Errorf("chain %s", got)
	}
	if disk.CapacityInKB != 2<<10 {
		t.Errorf("capacity %d", disk.CapacityInKB)
	}
	var files []string
	for _, f := range m.LayoutEx.File {
		files = append(files, f.Name)
		if !l.exists(f.Name) {
			t.Errorf("%s is not there", f.Name)
		}
	}
	for _, want := range []string{"clone/clone.vmdk", "clone/clone-delta.vmdk", "base/i/i.vmdk", "base/i/i-flat.vmdk"} {
		if !slices.Contains(files, "[ds-a] "+want) {
			t.Errorf("layoutEx lacks %s: %v", want, files)
		}
	}
	if n := len(m.LayoutEx.Disk[0].Chain); n != 2 {
		t.Errorf("%d in the chain", n)
	}
	// A copy of a child stands alone (Nova's resize).
	l.want("")(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] clone/clone.vmdk", l.dc, "[ds-a] clone/r.vmdk", l.dc, nil, false))
	if b, _ := os.ReadFile(l.path("[ds-a] clone/r-flat.vmdk")); len(b) != 2<<20 || !strings.HasPrefix(string(b), "content") {
		t.Errorf("%d bytes", len(b))
	}
	l.want("")(l.disks().MoveVirtualDisk(l.ctx, "[ds-a] clone/clone.vmdk", l.dc, "[ds-a] clone/o.vmdk", l.dc, false))
	l.want("")(l.disks().MoveVirtualDisk(l.ctx, "[ds-a] clone/o.vmdk", l.dc, "[ds-a] clone/clone.vmdk", l.dc, false))
	// The parent is locked while the VM runs, and stays when the VM goes.
	l.want("")(vm.PowerOn(l.ctx))
	l.want("FileLocked")(l.files().DeleteDatastoreFile(l.ctx, "[ds-a] base/i", l.dc))
	l.want("FileLocked")(l.files().DeleteDatastoreFile(l.ctx, "[ds-a] clone/clone-delta.vmdk", l.dc))
	l.want("")(vm.PowerOff(l.ctx))
	l.want("")(vm.Destroy(l.ctx))
	if l.exists("[ds-a] clone/clone.vmdk") || l.exists("[ds-a] clone/clone-delta.vmdk") || !l.exists("[ds-a] base/i/i-flat.vmdk") {
		t.Error("wrong files after Destroy_Task")
	}
	left, _ := os.ReadDir(l.path("[ds-a] clone")) // a disk that the VM does not have is not its file
	if len(left) != 2 || left[0].Name() != "r-flat.vmdk" || left[1].Name() != "r.vmdk" {
		t.Errorf("left: %v", left)
	}
	l.want("")(l.files().DeleteDatastoreFile(l.ctx, "[ds-a] base/i", l.dc))
}

func TestReconfigureAddsDisk(t *testing.T) {
	l := newLab(t)
	vm, _ := l.createVM("cluster-a", vmSpec("v", "ds-a", 1024, 0, backing("[ds-a]"), true))
	l.want("")(vm.Rename(l.ctx, "display (v)"))
	var m mo.VirtualMachine
	l.props(vm.Reference(), &m, "config.hardware.device")
	ctlr := object.VirtualDeviceList(m.Config.Hardware.Device).SelectByType((*types.VirtualLsiLogicController)(nil))[0].GetVirtualDevice().Key
	l.want("")(vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
		&types.VirtualDeviceConfigSpec{Operation: "add", FileOperation: "create", Device: &types.VirtualDisk{CapacityInKB: 2048,
			VirtualDevice: types.VirtualDevice{Key: -1, ControllerKey: ctlr, UnitNumber: types.NewInt32(1), Backing: backing("[ds-a]")}}}}}))
	d, err := openDisk(file{l.s.stores["ds-a"], "v/v_1.vmdk"})
	l.must(err)
	if d.size != 2<<20 {
		t.Errorf("%+v", d)
	}
}
