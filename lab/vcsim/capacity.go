package main

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Gaps 11 and 14: VMs take room on hosts. A VM that runs reserves its memory and CPU reservation; what it uses is
// taken to be all of its configured memory and 5 % of its CPUs.

// hostRoom is what a host has and what its VMs take.
type hostRoom struct {
	ref      types.ManagedObjectReference
	usable   bool // connected, not in maintenance
	stores   []types.ManagedObjectReference
	memory   int64 // MiB
	cpu      int64 // MHz
	mhz      int64 // MHz of a core
	reserved int64 // MiB, of powered-on VMs
	cpuRes   int64 // MHz, of powered-on VMs
	used     int64 // MiB configured, of powered-on VMs
	cpuUsed  int64 // MHz
	placed   int64 // MiB configured, of all VMs
	order    int
}

// clusterLoad is the hosts of a cluster.
type clusterLoad struct {
	hosts []*hostRoom
}

// demand is what a VM needs of a host.
type demand struct {
	stores   []*store
	memoryMB int64
	cpuMHz   int64
}

// hostLoad reads the room of a cluster's hosts.
func (s *server) hostLoad(ctx *simulator.Context, c mo.Reference) *clusterLoad {
	var refs []types.ManagedObjectReference
	ctx.WithLock(c, func() {
		if h := managed(c).FieldByName("Host"); h.IsValid() {
			refs = append(refs, h.Interface().([]types.ManagedObjectReference)...)
		}
	})
	load := new(clusterLoad)
	for i, ref := range refs {
		if h, ok := s.reg.Get(ref).(*simulator.HostSystem); ok {
			room := s.roomOf(ctx, h)
			room.order = i
			load.hosts = append(load.hosts, room)
		}
	}
	return load
}

// roomOf reads a host and its VMs, one lock at a time.
func (s *server) roomOf(ctx *simulator.Context, h *simulator.HostSystem) *hostRoom {
	room := &hostRoom{ref: h.Self}
	var vms []types.ManagedObjectReference
	ctx.WithLock(h, func() {
		room.usable = !h.Runtime.InMaintenanceMode && h.Runtime.ConnectionState == types.HostSystemConnectionStateConnected
		room.stores = slices.Clone(h.Datastore)
		room.memory = h.Hardware.MemorySize >> 20
		room.mhz = int64(h.Summary.Hardware.CpuMhz)
		room.cpu = room.mhz * int64(h.Summary.Hardware.NumCpuCores)
		vms = slices.Clone(h.Vm)
	})
	for _, ref := range vms {
		vm, ok := s.reg.Get(ref).(*simulator.VirtualMachine)
		if !ok {
			continue
		}
		ctx.WithLock(vm, func() {
			if vm.Config == nil {
				return
			}
			mem := int64(vm.Config.Hardware.MemoryMB)
			room.placed += mem
			if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
				d := vmDemand(vm)
				room.reserved += d.memoryMB
				room.cpuRes += d.cpuMHz
				room.used += mem
				room.cpuUsed += int64(vm.Config.Hardware.NumCPU) * room.mhz / 20
			}
		})
	}
	return room
}

// vmDemand are a VM's reservations.
func vmDemand(vm *simulator.VirtualMachine) (d demand) {
	if a := vm.Config.MemoryAllocation; a != nil && a.Reservation != nil {
		d.memoryMB = *a.Reservation
	}
	if a := vm.Config.CpuAllocation; a != nil && a.Reservation != nil {
		d.cpuMHz = *a.Reservation
	}
	return d
}

// add counts a VM on a host.
func (l *clusterLoad) add(host types.ManagedObjectReference, reservedMB, memoryMB, cpuMHz int64, on bool) {
	for _, h := range l.hosts {
		if h.ref == host {
			h.placed += memoryMB
			if on {
				h.reserved += reservedMB
				h.cpuRes += cpuMHz
				h.used += memoryMB
			}
		}
	}
}

// place chooses the host for a VM: of those that are usable, mount its datastores and can reserve what it needs,
// the one with most unreserved memory, then the one with least memory of VMs.
func (l *clusterLoad) place(d demand) (none types.ManagedObjectReference, fault types.BaseMethodFault) {
	var fit []*hostRoom
	fault = &types.NoCompatibleHost{}
	for _, h := range l.hosts {
		if !h.usable || !h.mounts(d.stores) {
			continue
		}
		if f := h.refuses(d); f != nil {
			fault = f
			continue
		}
		fit = append(fit, h)
	}
	if len(fit) == 0 {
		return none, fault
	}
	best := slices.MinFunc(fit, func(a, b *hostRoom) int {
		return cmp.Or(cmp.Compare(b.memory-b.reserved, a.memory-a.reserved), cmp.Compare(a.placed, b.placed), cmp.Compare(a.order, b.order))
	})
	return best.ref, nil
}

