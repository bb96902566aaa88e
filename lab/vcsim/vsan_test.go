package main

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// namespace makes a namespace on ds-vsan and gives its UUID.
func (l *lab) namespace(name string) string {
	l.Helper()
	ds, err := l.f.Datastore(l.ctx, "ds-vsan")
	l.must(err)
	p, err := object.NewDatastoreNamespaceManager(l.c.Client).CreateDirectory(l.ctx, ds, name, "")
	l.must(err)
	return path.Base(p)
}

// vsanFolder makes [ds-vsan] base/one with a disk and two other files, of which one comes before the disk.
func (l *lab) vsanFolder() {
	l.Helper()
	l.namespace("base")
	l.namespace("stage")
	l.disk("[ds-vsan] base/one/disk.vmdk", 1<<20, "hello")
	l.put("[ds-vsan] base/one/a.txt", "a")
	l.put("[ds-vsan] base/one/z.txt", "z")
}

// names are the paths in a listing of one folder.
func (l *lab) names(name string, patterns ...string) (names []string) {
	l.Helper()
	res, fault := l.search(name, &types.HostDatastoreBrowserSearchSpec{MatchPattern: patterns}, false)
	if fault != "" {
		return []string{fault}
	}
	for _, f := range res[0].File {
		names = append(names, f.GetFileInfo().Path)
	}
	return names
}

func TestNamespaceManager(t *testing.T) {
	l := newLab(t)
	nm := object.NewDatastoreNamespaceManager(l.c.Client)
	vsan, err := l.f.Datastore(l.ctx, "ds-vsan")
	l.must(err)
	vmfs, err := l.f.Datastore(l.ctx, "ds-a")
	l.must(err)
	volume := strings.TrimSuffix(strings.TrimPrefix(l.s.stores["ds-vsan"].url, "ds://"), "/")

	stable, err := nm.CreateDirectory(l.ctx, vsan, "base", "")
	if err != nil || path.Dir(stable) != volume || path.Base(stable) == "base" || !l.exists("[ds-vsan] base") {
		t.Fatalf("%q %v", stable, err)
	}
	_, err = nm.CreateDirectory(l.ctx, vsan, "base", "")
	if fault(err) != "FileAlreadyExists" {
		t.Errorf("again: %v", err)
	}
	if _, err = nm.CreateDirectory(l.ctx, vmfs, "base", ""); fault(err) != "InvalidDatastore" {
		t.Errorf("VMFS: %v", err)
	}
	if _, err = nm.CreateDirectory(l.ctx, vsan, "a/b", ""); fault(err) != "CannotCreateFile" {
		t.Errorf("two levels: %v", err)
	}
	if p, err := nm.CreateDirectory(l.ctx, vsan, volume+"/whole", ""); err != nil || !l.exists("[ds-vsan] whole") {
		t.Errorf("a whole path: %q %v", p, err)
	}
	if p, err := nm.CreateDirectory(l.ctx, vsan, "", ""); err != nil || path.Dir(p) != volume {
		t.Errorf("no name: %q %v", p, err)
	}

	for _, c := range []struct{ url, want string }{
		{volume + "/base", stable},
		{"ds://" + volume + "/base/x/y.vmdk", "ds://" + stable + "/x/y.vmdk"},
		{stable + "/x", stable + "/x"},
		{volume + "/none", "InvalidDatastorePath"},
		{volume, "InvalidDatastorePath"},
		{"[ds-vsan] base", "InvalidDatastorePath"},
		{l.s.stores["ds-a"].url + "base", "InvalidDatastore"},
	} {
		got, err := nm.ConvertNamespacePathToUuidPath(l.ctx, l.dc, c.url)
		if got+fault(err) != c.want {
			t.Errorf("%s: %q %v", c.url, got, err)
		}
	}
	if _, err := nm.ConvertNamespacePathToUuidPath(l.ctx, nil, volume+"/base"); fault(err) != "InvalidArgument" {
		t.Errorf("no datacenter: %v", err)
	}

	l.put("[ds-vsan] base/x", "x")
	for _, c := range [][2]string{{stable, "CannotDeleteFile"}, {volume + "/base", "FileNotFound"}, {stable + "/x", "InvalidDatastorePath"}} {
		if got := fault(nm.DeleteDirectory(l.ctx, l.dc, c[0])); got != c[1] {
			t.Errorf("delete %s: %q", c[0], got)
		}
	}
	l.want("")(l.files().DeleteDatastoreFile(l.ctx, "[ds-vsan] "+path.Base(stable)+"/x", l.dc))
	l.must(nm.DeleteDirectory(l.ctx, l.dc, stable))
	if got := fault(nm.DeleteDirectory(l.ctx, l.dc, stable)); got != "FileNotFound" || l.exists("[ds-vsan] base") {
		t.Errorf("deleted: %q", got)
	}
	if again, err := nm.CreateDirectory(l.ctx, vsan, "base", ""); err != nil || again == stable {
		t.Errorf("a namespace of a used name: %q %v", again, err)
	}

	var m mo.Datastore
	for name, want := range map[string]bool{"ds-vsan": false, "ds-a": true} {
		l.props(l.s.stores[name].ref, &m, "capability")
		if *m.Capability.TopLevelDirectoryCreateSupported != want {
			t.Errorf("%s: topLevelDirectoryCreateSupported %v", name, !want)
		}
	}
}

