package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

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

// vmDisk is a VM's first disk.
func (l *lab) vmDisk(ref types.ManagedObjectReference) *types.VirtualDisk {
	l.Helper()
	var m mo.VirtualMachine
	l.props(ref, &m, "config.hardware.device")
	return object.VirtualDeviceList(m.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil))[0].(*types.VirtualDisk)
}

func TestReconfigureChangesDisk(t *testing.T) {
	l := newLab(t)
	for _, linked := range []bool{false, true} {
		name := fmt.Sprint("v-", linked)
		b := backing("[ds-a]")
		if linked {
			l.disk("[ds-a] base.vmdk", 1<<20, "x")
			b.Parent = backing("[ds-a] base.vmdk")
		}
		vm, fault := l.createVM("cluster-a", vmSpec(name, "ds-a", 1024, 0, b, true))
		if fault != "" {
			t.Fatal(fault)
		}
		edit := func(op types.VirtualDeviceConfigSpecOperation, file types.VirtualDeviceConfigSpecFileOperation, kb int64) (*object.Task, error) {
			disk := l.vmDisk(vm.Reference())
			disk.CapacityInKB = kb
			return vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
				&types.VirtualDeviceConfigSpec{Operation: op, FileOperation: file, Device: disk}}})
		}
		path := "[ds-a] " + name + "/" + name
		l.want("InvalidDeviceOperation")(edit("edit", "", 512))
		l.want("")(edit("edit", "", 1024))
		l.want("")(edit("edit", "", 4096))
		d, err := openDisk(file{l.s.stores["ds-a"], name + "/" + name + ".vmdk"})
		l.must(err)
		info, err := os.Stat(d.extent.path())
		l.must(err)
		if disk := l.vmDisk(vm.Reference()); d.size != 4<<20 || !linked && info.Size() != 4<<20 || disk.CapacityInKB != 4096 || disk.CapacityInBytes != 4<<20 {
			t.Errorf("linked %v: %+v, extent %d, device %d", linked, d, info.Size(), disk.CapacityInKB)
		}
		l.want("")(edit("remove", "destroy", 4096))
		if l.exists(path+".vmdk") || l.exists(path+"-flat.vmdk") || l.exists(path+"-delta.vmdk") {
			t.Errorf("linked %v: files are left", linked)
		}
	}
}

