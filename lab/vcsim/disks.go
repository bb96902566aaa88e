package main

import (
	"errors"
	"log"
	"os"
	"path"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"golang.org/x/sys/unix"
)

// diskManager is VirtualDiskManager (gaps 5, 6, 13; API: VirtualDiskManager. Nova:
// nova/virt/vmwareapi/vm_util.py create_virtual_disk, copy_virtual_disk, nova/virt/vmwareapi/ds_util.py disk_move,
// nova/virt/vmwareapi/vmops.py _extend_virtual_disk).
type diskManager struct{ own }

// orSource is the API's rule for destDatacenter: unset, it is the source's.
func orSource(dest, source *types.ManagedObjectReference) *types.ManagedObjectReference {
	if dest == nil {
		return source
	}
	return dest
}

// CreateVirtualDiskTask makes descriptor and -flat. CapacityKb is in KiB.
func (m *diskManager) CreateVirtualDiskTask(ctx *simulator.Context, req *types.CreateVirtualDisk_Task) soap.HasFault {
	task := func() (types.AnyType, types.BaseMethodFault) {
		f, fault := m.resolve(req.Datacenter, req.Name)
		if fault != nil {
			return nil, fault
		}
		spec, ok := req.Spec.(types.BaseFileBackedVirtualDiskSpec)
		if !ok || spec.GetFileBackedVirtualDiskSpec().CapacityKb <= 0 {
			return nil, &types.InvalidArgument{InvalidProperty: "spec"}
		}
		b := spec.GetFileBackedVirtualDiskSpec()
		size := b.CapacityKb << 10
		kind := m.kindOn(f.store, diskKind{thin: b.DiskType == string(types.VirtualDiskTypeThin), adapter: strings.ToLower(b.AdapterType)})
		if !kind.thin && size > f.freeSpace() {
			return nil, noSpace(f)
		}
		if f.exists() || f.flat().exists() {
			return nil, alreadyExists(f)
		}
		if fault := m.refuseTop(f, false); fault != nil {
			return nil, fault
		}
		if err := createDisk(f, size, kind, nil); err != nil {
			return nil, fileFault(f.name(), err)
		}
		if b.DiskType == string(types.VirtualDiskTypeEagerZeroedThick) && !kind.thin {
			m.zero(size)
		}
		return req.Name, nil
	}
	return &methods.CreateVirtualDisk_TaskBody{Res: &types.CreateVirtualDisk_TaskResponse{
		Returnval: m.runTask(ctx, m.taskEntity(req.Datacenter), "VirtualDiskManager.CreateVirtualDisk_Task", task)}}
}

// CopyVirtualDiskTask copies a disk. A hosted sparse source becomes a VMFS disk. What the copy is follows the scenario: without destSpec
// the API says "a preallocated format and busLogic adapter type is assumed", while there are vCenters that keep the source's type; a
// destSpec is honoured or NotImplemented, as govmomi notes of vCenter (object/virtual_disk_manager.go).
func (m *diskManager) CopyVirtualDiskTask(ctx *simulator.Context, req *types.CopyVirtualDisk_Task) soap.HasFault {
	behaviour := m.scenario.VCenter.Behaviour
	var kind *diskKind
	eager := false
	if req.DestSpec != nil {
		spec, ok := req.DestSpec.(types.BaseVirtualDiskSpec)
		if behaviour.CopySpec == "refused" || !ok {
			return &methods.CopyVirtualDisk_TaskBody{Fault_: soapFault(new(types.NotImplemented))}
		}
		v := spec.GetVirtualDiskSpec()
		eager = v.DiskType == string(types.VirtualDiskTypeEagerZeroedThick)
		kind = &diskKind{thin: v.DiskType == string(types.VirtualDiskTypeThin), adapter: strings.ToLower(v.AdapterType)}
	} else if behaviour.CopyWithoutSpec == "preallocated" {
		kind = &diskKind{adapter: "buslogic"}
	}
	task := func() (types.AnyType, types.BaseMethodFault) {
		src, dst, fault := m.endpoints(req.SourceDatacenter, req.SourceName, req.DestDatacenter, req.DestName)
		if fault != nil {
			return nil, fault
		}
		if fault := m.copyDisk(src, dst, kind, false); fault != nil { // API: "The force flag is currently ignored"
			return nil, fault
		}
		if d, err := openDisk(dst); err == nil && eager && !d.kind.thin {
			m.zero(d.size)
		}
		return nil, nil
	}
	return &methods.CopyVirtualDisk_TaskBody{Res: &types.CopyVirtualDisk_TaskResponse{
		Returnval: m.runTask(ctx, m.taskEntity(req.SourceDatacenter), "VirtualDiskManager.CopyVirtualDisk_Task", task)}}
}