func TestVsanRootFolder(t *testing.T) {
	for _, c := range []struct{ world, fault string }{{"refused", "CannotCreateFile"}, {"made", ""}} {
		l := newLab(t, "vsan_root_folder: "+c.world)
		id := l.namespace("base")
		mkdir := func(name string, parents bool, want string) {
			t.Helper()
			if got := fault(l.files().MakeDirectory(l.ctx, name, l.dc, parents)); got != want {
				t.Errorf("%s: %s: %q", c.world, name, got)
			}
		}
		mkdir("[ds-vsan] new", false, c.fault)
		mkdir("[ds-vsan] other/below", false, "FileNotFound")
		mkdir("[ds-vsan] other/below", true, c.fault)
		mkdir("[ds-vsan] base", true, "FileAlreadyExists")
		mkdir("[ds-vsan] base/a/b", true, "")
		mkdir("[ds-vsan] "+id+"/a/b", true, "FileAlreadyExists")
		mkdir("[ds-vsan] "+id+"/c", false, "")
		if l.exists("[ds-vsan] new") != (c.fault == "") || !l.exists("[ds-vsan] base/c") {
			t.Error(c.world)
		}
		l.want(c.fault)(l.files().MoveDatastoreFile(l.ctx, "[ds-vsan] base/a", l.dc, "[ds-vsan] a", l.dc, false))
		l.want("CannotCreateFile")(l.disks().CreateVirtualDisk(l.ctx, "[ds-vsan] x.vmdk", l.dc, &types.FileBackedVirtualDiskSpec{
			CapacityKb: 1024, VirtualDiskSpec: types.VirtualDiskSpec{AdapterType: "lsiLogic", DiskType: "thin"}}))
	}
}

func TestVsanListing(t *testing.T) {
	l := newLab(t)
	l.vsanFolder()
	ids := map[string]string{}
	res, _ := l.search("[ds-vsan]", &types.HostDatastoreBrowserSearchSpec{}, false)
	for _, f := range res[0].File {
		ids[f.GetFileInfo().FriendlyName] = f.GetFileInfo().Path
	}
	if len(ids) != 2 || ids["base"] == "base" || ids["base"] != l.s.stores["ds-vsan"].namespaceID("base") {
		t.Fatal(ids)
	}
	if got := l.names("[ds-vsan]", "ba*"); len(got) != 0 {
		t.Errorf("a pattern of the name: %v", got)
	}
	if got := l.names("[ds-vsan]", ids["base"][:8]+"*"); !slices.Equal(got, []string{ids["base"]}) {
		t.Errorf("a pattern of the UUID: %v", got)
	}
	// A disk shows by its descriptor.
	want := []string{"a.txt", "disk.vmdk", "z.txt"}
	for _, name := range []string{"base", ids["base"]} {
		res, _ := l.search("[ds-vsan] "+name+"/one", &types.HostDatastoreBrowserSearchSpec{Details: &types.FileQueryFlags{FileSize: true}}, false)
		var got []string
		for _, f := range res[0].File {
			got = append(got, f.GetFileInfo().Path)
			if f.GetFileInfo().FileSize > 4096 {
				t.Errorf("%+v", f)
			}
		}
		if !slices.Equal(got, want) || res[0].FolderPath != "[ds-vsan] "+name+"/one" {
			t.Errorf("%s: %v in %s", name, got, res[0].FolderPath)
		}
	}
	res, _ = l.search("[ds-vsan] base/one", &types.HostDatastoreBrowserSearchSpec{Query: []types.BaseFileQuery{&types.VmDiskFileQuery{
		Details: &types.VmDiskFileQueryFlags{CapacityKb: true, DiskType: true, Thin: types.NewBool(true), DiskExtents: types.NewBool(true)}}}}, false)
	if d := res[0].File[0].(*types.VmDiskFileInfo); len(res[0].File) != 1 ||
		d.CapacityKb != 1024 || !*d.Thin || d.DiskType != "VirtualDiskFlatVer2BackingInfo" || d.DiskExtents != nil {
		t.Errorf("%+v", d)
	}
	folders := func(l *lab, name string) (out []string) {
		res, _ := l.search(name, &types.HostDatastoreBrowserSearchSpec{}, true)
		for _, r := range res {
			out = append(out, r.FolderPath)
		}
		return out
	}
	if got := folders(l, "[ds-vsan]"); !slices.Contains(got, "[ds-vsan] "+ids["base"]+"/one/") {
		t.Errorf("%v", got)
	}
	if got := folders(l, "[ds-vsan] base"); !slices.Equal(got, []string{"[ds-vsan] base/", "[ds-vsan] base/one/"}) {
		t.Errorf("%v", got)
	}

	l = newLab(t, "vsan_listing: name")
	l.vsanFolder()
	if got := l.names("[ds-vsan]", "ba*"); !slices.Equal(got, []string{"base"}) {
		t.Errorf("%v", got)
	}
	if got := folders(l, "[ds-vsan]"); !slices.Equal(got, []string{"[ds-vsan]", "[ds-vsan] base/", "[ds-vsan] base/one/", "[ds-vsan] stage/"}) {
		t.Errorf("%v", got)
	}
}

