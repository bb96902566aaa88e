package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"golang.org/x/sys/unix"
)

// vSAN and Virtual Volumes are object stores. Each top-level folder is a namespace object with a UUID and a friendly name, and a disk is an
// object of its own behind its descriptor (API: DatastoreNamespaceManager, DatastoreCapability.topLevelDirectoryCreateSupported; vmware/vic
// pull request 1017: "The top-level directory is a symlink to the VMFS (represented by a uuid)").
//
// On the machine a namespace is a folder with the friendly name, and a disk has its extent beside it. All code in here names files so;
// UUIDs are translated where a path comes in (friendly) and where it is shown (search, presentNamespaces).

// objects says whether the datastore is an object store.
func (ds Datastore) objects() bool { return ds.Type == "vsan" || ds.Type == "VVOL" }

// namespaces are the UUIDs of a storage's top-level folders. A folder gets one when somebody first asks.
type namespaces struct {
	mu   sync.Mutex
	ids  map[string]string // by friendly name
	born int               // how many were given, so that a folder of a name that was used before has another UUID
}

// namespaceID is the UUID of a top-level folder.
func (st *store) namespaceID(name string) string {
	n := &st.spaces
	n.mu.Lock()
	defer n.mu.Unlock()
	if id := n.ids[name]; id != "" {
		return id
	}
	return st.newID(name)
}

// newID gives a folder a UUID; the caller has the lock.
func (st *store) newID(name string) string {
	n := &st.spaces
	if n.ids == nil {
		n.ids = map[string]string{}
	}
	n.born++
	n.ids[name] = stableUUID("namespace", st.uuid, name, string(rune('0'+n.born)))
	return n.ids[name]
}

// newNamespace says that a top-level folder was made, and gives its UUID.
func (st *store) newNamespace(name string) string {
	st.spaces.mu.Lock()
	defer st.spaces.mu.Unlock()
	return st.newID(name)
}

// renameNamespace says that a top-level folder has another friendly name. Its UUID stays.
func (st *store) renameNamespace(from, to string) {
	id := st.namespaceID(from)
	st.spaces.mu.Lock()
	defer st.spaces.mu.Unlock()
	delete(st.spaces.ids, from)
	st.spaces.ids[to] = id
}

// friendly is a path below the datastore's root with the friendly name of its namespace, whichever way it names it.
func (st *store) friendly(rel string) string {
	top, rest, deep := strings.Cut(rel, "/")
	if !st.objects() || top == "" || (file{st, top}).exists() {
		return rel
	}
	entries, _ := os.ReadDir(st.dir)
	for _, e := range entries {
		if e.IsDir() && st.namespaceID(e.Name()) == top {
			if deep {
				return e.Name() + "/" + rest
			}
			return e.Name()
		}
	}
	return rel
}

// byID is a path below the datastore's root with its namespace's UUID instead of the friendly name.
func (st *store) byID(rel string) string {
	top, rest, deep := strings.Cut(rel, "/")
	if !st.objects() || top == "" {
		return rel
	}
	if deep {
		return st.namespaceID(top) + "/" + rest
	}
	return st.namespaceID(top)
}

// top is the top-level entry that the file is or is in.
func (f file) top() file {
	name, _, _ := strings.Cut(f.rel, "/")
	return file{f.store, name}
}

// isTop says whether the file is a top-level entry of an object store.
func (f file) isTop() bool { return f.objects() && f.rel != "" && !strings.Contains(f.rel, "/") }

// hidden says whether the file is a disk's extent on an object store: there it is an object and no file (Cinder refuses to copy an extent
// to them: cinder/volume/drivers/vmware/vmdk.py).
func (f file) hidden() bool {
	return f.objects() && isExtent(f.rel)
}

// isExtent says whether a file has the name of a disk's extent.
func isExtent(name string) bool {
	return strings.HasSuffix(name, "-flat.vmdk") || strings.HasSuffix(name, "-delta.vmdk")
}

// listed is how a folder's listing names an entry, and with which friendly name; false when the entry does not show. At the root of an object
// store an entry is its UUID with the name as friendlyName (API: FileInfo.friendlyName, since 6.5; govc's datastore.ls shows friendlyName
// where there is one), or by the switch its name.
func (b *browser) listed(f file) (name, friendlyName string, ok bool) {
	name = path.Base(f.rel)
	switch {
	case f.hidden():
		return "", "", false
	case f.isTop() && b.scenario.VCenter.Behaviour.VsanListing == "uuid":
		return f.namespaceID(name), name, true
	}
	return name, "", true
}

