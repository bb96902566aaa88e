package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// browser is HostDatastoreBrowser (gaps 3 and 7; API: HostDatastoreBrowser, its SearchSpec and FileQuery types. Nova:
// nova/virt/vmwareapi/ds_util.py file_exists, file_size, get_sub_folders; the last one leaves searchSpec out).
type browser struct{ own }

// SearchDatastoreTask lists one folder.
func (b *browser) SearchDatastoreTask(ctx *simulator.Context, req *types.SearchDatastore_Task) soap.HasFault {
	run := func() (types.AnyType, types.BaseMethodFault) {
		res, fault := b.search(ctx, req.This, req.DatastorePath, req.SearchSpec, false)
		if fault != nil {
			return nil, fault
		}
		return res[0], nil
	}
	return &methods.SearchDatastore_TaskBody{Res: &types.SearchDatastore_TaskResponse{
		Returnval: b.runTask(ctx, b.browsed(req.This, req.DatastorePath), "HostDatastoreBrowser.SearchDatastore_Task", run)}}
}

// SearchDatastoreSubFoldersTask lists a folder and all below it.
func (b *browser) SearchDatastoreSubFoldersTask(ctx *simulator.Context, req *types.SearchDatastoreSubFolders_Task) soap.HasFault {
	run := func() (types.AnyType, types.BaseMethodFault) {
		res, fault := b.search(ctx, req.This, req.DatastorePath, req.SearchSpec, true)
		if fault != nil {
			return nil, fault
		}
		return types.ArrayOfHostDatastoreBrowserSearchResults{HostDatastoreBrowserSearchResults: res}, nil
	}
	return &methods.SearchDatastoreSubFolders_TaskBody{Res: &types.SearchDatastoreSubFolders_TaskResponse{
		Returnval: b.runTask(ctx, b.browsed(req.This, req.DatastorePath), "HostDatastoreBrowser.SearchDatastoreSubFolders_Task", run)}}
}

// browsed is the managed entity of a search: the datastore.
func (b *browser) browsed(browser types.ManagedObjectReference, name string) types.ManagedObjectReference {
	if f, fault := b.browse(browser, name); fault == nil {
		return f.ref
	}
	return b.taskEntity(nil)
}

// browse finds a path on one of the browser's datastores.
func (b *browser) browse(browser types.ManagedObjectReference, name string) (file, types.BaseMethodFault) {
	var own []types.ManagedObjectReference
	if base, ok := b.reg.Get(browser).(*simulator.HostDatastoreBrowser); ok {
		own = base.Datastore
	}
	dc := b.taskEntity(nil)
	for _, ref := range own {
		if st := b.storeOf(ref); st != nil {
			dc = st.dc
		}
	}
	f, fault := b.resolveIn(dc, name)
	if fault == nil && !slices.Contains(own, f.ref) {
		fault = &types.InvalidDatastore{Name: f.Name}
	}
	return f, fault
}

