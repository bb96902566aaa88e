package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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
	for name, want := range map[string]int{"dir": 500, "../../etc/x": 404} {
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
	for value, want := range map[string]int{"refused": 411, "taken": 201} {
		l := newLab(t, "chunked_put: "+value)
		put := func(ds string, body io.Reader) int {
			req, _ := http.NewRequest("PUT", l.folderURL(ds, "x"), body)
			req.Header.Set("Cookie", l.cookie())
			res, err := l.http.Do(req)
			l.must(err)
			_ = res.Body.Close()
			return res.StatusCode
		}
		got := put("ds-a", io.MultiReader(strings.NewReader("a"), strings.NewReader("b")))
		if got != want || l.exists("[ds-a] x") != (want == 201) {
			t.Errorf("%s: %d", value, got)
		}
		if value == "taken" {
			if b, _ := os.ReadFile(l.path("[ds-a] x")); string(b) != "ab" {
				t.Errorf("%q", b)
			}
			if got := put("ds-small", io.MultiReader(bytes.NewReader(make([]byte, 11<<20)))); got != 507 || l.exists("[ds-small] x") {
				t.Errorf("more than there is room for: %d", got)
			}
			for deadline := time.Now().Add(5 * time.Second); l.s.stores["ds-small"].freeSpace() != 10737418; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d bytes are free", l.s.stores["ds-small"].freeSpace())
				}
			}
		}
	}
}

func TestPutMissingFolder(t *testing.T) {
	for value, want := range map[string]int{"made": 201, "refused": 404} {
		l := newLab(t, "put_missing_folder: "+value)
		if got, _ := l.request("PUT", l.folderURL("ds-a", "none/below/f"), l.cookie(), "data"); got != want || l.exists("[ds-a] none") != (want == 201) {
			t.Errorf("%s: %d", value, got)
		}
	}
}

// A symbolic link that somebody has put into a datastore's folder leads nowhere.
func TestSymbolicLinks(t *testing.T) {
	l := newLab(t)
	secret := t.TempDir()
	write(t, filepath.Join(secret, "s"), "secret")
	l.must(os.Symlink(secret, l.path("[ds-a] link")))
	l.disk("[ds-a] d/d.vmdk", 1<<20, "x")
	l.must(os.Remove(l.path("[ds-a] d/d-flat.vmdk")))
	l.must(os.Truncate(filepath.Join(secret, "s"), 1<<20))
	l.must(os.Symlink(filepath.Join(secret, "s"), l.path("[ds-a] d/d-flat.vmdk")))
	for method, want := range map[string]int{"GET": 404, "PUT": 404, "DELETE": 404} {
		if got, _ := l.request(method, l.folderURL("ds-a", "link/s"), l.cookie(), ""); got != want {
			t.Errorf("%s: %d", method, got)
		}
	}
	if _, fault := l.search("[ds-a] link", nil, false); fault != "InvalidDatastorePath" {
		t.Errorf("search: %q", fault)
	}
	l.want("InvalidDatastorePath")(l.files().DeleteDatastoreFile(l.ctx, "[ds-a] link/s", l.dc))
	l.want("FileNotFound")(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] d/d.vmdk", l.dc, "[ds-a] copy.vmdk", l.dc, nil, false))
	if got := l.wait(l.files().CopyDatastoreFile(l.ctx, "[ds-a] d", l.dc, "[ds-a] e", l.dc, false)); got == "" || l.exists("[ds-a] e") {
		t.Errorf("copy of a folder with a link: %q", got)
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