func TestVsanFolderMove(t *testing.T) {
	for world, want := range map[string]struct {
		fault          string
		source, target []string
	}{
		"half":    {"FileFault", []string{"z.txt"}, []string{"a.txt", "disk.vmdk"}},
		"refused": {"FileFault", []string{"a.txt", "disk.vmdk", "z.txt"}, []string{"FileNotFound"}},
		"moved":   {"", []string{"FileNotFound"}, []string{"a.txt", "disk.vmdk", "z.txt"}},
	} {
		l := newLab(t, "vsan_folder_move: "+world)
		l.vsanFolder()
		move := func(from, to string) string {
			return l.wait(l.files().MoveDatastoreFile(l.ctx, "[ds-vsan] "+from, l.dc, "[ds-vsan] "+to, l.dc, false))
		}
		if got := move("base/one", "stage/one"); got != want.fault {
			t.Errorf("%s: %q", world, got)
		}
		if source, target := l.names("[ds-vsan] base/one"), l.names("[ds-vsan] stage/one"); !slices.Equal(source, want.source) || !slices.Equal(target, want.target) {
			t.Errorf("%s: %v %v", world, source, target)
		}
		// What is half there is no disk.
		if _, err := openDisk(file{l.s.stores["ds-vsan"], "stage/one/disk.vmdk"}); (err == nil) != (world == "moved") {
			t.Errorf("%s: %v", world, err)
		}
		l.put("[ds-vsan] base/text/a", "a")
		if got := move("base/text", "stage/text"); got != "" || !l.exists("[ds-vsan] stage/text/a") {
			t.Errorf("%s: a folder without a disk: %q", world, got)
		}
		l.put("[ds-vsan] base/text/a", "a")
		if got := move("base/text", "stage/text"); got != "FileAlreadyExists" {
			t.Errorf("%s: %q", world, got)
		}
	}
}

func TestVsanRename(t *testing.T) {
	l := newLab(t, "vsan_folder_move: moved", "vsan_root_folder: made")
	l.vsanFolder()
	id := l.s.stores["ds-vsan"].namespaceID("base")
	l.want("")(l.files().MoveDatastoreFile(l.ctx, "[ds-vsan] base", l.dc, "[ds-vsan] renamed", l.dc, false))
	if !l.exists("[ds-vsan] renamed/one/disk.vmdk") || !slices.Contains(l.names("[ds-vsan]"), id) || len(l.names("[ds-vsan] "+id+"/one")) != 3 {
		t.Errorf("%v", l.names("[ds-vsan]"))
	}
}

