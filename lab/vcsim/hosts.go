package main

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// clusterMethods is ClusterComputeResource's AddHost_Task and ReconfigureComputeResource_Task.
type clusterMethods struct{ own }

// cluster finds a cluster, or gives the fault for what is none.
func (m *clusterMethods) cluster(ref types.ManagedObjectReference) (*simulator.ClusterComputeResource, *soap.Fault) {
	c, ok := m.reg.Get(ref).(*simulator.ClusterComputeResource)
	if !ok {
		return nil, soapFault(&types.ManagedObjectNotFound{Obj: ref})
	}
	return c, nil
}

// AddHostTask adds a host with the scenario's default size to a cluster. It mounts no datastore, and nothing listens on its address.
func (m *clusterMethods) AddHostTask(ctx *simulator.Context, req *types.AddHost_Task) soap.HasFault {
	c, fault := m.cluster(req.This)
	if fault != nil {
		return &methods.AddHost_TaskBody{Fault_: fault}
	}
	ctx = m.newContext(ctx)
	task := func() (types.AnyType, types.BaseMethodFault) {
		for _, e := range m.reg.All("HostSystem") {
			if h, ok := e.(*simulator.HostSystem); ok && h.Name == req.Spec.HostName {
				// API: "DuplicateName if another host in the same cluster has the name", AlreadyConnected for another place.
				if h.Parent != nil && *h.Parent == c.Self {
					return nil, &types.DuplicateName{Name: h.Name, Object: h.Self}
				}
				return nil, &types.AlreadyConnected{Name: h.Name}
			}
		}
		ref, fault := m.addHost(ctx, c, req)
		if fault != nil {
			return nil, fault
		}
		spec := Host{Name: req.Spec.HostName}
		if err := checkHost(&spec); err != nil {
			return nil, &types.InvalidArgument{InvalidProperty: "spec"}
		}
		h := m.reg.Get(ref).(*simulator.HostSystem)
		ctx.WithLock(h, func() {
			m.equipHost(h, &spec)
			m.setProduct(h)
			if !req.AsConnected {
				h.Runtime.ConnectionState = types.HostSystemConnectionStateDisconnected
			}
		})
		return ref, nil
	}
	return &methods.AddHost_TaskBody{Res: &types.AddHost_TaskResponse{Returnval: m.runTask(ctx, req.This, "ClusterComputeResource.AddHost_Task", task)}}
}

// addHost lets the simulator add a host. It reads the versions of the cluster's other hosts then and panics at those that it does not know,
// so they have the one of its own hosts meanwhile.
func (s *server) addHost(ctx *simulator.Context, c *simulator.ClusterComputeResource, req *types.AddHost_Task) (none types.ManagedObjectReference, fault types.BaseMethodFault) {
	hosts := []*simulator.HostSystem{}
	ctx.WithLock(c, func() {
		for _, ref := range c.Host {
			if h, ok := s.reg.Get(ref).(*simulator.HostSystem); ok {
				hosts = append(hosts, h)
			}
		}
	})
	for _, h := range hosts {
		defer s.reg.AcquireLock(ctx, h)()
		product := h.Config.Product
		defer func() { h.Config.Product = product }()
		h.Config.Product.Version = "6.5.0"
	}
	res := locked(ctx, c.Self, func() soap.HasFault { return c.AddHostTask(ctx, req) })
	if fault := refusal(res); fault != nil {
		return none, fault
	}
	result, fault := s.waitTask(res.(*methods.AddHost_TaskBody).Res.Returnval)
	if fault != nil {
		return none, fault
	}
	return result.(types.ManagedObjectReference), nil
}

