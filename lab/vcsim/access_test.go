package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// limited is a session of an account that has what a test gives it.
type limited struct {
	*lab
	c    *govmomi.Client
	m    *object.AuthorizationManager
	user string
	role int32
}

// newLimited starts a simulator with an account, which has a role of its own on entities of the inventory with what is below them.
func newLimited(t *testing.T, switches []string, entities []string, privileges ...string) *limited {
	t.Helper()
	l := newLab(t, switches...)
	a := &limited{lab: l, m: object.NewAuthorizationManager(l.c.Client), user: "limited@vsphere.local"}
	l.s.accounts.set(a.user, "secret")
	l.s.accounts.confine(a.user)
	var err error
	a.role, err = a.m.AddRole(l.ctx, "limited", privileges)
	l.must(err)
	for _, path := range entities {
		a.grant(path, a.role, true)
	}
	if len(entities) > 0 { // else it has no access yet
		a.c, err = l.loginAs(a.user, "secret")
		l.must(err)
	}
	return a
}

func (a *limited) grant(path string, role int32, propagate bool) {
	a.Helper()
	a.must(a.m.SetEntityPermissions(a.ctx, a.entity(path), []types.Permission{{Principal: a.user, RoleId: role, Propagate: propagate}}))
}

func (a *limited) entity(path string) types.ManagedObjectReference {
	a.Helper()
	if path == "/" {
		return a.lab.c.ServiceContent.RootFolder
	}
	ref, err := object.NewSearchIndex(a.lab.c.Client).FindByInventoryPath(a.ctx, path)
	a.must(err)
	if ref == nil {
		a.Fatal("there is no " + path)
	}
	return ref.Reference()
}

// may gives the role these privileges. An empty list would leave it as it is.
func (a *limited) may(privileges ...string) {
	a.Helper()
	privileges = append(privileges, "Global.Health")
	a.must(a.m.UpdateRole(a.ctx, a.role, "limited", privileges))
}

// denied is "privilege on object" of a NoPermission, and else what fault gives.
func (a *limited) denied(err error) string {
	if fault(err) != "NoPermission" {
		return fault(err)
	}
	f := vimFault(err).(types.NoPermission)
	e := a.s.reg.Get(*f.Object).(mo.Entity).Entity()
	return f.PrivilegeId + " on " + e.Name
}

func (a *limited) read(ref types.ManagedObjectReference, names ...string) types.ObjectContent {
	a.Helper()
	res, err := property.DefaultCollector(a.c.Client).RetrieveProperties(a.ctx, types.RetrieveProperties{SpecSet: []types.PropertyFilterSpec{{
		PropSet: []types.PropertySpec{{Type: ref.Type, PathSet: names}}, ObjectSet: []types.ObjectSpec{{Obj: ref}}}}})
	a.must(err)
	if len(res.Returnval) != 1 {
		a.Fatal(res)
	}
	return res.Returnval[0]
}

// told are the names of the properties that were told and of those that were not, with the privilege that is missing.
func told(o types.ObjectContent) (out string) {
	for _, p := range o.PropSet {
		out += p.Name + " "
	}
	for _, p := range o.MissingSet {
		out += "-" + p.Path + ":" + p.Fault.Fault.(*types.NoPermission).PrivilegeId + " "
	}
	return strings.TrimSpace(out)
}

