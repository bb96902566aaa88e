package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"golang.org/x/sys/unix"
)

// fileManager is FileManager (gap 9; API: FileManager. Nova: nova/virt/vmwareapi/ds_util.py mkdir, file_delete,
// file_move, file_copy, and what it expects of their faults in nova/virt/vmwareapi/vmops.py _cache_*_image).
type fileManager struct{ own }

// MakeDirectory makes a folder. One that is there already is FileAlreadyExists, with createParentDirectories too:
// Nova's ds_util.mkdir callers catch it (vmops.py _create_folder_if_missing, images.py).
func (m *fileManager) MakeDirectory(_ *simulator.Context, req *types.MakeDirectory) soap.HasFault {
	body := new(methods.MakeDirectoryBody)
	f, fault := m.resolve(req.Datacenter, req.Name)
	if fault == nil {
		fault = m.refuseMissingTop(f, req.CreateParentDirectories != nil && *req.CreateParentDirectories)
	}
	if fault == nil {
		if req.CreateParentDirectories != nil && *req.CreateParentDirectories {
			if err := os.MkdirAll(path.Dir(f.path()), 0700); err != nil {
				fault = mkdirFault(f, err)
			}
		}
		if fault == nil {
			if err := os.Mkdir(f.path(), 0700); err != nil {
				fault = mkdirFault(f, err)
			}
		}
	}
	if fault != nil {
		body.Fault_ = soapFault(fault)
		return body
	}
	body.Res = new(types.MakeDirectoryResponse)
	return body
}

func mkdirFault(f file, err error) types.BaseMethodFault {
	if errors.Is(err, syscall.ENOTDIR) { // a parent is a file
		return &types.CannotCreateFile{FileFault: types.FileFault{File: f.name()}}
	}
	return fileFault(f.name(), err)
}

// DeleteDatastoreFileTask deletes a file, or a folder with all in it.
func (m *fileManager) DeleteDatastoreFileTask(ctx *simulator.Context, req *types.DeleteDatastoreFile_Task) soap.HasFault {
	task := func() (types.AnyType, types.BaseMethodFault) {
		f, fault := m.resolve(req.Datacenter, req.Name)
		if fault != nil {
			return nil, fault
		}
		return nil, m.deleteFile(f)
	}
	return &methods.DeleteDatastoreFile_TaskBody{Res: &types.DeleteDatastoreFile_TaskResponse{
		Returnval: m.runTask(ctx, m.taskEntity(req.Datacenter), "FileManager.DeleteDatastoreFile_Task", task)}}
}

// deleteFile deletes a file or a folder that no running VM uses.
func (s *server) deleteFile(f file) types.BaseMethodFault {
	switch {
	case f.rel == "":
		return &types.CannotDeleteFile{FileFault: types.FileFault{File: f.name()}}
	case !f.exists() || f.hidden():
		return notFound(f)
	case s.lockedBy(f) != "":
		return fileLocked(f)
	}
	if fault := s.refuseDelete(f); fault != nil {
		return fault
	}
	if err := f.remove(); err != nil {
		return &types.CannotDeleteFile{FileFault: types.FileFault{File: f.name()}}
	}
	return nil
}

// MoveDatastoreFileTask moves a file or a folder: one rename on the same datastore.
func (m *fileManager) MoveDatastoreFileTask(ctx *simulator.Context, req *types.MoveDatastoreFile_Task) soap.HasFault {
	_, half := m.halves.LoadAndDelete(req.SourceName + "\n" + req.DestinationName)
	task := func() (types.AnyType, types.BaseMethodFault) {
		src, dst, fault := m.endpoints(req.SourceDatacenter, req.SourceName, req.DestinationDatacenter, req.DestinationName)
		if fault != nil {
			return nil, fault
		}
		return nil, m.moveFile(src, dst, req.Force != nil && *req.Force, half)
	}
	return &methods.MoveDatastoreFile_TaskBody{Res: &types.MoveDatastoreFile_TaskResponse{
		Returnval: m.runTask(ctx, m.taskEntity(req.SourceDatacenter), "FileManager.MoveDatastoreFile_Task", task)}}
}

// moveFile moves a file or a folder; half of a folder, and then fails, when a rule says so (API: MoveDatastoreFile_Task, "transactional
// guarantees only for a file. No guarantees for folder moves").
func (s *server) moveFile(src, dst file, force, half bool) types.BaseMethodFault {
	switch {
	case !src.exists():
		return notFound(src)
	case src.rel == "" || dst.rel == "" || strings.HasPrefix(dst.rel+"/", src.rel+"/"):
		return &types.InvalidArgument{InvalidProperty: "destinationName"}
	case s.lockedBy(src) != "":
		return fileLocked(src)
	case !dst.with("").exists():
		return notFound(dst.with(""))
	}
	if half && src.isDir() && !dst.exists() {
		moveHalf(src, dst)
		return &types.FileFault{File: src.name()}
	}
	if done, fault := s.moveObjects(src, dst); done {
		return fault
	}
	if force && dst.exists() {
		if fault := s.deleteFile(dst); fault != nil {
			return fault
		}
	}
	if src.volume != dst.volume {
		if fault := copyTree(src, dst); fault != nil {
			return fault
		}
		return s.deleteFile(src)
	}
	// In one step, and never over what somebody else has put there: of two movers one wins.
	err := unix.Renameat2(unix.AT_FDCWD, src.path(), unix.AT_FDCWD, dst.path(), unix.RENAME_NOREPLACE)
	if os.IsExist(err) {
		return alreadyExists(dst)
	}
	if err != nil {
		return fileFault(dst.name(), err)
	}
	return nil
}