func (h *hostRoom) mounts(stores []*store) bool {
	for _, st := range stores {
		if !slices.Contains(h.stores, st.ref) {
			return false
		}
	}
	return true
}

// refuses gives the fault with which a host's admission control answers (API: InsufficientMemoryResourcesFault,
// in bytes; InsufficientCpuResourcesFault, in MHz).
func (h *hostRoom) refuses(d demand) types.BaseMethodFault {
	if d.memoryMB > h.memory-h.reserved {
		return &types.InsufficientMemoryResourcesFault{Unreserved: max(0, h.memory-h.reserved) << 20, Requested: d.memoryMB << 20}
	}
	if d.cpuMHz > h.cpu-h.cpuRes {
		return &types.InsufficientCpuResourcesFault{Unreserved: max(0, h.cpu-h.cpuRes), Requested: d.cpuMHz}
	}
	return nil
}

// placeNew chooses the host for a VM that is created without one. Reservations count when it is powered on, so here
// they only order the hosts.
func (s *server) placeNew(ctx *simulator.Context, pool types.ManagedObjectReference, home *store, config *types.VirtualMachineConfigSpec) (*types.ManagedObjectReference, types.BaseMethodFault) {
	cluster := s.computeResource(pool)
	if cluster == nil {
		return nil, &types.ManagedObjectNotFound{Obj: pool}
	}
	if c, ok := cluster.(*simulator.ClusterComputeResource); ok && len(c.Host) > 1 && !drsEnabled(c) {
		// API, Folder.CreateVM_Task: "For a stand-alone host or a cluster with DRS, host can be omitted".
		return nil, &types.InvalidArgument{InvalidProperty: "host"}
	}
	need := demand{stores: []*store{home}}
	for _, c := range config.DeviceChange {
		if b, ok := c.GetVirtualDeviceConfigSpec().Device.GetVirtualDevice().Backing.(types.BaseVirtualDeviceFileBackingInfo); ok {
			if st := s.storeNamed(home.dc, b.GetVirtualDeviceFileBackingInfo().FileName); st != nil {
				need.stores = append(need.stores, st)
			}
		}
	}
	host, fault := s.hostLoad(ctx, cluster).place(need)
	return &host, fault
}

// storeNamed is the datastore of a datastore path, or of one below /vmfs/volumes, in a datacenter; nil when there is none.
func (s *server) storeNamed(dc types.ManagedObjectReference, name string) *store {
	var p object.DatastorePath
	if !p.FromString(name) {
		st, _ := s.storeOn(dc, name)
		return st
	}
	return s.places[place{dc, p.Datastore}]
}

// parent is the parent of an entity.
func (s *server) parent(ref types.ManagedObjectReference) *types.ManagedObjectReference {
	e, ok := s.reg.Get(ref).(mo.Entity)
	if !ok {
		return nil
	}
	return e.Entity().Parent
}

// computeResource is the cluster that a pool or a host belongs to.
func (s *server) computeResource(ref types.ManagedObjectReference) mo.Reference {
	for p := s.parent(ref); p != nil; p = s.parent(*p) {
		if strings.HasSuffix(p.Type, "ComputeResource") {
			return s.reg.Get(*p)
		}
	}
	return nil
}

// PowerOnVMTask starts a VM where its reservations fit. When its host has no room or is not usable, DRS starts it on
// another host of the cluster; without DRS that is the answer.
func (m *vmMethods) PowerOnVMTask(ctx *simulator.Context, req *types.PowerOnVM_Task) soap.HasFault {
	vm, fault := m.vm(req.This)
	if fault != nil {
		return &methods.PowerOnVM_TaskBody{Fault_: fault}
	}
	ctx = m.newContext(ctx)
	task := func() (types.AnyType, types.BaseMethodFault) {
		m.placing.Lock()
		defer m.placing.Unlock()
		if fault := m.admit(ctx, vm); fault != nil {
			return nil, fault
		}
		res := locked(ctx, vm.Self, func() soap.HasFault { return vm.PowerOnVMTask(ctx, req) })
		if fault := refusal(res); fault != nil {
			return nil, fault
		}
		return m.waitTask(res.(*methods.PowerOnVM_TaskBody).Res.Returnval)
	}
	return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{Returnval: m.runTask(ctx, req.This, "VirtualMachine.PowerOnVM_Task", task)}}
}

