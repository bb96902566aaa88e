package main

import (
	"os"
	"strings"
	"testing"
)

func TestRequestLog(t *testing.T) {
	l := newLab(t)
	_, _ = l.login("wrong secret")
	l.must(l.files().MakeDirectory(l.ctx, "[ds-a] a", l.dc, true))
	_ = l.files().MakeDirectory(l.ctx, "[ds-a] a", l.dc, true)
	l.want("FileNotFound")(l.files().DeleteDatastoreFile(l.ctx, "[ds-a] none", l.dc))
	l.disk("[ds-a] a/x.vmdk", 1<<20, "x")
	l.want("")(l.disks().CopyVirtualDisk(l.ctx, "[ds-a] a/x.vmdk", l.dc, "[ds-a] a/y.vmdk", l.dc, nil, false))
	u := "https://127.78.1.11:" + l.s.port + "/folder/f?dcPath=ha-datacenter&dsName=ds-a"
	ticket := l.ticket("httpPut", u)
	l.request("PUT", u, ticket, "12345")

	var got []string
	for i, e := range l.logged() {
		if e.Seq != int64(i+1) || e.Time == "" {
			t.Errorf("%+v", e)
		}
		switch {
		case e.Task != "":
			got = append(got, "task "+e.Method+" "+e.Fault)
		case e.HTTP == "PUT":
			got = append(got, e.Listener+" PUT "+e.Path+" "+e.Query)
			if e.BytesIn != 5 || e.Status != 201 {
				t.Errorf("%+v", e)
			}
		case e.Method == "MakeDirectory" || e.Method == "Login" && e.Fault != "":
			got = append(got, e.Listener+" "+e.Method+" "+e.Object+" "+e.Args["name"]+" "+e.Fault)
		case e.Method == "CopyVirtualDisk_Task":
			got = append(got, e.Args["sourceName"]+" -> "+e.Args["destName"])
		}
	}
	want := strings.Join([]string{"vcenter Login SessionManager:SessionManager  InvalidLogin", "vcenter MakeDirectory FileManager:FileManager [ds-a] a ",
		"vcenter MakeDirectory FileManager:FileManager [ds-a] a FileAlreadyExists", "task DeleteDatastoreFile_Task FileNotFound",
		"[ds-a] a/x.vmdk -> [ds-a] a/y.vmdk", "127.78.1.11 PUT /folder/f dcPath=ha-datacenter&dsName=ds-a"}, "\n")
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	raw, err := os.ReadFile(l.s.requestLog)
	l.must(err)
	_, id, _ := strings.Cut(strings.Trim(ticket, `"`), `"`)
	_, session, _ := strings.Cut(l.cookie(), "=")
	for _, secret := range []string{"wrong secret", "lab & <word>", "lab &amp;", id, strings.Trim(session, `"`)} {
		if secret == "" || strings.Contains(string(raw), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	if info, _ := os.Stat(l.s.requestLog); info.Mode().Perm() != 0600 {
		t.Errorf("mode %s", info.Mode())
	}
}

func TestWSDL(t *testing.T) {
	l := newLab(t)
	for _, name := range wsdlFiles {
		if status, body := l.request("GET", "https://"+l.s.listen+"/sdk/"+name, "", ""); status != 200 || !strings.Contains(body, name) {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, body := l.request("GET", "https://"+l.s.listen+"/sdk/vimServiceVersions.xml", "", ""); status != 200 || !strings.Contains(body, "<version>8.0.3.0</version>") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := l.request("POST", "https://127.78.1.11:"+l.s.port+"/sdk", "", "x"); status != 503 {
		t.Errorf("SOAP on a host: %d", status)
	}
}