// ReconfigureComputeResourceTask changes a cluster. vSAN's switch is only remembered: no host has a disk for it, so there is no datastore to
// make. The simulator would make one in a folder of the machine that is not there.
func (m *clusterMethods) ReconfigureComputeResourceTask(ctx *simulator.Context, req *types.ReconfigureComputeResource_Task) soap.HasFault {
	c, fault := m.cluster(req.This)
	if fault != nil {
		return &methods.ReconfigureComputeResource_TaskBody{Fault_: fault}
	}
	spec, ok := req.Spec.(*types.ClusterConfigSpecEx)
	if ok && spec.VsanConfig != nil {
		vsan := spec.VsanConfig
		spec.VsanConfig = nil
		cfg, ok := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
		if !ok {
			return &methods.ReconfigureComputeResource_TaskBody{Fault_: soapFault(&types.InvalidArgument{InvalidProperty: "spec"})}
		}
		ctx.WithLock(c, func() {
			completeCluster(c)
			if vsan.Enabled != nil {
				cfg.VsanConfigInfo.Enabled = vsan.Enabled
			}
			if vsan.DefaultConfig != nil {
				cfg.VsanConfigInfo.DefaultConfig = vsan.DefaultConfig
			}
			if info := cfg.VsanConfigInfo.DefaultConfig; info != nil && info.Uuid == "" {
				info.Uuid = stableUUID("vsan", m.scenario.VCenter.InstanceUUID, c.Self.Value)
			}
		})
	}
	return locked(ctx, c.Self, func() soap.HasFault { return c.ReconfigureComputeResourceTask(ctx, req) })
}

// GetResourceUsage sums a cluster's hosts and datastores up (API: ClusterComputeResource.GetResourceUsage).
func (m *clusterMethods) GetResourceUsage(ctx *simulator.Context, req *types.GetResourceUsage) soap.HasFault {
	c, fault := m.cluster(req.This)
	if fault != nil {
		return &methods.GetResourceUsageBody{Fault_: fault}
	}
	var sum types.ClusterResourceUsageSummary
	for _, h := range m.hostLoad(ctx, c).hosts {
		sum.CpuCapacityMHz, sum.CpuUsedMHz = sum.CpuCapacityMHz+int32(h.cpu), sum.CpuUsedMHz+int32(h.cpuUsed)
		sum.MemCapacityMB, sum.MemUsedMB = sum.MemCapacityMB+int32(h.memory), sum.MemUsedMB+int32(h.used)
	}
	var stores []types.ManagedObjectReference
	ctx.WithLock(c, func() { stores = slices.Clone(c.Datastore) })
	for _, ref := range stores {
		if st := m.storeOf(ref); st != nil {
			sum.StorageCapacityMB += st.capacity >> 20
			sum.StorageUsedMB += (st.capacity - st.freeSpace()) >> 20
		}
	}
	return &methods.GetResourceUsageBody{Res: &types.GetResourceUsageResponse{Returnval: sum}}
}

// DestroyTask removes a cluster with its hosts; one with VMs stays (API: ManagedEntity.Destroy_Task, ResourceInUse).
func (m *clusterMethods) DestroyTask(ctx *simulator.Context, req *types.Destroy_Task) soap.HasFault {
	c, fault := m.cluster(req.This)
	if fault != nil {
		return &methods.Destroy_TaskBody{Fault_: fault}
	}
	ctx = m.newContext(ctx)
	task := func() (types.AnyType, types.BaseMethodFault) {
		var hosts []types.ManagedObjectReference
		ctx.WithLock(c, func() { hosts = slices.Clone(c.Host) })
		for _, ref := range hosts {
			if h, ok := m.reg.Get(ref).(*simulator.HostSystem); ok && len(h.Vm) > 0 {
				return nil, &types.ResourceInUse{Type: "ClusterComputeResource", Name: c.Name}
			}
		}
		for _, ref := range hosts {
			m.reg.Remove(ctx, ref)
		}
		if f, ok := m.reg.Get(*c.Parent).(*simulator.Folder); ok {
			m.reg.RemoveReference(ctx, f, &f.ChildEntity, c.Self)
		}
		m.reg.Remove(ctx, *c.ResourcePool)
		m.reg.Remove(ctx, c.Self)
		return nil, nil
	}
	return &methods.Destroy_TaskBody{Res: &types.Destroy_TaskResponse{Returnval: m.runTask(ctx, *c.Parent, "ClusterComputeResource.Destroy_Task", task)}}
}

// hostMethods is HostSystem's Destroy_Task.
type hostMethods struct{ own }

