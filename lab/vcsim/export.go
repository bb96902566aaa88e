package main

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"golang.org/x/sys/unix"
)

// Exports (API: VirtualMachine.ExportVm, HttpNfcLease, OvfManager.CreateDescriptor): each disk is read as a streamOptimized file from the host.
// Nova takes images of servers so (nova/virt/vmwareapi/images.py upload_image_stream_optimized; oslo_vmware/rw_handles.py VmdkReadHandle).

// exportLease is the lease of one export.
type exportLease struct {
	mo.HttpNfcLease
	s       *server
	id      string
	session *simulator.Session
	timer   *time.Timer

	mu    sync.Mutex
	disks map[string]*download // by the name in the URL
}

// download is one disk of an export.
type download struct {
	entry types.HttpNfcLeaseManifestEntry
	data  file // the extent that has the bytes
	kind  diskKind
	done  bool
}

// ExportVm gives a lease for the disks of a VM that is off (API: InvalidPowerState). A child's own extent is empty here, so its bytes are those
// of the end of its chain.
func (m *vmMethods) ExportVm(ctx *simulator.Context, req *types.ExportVm) soap.HasFault {
	body := new(methods.ExportVmBody)
	vm, fault := m.vm(req.This)
	if fault != nil {
		body.Fault_ = fault
		return body
	}
	var devices object.VirtualDeviceList
	var host types.ManagedObjectReference
	var state types.VirtualMachinePowerState
	ctx.WithLock(vm, func() { devices, host, state = vm.Config.Hardware.Device, *vm.Runtime.Host, vm.Runtime.PowerState })
	if state != types.VirtualMachinePowerStatePoweredOff {
		body.Fault_ = soapFault(&types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOff, ExistingState: state})
		return body
	}
	l := &exportLease{s: m.server, id: uuid.NewString(), session: ctx.Session, disks: map[string]*download{}}
	l.Self.Type = "HttpNfcLease"
	info := &types.HttpNfcLeaseInfo{Entity: vm.Self, LeaseTimeout: int32(leaseTimeout.Seconds())}
	dc := m.datacenterOf(*vm.Parent)
	for _, device := range devices {
		disk, ok := device.(*types.VirtualDisk)
		chain := backingChain(device.GetVirtualDevice().Backing)
		if !ok || len(chain) == 0 {
			continue
		}
		f, vimFault := m.resolve(&dc, chain[len(chain)-1])
		if vimFault != nil {
			body.Fault_ = soapFault(vimFault)
			return body
		}
		d, err := openDisk(f)
		if err != nil {
			body.Fault_ = soapFault(diskFault(f, err))
			return body
		}
		name := fmt.Sprintf("disk-%d.vmdk", len(l.disks))
		key := "/" + vm.Self.Value + devicePlace(devices, disk)
		l.disks[name] = &download{data: d.extent, kind: d.kind, entry: types.HttpNfcLeaseManifestEntry{Key: key, Disk: true, Capacity: d.size}}
		url := types.HttpNfcLeaseDeviceUrl{Key: key, Url: fmt.Sprintf("https://%s/nfc/%s/%s", m.addressOf(host), l.id, name),
			Disk: types.NewBool(true), TargetId: name, DatastoreKey: f.url}
		m.nameCertificateOfURL(&url)
		info.DeviceUrl = append(info.DeviceUrl, url)
		info.TotalDiskCapacityInKB += d.size >> 10
	}
	l.State, l.Info = types.HttpNfcLeaseStateReady, info
	body.Res = &types.ExportVmResponse{Returnval: ctx.Session.Put(l).Reference()}
	info.Lease = l.Self
	m.exports.Store(l.id, l)
	l.timer = time.AfterFunc(leaseTimeout, func() { l.end(m.newContext(ctx), types.HttpNfcLeaseStateError) })
	return body
}

// end closes the lease's URLs.
func (l *exportLease) end(ctx *simulator.Context, state types.HttpNfcLeaseState) {
	if _, open := l.s.exports.LoadAndDelete(l.id); open {
		l.timer.Stop()
		l.s.reg.AtomicUpdate(ctx, l, []types.PropertyChange{{Name: "state", Val: state}})
	}
}

// HttpNfcLeaseProgress keeps the lease alive.
func (l *exportLease) HttpNfcLeaseProgress(_ *simulator.Context, req *types.HttpNfcLeaseProgress) soap.HasFault {
	l.TransferProgress = req.Percent
	l.timer.Reset(leaseTimeout)
	return &methods.HttpNfcLeaseProgressBody{Res: new(types.HttpNfcLeaseProgressResponse)}
}

