package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// loadInventory makes the scenario's objects, one after the other: so moids are the same in each run.
func (s *server) loadInventory(ctx *simulator.Context) error {
	if err := os.RemoveAll(s.uploadsDir()); err != nil {
		return err
	}
	if err := os.MkdirAll(s.uploadsDir(), 0700); err != nil {
		return err
	}
	root := s.reg.Get(s.reg.Get(simulatorInstance).(*simulator.ServiceInstance).Content.RootFolder).(*simulator.Folder)
	for i := range s.scenario.Datacenters {
		spec := &s.scenario.Datacenters[i]
		folder := s.subfolder(ctx, root, spec.Folder)
		body := folder.CreateDatacenter(ctx, &types.CreateDatacenter{This: folder.Self, Name: spec.Name}).(*methods.CreateDatacenterBody)
		if body.Fault_ != nil {
			return fmt.Errorf("datacenter %s: %v", spec.Name, body.Fault_.String)
		}
		dc := s.reg.Get(body.Res.Returnval).(*simulator.Datacenter)
		if err := s.loadDatacenter(ctx, dc, spec); err != nil {
			return fmt.Errorf("datacenter %s: %w", spec.Name, err)
		}
	}
	for _, st := range s.stores {
		st.loaded() // twice where two are one storage, which does no harm
	}
	return nil
}

// subfolder is the folder of a path of names below a folder. It makes those that are missing.
func (s *server) subfolder(ctx *simulator.Context, folder *simulator.Folder, path string) *simulator.Folder {
	for _, name := range strings.FieldsFunc(path, func(c rune) bool { return c == '/' }) {
		name = escapeName(name)
		if child, ok := s.reg.FindByName(name, folder.ChildEntity).(*simulator.Folder); ok {
			folder = child
			continue
		}
		child := new(simulator.Folder)
		child.Name, child.ChildType = name, folder.ChildType
		s.reg.PutEntity(folder, s.reg.NewEntity(child))
		folder.ChildEntity = append(folder.ChildEntity, child.Self)
		folder = child
	}
	return folder
}

func (s *server) loadDatacenter(ctx *simulator.Context, dc *simulator.Datacenter, spec *Datacenter) error {
	dvs, err := s.loadNetworks(ctx, dc, spec)
	if err != nil {
		return err
	}
	clusters := map[string]*simulator.ClusterComputeResource{}
	for i := range spec.Clusters {
		c := &spec.Clusters[i]
		if clusters[c.Name], err = s.loadCluster(ctx, dc, c, dvs); err != nil {
			return fmt.Errorf("cluster %s: %w", c.Name, err)
		}
	}
	for _, ds := range spec.Datastores {
		if err := s.loadDatastore(dc, ds, clusters); err != nil {
			return fmt.Errorf("datastore %s: %w", ds.Name, err)
		}
	}
	for i := range spec.VMs {
		vm := &spec.VMs[i]
		if err := s.loadVMs(ctx, dc, clusters[vm.Cluster], vm); err != nil {
			return fmt.Errorf("vm %s: %w", vm.Name, err)
		}
	}
	return nil
}

// loadNetworks makes a distributed port group for each network but "VM Network", the standard port group that a
// datacenter has anyway. It gives the switch, nil when there is none.
func (s *server) loadNetworks(ctx *simulator.Context, dc *simulator.Datacenter, spec *Datacenter) (*simulator.DistributedVirtualSwitch, error) {
	var dvs *simulator.DistributedVirtualSwitch
	folder := s.reg.Get(dc.NetworkFolder).(*simulator.Folder)
	for _, name := range spec.Networks {
		if name == "VM Network" {
			continue
		}
		ctx := s.newContext(ctx) // the switch still makes its uplink port group under the last one's locks
		if dvs == nil {
			res := folder.CreateDVSTask(s.newContext(ctx), &types.CreateDVS_Task{This: folder.Self, Spec: types.DVSCreateSpec{
				ConfigSpec: &types.VMwareDVSConfigSpec{DVSConfigSpec: types.DVSConfigSpec{Name: spec.Name + "-dvs"}}}})
			ref, fault := s.waitTask(res.(*methods.CreateDVS_TaskBody).Res.Returnval)
			if fault != nil {
				return nil, fmt.Errorf("distributed switch: %s", faultMessage(fault))
			}
			dvs = s.reg.Get(ref.(types.ManagedObjectReference)).(*simulator.DistributedVirtualSwitch)
		}
		res := dvs.AddDVPortgroupTask(ctx, &types.AddDVPortgroup_Task{This: dvs.Self, Spec: []types.DVPortgroupConfigSpec{{
			Name: name, Type: string(types.DistributedVirtualPortgroupPortgroupTypeEarlyBinding), NumPorts: 8}}})
		if _, fault := s.waitTask(res.(*methods.AddDVPortgroup_TaskBody).Res.Returnval); fault != nil {
			return nil, fmt.Errorf("network %s: %s", name, faultMessage(fault))
		}
	}
	return dvs, nil
}