// MoveVirtualDiskTask moves a disk: a rename on one datastore, copy and delete between two.
func (m *diskManager) MoveVirtualDiskTask(ctx *simulator.Context, req *types.MoveVirtualDisk_Task) soap.HasFault {
	task := func() (types.AnyType, types.BaseMethodFault) {
		src, dst, fault := m.endpoints(req.SourceDatacenter, req.SourceName, req.DestDatacenter, req.DestName)
		if fault != nil {
			return nil, fault
		}
		if m.lockedBy(src) != "" {
			return nil, fileLocked(src)
		}
		return nil, m.moveDisk(src, dst, req.Force != nil && *req.Force)
	}
	return &methods.MoveVirtualDisk_TaskBody{Res: &types.MoveVirtualDisk_TaskResponse{
		Returnval: m.runTask(ctx, m.taskEntity(req.SourceDatacenter), "VirtualDiskManager.MoveVirtualDisk_Task", task)}}
}

// DeleteVirtualDiskTask deletes descriptor and extent.
func (m *diskManager) DeleteVirtualDiskTask(ctx *simulator.Context, req *types.DeleteVirtualDisk_Task) soap.HasFault {
	task := func() (types.AnyType, types.BaseMethodFault) {
		f, fault := m.resolve(req.Datacenter, req.Name)
		if fault != nil {
			return nil, fault
		}
		if m.lockedBy(f) != "" {
			return nil, fileLocked(f)
		}
		d, err := openDisk(f)
		switch {
		case errors.Is(err, errNotDisk) || errors.Is(err, errNoExtent):
			err = os.Remove(f.path())
		case err == nil:
			err = removeDisk(d)
		}
		if err != nil {
			return nil, fileFault(f.name(), err)
		}
		return nil, nil
	}
	return &methods.DeleteVirtualDisk_TaskBody{Res: &types.DeleteVirtualDisk_TaskResponse{
		Returnval: m.runTask(ctx, m.taskEntity(req.Datacenter), "VirtualDiskManager.DeleteVirtualDisk_Task", task)}}
}

// ExtendVirtualDiskTask grows a disk to NewCapacityKb KiB. The same size succeeds (Nova asks for it when an image's
// virtual size is the flavor's: vmops.py _extend_if_required); a smaller one is refused.
func (m *diskManager) ExtendVirtualDiskTask(ctx *simulator.Context, req *types.ExtendVirtualDisk_Task) soap.HasFault {
	task := func() (types.AnyType, types.BaseMethodFault) {
		f, fault := m.resolve(req.Datacenter, req.Name)
		if fault != nil {
			return nil, fault
		}
		d, err := openDisk(f)
		if err != nil {
			return nil, diskFault(f, err)
		}
		fault = m.extendDisk(d, req.NewCapacityKb<<10)
		if fault == nil && req.EagerZero != nil && *req.EagerZero && !d.kind.thin {
			m.zero(req.NewCapacityKb<<10 - d.size)
		}
		return nil, fault
	}
	return &methods.ExtendVirtualDisk_TaskBody{Res: &types.ExtendVirtualDisk_TaskResponse{
		Returnval: m.runTask(ctx, m.taskEntity(req.Datacenter), "VirtualDiskManager.ExtendVirtualDisk_Task", task)}}
}