// Each call wants its own privileges: with all of them it works, and without one of them it is refused for that one.
func TestPrivilegesOfCalls(t *testing.T) {
	a := newLimited(t, nil, []string{"/"}, "Datastore.Browse")
	fm, dm := object.NewFileManager(a.c.Client), object.NewVirtualDiskManager(a.c.Client)
	search := func() error {
		b, err := object.NewDatastore(a.c.Client, a.s.stores["ds-a"].ref).Browser(a.ctx)
		a.must(err)
		_, err = b.SearchDatastore(a.ctx, "[ds-a]", nil)
		return err
	}
	vm := object.NewVirtualMachine(a.c.Client, a.entity("/dc1/vm/cold"))
	folder := object.NewFolder(a.c.Client, a.entity("/dc1/vm"))
	pool := object.NewResourcePool(a.c.Client, a.entity("/dc1/host/cluster-a/Resources"))
	config := types.VirtualMachineConfigSpec{Name: "x", Files: &types.VirtualMachineFileInfo{VmPathName: "[ds-a]"},
		ExtraConfig: []types.BaseOptionValue{&types.OptionValue{Key: "a", Value: "b"}}}
	imported := types.VirtualMachineImportSpec{ConfigSpec: config}
	imported.ConfigSpec.Name = "y"
	task := func(t *object.Task, err error) error {
		if err == nil {
			_ = t.Wait(a.ctx) // what it does is another test's
		}
		return err
	}
	var host mo.HostSystem
	a.lab.props(a.s.hosts["127.78.1.11"], &host, "configManager.storageSystem")
	spec := &types.FileBackedVirtualDiskSpec{CapacityKb: 1024, VirtualDiskSpec: types.VirtualDiskSpec{DiskType: "thin", AdapterType: "lsiLogic"}}
	for _, one := range []struct {
		name string
		call func() error
		want string // privileges, each with the object that it is missing on
	}{
		{"MakeDirectory", func() error { return fm.MakeDirectory(a.ctx, "[ds-a] d", a.dc, true) }, "Datastore.FileManagement on ds-a"},
		{"Delete", func() error { return task(fm.DeleteDatastoreFile(a.ctx, "[ds-a] d", a.dc)) }, "Datastore.FileManagement on ds-a"},
		{"Move", func() error { return task(fm.MoveDatastoreFile(a.ctx, "[ds-a] x", a.dc, "[ds-shared] x", a.dc, false)) },
			"Datastore.FileManagement on ds-a, Datastore.FileManagement on ds-shared"},
		{"CreateVirtualDisk", func() error { return task(dm.CreateVirtualDisk(a.ctx, "[ds-a] x.vmdk", a.dc, spec)) }, "Datastore.FileManagement on ds-a"},
		{"CopyVirtualDisk", func() error {
			return task(dm.CopyVirtualDisk(a.ctx, "[ds-a] x.vmdk", a.dc, "[ds-a] y.vmdk", a.dc, nil, false))
		}, "Datastore.FileManagement on ds-a"},
		{"Search", search, "Datastore.Browse on ds-a"},
		{"CreateFolder", func() error { _, err := folder.CreateFolder(a.ctx, "f"); return err }, "Folder.Create on vm"},
		{"CreateVM", func() error { c := config; return task(folder.CreateVM(a.ctx, c, pool, nil)) },
			"VirtualMachine.Inventory.Create on vm, VirtualMachine.Config.AdvancedConfig on vm, Datastore.AllocateSpace on ds-a, Resource.AssignVMToPool on Resources"},
		{"ImportVApp", func() error { _, err := pool.ImportVApp(a.ctx, &imported, folder, nil); return err },
			"VApp.Import on Resources, VApp.Import on vm, VirtualMachine.Config.AdvancedConfig on vm, Datastore.AllocateSpace on ds-a"},
		{"PowerOn", func() error { return task(vm.PowerOn(a.ctx)) }, "VirtualMachine.Interact.PowerOn on cold"},
		{"PowerOff", func() error { return task(vm.PowerOff(a.ctx)) }, "VirtualMachine.Interact.PowerOff on cold"},
		{"Reconfigure", func() error {
			return task(vm.Reconfigure(a.ctx, types.VirtualMachineConfigSpec{NumCPUs: 2, MemoryMB: 512, Annotation: "a"}))
		}, "VirtualMachine.Config.Annotation on cold, VirtualMachine.Config.CPUCount on cold, VirtualMachine.Config.Memory on cold"},
		{"AttachRawDevice", func() error {
			disk := &types.VirtualDisk{VirtualDevice: types.VirtualDevice{Key: -1, ControllerKey: 1000, UnitNumber: types.NewInt32(3),
				Backing: &types.VirtualDiskRawDiskMappingVer1BackingInfo{DeviceName: "/vmfs/devices/disks/x", CompatibilityMode: "physicalMode"}}}
			return task(vm.Reconfigure(a.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
				&types.VirtualDeviceConfigSpec{Operation: "add", FileOperation: "create", Device: disk}}}))
		}, "VirtualMachine.Config.AddNewDisk on cold, VirtualMachine.Config.RawDevice on cold"},
		{"RescanHba", func() error {
			_, err := methods.RescanHba(a.ctx, a.c.Client, &types.RescanHba{This: *host.ConfigManager.StorageSystem, HbaDevice: "vmhba0"})
			return err
		}, "Host.Config.Storage on 127.78.1.11"},
		{"AddSendTargets", func() error {
			_, err := methods.AddInternetScsiSendTargets(a.ctx, a.c.Client, &types.AddInternetScsiSendTargets{This: *host.ConfigManager.StorageSystem, IScsiHbaDevice: "vmhba0"})
			return err
		}, "Host.Config.Storage on 127.78.1.11"},
		{"Unregister", func() error { return vm.Unregister(a.ctx) }, "VirtualMachine.Inventory.Unregister on cold"},
		{"RegisterExtension", func() error {
			return object.NewExtensionManager(a.c.Client).Register(a.ctx, types.Extension{Key: "k", Description: &types.Description{}, Version: "1", LastHeartbeatTime: time.Now()})
		}, "Extension.Register on Datacenters"},
		{"AddRole", func() error {
			_, err := object.NewAuthorizationManager(a.c.Client).AddRole(a.ctx, "r", nil)
			return err
		}, "Authorization.ModifyRoles on Datacenters"},
		{"SessionIsActive", func() error {
			_, err := methods.SessionIsActive(a.ctx, a.c.Client, &types.SessionIsActive{This: *a.c.ServiceContent.SessionManager, SessionID: "x", UserName: a.user})
			return err
		}, "Sessions.ValidateSession on Datacenters"},
		{"no rule", func() error {
			_, err := methods.SetScreenResolution(a.ctx, a.c.Client, &types.SetScreenResolution{This: a.entity("/dc1/vm/legacy-0001")})
			return err
		}, "VirtualMachine.SetScreenResolution on legacy-0001"},
	} {
		t.Run(one.name, func(t *testing.T) {
			a.T = t
			wanted := strings.Split(one.want, ", ")
			var privileges []string
			for _, w := range wanted {
				id, _, _ := strings.Cut(w, " on ")
				privileges = append(privileges, id)
			}
			a.may()
			var got []string
			if f, ok := vimFault(one.call()).(types.NoPermission); ok {
				for _, m := range f.MissingPrivileges {
					for _, id := range m.PrivilegeIds {
						got = append(got, id+" on "+a.s.reg.Get(m.Entity).(mo.Entity).Entity().Name)
					}
				}
			}
			if !sameSet(got, wanted) {
				t.Fatalf("without any: %v, want %v", got, wanted)
			}
			if one.name == "no rule" {
				return
			}
			for i, id := range privileges {
				if strings.Count(one.want, id+" ") > 1 {
					continue
				}
				a.may(append(append([]string{}, privileges[:i]...), privileges[i+1:]...)...)
				if got := a.denied(one.call()); got != wanted[i] {
					t.Errorf("without %s: %s", id, got)
				}
			}
			a.may(privileges...)
			if got := a.denied(one.call()); strings.Contains(got, " on ") {
				t.Errorf("with all: %s", got)
			}
		})
	}
}