func TestVsanFolderDelete(t *testing.T) {
	for world, want := range map[string]string{"refused": "CannotDeleteFile", "deleted": ""} {
		l := newLab(t, "vsan_folder_delete: "+world)
		l.vsanFolder()
		l.want(want)(l.files().DeleteDatastoreFile(l.ctx, "[ds-vsan] base/one", l.dc))
		if l.exists("[ds-vsan] base/one") != (want != "") {
			t.Error(world)
		}
		if want != "" {
			l.want("")(l.disks().DeleteVirtualDisk(l.ctx, "[ds-vsan] base/one/disk.vmdk", l.dc))
			l.want("")(l.files().DeleteDatastoreFile(l.ctx, "[ds-vsan] base/one", l.dc))
		}
		l.disk("[ds-a] base/disk.vmdk", 1<<20, "x")
		l.want("")(l.files().DeleteDatastoreFile(l.ctx, "[ds-a] base", l.dc))
	}
}

func TestVsanPut(t *testing.T) {
	for world, want := range map[string]int{"fails": 500, "works": 201} {
		l := newLab(t, "vsan_put_through_vcenter: "+world)
		l.namespace("base")
		if status, _ := l.request("PUT", l.folderURL("ds-vsan", "base/x"), l.cookie(), "x"); status != want || l.exists("[ds-vsan] base/x") != (want == 201) {
			t.Errorf("%s: %d", world, status)
		}
		u := fmt.Sprintf("https://127.78.1.11:%s/folder/base/y?dcPath=ha-datacenter&dsName=ds-vsan", l.s.port)
		if status, _ := l.request("PUT", u, l.ticket("httpPut", u), "y"); status != 201 || !l.exists("[ds-vsan] base/y") {
			t.Errorf("%s: on the host: %d", world, status)
		}
	}
}

// An upload makes a namespace only where MakeDirectory does.
func TestVsanPutMakesNamespace(t *testing.T) {
	for world, want := range map[string]int{"refused": 500, "made": 201} {
		l := newLab(t, "vsan_root_folder: "+world, "vsan_put_through_vcenter: works", "vcenter_put: documented")
		if status, _ := l.request("PUT", l.folderURL("ds-vsan", "none/x"), l.cookie(), "x"); status != want {
			t.Errorf("%s: %d", world, status)
		}
		if names := l.names("[ds-vsan]"); (len(names) == 1) != (world == "made") || slices.Contains(names, "none") {
			t.Errorf("%s: %v", world, names)
		}
	}
}

func TestVsanDisks(t *testing.T) {
	l := newLab(t, "vsan_put_through_vcenter: works")
	l.vsanFolder()
	id := l.s.stores["ds-vsan"].namespaceID("stage")
	l.want("")(l.disks().MoveVirtualDisk(l.ctx, "[ds-vsan] base/one/disk.vmdk", l.dc, "[ds-vsan] "+id+"/disk.vmdk", l.dc, false))
	if l.exists("[ds-vsan] base/one/disk.vmdk") || !slices.Equal(l.names("[ds-vsan] stage"), []string{"disk.vmdk"}) {
		t.Errorf("%v", l.names("[ds-vsan] stage"))
	}
	l.want("FileNotFound")(l.files().MoveDatastoreFile(l.ctx, "[ds-vsan] stage/disk-flat.vmdk", l.dc, "[ds-vsan] stage/x", l.dc, false))
	l.want("FileNotFound")(l.files().DeleteDatastoreFile(l.ctx, "[ds-vsan] stage/disk-flat.vmdk", l.dc))
	for _, c := range []struct {
		method, name string
		status       int
	}{
		{"GET", "stage/disk.vmdk", 200}, {"GET", id + "/disk.vmdk", 200}, {"GET", "stage/disk-flat.vmdk", 404}, {"HEAD", "stage/disk-flat.vmdk", 404},
		{"DELETE", "stage/disk-flat.vmdk", 404},
	} {
		if status, _ := l.request(c.method, l.folderURL("ds-vsan", c.name), l.cookie(), ""); status != c.status {
			t.Errorf("%+v: %d", c, status)
		}
	}
	for _, name := range []string{"stage/disk-flat.vmdk", "stage/new-flat.vmdk", "file", "none/file"} {
		status, _ := l.request("PUT", l.folderURL("ds-vsan", name), l.cookie(), "x")
		if status != 500 || name != "stage/disk-flat.vmdk" && l.exists("[ds-vsan] "+name) {
			t.Errorf("PUT %s: %d", name, status)
		}
	}
	l.put("[ds-vsan] base/sparse.vmdk", string(sparse(2048, map[uint32]byte{1: 7}, false)))
	l.want("InvalidDiskFormat")(l.disks().CopyVirtualDisk(l.ctx, "[ds-vsan] base/sparse.vmdk", l.dc, "[ds-vsan] base/copy.vmdk", l.dc, nil, false))
	l.want("")(l.disks().CopyVirtualDisk(l.ctx, "[ds-vsan] stage/disk.vmdk", l.dc, "[ds-vsan] base/copy.vmdk", l.dc, nil, false))
	l.want("")(l.files().DeleteDatastoreFile(l.ctx, "[ds-vsan] base/copy.vmdk", l.dc))
	if l.exists("[ds-vsan] base/copy-flat.vmdk") {
		t.Error("the disk's object is left")
	}
}