// HttpNfcLeaseComplete ends the export.
func (l *exportLease) HttpNfcLeaseComplete(ctx *simulator.Context, _ *types.HttpNfcLeaseComplete) soap.HasFault {
	l.end(ctx, types.HttpNfcLeaseStateDone)
	return &methods.HttpNfcLeaseCompleteBody{Res: new(types.HttpNfcLeaseCompleteResponse)}
}

// HttpNfcLeaseAbort ends the export as well; the VM stays.
func (l *exportLease) HttpNfcLeaseAbort(ctx *simulator.Context, _ *types.HttpNfcLeaseAbort) soap.HasFault {
	l.end(ctx, types.HttpNfcLeaseStateError)
	return &methods.HttpNfcLeaseAbortBody{Res: new(types.HttpNfcLeaseAbortResponse)}
}

// HttpNfcLeaseGetManifest tells size and SHA-1 of what was read.
func (l *exportLease) HttpNfcLeaseGetManifest(_ *simulator.Context, _ *types.HttpNfcLeaseGetManifest) soap.HasFault {
	body := &methods.HttpNfcLeaseGetManifestBody{Res: new(types.HttpNfcLeaseGetManifestResponse)}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.disks {
		if d.done {
			body.Res.Returnval = append(body.Res.Returnval, d.entry)
		}
	}
	return body
}

// serveExport sends a disk of an export. It is false for a path that is none of an export.
func (s *server) serveExport(w http.ResponseWriter, r *http.Request) bool {
	parts := strings.Split(r.URL.Path, "/") // "", "nfc", id, name
	if len(parts) != 4 {
		return false
	}
	found, ok := s.exports.Load(parts[2])
	if !ok {
		return false
	}
	l := found.(*exportLease)
	d := l.disks[parts[3]]
	switch {
	case d == nil:
		http.NotFound(w, r)
	case !s.sessionLives(l.session): // the lease is an object of it
		s.exports.Delete(l.id)
		http.NotFound(w, r)
	case r.Method != http.MethodGet:
		http.Error(w, "405 Method Not Allowed", http.StatusMethodNotAllowed)
	default:
		w.Header().Set("Content-Type", "application/x-vnd.vmware-streamVmdk")
		sum, n := sha1.New(), new(written)
		populated, err := writeStream(io.MultiWriter(w, sum, n), d.data.path(), d.entry.Capacity, parts[3], d.kind.adapter)
		if err != nil {
			panic(http.ErrAbortHandler) // half of it is on its way: the client sees that it is cut
		}
		l.mu.Lock()
		d.entry.Sha1, d.entry.Size, d.entry.PopulatedSize, d.done = hex.EncodeToString(sum.Sum(nil)), n.bytes, populated, true
		l.mu.Unlock()
	}
	return true
}

// written counts bytes.
type written struct{ bytes int64 }

func (c *written) Write(b []byte) (int, error) {
	c.bytes += int64(len(b))
	return len(b), nil
}

// writeStream writes an extent as a streamOptimized file of version 3: compressed grains, each table after its grains, directory, footer, end
// of stream ("Virtual Disk Format 5.0"). Holes are left out, and the capacity is filled up to whole grains. It gives how many bytes are no holes.
func writeStream(w io.Writer, extent string, size int64, name, adapter string) (populated int64, err error) {
	const grain, entries = 128, 512
	f, err := os.Open(extent)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if adapter == "" {
		adapter = "lsilogic"
	}
	grains := (size + grain*sector - 1) / (grain * sector)
	out := &streamWriter{w: w}
	header := struct {
		sparseHeader
		Dirty    uint8
		Newlines [4]byte
		Compress uint16
	}{sparseHeader{Magic: sparseMagic, Version: 3, Flags: 3 | flagCompressed | flagMarkers, Capacity: uint64(grains * grain), GrainSize: grain,
		DescOffset: 1, DescSize: 20, NumGTEs: entries, GDOffset: gdAtEnd, OverHead: grain}, 0, [4]byte{'\n', ' ', '\r', '\n'}, 1}
	out.put(header)
	out.pad(sector)
	fmt.Fprintf(out, "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"streamOptimized\"\n\n# Extent description\n"+
		"RW %d SPARSE %q\n\n# The Disk Data Base\n#DDB\n\nddb.adapterType = %q\nddb.virtualHWVersion = \"19\"\n", grains*grain, name, adapter)
	out.pad(grain * sector)
	directory := make([]uint32, (grains+entries-1)/entries)
	buf := make([]byte, grain*sector)
	empty := make([]byte, grain*sector)
	next := int64(0) // where data begins again
	for i := range directory {
		table := make([]uint32, entries)
		used := false
		for j := range table {
			at := (int64(i)*entries + int64(j)) * grain * sector
			if at >= size || out.err != nil {
				break
			}
			if at+int64(len(buf)) <= next {
				continue
			}
			if next <= at {
				if next = dataAfter(f, at, size); next >= at+int64(len(buf)) {
					continue
				}
				next = at
			}
			n, err := f.ReadAt(buf, at)
			if err != nil && !errors.Is(err, io.EOF) {
				return 0, err
			}
			clear(buf[n:])
			if bytes.Equal(buf, empty) {
				continue
			}
			table[j], used = uint32(out.bytes/sector), true
			populated += int64(n)
			var z bytes.Buffer
			zw, _ := zlib.NewWriterLevel(&z, zlib.BestSpeed)
			_, _ = zw.Write(buf)
			_ = zw.Close()
			out.put(uint64(at / sector))
			out.put(uint32(z.Len()))
			_, _ = out.Write(z.Bytes())
			out.pad(sector)
		}
		if used {
			out.marker(entries*4/sector, 1)
			directory[i] = uint32(out.bytes / sector)
			out.put(table)
		}
	}
	out.marker(uint64((len(directory)*4+sector-1)/sector), 2)
	header.GDOffset = uint64(out.bytes / sector)
	out.put(directory)
	out.pad(sector)
	out.marker(1, markerFooter)
	out.put(header)
	out.pad(sector)
	out.marker(0, 0)
	return populated, out.err
}