func sameSet(a, b []string) bool {
	in := map[string]int{}
	for _, x := range a {
		in[x]++
	}
	for _, x := range b {
		in[x]--
	}
	for _, n := range in {
		if n != 0 {
			return false
		}
	}
	return true
}

// What is gone is not found, also by who may do nothing with it.
func TestGoneIsNotFound(t *testing.T) {
	a := newLimited(t, nil, []string{"/"}, "Datastore.Browse")
	ref := types.ManagedObjectReference{Type: "VirtualMachine", Value: "vm-gone"}
	_, err := object.NewVirtualMachine(a.c.Client, ref).PowerOn(a.ctx)
	if got := fault(err); got != "ManagedObjectNotFound" {
		t.Error(got)
	}
	var vm mo.VirtualMachine
	if got := fault(property.DefaultCollector(a.c.Client).RetrieveOne(a.ctx, ref, []string{"name"}, &vm)); got != "ManagedObjectNotFound" {
		t.Error(got)
	}
}

// A call that names a datacenter wants System.View there.
func TestViewOfTheDatacenter(t *testing.T) {
	for world, want := range map[string]string{"refused": "System.View on dc1", "granted": ""} {
		a := newLimited(t, []string{"parents_view: " + world}, []string{"/dc1/datastore/ds-a"}, "Datastore.FileManagement")
		a.grant("/", a.role, false)
		if got := a.denied(object.NewFileManager(a.c.Client).MakeDirectory(a.ctx, "[ds-a] d", a.dc, false)); got != want {
			t.Errorf("%s: %q, want %q", world, got, want)
		}
		a.grant("/dc1", a.role, false)
		if got := a.denied(object.NewFileManager(a.c.Client).MakeDirectory(a.ctx, "[ds-a] e", a.dc, false)); got != "" {
			t.Errorf("with it: %s", got)
		}
	}
}