// A client finds and registers a VM by the path that it was shown, and clones it.
func TestVsanTakesWhatItShows(t *testing.T) {
	l := newLab(t)
	vm, fault := l.createVM("cluster-a", vmSpec("one", "ds-vsan", 1024, 0, backing("[ds-vsan]"), true))
	if fault != "" {
		t.Fatal(fault)
	}
	var m mo.VirtualMachine
	l.props(vm.Reference(), &m, "config.files", "resourcePool")
	vmx := m.Config.Files.VmPathName
	find := func() types.ManagedObjectReference {
		ref, err := object.NewSearchIndex(l.c.Client).FindByDatastorePath(l.ctx, l.dc, vmx)
		l.must(err)
		if ref == nil {
			t.Fatalf("nothing found at %s", vmx)
		}
		return ref.Reference()
	}
	if find() != vm.Reference() {
		t.Error("another VM")
	}
	l.must(vm.Unregister(l.ctx))
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	l.want("")(folders.VmFolder.RegisterVM(l.ctx, vmx, "again", false, object.NewResourcePool(l.c.Client, *m.ResourcePool), nil))
	vm = object.NewVirtualMachine(l.c.Client, find())
	l.want("")(vm.Clone(l.ctx, folders.VmFolder, "copy", types.VirtualMachineCloneSpec{}))
	clone, err := l.f.VirtualMachine(l.ctx, "copy")
	l.must(err)
	l.props(clone.Reference(), &m, "config.files")
	if want := "[ds-vsan] " + l.s.stores["ds-vsan"].namespaceID("copy") + "/copy.vmx"; m.Config.Files.VmPathName != want {
		t.Errorf("%s, want %s", m.Config.Files.VmPathName, want)
	}
}

// Namespaces are made and deleted with Datastore.Config on the datastore; Datastore.FileManagement is not enough. To see an UUID takes System.View.
func TestNamespacePrivileges(t *testing.T) {
	a := newLimited(t, nil, []string{"/"}, "Datastore.FileManagement", "Datastore.Browse")
	nm := object.NewDatastoreNamespaceManager(a.c.Client)
	ds := object.NewDatastore(a.c.Client, a.s.stores["ds-vsan"].ref)
	stable := a.s.stores["ds-vsan"].volumePath() + a.namespace("base")
	create := func() string {
		_, err := nm.CreateDirectory(a.ctx, ds, "new", "")
		return a.denied(err)
	}
	drop := func() string { return a.denied(nm.DeleteDirectory(a.ctx, a.dc, stable)) }
	for _, got := range []string{create(), drop()} {
		if got != "Datastore.Config on ds-vsan" {
			t.Errorf("with Datastore.FileManagement: %q", got)
		}
	}
	if got, err := nm.ConvertNamespacePathToUuidPath(a.ctx, a.dc, a.s.stores["ds-vsan"].url+"base"); got != "ds://"+stable {
		t.Errorf("%s %v", got, err)
	}
	a.may("Datastore.Config")
	if got := create() + drop(); got != "" || !a.exists("[ds-vsan] new") || a.exists("[ds-vsan] base") {
		t.Errorf("with Datastore.Config: %q", got)
	}
}

func TestVVOL(t *testing.T) {
	l := newLabOf(t, strings.Replace(testScenario, "{name: ds-vsan, type: vsan,", "{name: ds-vsan, type: VVOL,", 1))
	id := l.namespace("base")
	if got := l.names("[ds-vsan]"); !slices.Equal(got, []string{id}) {
		t.Errorf("%v", got)
	}
	if got := fault(l.files().MakeDirectory(l.ctx, "[ds-vsan] other", l.dc, false)); got != "CannotCreateFile" {
		t.Errorf("MakeDirectory: %q", got)
	}
	if status, _ := l.request("PUT", l.folderURL("ds-vsan", "base/x"), l.cookie(), "x"); status != 201 {
		t.Errorf("PUT: %d", status)
	}
	var m mo.Datastore
	l.props(l.s.stores["ds-vsan"].ref, &m, "summary", "capability")
	if m.Summary.Type != "VVOL" || !strings.HasPrefix(m.Summary.Url, "ds:///vmfs/volumes/vvol:") || *m.Capability.TopLevelDirectoryCreateSupported {
		t.Errorf("%+v", m.Summary)
	}
}

