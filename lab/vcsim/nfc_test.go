package main

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/nfc"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/ovf"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vmdk"
)

func (l *lab) importVM(name string) (*nfc.Lease, *nfc.LeaseInfo) {
	l.Helper()
	lease, info, err := l.startImport(name)
	l.must(err)
	return lease, info
}

func (l *lab) startImport(name string) (*nfc.Lease, *nfc.LeaseInfo, error) {
	l.Helper()
	pool, err := l.f.ResourcePool(l.ctx, "cluster-a/Resources")
	l.must(err)
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	spec := &types.VirtualMachineImportSpec{ConfigSpec: vmSpec(name, "ds-a", 1024, 0, backing("[ds-a]"), true)}
	lease, err := pool.ImportVApp(l.ctx, spec, folders.VmFolder, nil)
	l.must(err)
	info, err := lease.Wait(l.ctx, nil)
	return lease, info, err
}

// gone waits for a VM and its files to go.
func (l *lab) gone(ref types.ManagedObjectReference, folder string) {
	l.Helper()
	for deadline := time.Now().Add(leaseRemoval + 5*time.Second); l.s.reg.Get(ref) != nil || l.exists(folder); {
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
	if len(info.DeviceUrl) != 1 || d.ImportKey != "/img/VirtualLsiLogicController0:0" || d.Key != "/"+info.Entity.Value+"/VirtualLsiLogicController0:0" || !strings.HasPrefix(d.Url, "https://127.78.1.") || !strings.HasSuffix(d.Url, "/img.vmdk") {
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
	l := newLab(t, "lease_abort: at_once")
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

// What an import takes of streams that are not as "Virtual Disk Format 5.0" and ESXi have them.
func TestImportOfStreams(t *testing.T) {
	whole := sparse(128*20, map[uint32]byte{0: 'x'}, true)
	old := bytes.Clone(whole)
	old[4] = 1
	bare := sparse(128*20, map[uint32]byte{0: 'x'}, false) // the directory in front, nothing at the end
	odd := sparse(128*20+1, map[uint32]byte{0: 'x'}, true)
	unmarked := bytes.Clone(whole)
	unmarked[len(whole)-3*sector+12] = 0
	unended := whole[:len(whole)-sector]
	for _, c := range []struct {
		what, behaviour string
		data            []byte
		status          int
	}{
		{"whole", "old_stream: refused", whole, 200},
		{"old", "old_stream: refused", old, 500},
		{"old", "old_stream: taken", old, 200},
		{"bare", "stream_without_footer: refused", bare, 500},
		{"bare", "stream_without_footer: taken", bare, 200},
		{"no footer marker", "stream_without_footer: refused", unmarked, 500},
		{"no end of stream", "stream_without_footer: refused", unended, 500},
		{"odd", "stream_odd_capacity: refused", odd, 500},
		{"odd", "stream_odd_capacity: taken", odd, 200},
	} {
		l := newLab(t, c.behaviour)
		lease, info := l.importVM("img")
		if status, _ := l.request(http.MethodPost, info.DeviceUrl[0].Url, "", string(c.data)); status != c.status {
			t.Errorf("%s, %s: %d", c.what, c.behaviour, status)
		}
		if err := lease.Complete(l.ctx); (err == nil) != (c.status == 200) {
			t.Errorf("%s, %s: complete: %v", c.what, c.behaviour, err)
		}
	}
}

// After an abort the VM and its files are still there for a while, and its name is taken.
func TestLeaseAbort(t *testing.T) {
	for value, want := range map[string]string{"later": "The name 'img' already exists.", "at_once": ""} {
		l := newLab(t, "lease_abort: "+value)
		lease, info := l.importVM("img")
		l.must(lease.Abort(l.ctx, nil))
		second, _, err := l.startImport("img")
		if got := fault(err); got != want {
			t.Errorf("%s: %q", value, got)
		}
		if err == nil {
			l.must(second.Abort(l.ctx, nil))
		}
		l.gone(info.Entity, "[ds-a] img")
		if third, _, err := l.startImport("img"); err != nil {
			t.Errorf("%s, later: %v", value, err)
		} else {
			l.must(third.Abort(l.ctx, nil))
		}
	}
}

// A lease ends with its session.
func TestLeaseOfEndedSession(t *testing.T) {
	l := newLab(t, "lease_abort: at_once")
	_, info := l.importVM("img")
	l.must(l.c.Logout(l.ctx))
	l.gone(info.Entity, "[ds-a] img")
}

// Where the host's certificate is named, and only there.
func TestHostCertificate(t *testing.T) {
	for _, value := range []string{"sslThumbprint", "certThumbprintList", "sslCertificate"} {
		l := newLab(t, "host_certificate: "+value)
		res, err := methods.AcquireGenericServiceTicket(l.ctx, l.c.Client, &types.AcquireGenericServiceTicket{This: *l.c.ServiceContent.SessionManager,
			Spec: &types.SessionManagerHttpServiceRequestSpec{Method: "httpPut", Url: "https://127.78.1.11/folder/x?dcPath=ha-datacenter&dsName=ds-a"}})
		l.must(err)
		ticket := res.Returnval
		lease, info := l.importVM("img")
		url := info.DeviceUrl[0]
		pem, _ := os.ReadFile(l.s.cert)
		want := types.SessionManagerGenericServiceTicket{Id: ticket.Id, HostName: "127.78.1.11"}
		wantURL := types.HttpNfcLeaseDeviceUrl{SslThumbprint: l.s.thumbprint}
		switch value {
		case "sslThumbprint":
			want.SslThumbprint = l.s.thumbprint
		case "certThumbprintList":
			want.CertThumbprintList = []types.VirtualMachineCertThumbprint{{Thumbprint: soap.ThumbprintSHA256(l.certificate()), HashAlgorithm: "sha256"}}
		default:
			want.SslCertificate = string(pem)
			wantURL = types.HttpNfcLeaseDeviceUrl{SslCertificate: string(pem)}
		}
		if !reflect.DeepEqual(ticket, want) || url.SslThumbprint != wantURL.SslThumbprint || url.SslCertificate != wantURL.SslCertificate {
			t.Errorf("%s: %+v %+v", value, ticket, url)
		}
		l.must(lease.Abort(l.ctx, nil))
	}
}

// certificate is that of the vCenter and its hosts.
func (l *lab) certificate() *x509.Certificate {
	l.Helper()
	c, err := x509.ParseCertificate(l.s.tls.Certificates[0].Certificate[0])
	l.must(err)
	return c
}

// govc's import.vmdk and import.ovf match files to URLs by import keys; the first keeps the disk when it destroys the VM.
func TestImportByOVF(t *testing.T) {
	l := newLab(t)
	name := filepath.Join(t.TempDir(), "small.vmdk")
	data := withDescriptor(sparse(128*20, map[uint32]byte{0: 'x', 19: 'y'}, true))
	write(t, name, string(data))
	pool, err := l.f.ResourcePool(l.ctx, "cluster-a/Resources")
	l.must(err)
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	ds, err := l.f.Datastore(l.ctx, "ds-a")
	l.must(err)
	l.must(vmdk.Import(l.ctx, l.c.Client, name, ds, vmdk.ImportParams{Datacenter: l.dc, Pool: pool, Folder: folders.VmFolder, Path: "in/a/small.vmdk"}))
	if b, _ := os.ReadFile(l.path("[ds-a] in/a/small-flat.vmdk")); len(b) != 128*20*sector || b[0] != 'x' || b[len(b)-1] != 'y' {
		t.Errorf("%d bytes", len(b))
	}
	if vms, _ := l.f.VirtualMachineList(l.ctx, "small"); vms != nil {
		t.Error("the VM is still there")
	}

	info, err := vmdk.Stat(name)
	l.must(err)
	text, err := info.OVF()
	l.must(err)
	text = strings.Replace(text, "</References>", `<File ovf:href="boot.iso" ovf:id="file2" ovf:size="3"/></References>`, 1)
	text = strings.Replace(text, "</VirtualHardwareSection>", `<Item><rasd:Address>0</rasd:Address><rasd:InstanceID>20</rasd:InstanceID><rasd:ElementName>IDE</rasd:ElementName><rasd:ResourceType>5</rasd:ResourceType></Item>`+
		`<Item><rasd:HostResource>ovf:/file/file2</rasd:HostResource><rasd:InstanceID>21</rasd:InstanceID><rasd:ElementName>CD</rasd:ElementName><rasd:Parent>20</rasd:Parent><rasd:ResourceType>15</rasd:ResourceType></Item></VirtualHardwareSection>`, 1)
	spec, err := ovf.NewManager(l.c.Client).CreateImportSpec(l.ctx, text, pool, ds, &types.OvfCreateImportSpecParams{EntityName: "from-ovf"})
	l.must(err)
	lease, err := pool.ImportVApp(l.ctx, spec.ImportSpec, folders.VmFolder, nil)
	l.must(err)
	leased, err := lease.Wait(l.ctx, spec.FileItem)
	l.must(err)
	files := map[string]string{"small.vmdk": string(data), "boot.iso": "iso"}
	updater := lease.StartUpdater(l.ctx, leased)
	for _, item := range leased.Items {
		l.must(lease.Upload(l.ctx, item, strings.NewReader(files[item.Path]), soap.Upload{ContentLength: int64(len(files[item.Path]))}))
		delete(files, item.Path)
	}
	updater.Done()
	if len(files) > 0 {
		t.Errorf("no URL is for %v", files)
	}
	l.must(lease.Complete(l.ctx))
	ref := &leased.Entity
	var vm mo.VirtualMachine
	l.props(*ref, &vm, "config.hardware.device")
	disk := object.VirtualDeviceList(vm.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil))[0].(*types.VirtualDisk)
	if b, _ := os.ReadFile(l.path(flatName(backingChain(disk.Backing)[0]))); len(b) != 128*20*sector || b[0] != 'x' {
		t.Errorf("%d bytes", len(b))
	}
	if isos, _ := filepath.Glob(l.path("[ds-a] from-ovf") + "/*.iso"); len(isos) != 1 {
		t.Errorf("the CD's file is not there: %v", isos)
	}
}

// withDescriptor puts a descriptor into a stream, which govmomi reads.
func withDescriptor(stream []byte) []byte {
	copy(stream[sector:], "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"streamOptimized\"\n\nRW 2560 SPARSE \"x.vmdk\"\n")
	return stream
}