func (s *server) loadCluster(ctx *simulator.Context, dc *simulator.Datacenter, spec *Cluster, dvs *simulator.DistributedVirtualSwitch) (*simulator.ClusterComputeResource, error) {
	folder := s.subfolder(ctx, s.reg.Get(dc.HostFolder).(*simulator.Folder), spec.Folder)
	c, fault := simulator.CreateClusterComputeResource(ctx, folder, spec.Name, types.ClusterConfigSpecEx{})
	if fault != nil {
		return nil, fmt.Errorf("%s", faultMessage(fault))
	}
	cfg := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
	cfg.DrsConfig.Enabled = spec.DRS.Enabled
	cfg.DrsConfig.DefaultVmBehavior = types.DrsBehavior(spec.DRS.Behavior)
	cfg.DasConfig.Enabled = spec.HA.Enabled
	cfg.DasConfig.AdmissionControlEnabled = spec.HA.AdmissionControl
	c.Configuration.DrsConfig, c.Configuration.DasConfig = cfg.DrsConfig, cfg.DasConfig
	for i := range spec.Hosts {
		if err := s.loadHost(ctx, c, &spec.Hosts[i], dvs); err != nil {
			return nil, fmt.Errorf("host %s: %w", spec.Hosts[i].Name, err)
		}
	}
	for _, ref := range c.Host { // last: with each host added, the simulator reads the others' versions, and knows few
		h := s.reg.Get(ref).(*simulator.HostSystem)
		s.setProduct(h)
	}
	return c, nil
}

// loadHost adds a host with its own size (gap 11).
func (s *server) loadHost(ctx *simulator.Context, c *simulator.ClusterComputeResource, spec *Host, dvs *simulator.DistributedVirtualSwitch) error {
	res := c.AddHostTask(ctx, &types.AddHost_Task{This: c.Self, AsConnected: true, Spec: types.HostConnectSpec{HostName: spec.Name}})
	ref, fault := s.waitTask(res.(*methods.AddHost_TaskBody).Res.Returnval)
	if fault != nil {
		return fmt.Errorf("%s", faultMessage(fault))
	}
	h := s.reg.Get(ref.(types.ManagedObjectReference)).(*simulator.HostSystem)
	s.hosts[spec.Name] = h.Self
	s.equipHost(h, spec)
	if dvs != nil {
		res := dvs.ReconfigureDvsTask(ctx, &types.ReconfigureDvs_Task{This: dvs.Self, Spec: &types.DVSConfigSpec{
			Host: []types.DistributedVirtualSwitchHostMemberConfigSpec{{Operation: string(types.ConfigSpecOperationAdd), Host: h.Self}}}})
		if _, fault := s.waitTask(res.(*methods.ReconfigureDvs_TaskBody).Res.Returnval); fault != nil {
			return fmt.Errorf("distributed switch: %s", faultMessage(fault))
		}
	}
	return nil
}