// What an account may not read is in missingSet; what it may not see is not listed by its folder, but by its cluster.
func TestReads(t *testing.T) {
	a := newLimited(t, nil, []string{"/"}, "Datastore.Browse")
	roles, err := a.m.RoleList(a.ctx)
	a.must(err)
	a.grant("/dc1/datastore/ds-a", roles.ByName("NoAccess").RoleId, true)
	hidden, shown := a.s.stores["ds-a"].ref, a.s.stores["ds-shared"].ref
	if got := told(a.read(hidden, "name", "summary", "summary.name")); got != "-name:System.View -summary:System.Read -summary.name:System.Read" {
		t.Error(got)
	}
	if got := told(a.read(shown, "name", "summary.name")); got != "name summary.name" {
		t.Error(got)
	}
	lists := func(ref types.ManagedObjectReference, name string) string {
		return fmt.Sprint(a.read(ref, name).PropSet[0].Val)
	}
	if got := lists(a.entity("/dc1/datastore"), "childEntity"); strings.Contains(got, hidden.Value+"}") || !strings.Contains(got, shown.Value) {
		t.Error(got)
	}
	cluster := a.entity("/dc1/host/cluster-a")
	if got := lists(cluster, "datastore"); !strings.Contains(got, hidden.Value) {
		t.Error(got)
	}
	v, err := view.NewManager(a.c.Client).CreateContainerView(a.ctx, a.lab.c.ServiceContent.RootFolder, []string{"Datastore"}, true)
	a.must(err)
	var stores []mo.Datastore
	a.must(v.Retrieve(a.ctx, []string{"Datastore"}, []string{"name"}, &stores))
	for _, ds := range stores {
		if ds.Self == hidden {
			t.Error("the view lists the datastore")
		}
	}
	if len(stores) < 3 {
		t.Error(stores)
	}
	// A traversal along the cluster's list finds it, without its properties.
	res, err := property.DefaultCollector(a.c.Client).RetrieveProperties(a.ctx, types.RetrieveProperties{SpecSet: []types.PropertyFilterSpec{{
		PropSet: []types.PropertySpec{{Type: "Datastore", PathSet: []string{"summary.name"}}},
		ObjectSet: []types.ObjectSpec{{Obj: cluster, Skip: types.NewBool(true), SelectSet: []types.BaseSelectionSpec{
			&types.TraversalSpec{Type: "ClusterComputeResource", Path: "datastore"}}}}}}})
	a.must(err)
	found := ""
	for _, o := range res.Returnval {
		if o.Obj == hidden {
			found = told(o)
		}
	}
	if found != "-summary.name:System.Read" || len(res.Returnval) != 5 {
		t.Errorf("%q of %d", found, len(res.Returnval))
	}
	// Nor does waiting for updates tell them.
	pc, err := property.DefaultCollector(a.c.Client).Create(a.ctx)
	a.must(err)
	_, err = pc.CreateFilter(a.ctx, types.CreateFilter{Spec: types.PropertyFilterSpec{
		PropSet:   []types.PropertySpec{{Type: "Datastore", PathSet: []string{"name"}}},
		ObjectSet: []types.ObjectSpec{{Obj: hidden}, {Obj: shown}}}})
	a.must(err)
	updates, err := methods.WaitForUpdatesEx(a.ctx, a.c.Client, &types.WaitForUpdatesEx{This: pc.Reference()})
	a.must(err)
	if found := updates.Returnval.FilterSet[0].ObjectSet; len(found) != 2 || len(found[0].ChangeSet) != 0 || len(found[0].MissingSet) != 1 || len(found[1].ChangeSet) != 1 {
		t.Errorf("%+v", found)
	}
	// The account reads its own session, but not those of others; a host's certificate wants more.
	sm := *a.c.ServiceContent.SessionManager
	if got := told(a.read(sm, "currentSession", "sessionList", "message")); !strings.HasPrefix(got, "currentSession") || !strings.HasSuffix(got, "-sessionList:Sessions.TerminateSession") {
		t.Error(got)
	}
	var h mo.HostSystem
	a.props(a.s.hosts["127.78.1.11"], &h, "configManager.certificateManager")
	if got := told(a.read(*h.ConfigManager.CertificateManager, "certificateInfo")); got != "-certificateInfo:Certificate.Manage" {
		t.Error(got)
	}
	// pyVmomi's read of one property is a fault.
	if status, body := fetchAs(a, "Datastore", hidden.Value, "summary"); status != 500 || !strings.Contains(body, "NoPermission") {
		t.Error(status, body)
	}
}

