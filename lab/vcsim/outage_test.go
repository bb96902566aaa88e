package main

import (
	"crypto/tls"
	"net/http"
	"testing"
	"time"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func (l *lab) do(action string) {
	l.Helper()
	if status, body := l.tell("POST", "/do", action); status != 204 {
		l.Fatalf("%s: %d %s", action, status, body)
	}
}

func TestExpire(t *testing.T) {
	l := newLab(t)
	cookie := l.cookie()
	l.do(`{"expire":{}}`)
	if _, err := methods.GetCurrentTime(l.ctx, l.c.Client); fault(err) != "NotAuthenticated" {
		t.Errorf("a call: %v", err)
	}
	err := l.files().MakeDirectory(l.ctx, "[ds-a] a", l.dc, true)
	if fault(err) != "NotAuthenticated" {
		t.Errorf("a call of ours: %v", err)
	} else if f := soap.ToSoapFault(err).VimFault().(types.NotAuthenticated); f.Object.Type != "FileManager" {
		t.Errorf("the fault names %v", f.Object)
	}
	var dc mo.Datacenter
	if err := l.dc.Properties(l.ctx, l.dc.Reference(), []string{"name"}, &dc); fault(err) != "NotAuthenticated" {
		t.Errorf("a property: %v", err)
	}
	if got := l.send("GET", l.folderURL("ds-a", "x"), cookie, ""); got != 401 {
		t.Errorf("/folder: %d", got)
	}
	l.c, err = l.login(l.s.scenario.VCenter.Password)
	l.must(err)
	l.props(l.dc.Reference(), &dc, "name")
	if dc.Name != "dc1" {
		t.Errorf("%+v", dc)
	}
}

func TestRestart(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] d/d.vmdk", 1<<20, "x")
	u := "https://127.78.1.11:" + l.s.port + "/folder/f?dcPath=ha-datacenter&dsName=ds-a"
	ticket := l.ticket("httpPut", u)
	_, lease := l.importVM("img")
	l.rule(`{"when":{"method":"CopyVirtualDisk_Task"},"do":{"hang":{"seconds":0.3}}}`)
	task, err := l.disks().CopyVirtualDisk(l.ctx, "[ds-a] d/d.vmdk", l.dc, "[ds-a] d/a.vmdk", l.dc, nil, false)
	l.must(err)
	conn, err := tls.Dial("tcp", l.s.listen, l.http.Transport.(*http.Transport).TLSClientConfig)
	l.must(err)
	defer conn.Close()

	l.do(`{"restart":{}}`)
	l.must(conn.SetReadDeadline(time.Now().Add(5 * time.Second)))
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection stays open")
	} else if ne, ok := err.(interface{ Timeout() bool }); ok && ne.Timeout() {
		t.Error("a connection stays open")
	}
	if got := l.send("PUT", u, ticket, "data"); got != 401 {
		t.Errorf("ticket: %d", got)
	}
	if got := l.send("POST", lease.DeviceUrl[0].Url, "", "data"); got != 404 {
		t.Errorf("lease: %d", got)
	}
	if _, err := methods.GetCurrentTime(l.ctx, l.c.Client); fault(err) != "NotAuthenticated" {
		t.Errorf("session: %v", err)
	}
	if l.c, err = l.login(l.s.scenario.VCenter.Password); err != nil {
		t.Fatal(err)
	}
	var m mo.Task
	if err := l.dc.Properties(l.ctx, task.Reference(), []string{"info"}, &m); err == nil {
		t.Errorf("task: %+v", m)
	}
	time.Sleep(500 * time.Millisecond)
	if l.exists("[ds-a] d/a.vmdk") {
		t.Error("a task goes on after the restart")
	}
	if !l.exists("[ds-a] d/d.vmdk") || !l.exists("[ds-a] img") || l.s.reg.Get(lease.Entity) == nil {
		t.Error("files or inventory are gone")
	}
	l.want("")(l.disks().DeleteVirtualDisk(l.ctx, "[ds-a] d/d.vmdk", l.dc))
}

func TestFull(t *testing.T) {
	l := newLab(t)
	st := l.s.stores["ds-a"]
	l.put("[ds-a] some", "data")
	l.do(`{"full":{"datastore":"ds-a","free_bytes":1048576}}`)
	if got := st.freeSpace(); got != 1<<20 {
		t.Errorf("free: %d", got)
	}
	if got := l.send("PUT", l.folderURL("ds-a", "f"), l.cookie(), string(make([]byte, 1<<20+1))); got != 507 {
		t.Errorf("%d", got)
	}
	l.do(`{"full":{"datastore":"ds-a","free_bytes":2097152}}`)
	if got := l.send("PUT", l.folderURL("ds-a", "f"), l.cookie(), string(make([]byte, 1<<20+1))); got != 201 {
		t.Errorf("with room: %d", got)
	}
}
