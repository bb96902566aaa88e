package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/nfc"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func (l *lab) importVM(name string) (*nfc.Lease, *nfc.LeaseInfo) {
	l.Helper()
	pool, err := l.f.ResourcePool(l.ctx, "cluster-a/Resources")
	l.must(err)
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	spec := &types.VirtualMachineImportSpec{ConfigSpec: vmSpec(name, "ds-a", 1024, 0, backing("[ds-a]"), true)}
	lease, err := pool.ImportVApp(l.ctx, spec, folders.VmFolder, nil)
	l.must(err)
	info, err := lease.Wait(l.ctx, nil)
	l.must(err)
	return lease, info
}

// gone waits for a VM and its files to go.
func (l *lab) gone(ref types.ManagedObjectReference, folder string) {
	l.Helper()
	for deadline := time.Now().Add(5 * time.Second); l.s.reg.Get(ref) != nil || l.exists(folder); {
		if time.Now().After(deadline) {
			l.Fatal("VM or files are still there")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestImport(t *testing.T) {
	l := newLab(t)
	lease, info := l.importVM("img")
	d := info.DeviceUrl[0]
	if len(info.DeviceUrl) != 1 || d.SslThumbprint != l.s.thumbprint || !strings.HasPrefix(d.Url, "https://127.78.1.") || !strings.HasSuffix(d.Url, "/img.vmdk") {
		t.Errorf("%+v", info.DeviceUrl)
	}
	data := sparse(128*20, map[uint32]byte{0: 'x', 19: 'y'}, true)
	if status, body := l.request(http.MethodPost, d.Url, "", string(data)); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	l.must(lease.Progress(l.ctx, 100))
	l.must(lease.Complete(l.ctx))
	flat, _ := os.ReadFile(l.path("[ds-a] img/img-flat.vmdk"))
	if len(flat) != 128*20*sector || flat[0] != 'x' || flat[len(flat)-1] != 'y' {
		t.Errorf("%d bytes", len(flat))
	}
	var vm mo.VirtualMachine
	l.props(info.Entity, &vm, "config.hardware.device")
	found := false
	for _, dev := range vm.Config.Hardware.Device {
		if disk, ok := dev.(*types.VirtualDisk); ok {
			found = disk.CapacityInKB == 128*20/2
		}
	}
	if !found {
		t.Error("the VM's disk has another capacity")
	}
	for _, e := range l.logged() {
		if strings.HasPrefix(e.Path, "/nfc/") && e.Path != "/nfc/*/img.vmdk" {
			t.Errorf("log: %+v", e)
		}
	}
	if status, _ := l.request(http.MethodPost, d.Url, "", "x"); status != 404 {
		t.Errorf("upload after the end: %d", status)
	}
}

// A client may complete the lease as soon as it has sent the last byte.
func TestImportCompletedEarly(t *testing.T) {
	l := newLab(t)
	lease, info := l.importVM("early")
	data := sparse(128*20, map[uint32]byte{0: 'x'}, true)
	r, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, info.DeviceUrl[0].Url, r)
	l.must(err)
	req.ContentLength = int64(len(data))
	status := make(chan int, 1)
	go func() {
		res, err := l.http.Do(req)
		if err != nil {
			status <- 0
			return
		}
		_ = res.Body.Close()
		status <- res.StatusCode
	}()
	_, err = w.Write(data[:1000])
	l.must(err)
	go func() {
		time.Sleep(200 * time.Millisecond)
		_, _ = w.Write(data[1000:])
		_ = w.Close()
	}()
	time.Sleep(50 * time.Millisecond) // the request's head has come
	l.must(lease.Complete(l.ctx))
	if got := <-status; got != 200 || l.s.reg.Get(info.Entity) == nil {
		t.Errorf("%d", got)
	}
}

func TestImportFails(t *testing.T) {
	l := newLab(t)
	good := sparse(128*20, map[uint32]byte{0: 'x', 19: 'y'}, true)
	for i, data := range [][]byte{good[:len(good)/2], good[:len(good)-1], []byte("garbage"), bytes.Repeat([]byte{0}, 1<<20), {}} {
		lease, info := l.importVM(fmt.Sprint("bad", i))
		if status, _ := l.request(http.MethodPost, info.DeviceUrl[0].Url, "", string(data)); status != 500 {
			t.Errorf("upload %d: %d", i, status)
		}
		l.gone(info.Entity, fmt.Sprintf("[ds-a] bad%d", i))
		if err := lease.Complete(l.ctx); err == nil {
			t.Errorf("upload %d: lease completes", i)
		}
		var m mo.HttpNfcLease
		for deadline := time.Now().Add(5 * time.Second); m.State != types.HttpNfcLeaseStateError || m.Error == nil; {
			if time.Now().After(deadline) {
				t.Fatalf("upload %d: %+v", i, m)
			}
			l.props(lease.Reference(), &m, "state", "error")
		}
	}
	lease, info := l.importVM("aborted")
	l.must(lease.Abort(l.ctx, nil))
	l.gone(info.Entity, "[ds-a] aborted")
	lease, info = l.importVM("nothing")
	if err := lease.Complete(l.ctx); err == nil {
		t.Error("a lease without an upload completes")
	}
	l.gone(info.Entity, "[ds-a] nothing")
}