// DestroyTask takes a host out of the inventory. In a cluster it has to be in maintenance mode or disconnected, else InvalidState. The simulator
// leaves the cluster with a host that is not there.
func (m *hostMethods) DestroyTask(ctx *simulator.Context, req *types.Destroy_Task) soap.HasFault {
	h, ok := m.reg.Get(req.This).(*simulator.HostSystem)
	if !ok {
		return &methods.Destroy_TaskBody{Fault_: soapFault(&types.ManagedObjectNotFound{Obj: req.This})}
	}
	ctx = m.newContext(ctx)
	task := func() (types.AnyType, types.BaseMethodFault) {
		c, inCluster := m.reg.Get(*h.Parent).(*simulator.ClusterComputeResource)
		working := false
		ctx.WithLock(h, func() {
			working = !h.Runtime.InMaintenanceMode && h.Runtime.ConnectionState == types.HostSystemConnectionStateConnected
		})
		if inCluster && working {
			return nil, &types.InvalidState{}
		}
		res := locked(ctx, h.Self, func() soap.HasFault { return h.DestroyTask(ctx, req) })
		if _, fault := m.waitTask(res.(*methods.Destroy_TaskBody).Res.Returnval); fault != nil {
			return nil, fault
		}
		if inCluster {
			m.reg.RemoveReference(ctx, c, &c.Host, h.Self)
		}
		return nil, nil
	}
	return &methods.Destroy_TaskBody{Res: &types.Destroy_TaskResponse{Returnval: m.runTask(ctx, req.This, "HostSystem.Destroy_Task", task)}}
}

// completeCluster gives a cluster the settings that each has, whether vSAN and HA are on or not.
func completeCluster(c *simulator.ClusterComputeResource) {
	cfg, ok := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
	if !ok {
		return
	}
	if cfg.VsanConfigInfo == nil {
		cfg.VsanConfigInfo = &types.VsanClusterConfigInfo{Enabled: types.NewBool(false),
			DefaultConfig: &types.VsanClusterConfigInfoHostDefaultInfo{AutoClaimStorage: types.NewBool(false)}}
	}
	if das := &cfg.DasConfig; das.DefaultVmSettings == nil {
		das.DefaultVmSettings = &types.ClusterDasVmSettings{RestartPriority: string(types.ClusterDasVmSettingsRestartPriorityMedium),
			IsolationResponse: string(types.ClusterDasVmSettingsIsolationResponseNone),
			VmToolsMonitoringSettings: &types.ClusterVmToolsMonitoringSettings{Enabled: types.NewBool(false), ClusterSettings: types.NewBool(false),
				VmMonitoring: string(types.ClusterDasConfigInfoVmMonitoringStateVmMonitoringDisabled), FailureInterval: 30, MinUpTime: 120, MaxFailures: 3,
				MaxFailureWindow: 3600}}
		das.HostMonitoring = string(types.ClusterDasConfigInfoServiceStateEnabled)
		das.VmMonitoring = string(types.ClusterDasConfigInfoVmMonitoringStateVmMonitoringDisabled)
	}
}

// datastoreSystem is HostDatastoreSystem's creation of datastores. The scenario says which there are: the simulator would take any folder of
// the machine for one.
type datastoreSystem struct{ own }

// noNewDatastore is the fault of a host that can't mount (API: HostDatastoreSystem.CreateNasDatastore, PlatformConfigFault).
func noNewDatastore() *soap.Fault {
	return simulator.Fault("An error occurred during host configuration.",
		&types.PlatformConfigFault{Text: "this simulator has the datastores of its scenario only"})
}

// CreateNasDatastore mounts nothing.
func (*datastoreSystem) CreateNasDatastore(*simulator.Context, *types.CreateNasDatastore) soap.HasFault {
	return &methods.CreateNasDatastoreBody{Fault_: noNewDatastore()}
}

// CreateLocalDatastore makes nothing.
func (*datastoreSystem) CreateLocalDatastore(*simulator.Context, *types.CreateLocalDatastore) soap.HasFault {
	return &methods.CreateLocalDatastoreBody{Fault_: noNewDatastore()}
}

// setProduct gives a host the version of its vCenter.
func (s *server) setProduct(h *simulator.HostSystem) {
	product := *h.Summary.Config.Product
	product.Version, product.ApiVersion = s.scenario.VCenter.Version, s.scenario.VCenter.Version+".0"
	product.FullName = "VMware ESXi " + product.Version + " build-" + product.Build + " (vcsim)"
	h.Summary.Config.Product, h.Config.Product = &product, product
}