func (b *browser) search(ctx *simulator.Context, this types.ManagedObjectReference, name string, spec *types.HostDatastoreBrowserSearchSpec, recurse bool) ([]types.HostDatastoreBrowserSearchResults, types.BaseMethodFault) {
	if spec == nil {
		spec = new(types.HostDatastoreBrowserSearchSpec)
	}
	root, fault := b.browse(this, name)
	if fault != nil {
		return nil, fault
	}
	info, err := os.Stat(root.path())
	if err != nil {
		return nil, notFound(root)
	}
	if !info.IsDir() {
		return nil, notFound(root)
	}
	locks := b.lockFiles(root.store)
	var res []types.HostDatastoreBrowserSearchResults
	var walk func(dir file, folder string) error
	walk = func(dir file, folder string) error {
		entries, err := os.ReadDir(dir.path())
		if err != nil {
			return err
		}
		found := types.HostDatastoreBrowserSearchResults{Datastore: &dir.ref, FolderPath: folder}
		if recurse && dir.rel != "" {
			found.FolderPath += "/" // scripts for vSphere put folderPath and path together as they are
		}
		var below []file
		for _, e := range entries {
			f := file{dir.store, path.Join(dir.rel, e.Name())}
			if e.IsDir() && recurse {
				below = append(below, f)
			}
			name, friendlyName, ok := b.listed(f)
			if info, err := e.Info(); err == nil && ok && matches(spec, name) {
				if fi := b.fileInfo(f, info, spec); fi != nil {
					fi.GetFileInfo().Path, fi.GetFileInfo().FriendlyName = name, friendlyName
					found.File = append(found.File, fi)
				}
			}
		}
		for _, name := range locks[dir.rel] {
			if info := (lockFile{name}); matches(spec, name) {
				if fi := b.fileInfo(file{dir.store, path.Join(dir.rel, name)}, info, spec); fi != nil {
					found.File = append(found.File, fi)
				}
			}
		}
		res = append(res, found)
		for _, f := range below {
			if err := walk(f, b.shown(folder, f)); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
		return nil
	}
	folder := "[" + root.Name + "]"
	if root.rel != "" {
		folder = root.asNamed(name)
	}
	if err := walk(root, folder); err != nil {
		return nil, fileFault(root.name(), err)
	}
	return res, nil
}

// lockFiles are the names of the lock files of an NFS 3 export by folder: ESXi keeps one beside each file that a VM has open, named after the
// file's id. NFS 4.1 locks by itself. They are not on the machine.
func (b *browser) lockFiles(st *store) map[string][]string {
	if st.Type != "NFS" || b.scenario.VCenter.Behaviour.NFSLockFiles == "hidden" {
		return nil
	}
	locks := map[string][]string{}
	for rel := range b.lockedFiles(st.volume) {
		id := fnv.New32a()
		_, _ = id.Write([]byte(rel))
		dir := strings.TrimPrefix(path.Dir("/"+rel), "/")
		locks[dir] = append(locks[dir], fmt.Sprintf(".lck-%08x00000000", id.Sum32()))
	}
	for _, names := range locks {
		slices.Sort(names)
	}
	return locks
}

// lockFile is the file of a lock in a listing.
type lockFile struct{ name string }

func (l lockFile) Name() string       { return l.name }
func (l lockFile) Size() int64        { return 84 }
func (l lockFile) Mode() os.FileMode  { return 0600 }
func (l lockFile) ModTime() time.Time { return time.Now() }
func (l lockFile) IsDir() bool        { return false }
func (l lockFile) Sys() any           { return nil }

// matches says whether the name fits one of the patterns (wildcards * and ?); no pattern fits all.
func matches(spec *types.HostDatastoreBrowserSearchSpec, name string) bool {
	if len(spec.MatchPattern) == 0 {
		return true
	}
	insensitive := spec.SearchCaseInsensitive == nil || *spec.SearchCaseInsensitive // the API's default
	for _, p := range spec.MatchPattern {
		n := name
		if insensitive {
			p, n = strings.ToLower(p), strings.ToLower(n)
		}
		// In path.Match a bracket is special, in vSphere it is not.
		p = strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(p)
		if ok, _ := path.Match(p, n); ok {
			return true
		}
	}
	return false
}

// fileInfo describes a file as the spec's query and details want it; nil when no query takes the file. Without a
// query all files are listed, descriptor and -flat each on its own. A VmDiskFileQuery lists a disk once, by its
// descriptor.
//
// The size of a thin disk's extent is what is allocated of it, as terraform-provider-vsphere (hashicorp/terraform#11722), libvirt's
// src/esx/esx_storage_backend_vmfs.c and govmomi#447 have met it; or with the other value of the switch its length.
func (b *browser) fileInfo(f file, info os.FileInfo, spec *types.HostDatastoreBrowserSearchSpec) types.BaseFileInfo {
	name := info.Name()
	base := types.FileInfo{Path: name}
	if d := spec.Details; d != nil {
		if d.FileSize {
			switch base.FileSize = info.Size(); {
			case info.IsDir():
				base.FileSize = 0
			case b.scenario.VCenter.Behaviour.ThinFileSize == "allocated" && strings.HasSuffix(name, "-flat.vmdk") && hasThinDisk(f):
				base.FileSize = allocated(info)
			}
		}
		if d.Modification {
			mtime := info.ModTime().UTC()
			base.Modification = &mtime
		}
		if d.FileOwner {
			base.Owner = "root"
		}
	}
	typed := spec.Details != nil && spec.Details.FileType
	if len(spec.Query) == 0 {
		return typedInfo(base, info, typed)
	}
	for _, q := range spec.Query {
		switch q := q.(type) {
		case *types.FolderFileQuery:
			if info.IsDir() {
				return &types.FolderFileInfo{FileInfo: base}
			}
		case *types.VmDiskFileQuery:
			if di := diskInfo(f, base, info, q, spec); di != nil {
				return di
			}
		case *types.FileQuery:
			return typedInfo(base, info, typed)
		default:
			if !info.IsDir() && queryExtension[typeName(q)] == path.Ext(name) {
				return typedInfo(base, info, true)
			}
		}
	}
	return nil
}

// hasThinDisk says whether a file is the extent of a thin disk.
func hasThinDisk(extent file) bool {
	d, err := openDisk(extent.with(strings.TrimSuffix(path.Base(extent.rel), "-flat.vmdk") + ".vmdk"))
	return err == nil && d.kind.thin
}

var queryExtension = map[string]string{"VmConfigFileQuery": ".vmx", "IsoImageFileQuery": ".iso", "FloppyImageFileQuery": ".flp",
	"VmLogFileQuery": ".log", "VmNvramFileQuery": ".nvram", "VmSnapshotFileQuery": ".vmsn"}

// typedInfo gives the API's type for the file's extension, when the details ask for types.
func typedInfo(base types.FileInfo, info os.FileInfo, typed bool) types.BaseFileInfo {
	if info.IsDir() {
		return &types.FolderFileInfo{FileInfo: base}
	}
	if typed {
		switch path.Ext(base.Path) {
		case ".iso":
			return &types.IsoImageFileInfo{FileInfo: base}
		case ".flp":
			return &types.FloppyImageFileInfo{FileInfo: base}
		case ".log":
			return &types.VmLogFileInfo{FileInfo: base}
		case ".nvram":
			return &types.VmNvramFileInfo{FileInfo: base}
		case ".vmdk":
			return &types.VmDiskFileInfo{FileInfo: base}
		case ".vmx":
			return &types.VmConfigFileInfo{FileInfo: base}
		}
	}
	return &base
}

// controllerTypes are the controllers for a descriptor's adapter (API: VmDiskFileQueryFilter.controllerType).
var controllerTypes = map[string]string{"lsilogic": "VirtualLsiLogicController", "buslogic": "VirtualBusLogicController", "ide": "VirtualIDEController"}

// diskInfo describes a disk by its descriptor, with the size of its extent as vSphere has it.
func diskInfo(f file, base types.FileInfo, info os.FileInfo, q *types.VmDiskFileQuery, spec *types.HostDatastoreBrowserSearchSpec) types.BaseFileInfo {
	if info.IsDir() || filepath.Ext(base.Path) != ".vmdk" {
		return nil
	}
	d, err := openDisk(f)
	if err != nil {
		if isHosted(f.path()) {
			return &types.VmDiskFileInfo{FileInfo: base}
		}
		return nil // an extent, or no disk
	}
	di := &types.VmDiskFileInfo{FileInfo: base}
	if spec.Details != nil && spec.Details.FileSize {
		if x, err := os.Stat(d.extent.path()); err == nil {
			di.FileSize = allocated(x)
			if !d.kind.thin {
				di.FileSize = x.Size()
			}
		}
	}
	if w := q.Details; w != nil {
		if w.CapacityKb {
			di.CapacityKb = d.size >> 10
		}
		if w.DiskType {
			di.DiskType = "VirtualDiskFlatVer2BackingInfo"
		}
		if w.Thin != nil && *w.Thin {
			di.Thin = types.NewBool(d.kind.thin)
		}
		if w.HardwareVersion {
			di.HardwareVersion = 19
		}
		if w.ControllerType != nil && *w.ControllerType {
			di.ControllerType = controllerTypes[d.kind.adapter]
		}
		if w.DiskExtents != nil && *w.DiskExtents && !d.extent.hidden() {
			di.DiskExtents = []string{d.extent.name()}
		}
	}
	return di
}
