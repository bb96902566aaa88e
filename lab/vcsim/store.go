package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// store is a Datastore of a datacenter. Where the same storage is mounted in two datacenters, each has a Datastore of its own and both have
// one volume.
type store struct {
	Datastore
	*volume
	ref   types.ManagedObjectReference
	dc    types.ManagedObjectReference
	hosts map[string]bool // names of the hosts that mount it
}

// volume is a storage with its files: a folder of the machine, with the space that the scenario gives it.
type volume struct {
	dir  string // absolute
	uuid string
	url  string // what vSphere shows as the datastore's URL

	spaces namespaces // of an object store

	mu       sync.Mutex
	base     int64 // bytes that files used when the scenario was loaded
	used     int64 // bytes that files use, as of the last count
	pending  int64 // bytes of uploads under way
	stale    atomic.Bool
	folders  map[string]folderUse // by path; what the last count found
	capacity int64                // bytes
	free     int64                // bytes that were free when the scenario was loaded
}

// newStore makes a datastore of a datacenter. The folder of its files is <datastores>/<name>, or <datastores>/<datacenter>~<name> when
// another datacenter's has that; s.stores has it by this name. A datastore with the url of one that is there has no folder, but that one's volume.
func (s *server) newStore(dc types.ManagedObjectReference, dcName string, ds Datastore) (*store, error) {
	key := folderOf(ds.Name)
	if s.stores[key] != nil {
		key = folderOf(dcName) + "~" + key
	}
	st := &store{Datastore: ds, dc: dc, hosts: map[string]bool{}}
	for _, h := range ds.Hosts {
		st.hosts[h] = true
	}
	for _, other := range s.stores {
		if ds.URL != "" && other.URL == ds.URL {
			st.volume = other.volume
		}
	}
	if st.volume == nil {
		var err error
		if st.volume, err = s.newVolume(key, ds); err != nil {
			return nil, err
		}
	}
	s.stores[key] = st
	s.places[place{dc, ds.Name}] = st
	return st, nil
}

// newVolume makes the folder of a storage and removes what a former run left in it.
func (s *server) newVolume(folder string, ds Datastore) (*volume, error) {
	dir, err := filepath.Abs(filepath.Join(s.datastores, folder))
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0700); err != nil {
		return nil, err
	}
	v := &volume{dir: dir, uuid: stableUUID("datastore", s.scenario.VCenter.InstanceUUID, folder), url: ds.URL,
		capacity: int64(ds.CapacityGB * (1 << 30)), free: int64(*ds.FreeGB * (1 << 30))}
	if v.url == "" {
		v.url = "ds:///vmfs/volumes/" + v.uuid + "/"
		if ds.objects() {
			hex := strings.ReplaceAll(v.uuid, "-", "")
			v.url = "ds:///vmfs/volumes/" + strings.ToLower(ds.Type) + ":" + hex[:16] + "-" + hex[16:] + "/"
		}
	}
	v.stale.Store(true)
	return v, nil
}

// uploadsDir holds uploads until they are complete; it is on the same file system as the datastores.
func (s *server) uploadsDir() string { return filepath.Join(s.datastores, ".uploads") }

// changed says that files may use another amount of space than at the last count.
func (s *server) changed() {
	for _, st := range s.stores {
		st.stale.Store(true)
	}
}

// freeSpace is the datastore's free space in bytes: the scenario's, less what files have grown since it was loaded.
// Allocated blocks count, so a thin disk costs what is in it, and another one all of its size.
func (v *volume) freeSpace() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.freeLocked()
}

func (v *volume) freeLocked() int64 {
	if v.stale.Swap(false) {
		v.used = v.count()
	}
	return max(0, min(v.capacity, v.free-(v.used-v.base)-v.pending))
}

// reserve takes n bytes for an upload until release. It is false when there is no room.
func (v *volume) reserve(n int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n > v.freeLocked() {
		return false
	}
	v.pending += n
	return true
}

func (v *volume) release(n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pending -= n
	v.stale.Store(true)
}

// loaded makes what the files use now the base of freeSpace.
func (v *volume) loaded() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.base = v.count()
	v.used = v.base
	v.stale.Store(false)
}

// folderUse is what the files of a folder take, in bytes, and the folders in it. It holds while the folder's time of change is the same: the
// simulator makes, renames and removes files, and does not write into one that is there.
type folderUse struct {
	changed, read time.Time
	files         int64
	below         []string
}

// tick is the least time between two changes of a folder that its time of change tells apart.
const tick = 50 * time.Millisecond