// extendDisk grows a disk to size bytes; the same size succeeds.
func (s *server) extendDisk(d *disk, size int64) types.BaseMethodFault {
	f := d.desc
	switch {
	case size < d.size:
		return &types.InvalidArgument{InvalidProperty: "newCapacityKb"}
	case size == d.size:
		return nil
	case s.lockedBy(f) != "":
		return fileLocked(f)
	}
	return s.growDisk(d, size)
}

// growDisk is extendDisk for a disk that may be in use, to a larger size.
func (s *server) growDisk(d *disk, size int64) types.BaseMethodFault {
	if !d.kind.thin && size-d.size > d.desc.freeSpace() {
		return noSpace(d.desc)
	}
	var err error
	if d.parent == nil {
		err = os.Truncate(d.extent.path(), size)
	}
	if err == nil {
		err = writeDescriptor(d.desc, size, d.kind, d.parent)
	}
	if err != nil {
		return fileFault(d.desc.name(), err)
	}
	return nil
}

// zero takes the time that a host takes to write size bytes of zeros (API: VirtualDiskType, "An eager zeroed thick disk has all space allocated
// and wiped clean of any previous contents on the physical media at creation time. Such disks may take longer time during creation").
func (s *server) zero(size int64) {
	time.Sleep(time.Duration(float64(size) / (1 << 30) * *s.scenario.VCenter.Behaviour.EagerZeroSecondsPerGiB * float64(time.Second)))
}

// QueryVirtualDiskUuid gives an id that follows from the disk's path.
func (m *diskManager) QueryVirtualDiskUuid(_ *simulator.Context, req *types.QueryVirtualDiskUuid) soap.HasFault {
	body := new(methods.QueryVirtualDiskUuidBody)
	f, fault := m.resolve(req.Datacenter, req.Name)
	if fault == nil && !f.exists() {
		fault = notFound(f)
	}
	if fault != nil {
		body.Fault_ = soapFault(fault)
		return body
	}
	body.Res = &types.QueryVirtualDiskUuidResponse{Returnval: stableUUID("disk", f.name())}
	return body
}

// endpoints resolves source and destination.
func (s *server) endpoints(sdc *types.ManagedObjectReference, src string, ddc *types.ManagedObjectReference, dst string) (a, b file, fault types.BaseMethodFault) {
	if a, fault = s.resolve(sdc, src); fault != nil {
		return a, b, fault
	}
	b, fault = s.resolve(orSource(ddc, sdc), dst)
	return a, b, fault
}

// taskEntity is the managed entity of a file task: its datacenter.
func (s *server) taskEntity(dc *types.ManagedObjectReference) types.ManagedObjectReference {
	if dc != nil {
		if _, ok := s.reg.Get(*dc).(*simulator.Datacenter); ok {
			return *dc
		}
	}
	return s.reg.Any("Datacenter").Reference()
}

// diskFault turns an error of openDisk into a fault.
func diskFault(f file, err error) types.BaseMethodFault {
	switch {
	case errors.Is(err, errNotDisk):
		return &types.InvalidDiskFormat{}
	case errors.Is(err, errNoExtent):
		return &types.FileNotFound{FileFault: types.FileFault{File: f.name()}}
	}
	return fileFault(f.name(), err)
}

// takes tells why the disk src can't get to dst, or nil: it is there already, something else is, or its folder is missing.
func (s *server) takes(dst, src file, force bool) types.BaseMethodFault {
	if fault := s.refuseTop(dst, false); fault != nil {
		return fault
	}
	if src.path() == dst.path() || (dst.exists() || dst.flat().exists()) && !force {
		return alreadyExists(dst)
	}
	if info, err := os.Stat(dst.with("").path()); err != nil || !info.IsDir() {
		return notFound(dst.with(""))
	}
	return nil
}

// isNFS says whether the datastore is an NFS export.
func (st *store) isNFS() bool { return strings.HasPrefix(st.Type, "NFS") }

// kindOn is what a disk becomes on a datastore (API: DatastoreCapability.perFileThinProvisioningSupported, "Most NAS systems always use thin
// provisioning. They do not support configuring this on a per file basis").
func (s *server) kindOn(st *store, kind diskKind) diskKind {
	if st.isNFS() && s.scenario.VCenter.Behaviour.NFSPreallocated == "thin" {
		kind.thin = true
	}
	return kind
}

