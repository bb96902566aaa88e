package main

import (
	"bytes"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// clumsy is a folder whose methods panic, some with the lock of another object.
type clumsy struct {
	mo.Folder
	other types.ManagedObjectReference
}

func (c *clumsy) CreateFolder(ctx *simulator.Context, _ *types.CreateFolder) soap.HasFault {
	ctx.WithLock(c.other, func() { panic("in a method") })
	return nil
}

func (c *clumsy) RenameTask(ctx *simulator.Context, _ *types.Rename_Task) soap.HasFault {
	task := simulator.CreateTask(c, "rename", func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
		ctx.WithLock(c.other, func() { panic("in a task") })
		return nil, nil
	})
	return &methods.Rename_TaskBody{Res: &types.Rename_TaskResponse{Returnval: task.Run(ctx)}}
}

// TestPanic: a panic is logged and answered, and leaves no lock behind.
func TestPanic(t *testing.T) {
	l := newLab(t)
	var stderr bytes.Buffer
	log.SetOutput(&stderr)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	ref := types.ManagedObjectReference{Type: "Folder", Value: "clumsy"}
	bad := &clumsy{other: types.ManagedObjectReference{Type: "Folder", Value: "other"}}
	bad.Self = ref
	// Not by the methods of ours, which are for folders of the simulator.
	l.s.reg.Put(bad)
	handler := l.s.reg.Handler
	l.s.reg.Handler = func(ctx *simulator.Context, m *simulator.Method) (mo.Reference, types.BaseMethodFault) {
		obj, fault := handler(ctx, m)
		if m.This.Value == "clumsy" {
			obj = nil
		}
		return obj, fault
	}
	folder := object.NewFolder(l.c.Client, ref)
	done := make(chan bool)
	go func() {
		defer close(done)
		for range 3 { // the second would wait for the first one's locks
			if _, err := folder.CreateFolder(l.ctx, "x"); fault(err) != "SystemError" {
				t.Errorf("method: %v", err)
			}
			l.want("SystemError")(folder.Rename(l.ctx, "x"))
		}
		l.s.reg.WithLock(&simulator.Context{Map: l.s.reg}, bad, func() {})
		l.s.reg.WithLock(&simulator.Context{Map: l.s.reg}, bad.other, func() {})
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("a lock was left behind")
	}
	for _, want := range []string{"panic in CreateFolder of Folder:clumsy: in a method", "panic in Rename of Folder:clumsy: in a task", "panics_test.go"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &stderr)
		}
	}
	if n := len(l.s.calls.of) + len(l.s.calls.pending) + len(l.s.calls.tasks); n != 0 {
		t.Errorf("%d calls are remembered", n)
	}
}

// TestPanicOfOurTask: the same for the tasks that the simulator does not run.
func TestPanicOfOurTask(t *testing.T) {
	l := newLab(t)
	log.SetOutput(new(bytes.Buffer))
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	ctx := l.s.newContext(&simulator.Context{})
	ref := l.s.runTask(ctx, l.dc.Reference(), "Datacenter.Break_Task", func() (types.AnyType, types.BaseMethodFault) {
		ctx.WithLock(l.dc.Reference(), func() { panic("ours") })
		return nil, nil
	})
	if _, f := l.s.waitTask(ref); typeName(f) != "SystemError" {
		t.Errorf("fault %v", f)
	}
	var dc mo.Datacenter
	l.props(l.dc.Reference(), &dc, "name")
}

// TestPanicOfAnImport: the lease of an import that panics goes to the error state.
func TestPanicOfAnImport(t *testing.T) {
	l := newLab(t)
	var stderr bytes.Buffer
	log.SetOutput(&stderr)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	pool, err := l.cluster("cluster-a").ResourcePool(l.ctx)
	l.must(err)
	spec := vmSpec("broken", "ds-a", 512, 0, nil, false)
	spec.DeviceChange = append(spec.DeviceChange, &types.VirtualDeviceConfigSpec{Operation: "add"}) // a change of no device
	lease, err := pool.ImportVApp(l.ctx, &types.VirtualMachineImportSpec{ConfigSpec: spec}, nil, nil)
	l.must(err)
	if _, err := lease.Wait(l.ctx, nil); err == nil {
		t.Error("the lease is ready")
	}
	if !strings.Contains(stderr.String(), "panic in ImportVApp of ResourcePool:") {
		t.Errorf("log: %s", &stderr)
	}
	if _, f := l.createVM("cluster-a", vmSpec("whole", "ds-a", 512, 0, nil, false)); f != "" {
		t.Errorf("after it: %s", f)
	}
}