// equipHost gives a host of the simulator the size and the state of its scenario.
func (s *server) equipHost(h *simulator.HostSystem, spec *Host) {
	id := stableUUID("host", s.scenario.VCenter.InstanceUUID, spec.Name)
	hw := h.Summary.Hardware
	hw.Uuid, h.Hardware.SystemInfo.Uuid = id, id
	hw.CpuMhz, hw.NumCpuCores, hw.NumCpuThreads = spec.MHz, spec.Cores, spec.Threads
	hw.NumCpuPkgs = max(1, min(2, spec.Cores/8))
	hw.MemorySize = spec.MemoryMB << 20
	h.Hardware.MemorySize = hw.MemorySize
	h.Hardware.CpuInfo = types.HostCpuInfo{NumCpuPackages: hw.NumCpuPkgs, NumCpuCores: hw.NumCpuCores,
		NumCpuThreads: hw.NumCpuThreads, Hz: int64(spec.MHz) * 1000 * 1000}

	h.Runtime.InMaintenanceMode = spec.Maintenance
	h.Runtime.CryptoState = spec.CryptoState
	h.Runtime.ConnectionState = types.HostSystemConnectionState(spec.State)
	if spec.State != "connected" {
		h.Runtime.PowerState = types.HostSystemPowerStateUnknown
	}
	s.setHostTime(h, spec)
	s.setFirewall(h, spec)
	h.Summary.MaxEVCModeKey, h.Summary.CurrentEVCModeKey = "", ""
	// From the API: the address of the vCenter that manages the host.
	h.Summary.ManagementServerIp, _, _ = net.SplitHostPort(s.listen)
	s.setParts(h)
}

// setHostTime gives a host its NTP servers and the dates of its certificate. ntpd runs where there is a server.
func (s *server) setHostTime(h *simulator.HostSystem, spec *Host) {
	h.Config.DateTimeInfo = &types.HostDateTimeInfo{TimeZone: types.HostDateTimeSystemTimeZone{Key: "UTC", Name: "UTC"},
		NtpConfig: &types.HostNtpConfig{Server: spec.NTP}}
	info := *h.Config.Service // the simulator's hosts share one
	info.Service = slices.Clone(info.Service)
	for i := range info.Service {
		if info.Service[i].Key == "ntpd" {
			info.Service[i].Running = len(spec.NTP) > 0
		}
	}
	h.Config.Service = &info
	m := s.reg.Get(*h.ConfigManager.CertificateManager).(*simulator.HostCertificateManager)
	now := time.Now()
	m.CertificateInfo.NotBefore = types.NewTime(now.AddDate(-1, 0, 0))
	m.CertificateInfo.NotAfter = types.NewTime(now.Add(time.Duration(*spec.CertificateDays)*24*time.Hour + time.Hour))
}

// setFirewall gives a host a firewall of its own (the simulator's hosts share one).
func (s *server) setFirewall(h *simulator.HostSystem, spec *Host) {
	m := s.reg.Get(*h.ConfigManager.FirewallSystem).(*simulator.HostFirewallSystem)
	info := *m.FirewallInfo
	info.Ruleset = slices.Clone(info.Ruleset)
	for i := range info.Ruleset {
		if info.Ruleset[i].Key == httpClient {
			info.Ruleset[i].Enabled = spec.HTTPClient
		}
	}
	m.FirewallInfo, h.Config.Firewall = &info, &info
	if spec.PullMiBPerSecond > 0 {
		s.wires[h.Self] = newWire(spec.PullMiBPerSecond)
	}
}

