package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func TestCreateAndExtend(t *testing.T) {
	l := newLab(t)
	m := l.disks()
	spec := func(kb int64, kind string) *types.FileBackedVirtualDiskSpec {
		return &types.FileBackedVirtualDiskSpec{CapacityKb: kb, VirtualDiskSpec: types.VirtualDiskSpec{AdapterType: "lsiLogic", DiskType: kind}}
	}
	l.must(os.Mkdir(l.path("[ds-a] d"), 0700))
	l.want("")(m.CreateVirtualDisk(l.ctx, "[ds-a] d/x.vmdk", l.dc, spec(1024, "thin")))
	l.want("FileAlreadyExists")(m.CreateVirtualDisk(l.ctx, "[ds-a] d/x.vmdk", l.dc, spec(1024, "thin")))
	l.want("FileNotFound")(m.CreateVirtualDisk(l.ctx, "[ds-a] none/x.vmdk", l.dc, spec(1024, "thin")))
	l.want("NoDiskSpace")(m.CreateVirtualDisk(l.ctx, "[ds-a] d/thick.vmdk", l.dc, spec(11<<20, "preallocated")))
	check := func(kb int64) {
		t.Helper()
		d, err := openDisk(file{l.s.stores["ds-a"], "d/x.vmdk"})
		l.must(err)
		info, err := os.Stat(d.extent.path())
		l.must(err)
		if d.size != kb<<10 || info.Size() != kb<<10 || allocated(info) != 0 || !d.kind.thin || d.kind.adapter != "lsilogic" {
			t.Errorf("%+v, extent %d, allocated %d", d, info.Size(), allocated(info))
		}
	}
	check(1024)
	extend := func(kb int64) string {
		return l.wait(m.ExtendVirtualDisk(l.ctx, "[ds-a] d/x.vmdk", l.dc, kb, nil))
	}
	if got := extend(1024); got != "" {
		t.Errorf("same size: %s", got)
	}
	if got := extend(512); got != "InvalidArgument" {
		t.Errorf("smaller: %q", got)
	}
	check(1024)
	if got := extend(4096); got != "" {
		t.Errorf("larger: %s", got)
	}
	check(4096)
}

func TestCopyNative(t *testing.T) {
	l := newLab(t)
	m := l.disks()
	l.disk("[ds-a] src/s.vmdk", 10<<30, "hello")
	l.must(os.Mkdir(l.path("[ds-shared] dst"), 0700))
	start := time.Now()
	// Without a destination datacenter, as Nova calls it.
	res, err := methods.CopyVirtualDisk_Task(l.ctx, l.c.Client, &types.CopyVirtualDisk_Task{This: m.Reference(),
		SourceName: "[ds-a] src/s.vmdk", SourceDatacenter: types.NewReference(l.dc.Reference()), DestName: "[ds-shared] dst/d.vmdk"})
	l.must(err)
	if got := l.waitRef(res.Returnval); got != "" {
		t.Fatal(got)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("a thin disk of 10 GiB took %s", took)
	}
	flat, err := os.Open(l.path("[ds-shared] dst/d-flat.vmdk"))
	l.must(err)
	defer flat.Close()
	info, _ := flat.Stat()
	b := make([]byte, 5)
	_, _ = flat.ReadAt(b, 10<<30-sector)
	if info.Size() != 10<<30 || allocated(info) > 1<<20 || string(b) != "hello" {
		t.Errorf("size %d, allocated %d, end %q", info.Size(), allocated(info), b)
	}
	desc, _ := os.ReadFile(l.path("[ds-shared] dst/d.vmdk"))
	if !strings.Contains(string(desc), `RW 20971520 VMFS "d-flat.vmdk"`) {
		t.Errorf("descriptor:\n%s", desc)
	}
	cp := func(src, dst string, force bool) string {
		return l.wait(m.CopyVirtualDisk(l.ctx, src, l.dc, dst, l.dc, nil, force))
	}
	for _, c := range []struct {
		src, dst string
		force    bool
		want     string
	}{
		{"[ds-a] src/s.vmdk", "[ds-shared] dst/d.vmdk", false, "FileAlreadyExists"},
		{"[ds-a] src/s.vmdk", "[ds-shared] dst/d.vmdk", true, "FileAlreadyExists"}, // API: "The force flag is currently ignored"
		{"[ds-a] src/none.vmdk", "[ds-shared] dst/e.vmdk", false, "FileNotFound"},
		{"[ds-a] src/s.vmdk", "[ds-shared] none/e.vmdk", false, "FileNotFound"},
		{"[ds-a] src/s.vmdk", "[ds-off] e.vmdk", false, "InvalidDatastore"},
		{"[ds-a] src/s.vmdk", "[ds-dc2] e.vmdk", false, "InvalidDatastore"},
		{"[ds-a] src/s-flat.vmdk", "[ds-shared] dst/e.vmdk", false, "InvalidDiskFormat"},
	} {
		if got := cp(c.src, c.dst, c.force); got != c.want {
			t.Errorf("%s to %s: %q, want %q", c.src, c.dst, got, c.want)
		}
	}
	l.must(os.Remove(l.path("[ds-a] src/s-flat.vmdk")))
	if got := cp("[ds-a] src/s.vmdk", "[ds-shared] dst/e.vmdk", false); got != "FileNotFound" {
		t.Errorf("without its extent: %q", got)
	}
	if l.exists("[ds-shared] dst/e.vmdk") || l.exists("[ds-shared] dst/e-flat.vmdk") {
		t.Error("something is left")
	}
}