// copyDisk copies src to dst; nothing is left at dst when it fails. Without a kind it keeps the source's, and a hosted disk becomes a thin
// one. The copy of a child is a disk of its own.
func (s *server) copyDisk(src, dst file, as *diskKind, force bool) types.BaseMethodFault {
	if !src.exists() {
		return notFound(src)
	}
	if fault := s.takes(dst, src, force); fault != nil {
		return fault
	}
	// Under another name first: a destination that exists stays what it is until the copy is there.
	tmp, err := sameFileSystemTemp(s.uploadsDir(), "copy-*")
	if err != nil {
		return fileFault(dst.name(), err)
	}
	defer func() { _ = os.Remove(tmp) }()
	kind, content := diskKind{thin: true}, "" // the extent with a VMFS disk's content
	var size, need int64                      // bytes: of the disk, and what is allocated of it
	if isHosted(src.path()) {
		if src.objects() || dst.objects() { // Nova imports instead, and takes streamOptimized images only: nova/virt/vmwareapi/vmops.py
			return &types.InvalidDiskFormat{}
		}
		if size, need, err = hostedSize(src.path()); err != nil {
			return &types.InvalidDiskFormat{}
		}
	} else {
		d, err := openDisk(src)
		if err != nil {
			return diskFault(src, err)
		}
		root, err := s.root(d)
		if err != nil {
			return diskFault(src, err)
		}
		info, err := os.Stat(root.extent.path())
		if err != nil {
			return fileFault(src.name(), err)
		}
		size, need, kind, content = d.size, allocated(info), d.kind, root.extent.path()
	}
	if as != nil {
		kind = *as
	}
	if kind = s.kindOn(dst.store, kind); !kind.thin {
		need = size
	}
	if need > dst.freeSpace() {
		return noSpace(dst)
	}
	if content == "" {
		if _, err = expandHosted(src.path(), tmp); err != nil {
			log.Printf("CopyVirtualDisk_Task: %s: %v", src.name(), err)
			return &types.InvalidDiskFormat{}
		}
	} else if err := errors.Join(copySparse(content, tmp), os.Truncate(tmp, size)); err != nil {
		return fileFault(dst.name(), err)
	}
	if force {
		_ = os.Remove(dst.path())
		_ = os.Remove(dst.flat().path())
	}
	if err := os.Link(tmp, dst.flat().path()); err != nil { // unlike a rename, never over somebody else's file
		return fileFault(dst.name(), err)
	}
	if err := writeDescriptor(dst, size, kind, nil); err != nil {
		_ = os.Remove(dst.flat().path())
		return fileFault(dst.name(), err)
	}
	return nil
}

// moveDisk moves src to dst.
func (s *server) moveDisk(src, dst file, force bool) types.BaseMethodFault {
	if isHosted(src.path()) || src.volume != dst.volume {
		if fault := s.copyDisk(src, dst, nil, force); fault != nil {
			return fault
		}
		if d, err := openDisk(src); err == nil {
			_ = removeDisk(d)
		} else {
			_ = os.Remove(src.path())
		}
		return nil
	}
	d, err := openDisk(src)
	if err != nil {
		return diskFault(src, err)
	}
	if fault := s.takes(dst, src, force); fault != nil {
		return fault
	}
	to := dst.flat()
	if d.parent != nil {
		to = dst.with(deltaName(path.Base(dst.rel)))
	}
	flags := uint(unix.RENAME_NOREPLACE) // of two movers one wins: who has the extent's name
	if force {
		flags = 0
	}
	if err := unix.Renameat2(unix.AT_FDCWD, d.extent.path(), unix.AT_FDCWD, to.path(), flags); err != nil {
		return fileFault(dst.name(), err)
	}
	// The descriptor names its extent, so it is written anew.
	if err := writeDescriptor(dst, d.size, d.kind, d.parent); err != nil {
		return fileFault(dst.name(), err)
	}
	_ = os.Remove(src.path())
	return nil
}