// dataAfter is where data is at or after an offset of a file, its size when there is only a hole.
func dataAfter(f *os.File, at, size int64) int64 {
	data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return size
	}
	if err != nil {
		return at
	}
	return data
}

// streamWriter counts what it writes, and keeps the first error.
type streamWriter struct {
	w     io.Writer
	bytes int64
	err   error
}

func (s *streamWriter) Write(b []byte) (int, error) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
	s.bytes += int64(len(b))
	return len(b), s.err
}

func (s *streamWriter) put(v any) {
	if err := binary.Write(s, binary.LittleEndian, v); s.err == nil {
		s.err = err
	}
}

// pad fills up with zeros to a multiple of unit.
func (s *streamWriter) pad(unit int64) {
	_, _ = s.Write(make([]byte, (unit-s.bytes%unit)%unit))
}

func (s *streamWriter) marker(val uint64, kind uint32) {
	s.put(val)
	s.put(uint32(0))
	s.put(kind)
	s.pad(sector)
}

// CreateDescriptor writes the OVF of a VM whose disks were exported: CPUs, memory, controllers, disks and networks (DSP0243, "Open Virtualization
// Format Specification").
func (m *ovfManager) CreateDescriptor(ctx *simulator.Context, req *types.CreateDescriptor) soap.HasFault {
	vm, ok := m.reg.Get(req.Obj).(*simulator.VirtualMachine)
	if !ok {
		return &methods.CreateDescriptorBody{Fault_: soapFault(&types.ManagedObjectNotFound{Obj: req.Obj})}
	}
	var text string
	ctx.WithLock(vm, func() { text = m.descriptorOf(vm, req.Cdp) })
	return &methods.CreateDescriptorBody{Res: &types.CreateDescriptorResponse{Returnval: types.OvfCreateDescriptorResult{OvfDescriptor: text}}}
}

// controllerOf is the resource type and sub-type of a controller in an OVF; 0 for one that is left out.
func controllerOf(d types.BaseVirtualDevice) (int, string) {
	switch d.(type) {
	case *types.ParaVirtualSCSIController:
		return 6, "VirtualSCSI"
	case *types.VirtualLsiLogicController:
		return 6, "lsilogic"
	case *types.VirtualLsiLogicSASController:
		return 6, "lsilogicsas"
	case *types.VirtualBusLogicController:
		return 6, "buslogic"
	case *types.VirtualIDEController:
		return 5, ""
	case *types.VirtualAHCIController:
		return 20, "vmware.sata.ahci"
	}
	return 0, ""
}

// ovfItem is an Item of an OVF's VirtualHardwareSection, its elements in the schema's order.
type ovfItem struct {
	Address         *int32 `xml:"rasd:Address,omitempty"`
	AddressOnParent *int32 `xml:"rasd:AddressOnParent,omitempty"`
	Units           string `xml:"rasd:AllocationUnits,omitempty"`
	Connection      string `xml:"rasd:Connection,omitempty"`
	Name            string `xml:"rasd:ElementName"`
	HostResource    string `xml:"rasd:HostResource,omitempty"`
	ID              int    `xml:"rasd:InstanceID"`
	Parent          int    `xml:"rasd:Parent,omitempty"`
	SubType         string `xml:"rasd:ResourceSubType,omitempty"`
	Type            int    `xml:"rasd:ResourceType"`
	Quantity        int64  `xml:"rasd:VirtualQuantity,omitempty"`
}