// admit finds the VM a host to run on and moves it there.
func (s *server) admit(ctx *simulator.Context, vm *simulator.VirtualMachine) types.BaseMethodFault {
	var need demand
	var from types.ManagedObjectReference
	on := false
	dc := s.datacenterOf(*vm.Parent)
	ctx.WithLock(vm, func() {
		on = vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
		need, from = vmDemand(vm), *vm.Runtime.Host
		for _, f := range vmFiles(vm) {
			if st := s.storeNamed(dc, f); st != nil {
				need.stores = append(need.stores, st)
			}
		}
	})
	h, ok := s.reg.Get(from).(*simulator.HostSystem)
	if !ok || on {
		return nil // the simulator has a fault for it
	}
	here := s.roomOf(ctx, h)
	fault := here.refuses(need)
	if !here.usable {
		fault = &types.InvalidState{}
	}
	if fault == nil {
		return nil
	}
	c, ok := s.computeResource(from).(*simulator.ClusterComputeResource)
	if !ok || !drsEnabled(c) {
		return fault
	}
	to, drsFault := s.hostLoad(ctx, c).place(need)
	if drsFault != nil {
		return fault
	}
	s.moveToHost(ctx, vm, from, to)
	return nil
}

func drsEnabled(c *simulator.ClusterComputeResource) bool {
	cfg, ok := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
	return ok && cfg.DrsConfig.Enabled != nil && *cfg.DrsConfig.Enabled
}

// moveToHost registers a VM that is off with another host.
func (s *server) moveToHost(ctx *simulator.Context, vm *simulator.VirtualMachine, from, to types.ManagedObjectReference) {
	if h, ok := s.reg.Get(from).(*simulator.HostSystem); ok {
		s.reg.RemoveReference(ctx, h, &h.Vm, vm.Self)
	}
	if h, ok := s.reg.Get(to).(*simulator.HostSystem); ok {
		s.reg.AddReference(ctx, h, &h.Vm, vm.Self)
	}
	ctx.WithLock(vm, func() {
		ctx.Update(vm, []types.PropertyChange{{Name: "runtime.host", Val: &to}, {Name: "summary.runtime.host", Val: &to}})
	})
}

// What ESXi uses for itself.
const hypervisorMB, hypervisorMHz = 1024, 200

// refreshHost brings a host's quickStats up to date.
func (s *server) refreshHost(ctx *simulator.Context, h *simulator.HostSystem) {
	room := s.roomOf(ctx, h)
	ctx.WithLock(h, func() {
		q := &h.Summary.QuickStats
		// Never 0, which would not be sent at all: ESXi itself uses some.
		q.OverallMemoryUsage = int32(min(room.used+hypervisorMB, room.memory))
		q.OverallCpuUsage = int32(min(room.cpuUsed+hypervisorMHz, room.cpu))
		if h.Runtime.BootTime != nil {
			q.Uptime = int32(time.Since(*h.Runtime.BootTime).Seconds()) + 1
		}
	})
}

// refreshVM brings a VM's quickStats up to date.
func (s *server) refreshVM(ctx *simulator.Context, vm *simulator.VirtualMachine) {
	ctx.WithLock(vm, func() {
		if vm.Config == nil {
			return
		}
		q := &vm.Summary.QuickStats
		q.HostMemoryUsage, q.GuestMemoryUsage, q.OverallCpuUsage = 0, 0, 0
		if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
			q.HostMemoryUsage, q.GuestMemoryUsage = vm.Config.Hardware.MemoryMB, vm.Config.Hardware.MemoryMB/10
			q.OverallCpuUsage = vm.Config.Hardware.NumCPU * 120
		}
	})
}

// refreshCluster sums a cluster's hosts up. Effective are the hosts that are connected and not in maintenance (API:
// ComputeResourceSummary; memory in bytes, effectiveMemory in MiB).
func (s *server) refreshCluster(ctx *simulator.Context, c *simulator.ClusterComputeResource) {
	var sum types.ComputeResourceSummary
	vms := int32(0)
	for _, room := range s.hostLoad(ctx, c).hosts {
		h := s.reg.Get(room.ref).(*simulator.HostSystem)
		ctx.WithLock(h, func() {
			sum.NumCpuCores += h.Summary.Hardware.NumCpuCores
			sum.NumCpuThreads += h.Summary.Hardware.NumCpuThreads
			vms += int32(len(h.Vm))
		})
		sum.NumHosts++
		sum.TotalCpu += int32(room.cpu)
		sum.TotalMemory += room.memory << 20
		if room.usable {
			sum.NumEffectiveHosts++
			sum.EffectiveCpu += int32(room.cpu)
			sum.EffectiveMemory += room.memory
		}
	}
	sum.OverallStatus = types.ManagedEntityStatusGreen
	ctx.WithLock(c, func() {
		if full, ok := c.Summary.(*types.ClusterComputeResourceSummary); ok {
			full.ComputeResourceSummary = sum
			if full.UsageSummary != nil {
				full.UsageSummary.TotalVmCount = vms
			}
		} else if v := reflect.ValueOf(c.Summary); v.IsValid() {
			*c.Summary.GetComputeResourceSummary() = sum
		}
	})
}