// loadDatastore adds a datastore of a type that Nova takes (gap 8; nova/virt/vmwareapi/constants.py,
// nova/virt/vmwareapi/ds_util.py _is_datastore_valid), mounted by its hosts.
func (s *server) loadDatastore(dc *simulator.Datacenter, spec Datastore, clusters map[string]*simulator.ClusterComputeResource) error {
	st, err := s.newStore(dc.Self, dc.Name, spec)
	if err != nil {
		return err
	}
	ds := new(simulator.Datastore)
	ds.Name = spec.Name
	folder := s.reg.Get(dc.DatastoreFolder).(*simulator.Folder)
	s.reg.PutEntity(folder, s.reg.NewEntity(ds))
	folder.ChildEntity = append(folder.ChildEntity, ds.Self)
	dc.Datastore = append(dc.Datastore, ds.Self)
	st.ref = ds.Self
	s.byRef[st.ref] = st

	// The simulator's own code finds files below Summary.Url, so it stays the machine's folder in here; what a
	// client reads is put right in propertyCollector. The same holds for vsan, which the simulator maps to
	// folders of another name.
	ds.Summary = types.DatastoreSummary{Datastore: &ds.Self, Name: spec.Name, Url: st.dir, Type: spec.Type,
		Capacity: st.capacity, FreeSpace: st.free, Accessible: *spec.Accessible, MaintenanceMode: spec.Maintenance,
		MultipleHostAccess: types.NewBool(len(st.hosts) > 1)}
	if spec.Type == "vsan" {
		ds.Summary.Type = "VMFS"
	}
	ds.Info = datastoreInfo(st)
	ds.Capability = types.DatastoreCapability{DirectoryHierarchySupported: true, PerFileThinProvisioningSupported: !st.isNFS(),
		SeSparseSupported:                types.NewBool(true),
		TopLevelDirectoryCreateSupported: types.NewBool(!st.objects())}
	for _, c := range clusters {
		for _, ref := range c.Host {
			h := s.reg.Get(ref).(*simulator.HostSystem)
			if !st.hosts[h.Name] {
				continue
			}
			h.Datastore = append(h.Datastore, ds.Self)
			if h.ConfigManager.DatastoreSystem != nil {
				dss := s.reg.Get(*h.ConfigManager.DatastoreSystem).(*simulator.HostDatastoreSystem)
				dss.Datastore = append(dss.Datastore, ds.Self)
			}
			if len(c.Datastore) == 0 || c.Datastore[len(c.Datastore)-1] != ds.Self {
				c.Datastore = append(c.Datastore, ds.Self)
			}
		}
	}
	for _, name := range spec.Hosts {
		mount := types.HostMountInfo{
			Path: "/vmfs/volumes/" + st.uuid, AccessMode: string(types.HostMountModeReadWrite),
			Mounted: types.NewBool(true), Accessible: types.NewBool(*spec.Accessible)}
		ds.Host = append(ds.Host, types.DatastoreHostMount{Key: s.hosts[name], MountInfo: mount})
		s.mountOn(s.reg.Get(s.hosts[name]).(*simulator.HostSystem), st, mount)
	}
	b := new(simulator.HostDatastoreBrowser)
	b.Datastore = []types.ManagedObjectReference{ds.Self}
	ds.Browser = s.reg.Put(b).Reference()
	return nil
}

// mountOn adds a datastore to the file systems of a host, which tell whether its storage has hardware acceleration (API: HostFileSystemMountInfo).
func (s *server) mountOn(h *simulator.HostSystem, st *store, mount types.HostMountInfo) {
	var volume types.BaseHostFileSystemVolume = &types.HostFileSystemVolume{Type: st.Type, Name: st.Name, Capacity: st.capacity}
	switch info := datastoreInfo(st).(type) {
	case *types.VmfsDatastoreInfo:
		volume = info.Vmfs
	case *types.NasDatastoreInfo:
		volume = info.Nas
	}
	support := map[string]types.FileSystemMountInfoVStorageSupportStatus{"supported": types.FileSystemMountInfoVStorageSupportStatusVStorageSupported,
		"unsupported": types.FileSystemMountInfoVStorageSupportStatusVStorageUnsupported,
		"unknown":     types.FileSystemMountInfoVStorageSupportStatusVStorageUnknown}[st.Offload]
	all := new(types.HostFileSystemVolumeInfo) // the simulator's hosts share one
	if old := h.Config.FileSystemVolume; old != nil {
		*all = *old
	}
	all.MountInfo = append(slices.Clone(all.MountInfo), types.HostFileSystemMountInfo{MountInfo: mount, Volume: volume, VStorageSupport: string(support)})
	h.Config.FileSystemVolume = all
	if h.ConfigManager.StorageSystem != nil {
		if storage, ok := s.reg.Get(*h.ConfigManager.StorageSystem).(*simulator.HostStorageSystem); ok {
			storage.FileSystemVolumeInfo = *all
		}
	}
}

