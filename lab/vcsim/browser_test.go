package main

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/types"
)

func (l *lab) search(name string, spec *types.HostDatastoreBrowserSearchSpec, sub bool) (res []types.HostDatastoreBrowserSearchResults, fault string) {
	l.Helper()
	var p object.DatastorePath
	p.FromString(name)
	ds, err := l.f.Datastore(l.ctx, p.Datastore)
	l.must(err)
	b, err := ds.Browser(l.ctx)
	l.must(err)
	var t *object.Task
	if sub {
		t, err = b.SearchDatastoreSubFolders(l.ctx, name, spec)
	} else {
		t, err = b.SearchDatastore(l.ctx, name, spec)
	}
	l.must(err)
	info, err := t.WaitForResult(l.ctx, nil)
	if err != nil {
		return nil, l.wait(t, err)
	}
	switch r := info.Result.(type) {
	case types.HostDatastoreBrowserSearchResults:
		return []types.HostDatastoreBrowserSearchResults{r}, ""
	case types.ArrayOfHostDatastoreBrowserSearchResults:
		return r.HostDatastoreBrowserSearchResults, ""
	}
	l.Fatalf("%T", info.Result)
	return nil, ""
}

func found(res []types.HostDatastoreBrowserSearchResults) (names []string) {
	for _, r := range res {
		for _, f := range r.File {
			names = append(names, fmt.Sprintf("%s%s:%s", typeName(f), r.FolderPath, f.GetFileInfo().Path))
		}
	}
	return names
}

func TestSearch(t *testing.T) {
	l := newLab(t)
	l.disk("[ds-a] i/x.vmdk", 1<<20, "hello")
	l.must(os.Mkdir(l.path("[ds-a] i/ts-2026"), 0700))
	flags := &types.FileQueryFlags{FileSize: true, FileType: true, Modification: true, FileOwner: true}
	for _, c := range []struct {
		what, path string
		spec       *types.HostDatastoreBrowserSearchSpec
		sub        bool
		want       []string
	}{
		{"no spec at all", "[ds-a] i", nil, false, []string{"FolderFileInfo[ds-a] i:ts-2026", "FileInfo[ds-a] i:x-flat.vmdk", "FileInfo[ds-a] i:x.vmdk"}},
		{"one name", "[ds-a] i", &types.HostDatastoreBrowserSearchSpec{MatchPattern: []string{"x.vmdk"}}, false, []string{"FileInfo[ds-a] i:x.vmdk"}},
		{"types", "[ds-a] i", &types.HostDatastoreBrowserSearchSpec{MatchPattern: []string{"X.*"}, Details: flags}, false, []string{"VmDiskFileInfo[ds-a] i:x.vmdk"}},
		{"case", "[ds-a] i", &types.HostDatastoreBrowserSearchSpec{MatchPattern: []string{"X.*"}, SearchCaseInsensitive: types.NewBool(false)}, false, nil},
		{"disks", "[ds-a] i", &types.HostDatastoreBrowserSearchSpec{Query: []types.BaseFileQuery{new(types.VmDiskFileQuery)}}, false, []string{"VmDiskFileInfo[ds-a] i:x.vmdk"}},
		{"folders", "[ds-a] i", &types.HostDatastoreBrowserSearchSpec{Query: []types.BaseFileQuery{new(types.FolderFileQuery)}}, false, []string{"FolderFileInfo[ds-a] i:ts-2026"}},
		{"below", "[ds-a]", &types.HostDatastoreBrowserSearchSpec{MatchPattern: []string{"x*"}}, true, []string{"FileInfo[ds-a] i/:x-flat.vmdk", "FileInfo[ds-a] i/:x.vmdk"}},
	} {
		res, fault := l.search(c.path, c.spec, c.sub)
		if got := found(res); fault != "" || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q %v", c.what, fault, got)
		}
	}
	res, _ := l.search("[ds-a] i", &types.HostDatastoreBrowserSearchSpec{MatchPattern: []string{"x-flat*"}, Details: flags}, false)
	f := res[0].File[0].GetFileInfo()
	if f.FileSize >= 1<<20 || f.FileSize == 0 || f.Modification == nil || f.Owner != "root" {
		t.Errorf("%+v", f)
	}
	res, _ = l.search("[ds-a] i", &types.HostDatastoreBrowserSearchSpec{Query: []types.BaseFileQuery{&types.VmDiskFileQuery{Details: &types.VmDiskFileQueryFlags{CapacityKb: true, Thin: types.NewBool(true)}}}}, false)
	if d := res[0].File[0].(*types.VmDiskFileInfo); d.CapacityKb != 1024 || d.Thin == nil || !*d.Thin {
		t.Errorf("%+v", d)
	}
	for _, name := range []string{"[ds-a] none", "[ds-a] i/x.vmdk"} {
		if _, fault := l.search(name, nil, false); fault != "FileNotFound" {
			t.Errorf("%s: %q", name, fault)
		}
	}
	if _, fault := l.search("[ds-off]", nil, true); fault != "InvalidDatastore" {
		t.Errorf("inaccessible: %q", fault)
	}
}

// The size of a thin disk's extent in a listing is what is allocated, or its length; that of another disk's is its length.
func TestThinFileSize(t *testing.T) {
	for value, want := range map[string]bool{"allocated": false, "provisioned": true} {
		l := newLab(t, "thin_file_size: "+value)
		l.disk("[ds-a] i/x.vmdk", 1<<20, "hello")
		l.must(createDisk(file{l.s.stores["ds-a"], "i/y.vmdk"}, 1<<20, diskKind{}, nil))
		l.put("[ds-a] i/z-flat.vmdk", "no descriptor")
		res, _ := l.search("[ds-a] i", &types.HostDatastoreBrowserSearchSpec{Details: &types.FileQueryFlags{FileSize: true}}, false)
		sizes := map[string]int64{}
		for _, f := range res[0].File {
			sizes[f.GetFileInfo().Path] = f.GetFileInfo().FileSize
		}
		if whole := sizes["x-flat.vmdk"] == 1<<20; whole != want || sizes["y-flat.vmdk"] != 1<<20 || sizes["z-flat.vmdk"] != 13 {
			t.Errorf("%s: %v", value, sizes)
		}
	}
}

// NFS 3 has a lock file for each file that a VM has open, also for a parent of its disk.
func TestLockFiles(t *testing.T) {
	for value, shown := range map[string]int{"shown": 2, "hidden": 0} {
		l := newLab(t, "nfs_lock_files: "+value)
		l.disk("[ds-shared] base/i/i.vmdk", 1<<20, "x")
		child := backing("[ds-shared]")
		child.Parent = backing("[ds-shared] base/i/i.vmdk")
		vm, fault := l.createVM("cluster-a", vmSpec("clone", "ds-shared", 1024, 0, child, true))
		if fault != "" {
			t.Fatal(fault)
		}
		count := func() (n int) {
			res, _ := l.search("[ds-shared] base/i", &types.HostDatastoreBrowserSearchSpec{MatchPattern: []string{".lck-*"}}, false)
			return len(res[0].File)
		}
		if n := count(); n != 0 {
			t.Errorf("%s: %d locks of a VM that is off", value, n)
		}
		l.want("")(vm.PowerOn(l.ctx))
		if n := count(); n != shown {
			t.Errorf("%s: %d locks", value, n)
		}
	}
}