func fetchAs(a *limited, kind, id, prop string) (int, string) {
	a.Helper()
	l := *a.lab
	l.c = a.c
	envelope := `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><Fetch xmlns="urn:vim25"><_this type="%s">%s</_this><prop>%s</prop></Fetch></soapenv:Body></soapenv:Envelope>`
	return l.request("POST", "https://"+l.s.listen+"/sdk", l.cookie(), fmt.Sprintf(envelope, kind, id, prop))
}

// /folder of the vCenter: 401 without the privilege on the datastore, and for an upload by default without one on a host.
func TestFolderPrivileges(t *testing.T) {
	for world, put := range map[string]int{"host_config": 401, "documented": 201} {
		a := newLimited(t, []string{"vcenter_put: " + world}, []string{"/dc1"}, "Datastore.Browse")
		l := *a.lab
		l.c = a.c
		try := func(method, name string, want int) {
			t.Helper()
			if status, _ := l.request(method, l.folderURL("ds-a", name), l.cookie(), "data"); status != want {
				t.Errorf("%s: %s %s: %d, want %d", world, method, name, status, want)
			}
		}
		a.put("[ds-a] old", "x")
		try("GET", "old", 200)
		try("PUT", "new", 401)
		try("DELETE", "old", 401)
		a.may("Datastore.FileManagement")
		try("GET", "old", 401)
		try("PUT", "new", put)
		try("DELETE", "old", 204)
		a.may("Datastore.FileManagement", "Host.Config.SystemManagement")
		try("PUT", "new2", 201)
	}
}

// A host in crypto-safe mode takes no upload of an account without Cryptographer.Access there.
func TestCryptoSafeHost(t *testing.T) {
	a := newLimited(t, nil, []string{"/"}, "Datastore.FileManagement", "Host.Config.SystemManagement")
	host := "127.78.1.11"
	a.s.reg.Get(a.s.hosts[host]).(*simulator.HostSystem).Runtime.CryptoState = "safe"
	put := func(host, name string) int {
		u := fmt.Sprintf("https://%s:%s/folder/%s?dcPath=ha-datacenter&dsName=ds-a", host, a.s.port, name)
		t, err := session.NewManager(a.c.Client).AcquireGenericServiceTicket(a.ctx, &types.SessionManagerHttpServiceRequestSpec{Method: "httpPut", Url: u})
		a.must(err)
		status, _ := a.request(http.MethodPut, u, ticketCookie+"="+t.Id, "data")
		return status
	}
	if a, b := put(host, "f"), put("127.78.1.12", "g"); a != 500 || b != 201 {
		t.Error(a, b)
	}
	// Through the vCenter it may come to that host, and the upload of a lease does when the VM is there.
	l := *a.lab
	l.c = a.c
	through := func(name string) int {
		status, _ := l.request(http.MethodPut, l.folderURL("ds-a", name), l.cookie(), "data")
		return status
	}
	if got := through("h"); got != 500 {
		t.Error(got)
	}
	imports := []string{"VApp.Import", "Datastore.AllocateSpace", "Network.Assign", "VirtualMachine.Config.AddNewDisk", "VirtualMachine.Config.AdvancedConfig"}
	lease := func(name string) int {
		t.Helper()
		at := a.s.hosts[host]
		lease, err := object.NewResourcePool(a.c.Client, a.entity("/dc1/host/cluster-a/Resources")).ImportVApp(a.ctx,
			&types.VirtualMachineImportSpec{ConfigSpec: vmSpec(name, "ds-a", 1024, 0, backing("[ds-a]"), true)},
			object.NewFolder(a.c.Client, a.entity("/dc1/vm")), object.NewHostSystem(a.c.Client, at))
		a.must(err)
		info, err := lease.Wait(a.ctx, nil)
		a.must(err)
		status, _ := a.request(http.MethodPost, info.DeviceUrl[0].Url, "", string(sparse(2048, map[uint32]byte{0: 'x'}, true)))
		return status
	}
	a.may(imports...)
	if got := lease("i"); got != 500 {
		t.Error(got)
	}
	a.may(append(imports, "Datastore.FileManagement", "Host.Config.SystemManagement", "Cryptographer.Access")...)
	if a, b, c := put(host, "f"), through("h"), lease("j"); a != 201 || b != 201 || c != 200 {
		t.Error(a, b, c)
	}
	var h mo.HostSystem
	a.props(a.s.hosts[host], &h, "runtime.cryptoState", "summary.runtime")
	if h.Runtime.CryptoState != "safe" || h.Summary.Runtime.CryptoState != "safe" {
		t.Error(h.Runtime.CryptoState)
	}
}