func TestCopyHosted(t *testing.T) {
	l := newLab(t)
	const capacity = 128 * 1000 // sectors, two grain tables
	grains := map[uint32]byte{0: 'a', 7: 'b', 600: 'c', 999: 'd'}
	for kind, data := range map[string][]byte{"sparse": sparse(capacity, grains, false), "stream": sparse(capacity, grains, true)} {
		src, dst := "[ds-a] t/"+kind+".vmdk", "[ds-shared] "+kind+"/i.vmdk"
		l.put(src, string(data))
		l.must(os.Mkdir(l.path("[ds-shared] "+kind), 0700))
		cp := func() string { return l.wait(l.disks().CopyVirtualDisk(l.ctx, src, l.dc, dst, l.dc, nil, false)) }
		if got := cp(); got != "" {
			t.Fatalf("%s: %s", kind, got)
		}
		flat, _ := os.ReadFile(l.path("[ds-shared] " + kind + "/i-flat.vmdk"))
		if len(flat) != capacity*sector {
			t.Fatalf("%s: %d bytes", kind, len(flat))
		}
		want := make([]byte, len(flat))
		for g, b := range grains {
			copy(want[int(g)*65536:], bytes.Repeat([]byte{b}, 65536))
		}
		if !bytes.Equal(flat, want) {
			t.Errorf("%s: wrong content", kind)
		}
		l.must(os.RemoveAll(l.path("[ds-shared] " + kind)))
		l.must(os.Mkdir(l.path("[ds-shared] "+kind), 0700))
		for _, n := range []int{3, 100, len(data) / 2, len(data) - 1} {
			l.put(src, string(data[:n]))
			if got := cp(); got == "" {
				t.Errorf("%s cut to %d of %d bytes was copied", kind, n, len(data))
			}
		}
		broken := bytes.Clone(data)
		if kind == "stream" {
			for i := range 20 { // in the first grain's deflate data
				broken[128*sector+20+i] ^= 0x5a
			}
			l.put(src, string(broken))
			if got := cp(); got != "InvalidDiskFormat" {
				t.Errorf("broken grain: %q", got)
			}
		}
		if left, _ := os.ReadDir(l.path("[ds-shared] " + kind)); len(left) != 0 {
			t.Errorf("%s: left %v", kind, left)
		}
	}
}

// What qemu-img writes is what images are.
func TestCopyQemu(t *testing.T) {
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("no qemu-img")
	}
	l := newLab(t)
	raw := filepath.Join(t.TempDir(), "raw")
	content := make([]byte, 5<<20+sector)
	copy(content[1<<20:], "in the middle")
	copy(content[len(content)-sector:], "at the end")
	write(t, raw, string(content))
	for _, kind := range []string{"monolithicSparse", "streamOptimized"} {
		l.must(os.MkdirAll(l.path("[ds-a] "+kind), 0700))
		src := "[ds-a] " + kind + "/in.vmdk"
		if out, err := exec.Command("qemu-img", "convert", "-O", "vmdk", "-o", "subformat="+kind, raw, l.path(src)).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		l.want("")(l.disks().CopyVirtualDisk(l.ctx, src, l.dc, "[ds-a] "+kind+"/out.vmdk", l.dc, nil, false))
		got, _ := os.ReadFile(l.path("[ds-a] " + kind + "/out-flat.vmdk"))
		if !bytes.Equal(got[:len(content)], content) {
			t.Errorf("%s: wrong content", kind)
		}
		out, err := exec.Command("qemu-img", "compare", raw, l.path("[ds-a] "+kind+"/out.vmdk")).CombinedOutput()
		if err != nil {
			t.Errorf("qemu-img reads our descriptor so: %v %s", err, out)
		}
	}
}