// count is diskUsage of the volume. It reads the folders that have changed since the last count. The caller holds the lock.
func (v *volume) count() int64 {
	var sum int64
	known := make(map[string]folderUse, len(v.folders))
	var visit func(dir string)
	visit = func(dir string) {
		info, err := os.Lstat(dir)
		if err != nil {
			return
		}
		use, ok := v.folders[dir]
		if !ok || !use.changed.Equal(info.ModTime()) || use.read.Sub(use.changed) < tick {
			use = folderUse{changed: info.ModTime(), read: time.Now()}
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				name := filepath.Join(dir, e.Name())
				if e.IsDir() {
					use.below = append(use.below, name)
				} else if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
					use.files += fileCost(name, info)
				}
			}
		}
		known[dir] = use
		sum += use.files
		for _, name := range use.below {
			visit(name)
		}
	}
	visit(v.dir)
	v.folders = known
	return sum
}

// diskUsage is the sum of what the regular files below dir take. Folders are free, as a small file's
// sub-blocks on VMFS would be.
func diskUsage(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				sum += fileCost(name, info)
			}
		}
		return nil
	})
	return sum
}

// allocated is a file's allocated bytes.
func allocated(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}

// datastore finds a datastore by name in a datacenter.
func (s *server) datastore(dc types.ManagedObjectReference, name string) (*store, types.BaseMethodFault) {
	st := s.places[place{dc, name}]
	if st == nil {
		return nil, &types.InvalidDatastore{Name: name}
	}
	if !*st.Accessible {
		return nil, &types.InvalidDatastore{Name: name, Datastore: &st.ref}
	}
	return st, nil
}

// file is a path on a datastore.
type file struct {
	*store
	rel string // below the datastore's root; "" is the root
}

// resolve turns "[ds] a/b" into a file. VirtualDiskManager and FileManager want a datacenter with a datastore path
// (API: "If not specified, it is assumed that the datacenter is from the URL", and a path is no URL).
func (s *server) resolve(dc *types.ManagedObjectReference, name string) (file, types.BaseMethodFault) {
	if dc == nil {
		return file{}, &types.InvalidArgument{InvalidProperty: "datacenter"}
	}
	if _, ok := s.reg.Get(*dc).(*simulator.Datacenter); !ok {
		return file{}, &types.ManagedObjectNotFound{Obj: *dc}
	}
	return s.resolveIn(*dc, name)
}

func (s *server) resolveIn(dc types.ManagedObjectReference, name string) (file, types.BaseMethodFault) {
	var p object.DatastorePath
	if !p.FromString(name) {
		return file{}, &types.InvalidDatastorePath{DatastorePath: name}
	}
	rel, ok := cleanRel(p.Path)
	if !ok {
		return file{}, &types.InvalidDatastorePath{DatastorePath: name}
	}
	st, fault := s.datastore(dc, p.Datastore)
	if fault != nil {
		return file{}, fault
	}
	f := file{st, st.friendly(rel)}
	if f.leads() {
		return file{}, &types.InvalidDatastorePath{DatastorePath: name}
	}
	return f, nil
}

// cleanRel cleans a path below a datastore's root. It is false for one that leads out of it.
func cleanRel(p string) (string, bool) {
	for _, elem := range strings.Split(p, "/") {
		if elem == ".." || strings.ContainsRune(elem, 0) {
			return "", false
		}
	}
	return strings.Trim(path.Clean("/"+p), "/"), true
}

// leads says whether a part of the path is a symbolic link. No call makes one, so it is somebody else's, and may lead out of the store.
func (f file) leads() bool {
	dir := f.dir
	for _, elem := range strings.Split(f.rel, "/") {
		dir = filepath.Join(dir, elem)
		info, err := os.Lstat(dir)
		if err != nil {
			return false
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// name is the datastore path as vSphere writes it.
func (f file) name() string { return fmt.Sprintf("[%s] %s", f.Name, f.rel) }

// path is the file on the machine.
func (f file) path() string { return filepath.Join(f.dir, filepath.FromSlash(f.rel)) }

// with is the file of that name in the same folder.
func (f file) with(base string) file { return file{f.store, path.Join(path.Dir(f.rel), base)} }

func (f file) exists() bool {
	_, err := os.Lstat(f.path())
	return err == nil
}

// fileFault turns an error of the machine's file system into the fault that vSphere has for it.
func fileFault(name string, err error) types.BaseMethodFault {
	ff := types.FileFault{File: name}
	switch {
	case os.IsNotExist(err):
		return &types.FileNotFound{FileFault: ff}
	case os.IsExist(err):
		return &types.FileAlreadyExists{FileFault: ff}
	}
	return &types.CannotAccessFile{FileFault: ff}
}

func notFound(f file) types.BaseMethodFault {
	return &types.FileNotFound{FileFault: types.FileFault{File: f.name()}}
}

func alreadyExists(f file) types.BaseMethodFault {
	return &types.FileAlreadyExists{FileFault: types.FileFault{File: f.name()}}
}

func noSpace(f file) types.BaseMethodFault {
	return &types.NoDiskSpace{FileFault: types.FileFault{File: f.name()}, Datastore: f.Name}
}
