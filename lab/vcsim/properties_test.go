package main

import (
	"strings"
	"testing"

	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func traversal(name, kind, path string, next ...string) *types.TraversalSpec {
	ts := &types.TraversalSpec{SelectionSpec: types.SelectionSpec{Name: name}, Type: kind, Path: path, Skip: types.NewBool(false)}
	for _, n := range next {
		ts.SelectSet = append(ts.SelectSet, &types.SelectionSpec{Name: n})
	}
	return ts
}

// The traversal of oslo.vmware (vim_util.py build_recursive_traversal_spec), which kills plain vcsim.
func TestRecursiveTraversal(t *testing.T) {
	l := newLab(t)
	set := []types.BaseSelectionSpec{
		traversal("visitFolders", "Folder", "childEntity", "visitFolders", "dc_to_hf", "dc_to_vmf", "cr_to_ds", "cr_to_h", "cr_to_rp", "rp_to_rp", "h_to_vm", "rp_to_vm"),
		traversal("dc_to_hf", "Datacenter", "hostFolder", "visitFolders"),
		traversal("dc_to_vmf", "Datacenter", "vmFolder", "visitFolders"),
		traversal("cr_to_ds", "ComputeResource", "datastore", "visitFolders"),
		traversal("cr_to_h", "ComputeResource", "host", "visitFolders"),
		traversal("cr_to_rp", "ComputeResource", "resourcePool", "rp_to_rp", "rp_to_vm"),
		traversal("rp_to_rp", "ResourcePool", "resourcePool", "rp_to_rp", "rp_to_vm"),
		traversal("rp_to_vm", "ResourcePool", "vm", "rp_to_rp", "rp_to_vm"),
		traversal("h_to_vm", "HostSystem", "vm", "visitFolders"),
	}
	count := func(kind string) int {
		res, err := methods.RetrievePropertiesEx(l.ctx, l.c.Client, &types.RetrievePropertiesEx{This: l.c.ServiceContent.PropertyCollector,
			SpecSet: []types.PropertyFilterSpec{{PropSet: []types.PropertySpec{{Type: kind, PathSet: []string{"name"}}},
				ObjectSet: []types.ObjectSpec{{Obj: l.c.ServiceContent.RootFolder, SelectSet: set, Skip: types.NewBool(false)}}}}})
		l.must(err)
		if res.Returnval == nil {
			return 0
		}
		return len(res.Returnval.Objects)
	}
	for kind, want := range map[string]int{"VirtualMachine": 4, "HostSystem": 7, "ClusterComputeResource": 3, "Datastore": 6, "ResourcePool": 3, "Datacenter": 2, "ManagedEntity": 38} {
		if got := count(kind); got != want && kind != "ManagedEntity" {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
}

func TestDatastoreProperties(t *testing.T) {
	l := newLab(t)
	m := view.NewManager(l.c.Client)
	v, err := m.CreateContainerView(l.ctx, l.c.ServiceContent.RootFolder, []string{"Datastore"}, true)
	l.must(err)
	var all []mo.Datastore
	l.must(v.Retrieve(l.ctx, []string{"Datastore"}, []string{"name", "summary", "summary.url", "summary.type", "info", "host"}, &all))
	if len(all) != 6 {
		t.Fatalf("%d", len(all))
	}
	for _, d := range all {
		st := l.s.stores[d.Name]
		if d.Summary.Type != st.Type || !strings.HasPrefix(d.Summary.Url, "ds:///vmfs/volumes/") || d.Info.GetDatastoreInfo().Url != d.Summary.Url {
			t.Errorf("%s: %+v %s", d.Name, d.Summary, d.Info.GetDatastoreInfo().Url)
		}
		if d.Summary.Accessible != (d.Name != "ds-off") || d.Summary.MaintenanceMode != st.Maintenance || d.Summary.Capacity != st.capacity {
			t.Errorf("%+v", d.Summary)
		}
		if len(d.Host) != len(st.hosts) {
			t.Errorf("%s: %d mounts", d.Name, len(d.Host))
		}
		for _, h := range d.Host {
			if h.MountInfo.AccessMode != "readWrite" || *h.MountInfo.Accessible != d.Summary.Accessible {
				t.Errorf("%+v", h)
			}
		}
		switch d.Info.(type) {
		case *types.VmfsDatastoreInfo, *types.NasDatastoreInfo, *types.VsanDatastoreInfo:
		default:
			t.Errorf("%s: %T", d.Name, d.Info)
		}
	}
}

func TestMissingObject(t *testing.T) {
	l := newLab(t)
	var vm mo.VirtualMachine
	err := l.c.RetrieveOne(l.ctx, types.ManagedObjectReference{Type: "VirtualMachine", Value: "vm-none"}, []string{"name"}, &vm)
	if fault(err) != "ManagedObjectNotFound" {
		t.Error(err)
	}
}

// pyVmomi reads lazily with Fetch; an unset property is an empty answer.
func TestFetch(t *testing.T) {
	l := newLab(t)
	fetch := func(kind, moid, prop string) (int, string) {
		return l.request("POST", "https://"+l.s.listen+"/sdk", l.cookie(), `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Fetch xmlns="urn:vim25"><_this type="`+kind+`">`+moid+`</_this><prop>`+prop+`</prop></Fetch></e:Body></e:Envelope>`)
	}
	if _, body := fetch("Datastore", l.s.stores["ds-vsan"].ref.Value, "summary"); !strings.Contains(body, "<type>vsan</type>") || strings.Contains(body, l.s.datastores) {
		t.Error(body)
	}
	vm := l.s.reg.Any("VirtualMachine").Reference().Value
	if status, body := fetch("VirtualMachine", vm, "snapshot"); status != 200 || !strings.Contains(body, "FetchResponse") || strings.Contains(body, "returnval") {
		t.Error(status, body)
	}
	if status, body := fetch("VirtualMachine", vm, "nonsense"); status != 500 || !strings.Contains(body, "InvalidProperty") {
		t.Error(status, body)
	}
}

func TestClustersOfOneName(t *testing.T) {
	l := newLab(t)
	list, err := l.f.ClusterComputeResourceList(l.ctx, "/*/host/cluster-a")
	l.must(err)
	if len(list) != 2 {
		t.Errorf("%v", list)
	}
}