// datastoreInfo is the info that vSphere has for the type (API: VmfsDatastoreInfo, NasDatastoreInfo,
// VsanDatastoreInfo). Its url is put right where it is read, as the summary's.
func datastoreInfo(st *store) types.BaseDatastoreInfo {
	info := types.DatastoreInfo{Name: st.Name, Url: st.dir, FreeSpace: st.free, MaxFileSize: 64 << 40,
		MaxVirtualDiskCapacity: 62 << 40, MaxMemoryFileSize: 64 << 40, Timestamp: types.NewTime(time.Now())}
	volume := types.HostFileSystemVolume{Type: st.Type, Name: st.Name, Capacity: st.capacity}
	switch st.Type {
	case "NFS", "NFS41":
		return &types.NasDatastoreInfo{DatastoreInfo: info, Nas: &types.HostNasVolume{HostFileSystemVolume: volume,
			RemoteHost: "nfs.invalid", RemotePath: "/export/" + st.Name}}
	case "vsan":
		return &types.VsanDatastoreInfo{DatastoreInfo: info, MembershipUuid: st.uuid}
	case "VMFS":
		return &types.VmfsDatastoreInfo{DatastoreInfo: info, MaxPhysicalRDMFileSize: 64 << 40, MaxVirtualRDMFileSize: 62 << 40,
			Vmfs: &types.HostVmfsVolume{HostFileSystemVolume: volume, BlockSizeMb: 1, MaxBlocks: 63963136, MajorVersion: 6,
				Version: "6.82", Uuid: st.uuid, Local: types.NewBool(len(st.hosts) == 1), VmfsUpgradable: false,
				Extent: []types.HostScsiDiskPartition{{DiskName: "naa." + st.uuid[:8], Partition: 1}}}}
	}
	return &info
}

// loadVMs makes the first of the machines by the simulator's CreateVM_Task and the others as copies of it, which
// takes a tenth of a millisecond each.
func (s *server) loadVMs(ctx *simulator.Context, dc *simulator.Datacenter, c *simulator.ClusterComputeResource, spec *VM) error {
	name := func(i int) string {
		if spec.Count == 0 {
			return spec.Name
		}
		return fmt.Sprintf("%s-%04d", spec.Name, i+1)
	}
	var first *simulator.VirtualMachine
	load := s.hostLoad(ctx, c)
	for i := range max(1, spec.Count) {
		host, err := loadedVMHost(s, dc, load, spec)
		if err != nil {
			return err
		}
		id := stableUUID("vm", s.scenario.VCenter.InstanceUUID, dc.Name, name(i))
		if first == nil {
			if first, err = s.loadFirstVM(ctx, dc, c, spec, name(i), id, host); err != nil {
				return err
			}
		} else if err := s.loadCopy(ctx, first, spec, name(i), id, host); err != nil {
			return err
		}
		load.add(host, spec.MemoryReservationMB, spec.MemoryMB, spec.CPUReservationMHz, spec.Power == "on")
	}
	return nil
}

// loadedVMHost is the host that a VM of the scenario runs on.
func loadedVMHost(s *server, dc *simulator.Datacenter, load *clusterLoad, spec *VM) (types.ManagedObjectReference, error) {
	st := s.places[place{dc.Self, spec.Datastore}]
	if spec.Host != "" {
		if !st.hosts[spec.Host] {
			return types.ManagedObjectReference{}, fmt.Errorf("host %s does not mount datastore %s", spec.Host, spec.Datastore)
		}
		return s.hosts[spec.Host], nil
	}
	need := demand{stores: []*store{st}, memoryMB: spec.MemoryReservationMB, cpuMHz: spec.CPUReservationMHz}
	host, fault := load.place(need)
	if fault != nil {
		return host, fmt.Errorf("no host of cluster %s can run it: %s", spec.Cluster, faultMessage(fault))
	}
	return host, nil
}