// shown is the path of a sub-folder in a search's results: below the path that the client gave, and at the root as the listing names it.
func (b *browser) shown(parent string, f file) string {
	name, _, _ := b.listed(f)
	if strings.HasSuffix(parent, "]") {
		return parent + " " + name
	}
	return strings.TrimSuffix(parent, "/") + "/" + name
}

// asNamed is the file's datastore path with the namespace named as in the path by which the client asked for it.
func (f file) asNamed(name string) string {
	var p object.DatastorePath
	p.FromString(name)
	rel, _ := cleanRel(p.Path)
	return file{f.store, rel}.name()
}

// refuseTop gives the fault for making a top-level entry of an object store, nil for other places. A file can't be there at all
// (govmomi#654). For a folder it is not known whether FileManager makes it: the capability topLevelDirectoryCreateSupported is false, and
// clients of VMware's own go to DatastoreNamespaceManager (vic pkg/vsphere/datastore/datastore.go mkRootDir, vm-operator
// GetTopLevelCacheDir), while Nova and govc's tests use MakeDirectory. CannotCreateFile is what the API documents, and what vSAN gives where
// it can't make a namespace (vic#8040).
func (s *server) refuseTop(f file, folder bool) types.BaseMethodFault {
	if !f.isTop() || folder && s.scenario.VCenter.Behaviour.VsanRootFolder == "made" {
		return nil
	}
	return &types.CannotCreateFile{FileFault: types.FileFault{File: f.name()}}
}

// refuseMissingTop is refuseTop for the namespace that the folder f is or is in, when it is not there and would be made.
func (s *server) refuseMissingTop(f file, parents bool) types.BaseMethodFault {
	if !f.objects() || f.rel == "" || f.top().exists() || f.rel != f.top().rel && !parents {
		return nil
	}
	return s.refuseTop(f.top(), true)
}

// isDescriptor says whether the file is a disk's descriptor.
func isDescriptor(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, 512)
	n, _ := io.ReadFull(f, b)
	return bytes.Contains(b[:n], []byte("# Disk DescriptorFile"))
}

// hasDisk says whether there is a disk in a folder or below it.
func (f file) hasDisk() bool {
	has := false
	_ = filepath.WalkDir(f.path(), func(name string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.HasSuffix(name, ".vmdk") && isDescriptor(name) {
			has = true
			return filepath.SkipAll
		}
		return nil
	})
	return has
}

func (f file) isDir() bool {
	info, err := os.Lstat(f.path())
	return err == nil && info.IsDir()
}

// refuseDelete gives the fault for deleting a folder of an object store that has disks: it may be refused until the disks are gone
// (vic#1623; vic lib/portlayer/storage/vsphere/store_files.go deletes disks and files first).
func (s *server) refuseDelete(f file) types.BaseMethodFault {
	if f.objects() && s.scenario.VCenter.Behaviour.VsanFolderDelete == "refused" && f.isDir() && f.hasDisk() {
		return &types.CannotDeleteFile{FileFault: types.FileFault{File: f.name()}}
	}
	return nil
}

// remove deletes a file or a folder with all in it; on an object store a disk's descriptor goes with its object.
func (f file) remove() error {
	if f.objects() && !f.isDir() {
		if d, err := openDisk(f); err == nil {
			return removeDisk(d)
		}
	}
	return os.RemoveAll(f.path())
}

// moveObjects is MoveDatastoreFile_Task from or to an object store. It is false when the move is one as any other. The API gives no
// guarantee for a folder ("transactional guarantees only for a file"), and vic does not trust it there
// (lib/portlayer/storage/vsphere/store.go). With a disk in it, by the switch: it stops half-way, after the disk's descriptor, with both folders there; it is
// refused; or it works.
func (s *server) moveObjects(src, dst file) (bool, types.BaseMethodFault) {
	switch {
	case !src.objects() && !dst.objects():
		return false, nil
	case src.hidden():
		return true, notFound(src)
	case dst.hidden():
		return true, &types.CannotCreateFile{FileFault: types.FileFault{File: dst.name()}}
	case !src.isDir():
		fault := s.refuseTop(dst, false)
		return fault != nil, fault
	}
	if dst.exists() {
		return true, alreadyExists(dst)
	}
	if fault := s.refuseTop(dst, true); fault != nil {
		return true, fault
	}
	if src.hasDisk() {
		switch s.scenario.VCenter.Behaviour.VsanFolderMove {
		case "refused":
			return true, &types.FileFault{File: src.name()}
		case "half":
			moveHalf(src, dst)
			return true, &types.FileFault{File: src.name()}
		}
	}
	if src.dir != dst.dir {
		if fault := copyTree(src, dst); fault != nil {
			return true, fault
		}
		if err := os.RemoveAll(src.path()); err != nil {
			return true, fileFault(src.name(), err)
		}
		return true, nil
	}
	if err := unix.Renameat2(unix.AT_FDCWD, src.path(), unix.AT_FDCWD, dst.path(), unix.RENAME_NOREPLACE); err != nil {
		return true, fileFault(dst.name(), err)
	}
	switch {
	case src.isTop() && dst.isTop():
		src.renameNamespace(src.rel, dst.rel)
	case dst.isTop():
		dst.newNamespace(dst.rel)
	}
	return true, nil
}