func TestMoveDisk(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] a/x.vmdk", 1<<20, "hello")
	l.must(os.Mkdir(l.path("[ds-a] b"), 0700))
	l.must(os.Mkdir(l.path("[ds-shared] b"), 0700))
	mv := func(src, dst string) string {
		return l.wait(l.disks().MoveVirtualDisk(l.ctx, src, l.dc, dst, l.dc, false))
	}
	for _, c := range [][3]string{
		{"[ds-a] a/x.vmdk", "[ds-a] none/y.vmdk", "FileNotFound"},
		{"[ds-a] a/x.vmdk", "[ds-a] b/y.vmdk", ""},
		{"[ds-a] a/x.vmdk", "[ds-a] b/z.vmdk", "FileNotFound"},
		{"[ds-a] b/y.vmdk", "[ds-shared] b/y.vmdk", ""},
	} {
		if got := mv(c[0], c[1]); got != c[2] {
			t.Errorf("%v: %q", c, got)
		}
	}
	if l.exists("[ds-a] b/y.vmdk") || l.exists("[ds-a] b/y-flat.vmdk") {
		t.Error("source is still there")
	}
	d, err := openDisk(file{l.s.stores["ds-shared"], "b/y.vmdk"})
	l.must(err)
	if b, _ := os.ReadFile(d.extent.path()); d.extent.rel != "b/y-flat.vmdk" || !bytes.HasPrefix(b, []byte("hello")) {
		t.Errorf("%+v", d)
	}
	l.want("")(l.disks().DeleteVirtualDisk(l.ctx, "[ds-shared] b/y.vmdk", l.dc))
	l.want("FileNotFound")(l.disks().DeleteVirtualDisk(l.ctx, "[ds-shared] b/y.vmdk", l.dc))
	if l.exists("[ds-shared] b/y-flat.vmdk") {
		t.Error("extent is still there")
	}
}

// kind tells what a disk's descriptor says of it.
func (l *lab) kind(name string) diskKind {
	l.Helper()
	var p object.DatastorePath
	p.FromString(name)
	d, err := openDisk(file{l.s.stores[p.Datastore], p.Path})
	l.must(err)
	return d.kind
}

func TestCopyType(t *testing.T) {
	thin := diskKind{thin: true, adapter: "lsilogic"}
	for value, want := range map[string]diskKind{"preallocated": {adapter: "buslogic"}, "source": thin} {
		l := newLab(t, "copy_without_spec: "+value)
		l.disk("[ds-a] s.vmdk", 32<<20, "hello")
		l.put("[ds-a] hosted.vmdk", string(sparse(32<<20/sector, map[uint32]byte{0: 'a'}, false)))
		for _, src := range []string{"s", "hosted"} {
			l.want("")(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] "+src+".vmdk", l.dc, "[ds-a] "+src+"-copy.vmdk", l.dc, nil, false))
			if got := l.kind("[ds-a] " + src + "-copy.vmdk"); got != want {
				t.Errorf("%s: copy of %s is %+v", value, src, got)
			}
			// 10 MiB are free, which a thin copy fits in.
			fault := map[bool]string{true: "", false: "NoDiskSpace"}[want.thin]
			l.want(fault)(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] "+src+".vmdk", l.dc, "[ds-small] "+src+".vmdk", l.dc, nil, false))
		}
	}
}

func TestCopySpec(t *testing.T) {
	for value, want := range map[string]string{"refused": "NotImplemented", "honoured": ""} {
		l := newLab(t, "copy_spec: "+value)
		l.disk("[ds-a] s.vmdk", 1<<20, "hello")
		spec := &types.VirtualDiskSpec{DiskType: "thin", AdapterType: "ide"}
		got := l.wait(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] s.vmdk", l.dc, "[ds-a] d.vmdk", l.dc, spec, false))
		if got != want || l.exists("[ds-a] d.vmdk") != (want == "") {
			t.Errorf("%s: %q", value, got)
		}
		if want == "" && l.kind("[ds-a] d.vmdk") != (diskKind{thin: true, adapter: "ide"}) {
			t.Errorf("%+v", l.kind("[ds-a] d.vmdk"))
		}
	}
}

