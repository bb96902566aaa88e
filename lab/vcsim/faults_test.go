package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// send sends a request whose connection may be cut: the status is 0 then.
func (l *lab) send(method, u, cookie, body string) int {
	l.Helper()
	req, err := http.NewRequest(method, u, strings.NewReader(body))
	l.must(err)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := l.http.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestUploadFaults(t *testing.T) {
	data := strings.Repeat("x", 300_000)
	for _, c := range []struct {
		do     string
		status int
		size   int64 // of what is left, -1 for nothing
	}{
		{`{"cut":{"after_bytes":0}}`, 0, -1},
		{`{"cut":{"after_bytes":100000}}`, 0, -1},
		{`{"cut":{"after_bytes":300000}}`, 0, 300_000},
		{`{"cut":{}}`, 0, 300_000},
		{`{"status":{"code":503}}`, 503, -1},
		{`{"status":{"code":503,"at_once":true}}`, 503, -1},
		{`{"short":{"bytes":0}}`, 201, 0},
		{`{"short":{"bytes":100000}}`, 201, 100_000},
		{`{"short":{"bytes":400000}}`, 201, 300_000},
		{`{"stall":{"seconds":0.3}}`, 201, 300_000},
		{`{"slow":{"bytes_per_second":1000000}}`, 201, 300_000},
		{`{"expire":{}}`, 401, -1},
		{`{"restart":{}}`, 0, -1},
		{`{"full":{"datastore":"ds-a","free_bytes":299999}}`, 507, -1},
	} {
		t.Run(c.do, func(t *testing.T) {
			l := newLab(t)
			l.rule(`{"when":{"http":"PUT","path":"^/folder/f$"},"nth":1,"do":` + c.do + `}`)
			start := time.Now()
			status := l.send("PUT", l.folderURL("ds-a", "f"), l.cookie(), data)
			took, size := time.Since(start), int64(-1)
			if info, err := os.Stat(l.path("[ds-a] f")); err == nil {
				size = info.Size()
			}
			// The whole of a refused upload may not have been sent before the connection ends.
			if status != c.status && !(status == 0 && strings.Contains(c.do, "at_once")) || size != c.size || l.fired() != 1 {
				t.Errorf("status %d, %d bytes are left", status, size)
			}
			if (strings.Contains(c.do, "stall") || strings.Contains(c.do, "slow")) && took < 290*time.Millisecond {
				t.Errorf("took %s", took)
			}
			if left, _ := os.ReadDir(l.s.uploadsDir()); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// An import whose disk is short looks whole to the client.
func TestShortImport(t *testing.T) {
	l := newLab(t)
	l.rule(`{"when":{"path":"^/nfc/"},"do":{"short":{"bytes":1000}}}`)
	lease, info := l.importVM("img")
	data := sparse(128*20, map[uint32]byte{0: 'x', 19: 'y'}, true)
	if status := l.send("POST", info.DeviceUrl[0].Url, "", string(data)); status != 200 {
		t.Fatal(status)
	}
	l.must(lease.Complete(l.ctx))
	if b, _ := os.ReadFile(l.path("[ds-a] img/img-flat.vmdk")); len(b) != 1000 {
		t.Errorf("%d bytes", len(b))
	}
}

func TestCallFaults(t *testing.T) {
	l := newLab(t)
	l.rule(`{"when":{"method":"MakeDirectory"},"nth":1,"do":{"cut":{"after_bytes":10}}}`)
	if err := l.files().MakeDirectory(l.ctx, "[ds-a] a", l.dc, true); err == nil || l.exists("[ds-a] a") {
		t.Errorf("cut in the request: %v", err)
	}
	l.rule(`{"when":{"method":"MakeDirectory"},"nth":1,"do":{"cut":{}}}`)
	if err := l.files().MakeDirectory(l.ctx, "[ds-a] b", l.dc, true); err == nil || !l.exists("[ds-a] b") {
		t.Errorf("cut before the answer: %v", err)
	}
	for _, name := range []string{"FileAlreadyExists", "NotAuthenticated", "NoDiskSpace", "HostConnectFault", "InvalidState"} {
		l.rule(`{"when":{"method":"MakeDirectory"},"nth":1,"do":{"fault":{"name":"` + name + `"}}}`)
		if got := fault(l.files().MakeDirectory(l.ctx, "[ds-a] c", l.dc, true)); got != name || l.exists("[ds-a] c") {
			t.Errorf("%s: %q", name, got)
		}
		if e := l.logged(); e[len(e)-1].Fault != name || e[len(e)-1].Status != 500 {
			t.Errorf("log: %+v", e[len(e)-1])
		}
	}
}

func TestTaskFaults(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] d/d.vmdk", 1<<20, "x")
	copyTo := func(name string) string {
		return l.wait(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] d/d.vmdk", l.dc, "[ds-a] d/"+name, l.dc, nil, false))
	}
	l.rule(`{"when":{"method":"CopyVirtualDisk_Task"},"nth":1,"do":{"fault":{"name":"NoDiskSpace","task":true}}}`)
	if got := copyTo("a.vmdk"); got != "NoDiskSpace" || l.exists("[ds-a] d/a.vmdk") {
		t.Errorf("%q", got)
	}
	if got := copyTo("a.vmdk"); got != "" || !l.exists("[ds-a] d/a.vmdk") {
		t.Errorf("the next: %q", got)
	}
	l.rule(`{"when":{"method":"CopyVirtualDisk_Task"},"nth":1,"do":{"fault":{"name":"HostConnectFault"}}}`)
	if _, err := l.disks().CopyVirtualDisk(l.ctx, "[ds-a] d/d.vmdk", l.dc, "[ds-a] d/b.vmdk", l.dc, nil, false); fault(err) != "HostConnectFault" {
		t.Errorf("the call: %v", err)
	}
	l.must(l.c.Logout(l.ctx))
	l.rule(`{"when":{"method":"CopyVirtualDisk_Task"},"do":{"fault":{"name":"NoDiskSpace","task":true}}}`)
	if got := copyTo("c.vmdk"); got != "NotAuthenticated" {
		t.Errorf("without a session: %q", got)
	}
}

// A task that hangs does its work at the end, though its client has gone.
func TestHang(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] d/d.vmdk", 1<<20, "x")
	l.rule(`{"when":{"method":"CopyVirtualDisk_Task"},"do":{"hang":{"seconds":0.5}}}`)
	task, err := l.disks().CopyVirtualDisk(l.ctx, "[ds-a] d/d.vmdk", l.dc, "[ds-a] d/a.vmdk", l.dc, nil, false)
	l.must(err)
	var m mo.Task
	l.props(task.Reference(), &m, "info")
	if m.Info.State != types.TaskInfoStateRunning || l.exists("[ds-a] d/a.vmdk") {
		t.Errorf("%+v", m.Info)
	}
	if got := l.wait(task, nil); got != "" || !l.exists("[ds-a] d/a.vmdk") {
		t.Errorf("%q", got)
	}
	l.want("FileNotFound")(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] d/none.vmdk", l.dc, "[ds-a] d/b.vmdk", l.dc, nil, false))
	_, err = l.disks().CopyVirtualDisk(l.ctx, "[ds-a] d/d.vmdk", l.dc, "[ds-a] d/late.vmdk", l.dc, nil, false)
	l.must(err)
	l.must(l.c.Logout(l.ctx))
	for deadline := time.Now().Add(5 * time.Second); !l.exists("[ds-a] d/late.vmdk"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the work of a task ends with its client's session")
		}
	}
}

// A move of a folder that stops half-way leaves two folders, the new one with a disk's descriptor and without its content.
func TestHalfMove(t *testing.T) {
	l := newLab(t)
	for _, ds := range []string{"ds-a", "ds-shared"} {
		l.disk("["+ds+"] stage/i.vmdk", 1<<20, "x")
		l.put("["+ds+"] stage/note", "n")
		l.put("["+ds+"] iso/a", "a")
		l.put("["+ds+"] iso/b", "b")
		l.rule(`{"when": {"method": "MoveDatastoreFile_Task"}, "do": {"half": {}}}`)
		l.want("FileFault")(l.files().MoveDatastoreFile(l.ctx, "["+ds+"] stage", l.dc, "["+ds+"] i", l.dc, false))
		l.want("FileFault")(l.files().MoveDatastoreFile(l.ctx, "["+ds+"] iso", l.dc, "["+ds+"] j", l.dc, false))
		for name, want := range map[string]bool{"stage/i-flat.vmdk": true, "stage/note": true, "stage/i.vmdk": false, "i/i.vmdk": true, "i/i-flat.vmdk": false,
			"iso/a": false, "iso/b": true, "j/a": true, "j/b": false} {
			if l.exists("["+ds+"] "+name) != want {
				t.Errorf("%s %s: %v", ds, name, !want)
			}
		}
	}
}