// paths are the datastore paths in a value's strings.
func paths(v any) (out []string) {
	_, _ = mapStrings(reflect.ValueOf(v), func(s string) string {
		if strings.HasPrefix(s, "[") {
			out = append(out, s)
		}
		return s
	})
	return out
}

func TestVsanDiskPath(t *testing.T) {
	for _, world := range []string{"uuid", "name"} {
		l := newLab(t, "vsan_disk_path: "+world)
		l.vsanFolder()
		st := l.s.stores["ds-vsan"]
		// A linked clone, as Nova makes it: the child of a disk in the cache.
		b := backing("[ds-vsan]")
		b.Parent = &types.VirtualDiskFlatVer2BackingInfo{VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{
			FileName: "[ds-vsan] " + st.namespaceID("base") + "/one/disk.vmdk"}}
		vm, fault := l.createVM("cluster-a", vmSpec("clone", "ds-vsan", 1024, 0, b, true))
		if fault != "" {
			t.Fatal(fault)
		}
		check := func(what string, props any) {
			t.Helper()
			seen := map[string]bool{}
			for _, p := range paths(props) {
				var dp object.DatastorePath
				dp.FromString(p)
				if dp.Path == "" || dp.Datastore != "ds-vsan" {
					continue
				}
				top, _, _ := strings.Cut(dp.Path, "/")
				seen[top] = true
			}
			for _, name := range []string{"base", "clone"} {
				id := st.namespaceID(name)
				if seen[name] != (world == "name") || seen[id] != (world == "uuid") {
					t.Errorf("%s: %s: %v", world, what, seen)
				}
			}
		}
		var m mo.VirtualMachine
		l.props(vm.Reference(), &m, "config", "layoutEx", "summary", "layout")
		check("VM", m.Config)
		if !strings.Contains(fmt.Sprint(paths(m.LayoutEx)), "/one/disk.vmdk") {
			t.Errorf("layoutEx without the parent: %v", paths(m.LayoutEx))
		}
		check("layoutEx", m.LayoutEx)
		if got := m.Summary.Config.VmPathName; got != m.Config.Files.VmPathName {
			t.Errorf("summary: %s", got)
		}
		l.must(property.Wait(l.ctx, property.DefaultCollector(l.c.Client), vm.Reference(), []string{"config.files"}, func(c []types.PropertyChange) bool {
			files := c[0].Val.(types.VirtualMachineFileInfo)
			if files != m.Config.Files {
				t.Errorf("%s: an update has %+v", world, files)
			}
			return true
		}))
		// What it shows it takes.
		for _, d := range m.Config.Hardware.Device {
			if disk, ok := d.(*types.VirtualDisk); ok {
				name := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo).FileName
				if _, err := l.disks().QueryVirtualDiskUuid(l.ctx, name, l.dc); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		task, err := vm.CreateSnapshot(l.ctx, "s", "", false, false)
		l.must(err)
		l.must(task.Wait(l.ctx))
		l.props(vm.Reference(), &m, "config", "layoutEx", "snapshot")
		check("VM with a snapshot", m.Config)
		var snap mo.VirtualMachineSnapshot
		l.props(*m.Snapshot.CurrentSnapshot, &snap, "config")
		check("snapshot", snap.Config)

		on, err := vm.PowerOn(l.ctx)
		l.must(err)
		l.must(on.Wait(l.ctx))
		l.want("FileLocked")(l.disks().DeleteVirtualDisk(l.ctx, "[ds-vsan] base/one/disk.vmdk", l.dc))
		off, err := vm.PowerOff(l.ctx)
		l.must(err)
		l.must(off.Wait(l.ctx))

		// An existing disk, by its UUID path.
		other := backing("[ds-vsan] " + st.namespaceID("base") + "/one/disk.vmdk")
		if _, fault := l.createVM("cluster-a", vmSpec("other", "ds-vsan", 1024, 0, other, false)); fault != "" {
			t.Errorf("%s: %s", world, fault)
		}
		l.want("")(vm.Destroy(l.ctx))
		if l.exists("[ds-vsan] clone") || !l.exists("[ds-vsan] base/one/disk-flat.vmdk") {
			t.Errorf("%s: destroy", world)
		}
	}
}