// sharedParts are the parts of a host that say nothing here. One object of each stands for those of all hosts. The simulator's hosts name them, but
// it has none, so a client that reads one was told that it does not exist (API: HostConfigManager).
func sharedParts() []mo.Reference {
	return []mo.Reference{
		&mo.HostCpuSchedulerSystem{}, &mo.HostMemorySystem{}, &mo.HostDiagnosticSystem{}, &mo.HostSnmpSystem{}, &mo.HostPatchManager{},
		&mo.HostFirmwareSystem{}, &mo.HostHealthStatusSystem{}, &mo.HostPciPassthruSystem{}, &mo.HostKernelModuleSystem{}, &mo.HostVMotionSystem{},
		&mo.HostAuthenticationManager{}, &mo.HostCacheConfigurationManager{}, &mo.IscsiManager{}, &mo.HostVFlashManager{},
		&vsanSystem{}, &mo.HostVsanInternalSystem{}, &mo.HostGraphicsManager{}, &imageConfig{},
		&mo.HostAccessManager{LockdownMode: types.HostLockdownModeLockdownDisabled},
		&mo.HostPowerSystem{Capability: types.PowerSystemCapability{AvailablePolicy: powerPolicies}, Info: types.PowerSystemInfo{CurrentPolicy: powerPolicies[1]}},
		&simulator.HostLocalAccountManager{},
	}
}

// powerPolicies are ESXi's (API: HostPowerPolicy).
var powerPolicies = []types.HostPowerPolicy{
	{Key: 1, Name: "PowerPolicy.static.name", ShortName: "static", Description: "PowerPolicy.static.description"},
	{Key: 2, Name: "PowerPolicy.dynamic.name", ShortName: "dynamic", Description: "PowerPolicy.dynamic.description"},
	{Key: 3, Name: "PowerPolicy.low.name", ShortName: "low", Description: "PowerPolicy.low.description"},
}

// imageConfig is HostImageConfigManager.
type imageConfig struct{ mo.HostImageConfigManager }

// HostImageConfigGetAcceptance gives ESXi's default level.
func (*imageConfig) HostImageConfigGetAcceptance(*simulator.Context, *types.HostImageConfigGetAcceptance) soap.HasFault {
	return &methods.HostImageConfigGetAcceptanceBody{Res: &types.HostImageConfigGetAcceptanceResponse{
		Returnval: string(types.HostImageAcceptanceLevelPartner)}}
}

// FetchSoftwarePackages gives no packages.
func (*imageConfig) FetchSoftwarePackages(*simulator.Context, *types.FetchSoftwarePackages) soap.HasFault {
	return &methods.FetchSoftwarePackagesBody{Res: new(types.FetchSoftwarePackagesResponse)}
}

// vsanSystem is HostVsanSystem.
type vsanSystem struct{ mo.HostVsanSystem }

// QueryHostStatus tells of a host that is in no vSAN cluster (API: VsanHostHealthState, VsanHostNodeState).
func (*vsanSystem) QueryHostStatus(*simulator.Context, *types.QueryHostStatus) soap.HasFault {
	return &methods.QueryHostStatusBody{Res: &types.QueryHostStatusResponse{Returnval: types.VsanHostClusterStatus{
		Health:    string(types.VsanHostHealthStateUnknown),
		NodeState: types.VsanHostClusterStatusState{State: string(types.VsanHostNodeStateError)}}}}
}

// autoStart is a host's HostAutoStartManager.
type autoStart struct{ mo.HostAutoStartManager }

// ReconfigureAutostart changes what is named (API: HostAutoStartManager.ReconfigureAutostart).
func (a *autoStart) ReconfigureAutostart(_ *simulator.Context, req *types.ReconfigureAutostart) soap.HasFault {
	if req.Spec.Defaults != nil {
		a.Config.Defaults = req.Spec.Defaults
	}
	for _, vm := range req.Spec.PowerInfo {
		same := func(is types.AutoStartPowerInfo) bool { return is.Key == vm.Key }
		a.Config.PowerInfo = append(slices.DeleteFunc(slices.Clone(a.Config.PowerInfo), same), vm)
	}
	return &methods.ReconfigureAutostartBody{Res: new(types.ReconfigureAutostartResponse)}
}