// CopyDatastoreFileTask copies a file or a folder.
func (m *fileManager) CopyDatastoreFileTask(ctx *simulator.Context, req *types.CopyDatastoreFile_Task) soap.HasFault {
	task := func() (types.AnyType, types.BaseMethodFault) {
		src, dst, fault := m.endpoints(req.SourceDatacenter, req.SourceName, req.DestinationDatacenter, req.DestinationName)
		switch {
		case fault != nil:
			return nil, fault
		case !src.exists() || src.hidden():
			return nil, notFound(src)
		case !dst.with("").exists():
			return nil, notFound(dst.with(""))
		}
		if fault := m.refuseTop(dst, src.isDir()); fault != nil {
			return nil, fault
		}
		if req.Force != nil && *req.Force && dst.exists() {
			if fault := m.deleteFile(dst); fault != nil {
				return nil, fault
			}
		}
		return nil, copyTree(src, dst)
	}
	return &methods.CopyDatastoreFile_TaskBody{Res: &types.CopyDatastoreFile_TaskResponse{
		Returnval: m.runTask(ctx, m.taskEntity(req.SourceDatacenter), "FileManager.CopyDatastoreFile_Task", task)}}
}

// copyTree copies a file, or a folder with all in it, to a name that is free. What it made is removed when it fails.
func copyTree(src, dst file) types.BaseMethodFault {
	if dst.exists() {
		return alreadyExists(dst)
	}
	if src.volume != dst.volume && diskUsage(src.path()) > dst.freeSpace() {
		return noSpace(dst)
	}
	err := copyFiles(src.path(), dst.path())
	if err != nil {
		_ = os.RemoveAll(dst.path())
		return fileFault(dst.name(), err)
	}
	return nil
}

func copyFiles(src, dst string) error {
	info, err := os.Lstat(src)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a symbolic link", src)
	}
	if !info.IsDir() {
		return copySparse(src, dst)
	}
	if err := os.Mkdir(dst, 0700); err != nil {
		return err
	}
	entries, err := os.ReadDir(src)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := copyFiles(path.Join(src, e.Name()), path.Join(dst, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// lockedBy is the name of a powered-on VM that has the file, or one below it, in a disk's chain or as its own; ""
// when there is none. ESXi holds locks on these while the VM runs.
func (s *server) lockedBy(f file) string {
	name := ""
	s.eachLocked(f.volume, func(rel string) bool {
		return rel == f.rel || strings.HasPrefix(rel, f.rel+"/") || f.rel == flatName(rel) || f.rel == deltaName(rel)
	}, func(vm, _ string) bool {
		name = vm
		return true
	})
	return name
}

// lockedFiles are the files of a volume that powered-on VMs have: their own, descriptors and extents.
func (s *server) lockedFiles(v *volume) map[string]bool {
	files := map[string]bool{}
	s.eachLocked(v, func(string) bool { return true }, func(_, rel string) bool {
		files[rel] = true
		for _, extent := range []string{flatName(rel), deltaName(rel)} {
			if _, err := os.Lstat(path.Join(v.dir, extent)); err == nil && strings.HasSuffix(rel, ".vmdk") {
				files[extent] = true
			}
		}
		return false
	})
	return files
}

// eachLocked calls found with the VM's name and each matching file of vmFiles of powered-on VMs on a volume, until it is true.
func (s *server) eachLocked(v *volume, match func(rel string) bool, found func(vm, rel string) bool) {
	ctx := &simulator.Context{Map: s.reg}
	for _, e := range s.reg.All("VirtualMachine") {
		vm, ok := e.(*simulator.VirtualMachine)
		if !ok {
			continue
		}
		done := false
		s.reg.WithLock(ctx, vm, func() {
			if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn || vm.Config == nil {
				return
			}
			for _, used := range vmFiles(vm) {
				var p object.DatastorePath
				if !done && p.FromString(used) && match(p.Path) && s.onVolume(v, vm, p.Datastore) {
					done = found(vm.Name, p.Path)
				}
			}
		})
		if done {
			return
		}
	}
}

// onVolume says whether a VM's datastore of that name is the volume.
func (s *server) onVolume(v *volume, vm *simulator.VirtualMachine, name string) bool {
	st := s.places[place{s.datacenterOf(*vm.Parent), name}]
	return st != nil && st.volume == v
}

// vmFiles are the datastore paths of a VM's configuration file and of its disks with their parents.
func vmFiles(vm *simulator.VirtualMachine) []string {
	files := []string{vm.Config.Files.VmPathName}
	for _, d := range vm.Config.Hardware.Device {
		if disk, ok := d.(*types.VirtualDisk); ok {
			files = append(files, backingChain(disk.Backing)...)
		}
	}
	return files
}

// backingChain are the file names of a disk's backing and of its parents.
func backingChain(b types.BaseVirtualDeviceBackingInfo) []string {
	var files []string
	for {
		flat, ok := b.(*types.VirtualDiskFlatVer2BackingInfo)
		if !ok || flat == nil {
			if f, ok := b.(types.BaseVirtualDeviceFileBackingInfo); ok && flat == nil {
				if info := f.GetVirtualDeviceFileBackingInfo(); info != nil {
					files = append(files, info.FileName)
				}
			}
			return files
		}
		files = append(files, flat.FileName)
		if flat.Parent == nil {
			return files
		}
		b = flat.Parent
	}
}

func fileLocked(f file) types.BaseMethodFault {
	return &types.FileLocked{FileFault: types.FileFault{File: f.name()}}
}