// moveHalf begins to move a folder with a disk, and stops after the first descriptor: its extent stays. Of another folder it moves one file.
func moveHalf(src, dst file) {
	_ = os.Mkdir(dst.path(), 0700)
	entries, _ := os.ReadDir(src.path())
	disk := src.hasDisk()
	for _, e := range entries {
		from := file{src.store, path.Join(src.rel, e.Name())}
		if isExtent(e.Name()) {
			continue
		}
		to := file{dst.store, path.Join(dst.rel, e.Name())}
		if from.isDir() && from.hasDisk() {
			moveHalf(from, to)
			return
		}
		last := isDescriptor(from.path()) || !disk
		if copyTree(from, to) == nil {
			_ = os.RemoveAll(from.path())
		}
		if last {
			return
		}
	}
}

// refuseHTTP is the status with which /folder refuses a request for a file of an object store; 0 when it does not. An extent is no file, and at
// the root there are namespaces only. Through the vCenter an upload to vSAN may fail whatever it is (vic#5042, pyvmomi#1064).
func (s *server) refuseHTTP(method string, f file, vcenter bool) int {
	switch {
	case method == http.MethodPut && vcenter && f.Type == "vsan" && s.scenario.VCenter.Behaviour.VsanPutThroughVCenter == "fails":
		return http.StatusInternalServerError
	case method != http.MethodPut && f.hidden():
		return http.StatusNotFound
	case method == http.MethodPut && (f.hidden() || s.refuseTop(f, false) != nil || s.refuseMissingTop(f, true) != nil):
		return http.StatusInternalServerError
	}
	return 0
}

// namespaceManager is DatastoreNamespaceManager. Its paths are /vmfs/volumes/<datastore>/<namespace>, also with ds:// before it.
type namespaceManager struct{ own }

// storeAt finds the datastore of a datacenter that a /vmfs/volumes path is on, and what of the path is below its root.
func (m *namespaceManager) storeAt(dc *types.ManagedObjectReference, name string) (file, types.BaseMethodFault) {
	if dc == nil {
		return file{}, &types.InvalidArgument{InvalidProperty: "datacenter"} // "Needs to be set when making the call to VC"
	}
	if _, ok := m.reg.Get(*dc).(*simulator.Datacenter); !ok {
		return file{}, &types.ManagedObjectNotFound{Obj: *dc}
	}
	st, rel := m.storeOn(*dc, name)
	switch {
	case st == nil:
	case !st.objects() || !*st.Accessible:
		return file{}, &types.InvalidDatastore{Name: st.Name, Datastore: &st.ref}
	default:
		if rel, ok := cleanRel(rel); ok && rel != "" {
			return file{st, rel}, nil
		}
	}
	return file{}, &types.InvalidDatastorePath{DatastorePath: name}
}

// storeOn finds the datastore of a datacenter that a path of the form [ds://]/vmfs/volumes/<datastore>/... is on, and what comes after it;
// nil when there is none.
func (s *server) storeOn(dc types.ManagedObjectReference, name string) (*store, string) {
	for _, st := range s.stores {
		if rel, ok := strings.CutPrefix(strings.TrimPrefix(name, "ds://")+"/", st.volumePath()); ok && st.dc == dc {
			return st, rel
		}
	}
	return nil, ""
}