// setNetwork says the same of a host's network in each place where the API has it.
func (s *server) setNetwork(h *simulator.HostSystem) {
	info := h.Config.Network
	if m, ok := s.reg.Get(*h.ConfigManager.NetworkSystem).(*simulator.HostNetworkSystem); ok && info != nil {
		config := &types.HostNetworkConfig{DnsConfig: info.DnsConfig, IpRouteConfig: info.IpRouteConfig}
		for _, nic := range info.Pnic {
			config.Pnic = append(config.Pnic, types.PhysicalNicConfig{Device: nic.Device, Spec: nic.Spec})
		}
		for _, vswitch := range info.Vswitch {
			config.Vswitch = append(config.Vswitch, types.HostVirtualSwitchConfig{Name: vswitch.Name, Spec: &vswitch.Spec})
		}
		for _, group := range info.Portgroup {
			config.Portgroup = append(config.Portgroup, types.HostPortGroupConfig{Spec: &group.Spec})
		}
		m.NetworkConfig = config
	}
	m, ok := s.reg.Get(*h.ConfigManager.VirtualNicManager).(*simulator.HostVirtualNicManager)
	if !ok {
		return
	}
	for _, kind := range []types.HostVirtualNicManagerNicType{types.HostVirtualNicManagerNicTypeVmotion, types.HostVirtualNicManagerNicTypeVsan,
		types.HostVirtualNicManagerNicTypeVSphereProvisioning, types.HostVirtualNicManagerNicTypeVSphereReplication,
		types.HostVirtualNicManagerNicTypeVSphereReplicationNFC, types.HostVirtualNicManagerNicTypeManagement,
		types.HostVirtualNicManagerNicTypeFaultToleranceLogging} {
		same := func(c types.VirtualNicManagerNetConfig) bool { return c.NicType == string(kind) }
		if !slices.ContainsFunc(m.Info.NetConfig, same) {
			m.Info.NetConfig = append(slices.Clone(m.Info.NetConfig), types.VirtualNicManagerNetConfig{NicType: string(kind), MultiSelectAllowed: true})
		}
	}
}

// setParts makes each part that a host's configManager names an object that is there, or takes the name away.
func (s *server) setParts(h *simulator.HostSystem) {
	mine := []mo.Reference{
		&dateTime{HostDateTimeSystem: mo.HostDateTimeSystem{DateTimeInfo: *h.Config.DateTimeInfo}, s: s, host: h},
		&services{HostServiceSystem: mo.HostServiceSystem{ServiceInfo: *h.Config.Service}, host: h},
		&autoStart{mo.HostAutoStartManager{Config: types.HostAutoStartManagerConfig{Defaults: &types.AutoStartDefaults{
			Enabled: types.NewBool(false), StartDelay: 120, StopDelay: 120, WaitForHeartbeat: types.NewBool(false), StopAction: "PowerOff"}}}},
	}
	s.setNetwork(h)
	if s.parts == nil {
		s.parts = map[string]types.ManagedObjectReference{}
		for _, p := range sharedParts() {
			kind := managed(p).Type().Name()
			s.parts[kind] = s.putPart(p, kind, "")
		}
	}
	manager := h.ConfigManager // the simulator's hosts share one
	fields := reflect.ValueOf(&manager).Elem()
	for i := range fields.NumField() {
		ref, ok := fields.Field(i).Interface().(*types.ManagedObjectReference)
		if !ok || ref == nil || s.reg.Get(*ref) != nil {
			continue
		}
		var found *types.ManagedObjectReference
		if shared, ok := s.parts[ref.Type]; ok {
			found = &shared
		}
		for _, p := range mine {
			if kind := managed(p).Type().Name(); kind == ref.Type {
				made := s.putPart(p, kind, "-"+strings.TrimPrefix(h.Self.Value, "host-"))
				found = &made
			}
		}
		fields.Field(i).Set(reflect.ValueOf(found))
	}
	h.ConfigManager = manager
}

func (s *server) putPart(p mo.Reference, kind, id string) types.ManagedObjectReference {
	ref := types.ManagedObjectReference{Type: kind, Value: strings.ToLower(kind[:1]) + kind[1:] + id}
	managed(p).FieldByName("Self").Set(reflect.ValueOf(ref))
	s.reg.Put(p)
	return ref
}

