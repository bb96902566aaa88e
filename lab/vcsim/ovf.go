package main

import (
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// ovfManager is OvfManager, with vSphere's device ids: those that a lease's URLs have as import keys.
type ovfManager struct{ own }

// CreateImportSpec gives files the ids that ImportVApp's lease has for their devices (API: OvfFileItem.deviceId, HttpNfcLeaseDeviceUrl.importKey).
func (m *ovfManager) CreateImportSpec(ctx *simulator.Context, req *types.CreateImportSpec) soap.HasFault {
	res := m.reg.Get(*m.reg.Get(simulatorInstance).(*simulator.ServiceInstance).Content.OvfManager).(*simulator.OvfManager).CreateImportSpec(ctx, req)
	body, ok := res.(*methods.CreateImportSpecBody)
	if !ok || body.Res == nil {
		return res
	}
	spec, ok := body.Res.Returnval.ImportSpec.(*types.VirtualMachineImportSpec)
	if !ok {
		return res
	}
	var devices object.VirtualDeviceList
	for _, c := range spec.ConfigSpec.DeviceChange {
		devices = append(devices, c.GetVirtualDeviceConfigSpec().Device)
	}
	ids := map[string]string{} // the simulator's "/<name>/<kind>:<n>", where n counts disks, or drives
	disks, drives := 0, 0
	for _, d := range devices {
		n := &drives
		switch d := d.(type) {
		case *types.VirtualDisk:
			n = &disks
			if b, ok := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
				b.FileName = "" // the host names it after the VM
			}
		case *types.VirtualCdrom:
		default:
			continue
		}
		ids[fmt.Sprintf("/%s/%s:%d", spec.ConfigSpec.Name, devices.Type(d), *n)] = "/" + spec.ConfigSpec.Name + devicePlace(devices, d)
		*n++
	}
	for i, item := range body.Res.Returnval.FileItem {
		if id, ok := ids[item.DeviceId]; ok {
			body.Res.Returnval.FileItem[i].DeviceId = id
		}
	}
	return res
}