// A disk on NFS is thin whatever was asked for, or what was asked for.
func TestPreallocatedOnNFS(t *testing.T) {
	for value, thin := range map[string]bool{"thin": true, "taken": false} {
		l := newLab(t, "nfs_preallocated: "+value)
		for _, ds := range []string{"ds-a", "ds-shared"} {
			spec := &types.FileBackedVirtualDiskSpec{CapacityKb: 1024, VirtualDiskSpec: types.VirtualDiskSpec{AdapterType: "lsiLogic", DiskType: "preallocated"}}
			l.want("")(l.disks().CreateVirtualDisk(l.ctx, "["+ds+"] made.vmdk", l.dc, spec))
			l.want("")(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] made.vmdk", l.dc, "["+ds+"] copied.vmdk", l.dc, nil, false))
			thick := backing("[" + ds + "]")
			thick.ThinProvisioned = nil
			if _, fault := l.createVM("cluster-a", vmSpec("vm-"+ds, ds, 1024, 0, thick, true)); fault != "" {
				t.Fatal(fault)
			}
			for _, name := range []string{"made", "copied", "vm-" + ds + "/vm-" + ds} {
				if got := l.kind("[" + ds + "] " + name + ".vmdk").thin; got != (thin && ds == "ds-shared") {
					t.Errorf("%s: %s on %s: thin %v", value, name, ds, got)
				}
			}
		}
	}
}

// Nova sends a Python float, and times without a zone.
func TestLooseNumbers(t *testing.T) {
	l := newLab(t)
	body := `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body><CreateVirtualDisk_Task xmlns="urn:vim25"><_this type="VirtualDiskManager">virtualDiskManager</_this><name>[ds-a] f.vmdk</name><datacenter type="Datacenter">` + l.dc.Reference().Value + `</datacenter><spec xsi:type="FileBackedVirtualDiskSpec"><diskType>thin</diskType><adapterType>lsiLogic</adapterType><capacityKb>1024.0</capacityKb></spec></CreateVirtualDisk_Task></e:Body></e:Envelope>`
	if status, answer := l.request("POST", "https://"+l.s.listen+"/sdk", l.cookie(), body); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	ext := `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><RegisterExtension xmlns="urn:vim25"><_this type="ExtensionManager">ExtensionManager</_this><extension><description><label>l</label><summary>s</summary></description><key>org.openstack.compute</key><version>1.0</version><lastHeartbeatTime>2026-11-21T08:00:00.123456</lastHeartbeatTime></extension></RegisterExtension></e:Body></e:Envelope>`
	if status, answer := l.request("POST", "https://"+l.s.listen+"/sdk", l.cookie(), ext); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
}

func (l *lab) waitRef(ref types.ManagedObjectReference) string {
	l.Helper()
	_, fault := l.s.waitTask(ref)
	if fault == nil {
		return ""
	}
	return typeName(fault)
}

var _ soap.HasFault = (*fetchBody)(nil)

func TestTwoMoveADisk(t *testing.T) {
	l := newLab(t)
	const movers, rounds = 4, 100
	st := l.s.stores["ds-a"]
	for round := range rounds {
		dir := fmt.Sprintf("cache/%d", round)
		l.must(os.MkdirAll(l.path("[ds-a] "+dir), 0700))
		var wg sync.WaitGroup
		var won atomic.Int32
		start := make(chan struct{})
		for i := range movers {
			src := file{st, fmt.Sprintf("stage/%d-%d.vmdk", round, i)}
			l.disk(src.name(), 1<<20, "x")
			wg.Go(func() {
				<-start
				switch got := typeName(l.s.moveDisk(src, file{st, dir + "/x.vmdk"}, false)); got {
				case "":
					won.Add(1)
				case "FileAlreadyExists":
					if _, err := openDisk(src); err != nil {
						t.Errorf("the loser's disk: %v", err)
					}
				default:
					t.Error(got)
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d won", won.Load())
		}
	}
}
