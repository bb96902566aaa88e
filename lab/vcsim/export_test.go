package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmware/govmomi/nfc"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/ovf"
	"github.com/vmware/govmomi/vim25/types"
)

// TestExport: what is read of a VM that is off is its disk, in a file that an import takes; the descriptor names it.
func TestExport(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] src/src.vmdk", 70<<20, "begin")
	vm, f := l.createVM("cluster-a", vmSpec("out", "ds-a", 512, 0, backing("[ds-a] src/src.vmdk"), false))
	if f != "" {
		t.Fatal(f)
	}
	lease, err := vm.Export(l.ctx)
	l.must(err)
	info, err := lease.Wait(l.ctx, nil)
	l.must(err)
	if len(info.Items) != 1 || !strings.HasPrefix(info.DeviceUrl[0].Url, "https://127.78.1.") {
		t.Fatalf("%+v", info)
	}
	if code, _ := l.request("PUT", info.DeviceUrl[0].Url, "", "x"); code != 405 {
		t.Errorf("PUT: %d", code)
	}
	code, body := l.request("GET", info.DeviceUrl[0].Url, "", "")
	if code != 200 {
		t.Fatalf("GET: %d", code)
	}
	stream, flat := filepath.Join(t.TempDir(), "x.vmdk"), filepath.Join(t.TempDir(), "x-flat.vmdk")
	write(t, stream, body)
	l.must(checkStream(stream, &l.s.scenario.VCenter.Behaviour))
	size, err := expandHosted(stream, flat)
	l.must(err)
	got, err := os.ReadFile(flat)
	l.must(err)
	want, err := os.ReadFile(l.path("[ds-a] src/src-flat.vmdk"))
	l.must(err)
	if size != 70<<20 || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, equal %v", size, bytes.Equal(got, want))
	}
	manifest, err := lease.GetManifest(l.ctx)
	l.must(err)
	sum := sha1.Sum([]byte(body))
	if len(manifest) != 1 || manifest[0].Sha1 != hex.EncodeToString(sum[:]) || manifest[0].Size != int64(len(body)) || manifest[0].Capacity != 70<<20 {
		t.Errorf("manifest %+v", manifest)
	}
	l.must(lease.Complete(l.ctx))
	if code, _ := l.request("GET", info.DeviceUrl[0].Url, "", ""); code != 404 {
		t.Errorf("GET after the end: %d", code)
	}
	l.descriptor(vm, info)
	l.want("")(vm.PowerOn(l.ctx))
	if _, err := vm.Export(l.ctx); fault(err) != "InvalidPowerState" {
		t.Errorf("a VM that runs: %v", err)
	}
}

func (l *lab) descriptor(vm *object.VirtualMachine, info *nfc.LeaseInfo) {
	l.Helper()
	res, err := ovf.NewManager(l.c.Client).CreateDescriptor(l.ctx, vm, types.OvfCreateDescriptorParams{Name: "a & b", OvfFiles: []types.OvfFile{info.Items[0].File()}})
	l.must(err)
	e, err := ovf.Unmarshal(strings.NewReader(res.OvfDescriptor))
	l.must(err)
	hw := e.VirtualSystem.VirtualHardware[0]
	if len(e.References) != 1 || e.References[0].Href != "disk-0.vmdk" || e.Disk == nil || e.Disk.Disks[0].Capacity != "73400320" || *e.VirtualSystem.Name != "a & b" || len(hw.Item) != 6 {
		l.Errorf("%d items:\n%s", len(hw.Item), res.OvfDescriptor)
	}
}

// TestExportLinkedClone: Nova takes the image of a server of a linked clone of a snapshot (nova/virt/vmwareapi/vmops.py snapshot).
func TestExportLinkedClone(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] src/src.vmdk", 3<<20, "begin")
	vm, f := l.createVM("cluster-a", vmSpec("server", "ds-a", 512, 0, backing("[ds-a] src/src.vmdk"), false))
	if f != "" {
		t.Fatal(f)
	}
	l.want("")(vm.CreateSnapshot(l.ctx, "s", "", false, false))
	snapshot, err := vm.FindSnapshot(l.ctx, "s")
	l.must(err)
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	l.want("")(vm.Clone(l.ctx, folders.VmFolder, "linked", types.VirtualMachineCloneSpec{Snapshot: snapshot,
		Location: types.VirtualMachineRelocateSpec{DiskMoveType: "createNewChildDiskBacking"}}))
	clone, err := l.f.VirtualMachine(l.ctx, "linked")
	l.must(err)
	lease, err := clone.Export(l.ctx)
	l.must(err)
	info, err := lease.Wait(l.ctx, nil)
	l.must(err)
	if len(info.DeviceUrl) != 1 {
		t.Fatalf("%+v", info)
	}
	code, body := l.request("GET", info.DeviceUrl[0].Url, "", "")
	stream, flat := filepath.Join(t.TempDir(), "x.vmdk"), filepath.Join(t.TempDir(), "x-flat.vmdk")
	write(t, stream, body)
	if _, err := expandHosted(stream, flat); code != 200 || err != nil {
		t.Fatalf("%d, %v", code, err)
	}
	got, _ := os.ReadFile(flat)
	want, _ := os.ReadFile(l.path("[ds-a] src/src-flat.vmdk"))
	if !bytes.Equal(got, want) {
		t.Error("it is another disk")
	}
}