// Who has no permission at all does not get in, and permissions are inherited as the API has it.
func TestInheritance(t *testing.T) {
	a := newLimited(t, nil, []string{"/dc1/host/cluster-a"}, "Datastore.Browse", "Folder.Create")
	r := func(path, privilege string) bool { return a.s.rightsOf(a.user).may(a.entity(path), privilege) }
	for path, want := range map[string]bool{"/dc1/host/cluster-a": true, "/dc1/host/cluster-a/Resources": true, "/dc1/vm/legacy-0001": true,
		"/dc1/host/cluster-a/127.78.1.11": true, "/dc1/vm": false, "/dc1/vm/cold": false, "/dc1/host": false, "/": false} {
		if r(path, "Datastore.Browse") != want {
			t.Errorf("%s: not %v", path, want)
		}
	}
	a.grant("/dc1", a.role, false)
	if !r("/dc1/vm", "Folder.Create") || r("/dc1/vm/cold", "Folder.Create") {
		t.Error("a datacenter's folders have its permission, and what is in them does not inherit it")
	}
	for _, path := range []string{"/dc1/vm", "/dc1/host/cluster-a/Resources"} {
		if got := fault(a.m.SetEntityPermissions(a.ctx, a.entity(path), []types.Permission{{Principal: a.user, RoleId: a.role}})); got != "InvalidArgument" {
			t.Error(path, got)
		}
	}
	a.s.accounts.set("nobody", "secret")
	a.s.accounts.confine("nobody")
	if _, err := a.loginAs("nobody", "secret"); fault(err) != "NoPermission" {
		t.Error(err)
	}
	if _, err := a.loginAs("nobody", "wrong"); fault(err) != "InvalidLogin" {
		t.Error(err)
	}
}

