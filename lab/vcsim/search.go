package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// searchIndex is SearchIndex's search by UUID. The simulator's looks into each object of the registry, and dies of those that are not in
// the inventory, such as ours. Nova searches so for each server when it starts (nova/virt/vmwareapi/vm_util.py, _get_vm_ref_from_vm_uuid).
type searchIndex struct{ own }

// FindAllByUuid finds VMs by BIOS or instance UUID, or hosts by BIOS UUID (API: SearchIndex.FindAllByUuid).
func (m *searchIndex) FindAllByUuid(_ *simulator.Context, req *types.FindAllByUuid) soap.HasFault {
	found := m.byUUID(req.Uuid, req.VmSearch, req.InstanceUuid != nil && *req.InstanceUuid)
	return &methods.FindAllByUuidBody{Res: &types.FindAllByUuidResponse{Returnval: found}}
}

// FindByUuid finds one of them (API: SearchIndex.FindByUuid).
func (m *searchIndex) FindByUuid(_ *simulator.Context, req *types.FindByUuid) soap.HasFault {
	res := new(types.FindByUuidResponse)
	if found := m.byUUID(req.Uuid, req.VmSearch, req.InstanceUuid != nil && *req.InstanceUuid); len(found) > 0 {
		res.Returnval = &found[0]
	}
	return &methods.FindByUuidBody{Res: res}
}

func (m *searchIndex) byUUID(uuid string, vms, instance bool) (found []types.ManagedObjectReference) {
	kind := "HostSystem"
	if vms {
		kind = "VirtualMachine"
	}
	ctx := &simulator.Context{Map: m.reg}
	for _, e := range m.reg.All(kind) {
		is := ""
		switch e := e.(type) {
		case *simulator.VirtualMachine:
			m.reg.WithLock(ctx, e, func() {
				if e.Config != nil && instance {
					is = e.Config.InstanceUuid
				} else if e.Config != nil {
					is = e.Config.Uuid
				}
			})
		case *simulator.HostSystem:
			if e.Summary.Hardware != nil {
				is = e.Summary.Hardware.Uuid
			}
		}
		if is == uuid && uuid != "" {
			found = append(found, e.Reference())
		}
	}
	return found
}
