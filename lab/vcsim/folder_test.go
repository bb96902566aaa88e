package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func TestFolder(t *testing.T) {
	l := newLab(t)
	l.must(os.Mkdir(l.path("[ds-a] dir"), 0700))
	u := l.folderURL("ds-a", "dir/f.bin")
	if got, _ := l.request("PUT", u, "", "data"); got != 401 {
		t.Errorf("no session: %d", got)
	}
	if got, _ := l.request("PUT", u, sessionCookie+"=no", "data"); got != 401 {
		t.Errorf("unknown session: %d", got)
	}
	for _, want := range []int{201, 200} {
		if got, _ := l.request("PUT", u, l.cookie(), "0123456789"); got != want {
			t.Errorf("PUT: %d, want %d", got, want)
		}
	}
	for password, want := range map[string]int{"lab & <word>": 200, "wrong": 401} {
		as := strings.Replace(u, "https://", "https://"+url.UserPassword("nova@vsphere.local", password).String()+"@", 1)
		if got, _ := l.request("PUT", as, "", "0123456789"); got != want {
			t.Errorf("basic authentication, %s: %d, want %d", password, got, want)
		}
	}
	if got, body := l.request("GET", u, l.cookie(), ""); got != 200 || body != "0123456789" {
		t.Errorf("GET: %d %q", got, body)
	}
	req, _ := http.NewRequest("HEAD", u, nil)
	req.Header.Set("Cookie", l.cookie())
	res, err := l.http.Do(req)
	l.must(err)
	if res.StatusCode != 200 || res.ContentLength != 10 {
		t.Errorf("HEAD: %d, %d bytes", res.StatusCode, res.ContentLength)
	}
	for name, want := range map[string]int{"none/f.bin": 404, "dir": 500, "../../etc/x": 404} {
		if got, _ := l.request("PUT", l.folderURL("ds-a", name), l.cookie(), "data"); got != want && !(want == 404 && got == 401) {
			t.Errorf("PUT %s: %d, want %d", name, got, want)
		}
	}
	for _, ds := range []string{"ds-off", "ds-none", "ds-dc2"} {
		if got, _ := l.request("GET", l.folderURL(ds, "x"), l.cookie(), ""); got != 404 {
			t.Errorf("GET from %s: %d", ds, got)
		}
	}
	if got, _ := l.request("DELETE", u, l.cookie(), ""); got != 204 || l.exists("[ds-a] dir/f.bin") {
		t.Errorf("DELETE: %d", got)
	}
	if got, _ := l.request("DELETE", u, l.cookie(), ""); got != 404 {
		t.Errorf("DELETE again: %d", got)
	}
}

// A client that hangs up in the middle leaves nothing, and what was there stays.
func TestFolderCut(t *testing.T) {
	l := newLab(t)
	l.put("[ds-a] old.bin", "old")
	for _, name := range []string{"new.bin", "old.bin"} {
		conn, err := tls.Dial("tcp", l.s.listen, l.http.Transport.(*http.Transport).TLSClientConfig)
		l.must(err)
		fmt.Fprintf(conn, "PUT /folder/%s?dcPath=dc1&dsName=ds-a HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nContent-Length: 1000000\r\n\r\n", name, l.s.listen, l.cookie())
		_, err = conn.Write(make([]byte, 1000))
		l.must(err)
		_ = conn.Close()
	}
	deadline := time.Now().Add(5 * time.Second)
	for n := 0; n < 2; {
		if time.Now().After(deadline) {
			t.Fatal("the server does not notice")
		}
		time.Sleep(10 * time.Millisecond)
		n = 0
		for _, e := range l.logged() {
			if e.HTTP == "PUT" {
				n++
				if e.BytesIn != 1000 || e.Status != 500 {
					t.Errorf("log: %+v", e)
				}
			}
		}
	}
	if l.exists("[ds-a] new.bin") {
		t.Error("half a file is there")
	}
	if b, _ := os.ReadFile(l.path("[ds-a] old.bin")); string(b) != "old" {
		t.Errorf("old file is now %d bytes", len(b))
	}
	if left, _ := os.ReadDir(l.s.uploadsDir()); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestFolderChunked(t *testing.T) {
	l := newLab(t)
	req, _ := http.NewRequest("PUT", l.folderURL("ds-a", "x"), io.MultiReader(strings.NewReader("a"), strings.NewReader("b")))
	req.Header.Set("Cookie", l.cookie())
	res, err := l.http.Do(req)
	l.must(err)
	_ = res.Body.Close()
	if res.StatusCode != 411 || l.exists("[ds-a] x") {
		t.Errorf("%d", res.StatusCode)
	}
}

func TestFreeSpace(t *testing.T) {
	l := newLab(t, "copy_without_spec: source")
	ds, err := l.f.Datastore(l.ctx, "ds-small") // 0.01 GiB free
	l.must(err)
	free := func() int64 {
		var d mo.Datastore
		l.props(ds.Reference(), &d, "summary")
		return d.Summary.FreeSpace
	}
	before := free()
	if before != 10737418 {
		t.Errorf("free: %d", before)
	}
	if got, body := l.request("PUT", l.folderURL("ds-small", "big"), l.cookie(), strings.Repeat("x", 11<<20)); got != 507 || !strings.Contains(body, "No space left") {
		t.Errorf("%d %s", got, body)
	}
	if l.exists("[ds-small] big") || free() != before {
		t.Error("something is left")
	}
	if got, _ := l.request("PUT", l.folderURL("ds-small", "ok"), l.cookie(), strings.Repeat("x", 1<<20)); got != 201 {
		t.Errorf("%d", got)
	}
	if got := before - free(); got != 1<<20 {
		t.Errorf("1 MiB costs %d", got)
	}
	l.disk("[ds-a] d/d.vmdk", 1<<30, "few bytes")
	l.disk("[ds-a] d/full.vmdk", 12<<20, strings.Repeat("x", 12<<20-sector))
	l.must(os.Mkdir(l.path("[ds-small] d"), 0700))
	copyTo := func(src, dst string) string {
		return l.wait(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] "+src, l.dc, "[ds-small] "+dst, l.dc, nil, false))
	}
	if got := copyTo("d/d.vmdk", "d/d.vmdk"); got != "" {
		t.Errorf("a thin disk with little in it: %s", got)
	}
	if got := copyTo("d/full.vmdk", "d/full.vmdk"); got != "NoDiskSpace" || l.exists("[ds-small] d/full.vmdk") || l.exists("[ds-small] d/full-flat.vmdk") {
		t.Errorf("a full disk: %q", got)
	}
	// A disk that is not thin takes all of its size.
	before = free()
	for kind, cost := range map[string]int64{"thin": 0, "preallocated": 4 << 20} {
		spec := &types.FileBackedVirtualDiskSpec{CapacityKb: 4 << 10, VirtualDiskSpec: types.VirtualDiskSpec{AdapterType: "lsiLogic", DiskType: kind}}
		l.want("")(l.disks().CreateVirtualDisk(l.ctx, "[ds-small] "+kind+".vmdk", l.dc, spec))
		if got := before - free(); got < cost || got > cost+8<<10 {
			t.Errorf("%s: costs %d", kind, got)
		}
		before = free()
	}
}