func (s *server) loadFirstVM(ctx *simulator.Context, dc *simulator.Datacenter, c *simulator.ClusterComputeResource, spec *VM, name, id string, host types.ManagedObjectReference) (*simulator.VirtualMachine, error) {
	config := types.VirtualMachineConfigSpec{Name: name, GuestId: string(types.VirtualMachineGuestOsIdentifierOtherLinux64Guest),
		Uuid: id, InstanceUuid: id, NumCPUs: spec.CPUs, MemoryMB: spec.MemoryMB,
		MemoryAllocation: &types.ResourceAllocationInfo{Reservation: types.NewInt64(spec.MemoryReservationMB)},
		CpuAllocation:    &types.ResourceAllocationInfo{Reservation: types.NewInt64(spec.CPUReservationMHz)},
		Files:            &types.VirtualMachineFileInfo{VmPathName: fmt.Sprintf("[%s]", spec.Datastore)}}
	scsi := &types.ParaVirtualSCSIController{VirtualSCSIController: types.VirtualSCSIController{
		SharedBus: types.VirtualSCSISharingNoSharing, VirtualController: types.VirtualController{VirtualDevice: types.VirtualDevice{Key: -1}}}}
	disk := &types.VirtualDisk{CapacityInKB: spec.DiskGB << 20, VirtualDevice: types.VirtualDevice{Key: -2, ControllerKey: -1,
		UnitNumber: types.NewInt32(0), Backing: &types.VirtualDiskFlatVer2BackingInfo{DiskMode: "persistent",
			ThinProvisioned: types.NewBool(true), VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: fmt.Sprintf("[%s]", spec.Datastore)}}}}
	config.DeviceChange = []types.BaseVirtualDeviceConfigSpec{
		&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: scsi},
		&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: disk,
			FileOperation: types.VirtualDeviceConfigSpecFileOperationCreate}}
	if spec.Nova {
		config.ExtraConfig = []types.BaseOptionValue{&types.OptionValue{Key: "nvp.vm-uuid", Value: id}}
	}
	folder := s.reg.Get(dc.VmFolder).(*simulator.Folder)
	ref, fault := s.createVM(ctx, folder.Self, *c.ResourcePool, &host, &config)
	if fault != nil {
		return nil, fmt.Errorf("%s", faultMessage(fault))
	}
	vm := s.reg.Get(ref).(*simulator.VirtualMachine)
	if spec.Power == "on" {
		vm.Runtime.PowerState = types.VirtualMachinePowerStatePoweredOn
		vm.Runtime.BootTime = types.NewTime(time.Now())
		vm.Summary.Runtime.PowerState, vm.Summary.Runtime.BootTime = vm.Runtime.PowerState, vm.Runtime.BootTime
	}
	return vm, nil
}

// loadCopy adds a VM that is like first but for its name, ids, host and files.
func (s *server) loadCopy(ctx *simulator.Context, first *simulator.VirtualMachine, spec *VM, name, id string, host types.ManagedObjectReference) error {
	vm := *first // keeps the simulator's private fields
	vm.VirtualMachine = deepCopy(reflect.ValueOf(first.VirtualMachine), first.Name, name).Interface().(moVirtualMachine)
	vm.Self = types.ManagedObjectReference{Type: "VirtualMachine"}
	vm.Config.Uuid, vm.Config.InstanceUuid = id, id
	vm.Summary.Config.Uuid, vm.Summary.Config.InstanceUuid = id, id
	vm.Runtime.Host, vm.Summary.Runtime.Host = &host, &host
	folder := s.reg.Get(*first.Parent).(*simulator.Folder)
	s.reg.PutEntity(folder, &vm)
	vm.Summary.Vm = &vm.Self
	folder.ChildEntity = append(folder.ChildEntity, vm.Self)
	h := s.reg.Get(host).(*simulator.HostSystem)
	h.Vm = append(h.Vm, vm.Self)
	st := s.places[place{s.datacenterOf(*first.Parent), spec.Datastore}]
	ds := s.reg.Get(st.ref).(*simulator.Datastore)
	ds.Vm = append(ds.Vm, vm.Self)
	pool := s.reg.Get(*vm.ResourcePool).(*simulator.ResourcePool)
	pool.Vm = append(pool.Vm, vm.Self)

	dir := filepath.Join(st.dir, name)
	if err := os.Mkdir(dir, 0700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, name+".vmx"), nil, 0600); err != nil {
		return err
	}
	return createDisk(file{st, name + "/" + name + ".vmdk"}, spec.DiskGB<<30, diskKind{thin: true}, nil)
}
