package main

import (
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// TestRegisterVM: a VM that was taken out of the inventory comes back with its disks, under another name as well. It ended the process.
func TestRegisterVM(t *testing.T) {
	l := newLab(t)
	vm, f := l.createVM("cluster-a", vmSpec("once", "ds-a", 1024, 0, backing("[ds-a]"), true))
	if f != "" {
		t.Fatal(f)
	}
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	pool, err := l.cluster("cluster-a").ResourcePool(l.ctx)
	l.must(err)
	register := func(path, name string) (*object.Task, error) {
		return folders.VmFolder.RegisterVM(l.ctx, path, name, false, pool, nil)
	}
	const vmx = "[ds-a] once/once.vmx"
	l.want("AlreadyExists")(register(vmx, ""))
	l.want("NotFound")(register("[ds-a] nothing/nothing.vmx", ""))
	l.want("InvalidDatastorePath")(register("[ds-a] ../once.vmx", ""))
	var before, after mo.VirtualMachine
	l.props(vm.Reference(), &before, "config.hardware.device")
	l.must(vm.Unregister(l.ctx))
	l.want("")(register(vmx, "twice"))
	l.want("AlreadyExists")(register(vmx, ""))
	again, err := l.f.VirtualMachine(l.ctx, "twice")
	l.must(err)
	l.props(again.Reference(), &after, "config", "runtime", "summary")
	if n := len(object.VirtualDeviceList(after.Config.Hardware.Device).SelectByType(&types.VirtualDisk{})); n != 1 || len(after.Config.Hardware.Device) != len(before.Config.Hardware.Device) {
		t.Errorf("%d disks, %d devices of %d", n, len(after.Config.Hardware.Device), len(before.Config.Hardware.Device))
	}
	if after.Config.Name != "twice" || after.Summary.Config.Name != "twice" || after.Runtime.FaultToleranceState != "notConfigured" {
		t.Errorf("%s, %s, %s", after.Config.Name, after.Summary.Config.Name, after.Runtime.FaultToleranceState)
	}
	l.want("")(again.Destroy(l.ctx))
	if l.exists("[ds-a] once/once.vmx") {
		t.Error("its files are there")
	}
}