// A clone has its source's content, or a child of its disk, and each of its enumerations has one of its values.
func TestCloneVM(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] full/full.vmdk", 3<<20, "content")
	vm, fault := l.createVM("cluster-a", vmSpec("source", "ds-a", 1024, 0, backing("[ds-a] full/full.vmdk"), false))
	if fault != "" {
		t.Fatal(fault)
	}
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	shared, err := l.f.Datastore(l.ctx, "ds-shared")
	l.must(err)
	clone := func(vm *object.VirtualMachine, name string, spec types.VirtualMachineCloneSpec) (*object.VirtualMachine, string) {
		task, err := vm.Clone(l.ctx, folders.VmFolder, name, spec)
		l.must(err)
		info, err := task.WaitForResult(l.ctx, nil)
		if err != nil {
			return nil, l.wait(task, err)
		}
		return object.NewVirtualMachine(l.c.Client, info.Result.(types.ManagedObjectReference)), ""
	}
	whole, fault := clone(vm, "whole", types.VirtualMachineCloneSpec{Location: types.VirtualMachineRelocateSpec{Datastore: types.NewReference(shared.Reference())},
		Config: &types.VirtualMachineConfigSpec{NumCPUs: 4}, PowerOn: true})
	if fault != "" {
		t.Fatal(fault)
	}
	linked, fault := clone(vm, "linked", types.VirtualMachineCloneSpec{Location: types.VirtualMachineRelocateSpec{DiskMoveType: "createNewChildDiskBacking"}})
	if fault != "" {
		t.Fatal(fault)
	}
	flat, fault := clone(linked, "flat", types.VirtualMachineCloneSpec{Template: true})
	if fault != "" {
		t.Fatal(fault)
	}
	for vm, want := range map[*object.VirtualMachine]string{
		whole:  "[[ds-shared] whole/whole.vmdk]",
		linked: "[[ds-a] linked/linked.vmdk [ds-a] full/full.vmdk]",
		flat:   "[[ds-a] flat/flat.vmdk]",
	} {
		disk := l.vmDisk(vm.Reference())
		if got := fmt.Sprint(backingChain(disk.Backing)); got != want || disk.CapacityInKB != 3<<10 {
			t.Errorf("chain %s, want %s; %d KiB", got, want, disk.CapacityInKB)
		}
		if vm != linked {
			if b, _ := os.ReadFile(l.path(flatName(backingChain(disk.Backing)[0]))); len(b) != 3<<20 || !strings.HasPrefix(string(b), "content") {
				t.Errorf("%s: %d bytes", want, len(b))
			}
		}
		var m mo.VirtualMachine
		l.props(vm.Reference(), &m, "config", "runtime", "summary")
		if m.Runtime.FaultToleranceState == "" || m.Runtime.RecordReplayState == "" || m.Summary.Runtime.FaultToleranceState == "" {
			t.Errorf("%s: empty enumerations", want)
		}
		if vm == whole && (m.Config.Hardware.NumCPU != 4 || m.Runtime.PowerState != "poweredOn") || m.Config.Template != (vm == flat) {
			t.Errorf("%s: %d CPUs, %s", want, m.Config.Hardware.NumCPU, m.Runtime.PowerState)
		}
	}
	if _, fault := clone(vm, "linked", types.VirtualMachineCloneSpec{}); fault != "DuplicateName" {
		t.Errorf("a name that is taken: %q", fault)
	}
	if _, fault := clone(flat, "of-template", types.VirtualMachineCloneSpec{}); fault != "InvalidArgument" {
		t.Errorf("of a template without a pool: %q", fault)
	}
	l.must(os.Remove(l.path("[ds-a] full/full-flat.vmdk")))
	if _, fault := clone(vm, "none", types.VirtualMachineCloneSpec{}); fault != "FileNotFound" || l.exists("[ds-a] none") {
		t.Errorf("of a broken disk: %q", fault)
	}
}

// Zeroing takes its time, wherever an eagerZeroedThick disk comes from.
func TestEagerZero(t *testing.T) {
	for value, slow := range map[string]bool{"40": true, "0": false} {
		l := newLab(t, "eager_zero_seconds_per_gib: "+value, "copy_spec: honoured")
		l.disk("[ds-a] s.vmdk", 16<<20, "x")
		eager := backing("[ds-a]")
		eager.ThinProvisioned, eager.EagerlyScrub = nil, types.NewBool(true)
		spec := types.VirtualDiskSpec{AdapterType: "lsiLogic", DiskType: "eagerZeroedThick"}
		for what, do := range map[string]func(){
			"create": func() {
				l.want("")(l.disks().CreateVirtualDisk(l.ctx, "[ds-a] c.vmdk", l.dc, &types.FileBackedVirtualDiskSpec{VirtualDiskSpec: spec, CapacityKb: 16 << 10}))
			},
			"copy": func() {
				l.want("")(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] s.vmdk", l.dc, "[ds-a] d.vmdk", l.dc, &spec, false))
			},
			"VM": func() {
				config := vmSpec("vm", "ds-a", 1024, 0, eager, true)
				config.DeviceChange[1].GetVirtualDeviceConfigSpec().Device.(*types.VirtualDisk).CapacityInKB = 16 << 10
				if _, fault := l.createVM("cluster-a", config); fault != "" {
					t.Error(fault)
				}
			},
		} {
			start := time.Now()
			if do(); slow && time.Since(start) < 600*time.Millisecond { // 1/64 GiB at 40 s each
				t.Errorf("%s took %s", what, time.Since(start))
			}
		}
	}
}
