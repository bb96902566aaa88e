package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmware/govmomi/pbm"
	pbmtypes "github.com/vmware/govmomi/pbm/types"
	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/sts"
	"github.com/vmware/govmomi/vapi/library"
	"github.com/vmware/govmomi/vapi/rest"
	"github.com/vmware/govmomi/vapi/tags"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vslm"
)

func (l *lab) rest() *rest.Client {
	l.Helper()
	c := rest.NewClient(l.c.Client)
	vc := l.s.scenario.VCenter
	l.must(c.Login(l.ctx, url.UserPassword(vc.Username, vc.Password)))
	return c
}

// TestTags: the REST service takes the accounts, its sessions end with the others, and it is in the log without the session's id.
func TestTags(t *testing.T) {
	l := newLab(t)
	if err := rest.NewClient(l.c.Client).Login(l.ctx, url.UserPassword(l.s.scenario.VCenter.Username, "wrong")); err == nil {
		t.Error("a wrong password is taken")
	}
	c := l.rest()
	m := tags.NewManager(c)
	category, err := m.CreateCategory(l.ctx, &tags.Category{Name: "c", Cardinality: "SINGLE"})
	l.must(err)
	tag, err := m.CreateTag(l.ctx, &tags.Tag{Name: "t", CategoryID: category})
	l.must(err)
	l.must(m.AttachTag(l.ctx, tag, l.dc.Reference()))
	on, err := m.GetAttachedTags(l.ctx, l.dc.Reference())
	l.must(err)
	if len(on) != 1 || on[0].Name != "t" {
		t.Errorf("tags %+v", on)
	}
	status := map[string]int{}
	for _, e := range l.logged() {
		if e.Method == "" && strings.HasPrefix(e.Path, "/rest/") {
			status[e.Path] = e.Status
		}
	}
	if status["/rest/com/vmware/cis/tagging/tag"] != 200 {
		t.Errorf("log: %v", status)
	}
	l.s.expire()
	if _, err := m.GetTags(l.ctx); err == nil {
		t.Error("the session did not end")
	}
	for _, host := range []string{"127.78.1.11"} {
		if code, _ := l.request("GET", fmt.Sprintf("https://%s:%s/rest/com/vmware/cis/tagging/tag", host, l.s.port), "", ""); code != 404 {
			t.Errorf("a host answers with %d", code)
		}
	}
	for _, path := range []string{"/api", "/rest/com/vmware/cis/tagging/tag"} {
		if code, body := l.request("POST", "https://"+l.s.listen+path, "", `{"params":{"serviceId":"com.vmware.cis.session","operationId":"create"}}`); code < 400 {
			t.Errorf("%s without an account: %d %s", path, code, body)
		}
	}
}

// TestLibrary: a library's files are in the datastore, counted, and nowhere else; the simulator fetches nothing.
func TestLibrary(t *testing.T) {
	l := newLab(t)
	c := l.rest()
	m := library.NewManager(c)
	ds := l.s.stores["ds-a"]
	id, err := m.CreateLibrary(l.ctx, library.Library{Name: "lib", Type: "LOCAL", Storage: []library.StorageBacking{{DatastoreID: ds.ref.Value, Type: "DATASTORE"}}})
	l.must(err)
	item, err := m.CreateLibraryItem(l.ctx, library.Item{Name: "i", Type: "iso", LibraryID: id})
	l.must(err)
	update, err := m.CreateLibraryItemUpdateSession(l.ctx, library.Session{LibraryItemID: item})
	l.must(err)
	if _, err := m.AddLibraryItemFileFromURI(l.ctx, update, "x.iso", "https://"+l.s.listen+"/x.iso"); err == nil {
		t.Error("a pull is taken")
	}
	before := ds.freeSpace()
	put := func(name string) int {
		info, err := m.AddLibraryItemFile(l.ctx, update, library.UpdateFile{Name: name, SourceType: "PUSH"})
		l.must(err)
		code, _ := l.request("PUT", info.UploadEndpoint.URI, "vmware-api-session-id="+c.SessionID(), strings.Repeat("x", 1<<20))
		return code
	}
	if code := put("x.iso"); code != 200 {
		t.Errorf("PUT: %d", code)
	}
	for _, name := range []string{"../../evil", "..", `..\evil`, "%2e%2e%2fevil"} {
		put(name)
	}
	found, _ := filepath.Glob(filepath.Join(ds.dir, "contentlib-"+id, item, "*"))
	if len(found) != 1 || filepath.Base(found[0]) != "x.iso" {
		t.Errorf("files %v", found)
	}
	_ = filepath.Walk(l.s.datastores, func(path string, _ os.FileInfo, _ error) error {
		if strings.Contains(path, "evil") {
			t.Errorf("%s", path)
		}
		return nil
	})
	if got := before - ds.freeSpace(); got < 1<<20 {
		t.Errorf("free space fell by %d", got)
	}
	for _, e := range l.logged() {
		if _, id, _ := strings.Cut(e.Path, "/cis/data/"); id != "" && !strings.HasPrefix(id, "*/") || strings.Contains(e.Path, update) {
			t.Errorf("the log names a transfer: %s", e.Path)
		}
	}
}

