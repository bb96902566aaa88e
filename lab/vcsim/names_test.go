package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

const namesScenario = `
vcenter: {name: vc-test, username: nova@vsphere.local, password: secret}
datacenters:
  - name: dc1
    networks: ["net/1"]
    clusters:
      - {name: 'rack 1/a', hosts: [{name: 127.78.1.11}]}
    datastores:
      - {name: nova, clusters: ['rack 1/a']}
      - {name: 'a/b\c 100%', clusters: ['rack 1/a']}
      - {name: .hidden~é, clusters: ['rack 1/a']}
      - {name: san-1, url: "ds:///vmfs/volumes/5f-1/", capacity_gb: 10, clusters: ['rack 1/a']}
    vms:
      - {name: 'vm/1', count: 2, cluster: 'rack 1/a', datastore: 'a/b\c 100%'}
  - name: 'dc/2'
    folder: 'eu/west 100%'
    clusters:
      - {name: cluster, folder: 'rack 1/row', hosts: [{name: 127.78.3.11}]}
      - {name: cluster-2, folder: 'rack 1', hosts: [{name: off, address: 127.78.3.12, state: disconnected}]}
    datastores:
      - {name: nova, type: NFS, clusters: [cluster]}
      - {name: san-2, url: "ds:///vmfs/volumes/5f-1/", capacity_gb: 10, clusters: [cluster]}
`