// ConvertNamespacePathToUuidPath gives a path with the namespace's UUID.
func (m *namespaceManager) ConvertNamespacePathToUuidPath(_ *simulator.Context, req *types.ConvertNamespacePathToUuidPath) soap.HasFault {
	body := new(methods.ConvertNamespacePathToUuidPathBody)
	f, fault := m.storeAt(req.Datacenter, req.NamespaceUrl)
	if fault == nil {
		f.rel = f.friendly(f.rel)
		if !f.top().isDir() {
			fault = &types.InvalidDatastorePath{DatastorePath: req.NamespaceUrl}
		}
	}
	if fault != nil {
		body.Fault_ = soapFault(fault)
		return body
	}
	scheme := ""
	if strings.HasPrefix(req.NamespaceUrl, "ds://") {
		scheme = "ds://"
	}
	body.Res = &types.ConvertNamespacePathToUuidPathResponse{Returnval: scheme + f.stablePath(f.rel)}
	return body
}

// stablePath is the path of a file as the API calls it: /vmfs/volumes/<datastore>/<UUID of the namespace>.
func (st *store) stablePath(rel string) string {
	return st.volumePath() + st.byID(rel)
}

// volumePath is /vmfs/volumes/<datastore>/.
func (st *store) volumePath() string {
	return strings.TrimSuffix(strings.TrimPrefix(st.url, "ds://"), "/") + "/"
}

// CreateDirectory makes a namespace. The name may be a whole path, as vm-operator sends it (pkg/util/vsphere/library GetTopLevelCacheDir);
// without one the UUID is the name.
func (m *namespaceManager) CreateDirectory(_ *simulator.Context, req *types.CreateDirectory) soap.HasFault {
	body := new(methods.CreateDirectoryBody)
	st := m.storeOf(req.Datastore)
	if st == nil {
		body.Fault_ = soapFault(&types.ManagedObjectNotFound{Obj: req.Datastore})
		return body
	}
	if !st.objects() || !*st.Accessible {
		body.Fault_ = soapFault(&types.InvalidDatastore{Name: st.Name, Datastore: &st.ref})
		return body
	}
	name := strings.TrimPrefix(req.DisplayName, st.volumePath())
	if name == "" {
		name = stableUUID("unnamed", st.namespaceID(""))
	}
	f := file{st, name}
	var fault types.BaseMethodFault
	if strings.Contains(name, "/") || name == "." || name == ".." {
		fault = &types.CannotCreateFile{FileFault: types.FileFault{File: req.DisplayName}}
	} else if err := os.Mkdir(f.path(), 0700); err != nil {
		fault = fileFault(f.name(), err)
	}
	if fault != nil {
		body.Fault_ = soapFault(fault)
		return body
	}
	st.newNamespace(name)
	body.Res = &types.CreateDirectoryResponse{Returnval: st.stablePath(name)}
	return body
}

// DeleteDirectory deletes a namespace by its stable path, "as returned by CreateDirectory". One that is not empty is refused where a folder with
// disks is.
func (m *namespaceManager) DeleteDirectory(_ *simulator.Context, req *types.DeleteDirectory) soap.HasFault {
	body := new(methods.DeleteDirectoryBody)
	f, fault := m.storeAt(req.Datacenter, req.DatastorePath)
	if fault == nil {
		switch id := f.rel; {
		case strings.Contains(id, "/"):
			fault = &types.InvalidDatastorePath{DatastorePath: req.DatastorePath}
		default:
			f.rel = f.friendly(id)
			if !f.isDir() || f.namespaceID(f.rel) != id {
				fault = &types.FileNotFound{FileFault: types.FileFault{File: req.DatastorePath}}
			} else if m.lockedBy(f) != "" {
				fault = fileLocked(f)
			} else if m.scenario.VCenter.Behaviour.VsanFolderDelete == "deleted" {
				fault = m.deleteFile(f)
			} else if err := os.Remove(f.path()); err != nil {
				fault = &types.CannotDeleteFile{FileFault: types.FileFault{File: f.name()}}
			}
		}
	}
	if fault != nil {
		body.Fault_ = soapFault(fault)
		return body
	}
	m.changed()
	body.Res = new(types.DeleteDirectoryResponse)
	return body
}

// presentNamespaces puts namespaces' UUIDs into the paths of VMs and snapshots, as vSphere shows them ("VirtualDevice file backing paths
// must use the vSAN uuid": govmomi simulator/datastore.go; vic#3022). The values are copies where they change.
func (s *server) presentNamespaces(objects []types.ObjectContent) {
	for i := range objects {
		if show := s.showsPaths(objects[i].Obj); show != nil {
			for j := range objects[i].PropSet {
				objects[i].PropSet[j].Val = show(objects[i].PropSet[j].Val)
			}
		}
	}
}