// TestOtherSOAP: storage policies and first class disks answer a session of ours; disks stay inside the datastore.
func TestOtherSOAP(t *testing.T) {
	l := newLab(t)
	p, err := pbm.NewClient(l.ctx, l.c.Client)
	l.must(err)
	if profiles, err := p.QueryProfile(l.ctx, pbmtypes.PbmProfileResourceType{ResourceType: string(pbmtypes.PbmProfileResourceTypeEnumSTORAGE)}, string(pbmtypes.PbmProfileCategoryEnumREQUIREMENT)); err != nil || len(profiles) == 0 {
		t.Errorf("%v, %v", profiles, err)
	}
	v, err := vslm.NewClient(l.ctx, l.c.Client)
	l.must(err)
	m := vslm.NewGlobalObjectManager(v)
	at := func(path string) types.VslmCreateSpec {
		return types.VslmCreateSpec{Name: "d", CapacityInMB: 1, BackingSpec: &types.VslmCreateSpecDiskFileBackingSpec{
			VslmCreateSpecBackingSpec: types.VslmCreateSpecBackingSpec{Datastore: l.s.stores["ds-a"].ref, Path: path}, ProvisioningType: "thin"}}
	}
	task, err := m.CreateDisk(l.ctx, at(""))
	l.must(err)
	if _, err = task.Wait(l.ctx, 0); err != nil {
		t.Error(err)
	}
	if _, err := m.CreateDisk(l.ctx, at("../../evil.vmdk")); fault(err) != "InvalidDatastorePath" {
		t.Errorf("a path that leads out: %v", err)
	}
	req := types.CreateDisk_Task{This: *l.c.ServiceContent.VStorageObjectManager, Spec: at("../evil.vmdk")}
	if _, err := methods.CreateDisk_Task(l.ctx, l.c.Client, &req); fault(err) != "InvalidDatastorePath" {
		t.Errorf("a path that leads out: %v", err)
	}
	logged := false
	for _, e := range l.logged() {
		logged = logged || e.Path == "/pbm" && e.Method == "PbmQueryProfile"
	}
	if !logged {
		t.Error("/pbm is not in the log")
	}
}

// TestToken: a token is for an account of ours, and no other logs in.
func TestToken(t *testing.T) {
	l := newLab(t)
	c, err := sts.NewClient(l.ctx, l.c.Client)
	l.must(err)
	vc := l.s.scenario.VCenter
	if _, err := c.Issue(l.ctx, sts.TokenRequest{Userinfo: url.UserPassword(vc.Username, "wrong")}); err == nil {
		t.Error("a wrong password gets a token")
	}
	signer, err := c.Issue(l.ctx, sts.TokenRequest{Userinfo: url.UserPassword(vc.Username, vc.Password)})
	l.must(err)
	login := func(token string) error {
		header := soap.Header{Security: &sts.Signer{Token: token}}
		m := session.NewManager(l.c.Client)
		_ = m.Logout(l.ctx)
		return m.LoginByToken(l.c.Client.WithHeader(l.ctx, header))
	}
	if err := login(strings.ReplaceAll(signer.Token, vc.Username, "somebody@vsphere.local")); fault(err) != "InvalidLogin" {
		t.Errorf("a token of nobody: %v", err)
	}
	l.must(login(signer.Token))
	is, err := session.NewManager(l.c.Client).UserSession(l.ctx)
	l.must(err)
	if is == nil || is.UserName != vc.Username {
		t.Errorf("session %+v", is)
	}
}