// The scenario's accounts.
func TestScenarioAccounts(t *testing.T) {
	const accounts = `accounts: [{username: admin2, password: x}, {username: low, password: y, permissions: [
		{entity: /dc1/host/cluster-a, privileges: [Datastore.Browse]}, {entity: /, privileges: [], propagate: false}, {entity: /dc1/datastore/ds-a, role: NoAccess}]}],
		username: nova@`
	l := newLabOf(t, strings.Replace(testScenario, "username: nova@", accounts, 1))
	if !l.s.rightsOf("admin2").all {
		t.Error("without permissions it is an administrator")
	}
	low := l.s.rightsOf("low")
	root := l.c.ServiceContent.RootFolder
	if low.all || !low.may(root, systemRead) || low.may(l.s.stores["ds-a"].ref, systemRead) || low.may(l.dc.Reference(), systemRead) {
		t.Errorf("%+v", low)
	}
	for want, text := range map[string]string{"there is no /x": "{entity: /x, privileges: []}", "a privilege is not known": "{entity: /dc1, privileges: [No.Such]}",
		"permissions of its parent": "{entity: /dc1/vm, privileges: []}", "privileges or a role": "{entity: /dc1, privileges: [], role: Admin}"} {
		bad := strings.Replace(testScenario, "username: nova@", "accounts: [{username: low, password: y, permissions: ["+text+"]}], username: nova@", 1)
		if _, err := newServer(testOptions(t, bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The role that docs/security.md lists is enough for what Nova's driver calls (nova/virt/vmwareapi, oslo_vmware), granted as it says there.
func TestTheDocumentedRoleIsEnoughForNova(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	var privileges []string
	for _, m := range regexp.MustCompile("(?m)^\\| ([^|`]+|[^|]+`iscsi`.) \\| `([A-Z][A-Za-z.]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		privileges = append(privileges, m[2])
	}
	for name, below := range map[string][]string{"a datacenter": {"/dc1"},
		"less": {"/dc1/vm/OpenStack", "/dc1/host/cluster-a", "/dc1/datastore/ds-a", "/dc1/datastore/ds-shared", "/dc1/network/VM Network"}} {
		t.Run(name, func(t *testing.T) {
			a := newLimited(t, nil, nil, privileges...)
			vms, err := a.f.Folder(a.ctx, "/dc1/vm")
			a.must(err)
			_, err = vms.CreateFolder(a.ctx, "OpenStack")
			a.must(err)
			a.grant("/", a.role, false)
			a.grant("/dc1", a.role, false)
			for _, path := range below {
				a.grant(path, a.role, true)
			}
			enoughForNova(a)
		})
	}
}

func enoughForNova(a *limited) {
	a.Helper()
	t := a.T
	pool, vms := a.entity("/dc1/host/cluster-a/Resources"), a.entity("/dc1/vm")
	server := a.entity("/dc1/vm/legacy-0001")
	dc := a.dc.Reference()
	network := a.entity("/dc1/network/VM Network")
	card := &types.VirtualVmxnet3{}
	card.Backing = &types.VirtualEthernetCardNetworkBackingInfo{Network: &network}
	controller := &types.ParaVirtualSCSIController{}
	disk := func() *types.VirtualDisk {
		d := &types.VirtualDisk{CapacityInKB: 1024}
		d.Backing = backing("[ds-a] x.vmdk")
		return d
	}
	cd := &types.VirtualCdrom{}
	cd.Backing = &types.VirtualCdromIsoBackingInfo{}
	cd.Connectable = &types.VirtualDeviceConnectInfo{}
	var changes []types.BaseVirtualDeviceConfigSpec
	for _, device := range []types.BaseVirtualDevice{card, controller, disk(), cd} {
		for _, op := range []types.VirtualDeviceConfigSpecOperation{"add", "edit", "remove"} {
			changes = append(changes, &types.VirtualDeviceConfigSpec{Operation: op, Device: device})
		}
	}
	changes = append(changes, &types.VirtualDeviceConfigSpec{Operation: "add", FileOperation: "create", Device: disk()})
	volume := &types.VirtualDisk{}
	volume.Backing = &types.VirtualDiskRawDiskMappingVer1BackingInfo{}
	changes = append(changes, &types.VirtualDeviceConfigSpec{Operation: "add", FileOperation: "create", Device: volume})
	var host mo.HostSystem
	a.lab.props(a.s.hosts["127.78.1.11"], &host, "configManager.storageSystem")
	config := types.VirtualMachineConfigSpec{Name: "n", Annotation: "a", NumCPUs: 1, MemoryMB: 1, GuestId: "otherGuest", InstanceUuid: "x",
		ExtraConfig: []types.BaseOptionValue{&types.OptionValue{Key: "nvp.vm-uuid", Value: "x"}}, ManagedBy: &types.ManagedByInfo{},
		CpuAllocation: &types.ResourceAllocationInfo{}, MemoryAllocation: &types.ResourceAllocationInfo{}, Tools: &types.ToolsConfigInfo{},
		Flags: &types.VirtualMachineFlagInfo{}, BootOptions: &types.VirtualMachineBootOptions{}, Firmware: "efi", DeviceChange: changes,
		Files: &types.VirtualMachineFileInfo{VmPathName: "[ds-a]"}}
	ds := a.s.stores["ds-shared"].ref
	content := a.lab.c.ServiceContent
	rights := a.s.rightsOf(a.user)
	for _, one := range []struct {
		this   types.ManagedObjectReference
		method string
		body   any
	}{
		{*content.SessionManager, "SessionIsActive", nil}, {*content.SessionManager, "Logout", nil}, {*content.SessionManager, "AcquireGenericServiceTicket", nil},
		{*content.ExtensionManager, "FindExtension", nil}, {*content.ExtensionManager, "RegisterExtension", nil},
		{*content.SearchIndex, "FindAllByUuid", nil}, {*content.SearchIndex, "FindByInventoryPath", nil},
		{*content.FileManager, "MakeDirectory", &types.MakeDirectory{Name: "[ds-a] x", Datacenter: &dc}},
		{*content.FileManager, "MoveDatastoreFile_Task", &types.MoveDatastoreFile_Task{SourceName: "[ds-a] x", SourceDatacenter: &dc, DestinationName: "[ds-shared] x"}},
		{*content.FileManager, "CopyDatastoreFile_Task", &types.CopyDatastoreFile_Task{SourceName: "[ds-a] x", SourceDatacenter: &dc, DestinationName: "[ds-a] y"}},
		{*content.FileManager, "DeleteDatastoreFile_Task", &types.DeleteDatastoreFile_Task{Name: "[ds-a] x", Datacenter: &dc}},
		{*content.VirtualDiskManager, "CreateVirtualDisk_Task", &types.CreateVirtualDisk_Task{Name: "[ds-a] x", Datacenter: &dc}},
		{*content.VirtualDiskManager, "CopyVirtualDisk_Task", &types.CopyVirtualDisk_Task{SourceName: "[ds-a] x", SourceDatacenter: &dc, DestName: "[ds-a] y"}},
		{*content.VirtualDiskManager, "MoveVirtualDisk_Task", &types.MoveVirtualDisk_Task{SourceName: "[ds-a] x", SourceDatacenter: &dc, DestName: "[ds-a] y"}},
		{*content.VirtualDiskManager, "ExtendVirtualDisk_Task", &types.ExtendVirtualDisk_Task{Name: "[ds-a] x", Datacenter: &dc}},
		{*content.VirtualDiskManager, "DeleteVirtualDisk_Task", &types.DeleteVirtualDisk_Task{Name: "[ds-a] x", Datacenter: &dc}},
		{a.s.reg.Get(a.s.stores["ds-a"].ref).(*simulator.Datastore).Browser, "SearchDatastore_Task", &types.SearchDatastore_Task{DatastorePath: "[ds-a]"}},
		{*host.ConfigManager.StorageSystem, "AddInternetScsiSendTargets", nil}, {*host.ConfigManager.StorageSystem, "RescanHba", nil},
		{vms, "CreateFolder", nil},
		{vms, "CreateVM_Task", &types.CreateVM_Task{Pool: pool, Config: config}},
		{vms, "RegisterVM_Task", &types.RegisterVM_Task{Path: "[ds-a] x", Pool: &pool}},
		{pool, "ImportVApp", &types.ImportVApp{Folder: &vms, Spec: &types.VirtualMachineImportSpec{ConfigSpec: config}}},
		{server, "ReconfigVM_Task", &types.ReconfigVM_Task{Spec: config}},
		{server, "CloneVM_Task", &types.CloneVM_Task{Folder: vms, Spec: types.VirtualMachineCloneSpec{Location: types.VirtualMachineRelocateSpec{Pool: &pool, Datastore: &ds}}}},
		{server, "RelocateVM_Task", &types.RelocateVM_Task{Spec: types.VirtualMachineRelocateSpec{Pool: &pool, Datastore: &ds}}},
		{server, "AcquireTicket", &types.AcquireTicket{TicketType: "mks"}},
		{server, "PowerOnVM_Task", nil}, {server, "PowerOffVM_Task", nil}, {server, "ResetVM_Task", nil}, {server, "SuspendVM_Task", nil},
		{server, "ShutdownGuest", nil}, {server, "RebootGuest", nil}, {server, "CreateSnapshot_Task", nil}, {server, "Rename_Task", nil},
		{server, "ExportVm", nil}, {server, "UnregisterVM", nil}, {server, "Destroy_Task", nil},
		{server, "AttachDisk_Task", &types.AttachDisk_Task{Datastore: ds}}, {server, "DetachDisk_Task", nil},
	} {
		needs := a.s.needs(&call{a.s, one.this, one.method, one.body})
		if len(needs) == 0 && !anonymous[one.method] {
			t.Errorf("%s wants nothing", one.method)
		}
		if f, ok := rights.missing(needs).(*types.NoPermission); ok {
			t.Errorf("%s: %+v", one.method, f.MissingPrivileges)
		}
	}
}