// presentNamespacesIn is presentNamespaces for updates.
func (s *server) presentNamespacesIn(sets []types.PropertyFilterUpdate) {
	for _, set := range sets {
		for _, o := range set.ObjectSet {
			if show := s.showsPaths(o.Obj); show != nil {
				for j := range o.ChangeSet {
					o.ChangeSet[j].Val = show(o.ChangeSet[j].Val)
				}
			}
		}
	}
}

// showsPaths is how a property of a VM or a snapshot is shown; nil when it is shown as it is.
func (s *server) showsPaths(ref types.ManagedObjectReference) func(any) any {
	if s.scenario.VCenter.Behaviour.VsanDiskPath != "uuid" || ref.Type != "VirtualMachine" && ref.Type != "VirtualMachineSnapshot" {
		return nil
	}
	stores := s.objectStoresOf(ref)
	if len(stores) == 0 {
		return nil
	}
	return func(v any) any {
		return mapPaths(v, func(name, rel string) string {
			if st := stores[name]; st != nil {
				return st.byID(rel)
			}
			return rel
		})
	}
}

// objectStoresOf are the object stores, by name, in the datacenter of a VM or of a snapshot's VM.
func (s *server) objectStoresOf(ref types.ManagedObjectReference) map[string]*store {
	if snap, ok := s.reg.Get(ref).(*simulator.VirtualMachineSnapshot); ok {
		ref = snap.Vm
	}
	var dc types.ManagedObjectReference
	out := map[string]*store{}
	for _, st := range s.stores {
		if !st.objects() {
			continue
		}
		if dc.Value == "" {
			if _, ok := s.reg.Get(ref).(mo.Entity); !ok {
				return nil
			}
			dc = s.datacenterOf(ref)
		}
		if st.dc == dc {
			out[st.Name] = st
		}
	}
	return out
}

// takeFriendly names namespaces by their friendly names in a call's arguments. The simulator's own methods then find the files.
func (s *server) takeFriendly(m *simulator.Method) {
	switch m.This.Type {
	case "HostDatastoreBrowser", "FileManager", "VirtualDiskManager", "DatastoreNamespaceManager", "PropertyCollector", "SessionManager":
		return // ours, which resolve paths themselves
	}
	any := false
	for _, st := range s.stores {
		any = any || st.objects()
	}
	if !any {
		return
	}
	m.Body = mapPaths(m.Body, func(name, rel string) string {
		for _, st := range s.stores {
			if st.Name == name && st.objects() {
				if f := st.friendly(rel); f != rel {
					return f
				}
			}
		}
		return rel
	})
}

// mapPaths replaces what is below the datastore in each datastore path of a value of the API's types. It copies what changes.
func mapPaths(v any, f func(datastore, rel string) string) any {
	if v == nil {
		return v
	}
	out, changed := mapStrings(reflect.ValueOf(v), func(s string) string {
		if !strings.HasPrefix(s, "[") {
			return s
		}
		name, rel, ok := strings.Cut(s[1:], "] ")
		if !ok {
			return s
		}
		if to := f(name, rel); to != rel {
			return "[" + name + "] " + to
		}
		return s
	})
	if !changed {
		return v
	}
	return out.Interface()
}

func mapStrings(v reflect.Value, f func(string) string) (reflect.Value, bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		e, changed := mapStrings(v.Elem(), f)
		if !changed {
			return v, false
		}
		if v.Kind() == reflect.Interface {
			i := reflect.New(v.Type()).Elem()
			i.Set(e)
			return i, true
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(e)
		return p, true
	case reflect.Slice:
		var c reflect.Value
		for i := range v.Len() {
			if e, changed := mapStrings(v.Index(i), f); changed {
				if !c.IsValid() {
					c = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
					reflect.Copy(c, v)
				}
				c.Index(i).Set(e)
			}
		}
		if !c.IsValid() {
			return v, false
		}
		return c, true
	case reflect.Struct:
		var c reflect.Value
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if e, changed := mapStrings(v.Field(i), f); changed {
				if !c.IsValid() {
					c = reflect.New(v.Type()).Elem()
					c.Set(v)
				}
				c.Field(i).Set(e)
			}
		}
		if !c.IsValid() {
			return v, false
		}
		return c, true
	case reflect.String:
		if s := f(v.String()); s != v.String() {
			c := reflect.New(v.Type()).Elem()
			c.SetString(s)
			return c, true
		}
	}
	return v, false
}
