package main

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// searchIndex is SearchIndex's search by UUID, address, name and path. The simulator's looks into each object of the registry, whatever it is
// and while it is being changed, and holds the registry's lock meanwhile. Nova searches by UUID for each server when it starts
// (nova/virt/vmwareapi/vm_util.py, _get_vm_ref_from_vm_uuid).
type searchIndex struct{ own }

// FindAllByUuid finds VMs by BIOS or instance UUID, or hosts by BIOS UUID (API: SearchIndex.FindAllByUuid).
func (m *searchIndex) FindAllByUuid(_ *simulator.Context, req *types.FindAllByUuid) soap.HasFault {
	found := m.byUUID(req.Datacenter, req.Uuid, req.VmSearch, req.InstanceUuid)
	return &methods.FindAllByUuidBody{Res: &types.FindAllByUuidResponse{Returnval: found}}
}

// FindByUuid finds one of them (API: SearchIndex.FindByUuid).
func (m *searchIndex) FindByUuid(_ *simulator.Context, req *types.FindByUuid) soap.HasFault {
	found := m.byUUID(req.Datacenter, req.Uuid, req.VmSearch, req.InstanceUuid)
	return &methods.FindByUuidBody{Res: &types.FindByUuidResponse{Returnval: first(found)}}
}

// FindAllByIp finds VMs by the guest's address, or hosts by one of theirs (API: SearchIndex.FindAllByIp).
func (m *searchIndex) FindAllByIp(_ *simulator.Context, req *types.FindAllByIp) soap.HasFault {
	return &methods.FindAllByIpBody{Res: &types.FindAllByIpResponse{Returnval: m.byIP(req.Datacenter, req.Ip, req.VmSearch)}}
}

// FindByIp finds one of them (API: SearchIndex.FindByIp).
func (m *searchIndex) FindByIp(_ *simulator.Context, req *types.FindByIp) soap.HasFault {
	return &methods.FindByIpBody{Res: &types.FindByIpResponse{Returnval: first(m.byIP(req.Datacenter, req.Ip, req.VmSearch))}}
}

// FindAllByDnsName finds VMs by the guest's host name, or hosts by theirs (API: SearchIndex.FindAllByDnsName).
func (m *searchIndex) FindAllByDnsName(_ *simulator.Context, req *types.FindAllByDnsName) soap.HasFault {
	return &methods.FindAllByDnsNameBody{Res: &types.FindAllByDnsNameResponse{Returnval: m.byDNS(req.Datacenter, req.DnsName, req.VmSearch)}}
}

// FindByDnsName finds one of them (API: SearchIndex.FindByDnsName).
func (m *searchIndex) FindByDnsName(_ *simulator.Context, req *types.FindByDnsName) soap.HasFault {
	return &methods.FindByDnsNameBody{Res: &types.FindByDnsNameResponse{Returnval: first(m.byDNS(req.Datacenter, req.DnsName, req.VmSearch))}}
}

// FindByDatastorePath finds a VM by the path of its .vmx (API: SearchIndex.FindByDatastorePath).
func (m *searchIndex) FindByDatastorePath(_ *simulator.Context, req *types.FindByDatastorePath) soap.HasFault {
	found := m.vms(&req.Datacenter, func(vm *simulator.VirtualMachine) bool { return vm.Config.Files.VmPathName == req.Path })
	return &methods.FindByDatastorePathBody{Res: &types.FindByDatastorePathResponse{Returnval: first(found)}}
}

func first(found []types.ManagedObjectReference) *types.ManagedObjectReference {
	if len(found) == 0 {
		return nil
	}
	return &found[0]
}

func (m *searchIndex) byUUID(dc *types.ManagedObjectReference, uuid string, vms bool, instance *bool) []types.ManagedObjectReference {
	if uuid == "" {
		return nil
	}
	if vms {
		return m.vms(dc, func(vm *simulator.VirtualMachine) bool {
			if instance != nil && *instance {
				return vm.Config.InstanceUuid == uuid
			}
			return vm.Config.Uuid == uuid
		})
	}
	return m.hostsThat(dc, func(h *simulator.HostSystem) bool {
		return h.Summary.Hardware != nil && h.Summary.Hardware.Uuid == uuid
	})
}

func (m *searchIndex) byIP(dc *types.ManagedObjectReference, ip string, vms bool) []types.ManagedObjectReference {
	if ip == "" {
		return nil
	}
	if vms {
		return m.vms(dc, func(vm *simulator.VirtualMachine) bool { return vm.Guest != nil && vm.Guest.IpAddress == ip })
	}
	return m.hostsThat(dc, func(h *simulator.HostSystem) bool {
		return h.Config != nil && h.Config.Network != nil && slices.ContainsFunc(h.Config.Network.Vnic, func(nic types.HostVirtualNic) bool {
			return nic.Spec.Ip != nil && nic.Spec.Ip.IpAddress == ip
		})
	})
}

func (m *searchIndex) byDNS(dc *types.ManagedObjectReference, name string, vms bool) []types.ManagedObjectReference {
	if name == "" {
		return nil
	}
	if vms {
		return m.vms(dc, func(vm *simulator.VirtualMachine) bool { return vm.Guest != nil && vm.Guest.HostName == name })
	}
	return m.hostsThat(dc, func(h *simulator.HostSystem) bool { return h.Name == name })
}

// vms are the VMs in a datacenter, or in all, for which match is true.
func (m *searchIndex) vms(dc *types.ManagedObjectReference, match func(*simulator.VirtualMachine) bool) []types.ManagedObjectReference {
	return m.find("VirtualMachine", dc, func(e mo.Entity) bool {
		vm, ok := e.(*simulator.VirtualMachine)
		return ok && vm.Config != nil && match(vm)
	})
}

// hostsThat are the hosts in a datacenter, or in all, for which match is true.
func (m *searchIndex) hostsThat(dc *types.ManagedObjectReference, match func(*simulator.HostSystem) bool) []types.ManagedObjectReference {
	return m.find("HostSystem", dc, func(e mo.Entity) bool {
		h, ok := e.(*simulator.HostSystem)
		return ok && match(h)
	})
}

func (m *searchIndex) find(kind string, dc *types.ManagedObjectReference, match func(mo.Entity) bool) (found []types.ManagedObjectReference) {
	ctx := &simulator.Context{Map: m.reg}
	for _, e := range m.reg.All(kind) {
		is := false
		m.reg.WithLock(ctx, e, func() { is = match(e) })
		if is && (dc == nil || m.datacenterOf(e.Reference()) == *dc) {
			found = append(found, e.Reference())
		}
	}
	return found
}