const ovfEnvelope = `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References>%s</References>
  <DiskSection><Info>Virtual disks</Info>%s</DiskSection>
  <NetworkSection><Info>Networks</Info>%s</NetworkSection>
  <VirtualSystem ovf:id="%[4]s"><Info>A virtual machine</Info><Name>%[4]s</Name>
    <OperatingSystemSection ovf:id="1" vmw:osType="%[5]s"><Info>The guest</Info></OperatingSystemSection>
    <VirtualHardwareSection><Info>Virtual hardware</Info>
      <System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID><vssd:VirtualSystemIdentifier>%[4]s</vssd:VirtualSystemIdentifier><vssd:VirtualSystemType>%[6]s</vssd:VirtualSystemType></System>%[7]s
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`

func (m *ovfManager) descriptorOf(vm *simulator.VirtualMachine, cdp types.OvfCreateDescriptorParams) string {
	var files, disks, networks, items strings.Builder
	escape := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s))
		return b.String()
	}
	id := 0
	add := func(x ovfItem) int {
		id++
		x.ID = id
		text, _ := xml.Marshal(struct {
			XMLName xml.Name `xml:"Item"`
			ovfItem
		}{ovfItem: x})
		fmt.Fprintf(&items, "\n      %s", text)
		return id
	}
	devices := object.VirtualDeviceList(vm.Config.Hardware.Device)
	add(ovfItem{Name: "CPUs", Type: 3, Quantity: int64(vm.Config.Hardware.NumCPU)})
	add(ovfItem{Name: "Memory", Type: 4, Units: "byte * 2^20", Quantity: int64(vm.Config.Hardware.MemoryMB)})
	controllers := map[int32]int{} // id of an item by a controller's key
	for _, d := range devices {
		if kind, sub := controllerOf(d); kind != 0 {
			c := d.(types.BaseVirtualController).GetVirtualController()
			controllers[c.Key] = add(ovfItem{Address: &c.BusNumber, Name: devices.Name(d), Type: kind, SubType: sub})
		}
	}
	for _, d := range devices {
		at := d.GetVirtualDevice()
		switch d := d.(type) {
		case *types.VirtualDisk:
			for i, f := range cdp.OvfFiles {
				if f.DeviceId != "/"+vm.Self.Value+devicePlace(devices, d) {
					continue
				}
				fmt.Fprintf(&files, `<File ovf:href="%s" ovf:id="file%d" ovf:size="%d"/>`, escape(f.Path), i, f.Size)
				fmt.Fprintf(&disks, `<Disk ovf:capacity="%d" ovf:capacityAllocationUnits="byte" ovf:diskId="disk%[2]d" ovf:fileRef="file%[2]d" `+
					`ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>`, d.CapacityInKB<<10, i)
				add(ovfItem{AddressOnParent: at.UnitNumber, Name: devices.Name(d), HostResource: fmt.Sprintf("ovf:/disk/disk%d", i),
					Parent: controllers[at.ControllerKey], Type: 17})
			}
		case types.BaseVirtualEthernetCard:
			name := m.networkOf(at.Backing)
			fmt.Fprintf(&networks, `<Network ovf:name="%s"/>`, escape(name))
			add(ovfItem{Connection: name, Name: devices.Name(d.(types.BaseVirtualDevice)), SubType: strings.TrimPrefix(typeName(d), "Virtual"), Type: 10})
		}
	}
	name := cdp.Name
	if name == "" {
		name = vm.Name
	}
	return fmt.Sprintf(ovfEnvelope, &files, &disks, &networks, escape(name), escape(vm.Config.GuestId), escape(vm.Config.Version), &items)
}

// networkOf is the name of a network card's network.
func (m *ovfManager) networkOf(backing types.BaseVirtualDeviceBackingInfo) string {
	switch b := backing.(type) {
	case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
		ref := types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: b.Port.PortgroupKey}
		if pg, ok := m.reg.Get(ref).(*simulator.DistributedVirtualPortgroup); ok {
			return pg.Name
		}
	case types.BaseVirtualDeviceDeviceBackingInfo:
		return b.GetVirtualDeviceDeviceBackingInfo().DeviceName
	}
	return "VM Network"
}