// dateTime is a host's HostDateTimeSystem.
type dateTime struct {
	mo.HostDateTimeSystem
	s    *server
	host *simulator.HostSystem
}

// QueryDateTime tells the host's time, which is the machine's.
func (*dateTime) QueryDateTime(*simulator.Context, *types.QueryDateTime) soap.HasFault {
	return &methods.QueryDateTimeBody{Res: &types.QueryDateTimeResponse{Returnval: time.Now().UTC()}}
}

// UpdateDateTimeConfig sets time zone and NTP servers (API: HostDateTimeSystem.UpdateDateTimeConfig).
func (d *dateTime) UpdateDateTimeConfig(ctx *simulator.Context, req *types.UpdateDateTimeConfig) soap.HasFault {
	info := d.DateTimeInfo
	if zone := req.Config.TimeZone; zone != "" {
		info.TimeZone = types.HostDateTimeSystemTimeZone{Key: zone, Name: zone}
	}
	if req.Config.NtpConfig != nil {
		info.NtpConfig = req.Config.NtpConfig
	}
	d.DateTimeInfo = info
	ctx.WithLock(d.host, func() { d.host.Config.DateTimeInfo = &info })
	return &methods.UpdateDateTimeConfigBody{Res: new(types.UpdateDateTimeConfigResponse)}
}

// UpdateDateTime does not change the machine's time.
func (*dateTime) UpdateDateTime(*simulator.Context, *types.UpdateDateTime) soap.HasFault {
	return &methods.UpdateDateTimeBody{Res: new(types.UpdateDateTimeResponse)}
}

// RefreshDateTimeSystem has nothing to do.
func (*dateTime) RefreshDateTimeSystem(*simulator.Context, *types.RefreshDateTimeSystem) soap.HasFault {
	return &methods.RefreshDateTimeSystemBody{Res: new(types.RefreshDateTimeSystemResponse)}
}

// services is a host's HostServiceSystem.
type services struct {
	mo.HostServiceSystem
	host *simulator.HostSystem
}

// change changes one service, here and in the host's config (API: NotFound for a service that is not there).
func (x *services) change(ctx *simulator.Context, id string, f func(*types.HostService)) *soap.Fault {
	info := x.ServiceInfo
	info.Service = slices.Clone(info.Service)
	for i := range info.Service {
		if info.Service[i].Key == id {
			f(&info.Service[i])
			x.ServiceInfo = info
			ctx.WithLock(x.host, func() { x.host.Config.Service = &info })
			return nil
		}
	}
	return soapFault(&types.NotFound{})
}

func setRunning(on bool) func(*types.HostService) {
	return func(x *types.HostService) { x.Running = on }
}

// StartService starts a service.
func (x *services) StartService(ctx *simulator.Context, req *types.StartService) soap.HasFault {
	return &methods.StartServiceBody{Fault_: x.change(ctx, req.Id, setRunning(true)), Res: new(types.StartServiceResponse)}
}

// StopService stops a service.
func (x *services) StopService(ctx *simulator.Context, req *types.StopService) soap.HasFault {
	return &methods.StopServiceBody{Fault_: x.change(ctx, req.Id, setRunning(false)), Res: new(types.StopServiceResponse)}
}

// RestartService restarts a service.
func (x *services) RestartService(ctx *simulator.Context, req *types.RestartService) soap.HasFault {
	return &methods.RestartServiceBody{Fault_: x.change(ctx, req.Id, setRunning(true)), Res: new(types.RestartServiceResponse)}
}

// UpdateServicePolicy says when a service starts by itself.
func (x *services) UpdateServicePolicy(ctx *simulator.Context, req *types.UpdateServicePolicy) soap.HasFault {
	return &methods.UpdateServicePolicyBody{Fault_: x.change(ctx, req.Id, func(s *types.HostService) { s.Policy = req.Policy }), Res: new(types.UpdateServicePolicyResponse)}
}

// RefreshServices has nothing to do.
func (*services) RefreshServices(*simulator.Context, *types.RefreshServices) soap.HasFault {
	return &methods.RefreshServicesBody{Res: new(types.RefreshServicesResponse)}
}