func TestEscapeName(t *testing.T) {
	for name, want := range map[string]string{"plain name-1.2": "plain name-1.2", `a/b\c`: "a%2fb%5cc", "100%": "100%25", "%zz": "%25zz",
		"a%2fb": "a%2fb", "%25": "%25", "%": "%25", "é]~": "é]~"} {
		if got := escapeName(name); got != want || escapeName(got) != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"nova-1 (b)": "nova-1 (b)", "a%2fb": "a%2fb", "..": "%2e.", "a~b": "a%7eb", "a\nb": "a%0ab"} {
		if got := folderOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// Names with characters that the inventory escapes: in properties, inventory paths, datastore paths and in /folder.
func TestEscapedNames(t *testing.T) {
	l := newLabOf(t, namesScenario)
	const name = "a%2fb%5cc 100%25"
	ds, err := l.f.Datastore(l.ctx, name)
	l.must(err)
	var got mo.Datastore
	l.props(ds.Reference(), &got, "name", "summary", "info")
	if got.Name != name || got.Summary.Name != name || got.Info.GetDatastoreInfo().Name != name {
		t.Error(got.Name, got.Summary.Name)
	}
	for _, path := range []string{"/dc1/host/rack 1%2fa", "/dc1/network/net%2f1", "/dc1/datastore/" + name, "/dc1/vm/vm%2f1-0001", "/dc1/vm/vm%2f1-0002", "/eu/west 100%25/dc%2f2/datastore/nova",
		"/eu/west 100%25/dc%2f2/host/rack 1/row/cluster/Resources", "/eu/west 100%25/dc%2f2/host/rack 1/cluster-2/off"} {
		ref, err := object.NewSearchIndex(l.c.Client).FindByInventoryPath(l.ctx, path)
		l.must(err)
		if ref == nil {
			t.Error("not found: " + path)
		}
	}
	l.must(l.files().MakeDirectory(l.ctx, "["+name+"] x", l.dc, false))
	if got := fault(l.files().MakeDirectory(l.ctx, `[a/b\c 100%] y`, l.dc, false)); got != "InvalidDatastore" {
		t.Error(got)
	}
	if status, _ := l.request("PUT", l.folderURL("a%252fb%255cc%20100%2525", "x/f"), l.cookie(), "data"); status != 201 {
		t.Error(status)
	}
	if b, err := os.ReadFile(filepath.Join(l.s.datastores, name, "x", "f")); err != nil || string(b) != "data" {
		t.Error(string(b), err)
	}
	if _, err := os.Stat(filepath.Join(l.s.datastores, "%2ehidden%7eé")); err != nil {
		t.Error(err)
	}
	l.must(l.files().MakeDirectory(l.ctx, "[.hidden~é] x", l.dc, false))

	vm, err := l.f.VirtualMachine(l.ctx, "/dc1/vm/vm%2f1-0002")
	l.must(err)
	var props mo.VirtualMachine
	l.props(vm.Reference(), &props, "name", "config.name", "summary.config")
	if props.Name != "vm%2f1-0002" || !strings.HasPrefix(props.Summary.Config.VmPathName, "["+name+"] vm%2f1-0002/") {
		t.Errorf("%s, %+v", props.Name, props.Summary.Config)
	}
	l.want("")(vm.Rename(l.ctx, "other/1"))
	l.want("")(vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{Name: "a/b%2fc 5%"}))
	l.props(vm.Reference(), &props, "name", "config.name")
	if props.Name != "a%2fb%2fc 5%25" || props.Config.Name != props.Name {
		t.Error(props.Name, props.Config.Name)
	}
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	for _, name := range []string{"x%2fy%5c %", `x/y\ %`} {
		made, err := folders.VmFolder.CreateFolder(l.ctx, name)
		if strings.Contains(name, "/") {
			if fault(err) != "DuplicateName" {
				t.Error(err)
			}
			continue
		}
		l.must(err)
		var f mo.Folder
		if l.props(made.Reference(), &f, "name"); f.Name != "x%2fy%5c %25" {
			t.Error(f.Name)
		}
	}
	l.want("")(vm.PowerOff(l.ctx))
	l.want("")(vm.Destroy(l.ctx))
	if _, err := os.Stat(filepath.Join(l.s.datastores, name, "vm%2f1-0002")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// A name counts within its datacenter, and one url is one storage.
func TestDatastoresOfTwoDatacenters(t *testing.T) {
	l := newLabOf(t, namesScenario)
	dc2, err := l.f.Datacenter(l.ctx, "/eu/west 100%25/dc%2f2")
	l.must(err)
	folder := func(name string) string { return filepath.Join(l.s.datastores, name) }
	for _, dc := range []*object.Datacenter{l.dc, dc2} {
		l.must(l.files().MakeDirectory(l.ctx, "[nova] in "+dc.Name(), dc, false))
	}
	for _, dir := range []string{"nova/in dc1", "dc%2f2~nova/in dc%2f2"} {
		if _, err := os.Stat(folder(dir)); err != nil {
			t.Error(err)
		}
	}
	for dc, want := range map[string]int{"dc1": 201, "eu/west%20100%2525/dc%252f2": 201, "dc%252f2": 404, "eu/west%20100%25/dc%2f2": 404, "dc3": 404} {
		status, _ := l.request("PUT", "https://"+l.s.listen+"/folder/of?dsName=nova&dcPath="+dc, l.cookie(), dc)
		if status != want {
			t.Error(dc, status)
		}
	}
	if b, _ := os.ReadFile(folder("dc%2f2~nova/of")); string(b) != "eu/west%20100%2525/dc%252f2" {
		t.Error(string(b))
	}

	var one, two mo.Datastore
	l.must(l.files().MakeDirectory(l.ctx, "[san-1] shared", l.dc, false))
	if got := fault(l.files().MakeDirectory(l.ctx, "[san-2] shared", dc2, false)); got != "FileAlreadyExists" {
		t.Error(got)
	}
	if got := fault(l.files().MakeDirectory(l.ctx, "[san-2] x", l.dc, false)); got != "InvalidDatastore" {
		t.Error(got)
	}
	l.must(os.WriteFile(folder("san-1/shared/f"), make([]byte, 1<<20), 0600))
	l.s.changed()
	l.props(l.s.stores["san-1"].ref, &one, "summary", "info")
	l.props(l.s.stores["san-2"].ref, &two, "summary")
	switch {
	case one.Summary.Url != "ds:///vmfs/volumes/5f-1/", two.Summary.Url != one.Summary.Url, one.Info.GetDatastoreInfo().Url != one.Summary.Url:
		t.Error(one.Summary.Url, two.Summary.Url)
	case two.Summary.FreeSpace != one.Summary.FreeSpace, one.Summary.FreeSpace != 10<<30-1<<20:
		t.Error(one.Summary.FreeSpace, two.Summary.FreeSpace)
	case two.Summary.Name != "san-2", one.Reference() == two.Reference():
		t.Error(two.Summary)
	}
	for host, want := range map[string]string{"127.78.1.11": "vStorageSupported", "127.78.3.11": "vStorageUnsupported"} {
		var h mo.HostSystem
		var storage mo.HostStorageSystem
		l.props(l.s.hosts[host], &h, "config.fileSystemVolume", "configManager.storageSystem")
		l.props(*h.ConfigManager.StorageSystem, &storage, "fileSystemVolumeInfo")
		for _, all := range []types.HostFileSystemVolumeInfo{*h.Config.FileSystemVolume, storage.FileSystemVolumeInfo} {
			got := ""
			for _, m := range all.MountInfo {
				if m.Volume.GetHostFileSystemVolume().Name == "nova" {
					got = m.VStorageSupport
				}
			}
			if got != want {
				t.Errorf("%s: %q, want %s", host, got, want)
			}
		}
	}
	// Between the two it is a rename, and a search is of the browser's own datacenter.
	l.want("")(l.files().MoveDatastoreFile(l.ctx, "[san-1] shared/f", l.dc, "[san-2] g", dc2, false))
	l.must(func() error { _, err := os.Stat(folder("san-1/g")); return err }())
	b, err := object.NewDatastore(l.c.Client, l.s.stores["dc%2f2~nova"].ref).Browser(l.ctx)
	l.must(err)
	task, err := b.SearchDatastore(l.ctx, "[nova]", &types.HostDatastoreBrowserSearchSpec{MatchPattern: []string{"in*"}})
	l.must(err)
	info, err := task.WaitForResult(l.ctx, nil)
	l.must(err)
	found := info.Result.(types.HostDatastoreBrowserSearchResults)
	if len(found.File) != 1 || found.File[0].GetFileInfo().Path != "in dc%2f2" {
		t.Errorf("%+v", found)
	}
}
