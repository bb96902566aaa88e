package main

import (
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func (l *lab) cluster(name string) *object.ClusterComputeResource {
	l.Helper()
	c, err := l.f.ClusterComputeResource(l.ctx, name)
	l.must(err)
	return c
}

// TestAddHost: a cluster of the scenario takes another host. It ended the process at a version that the simulator does not know.
func TestAddHost(t *testing.T) {
	l := newLab(t)
	spec := types.HostConnectSpec{HostName: "127.78.9.9", UserName: "root", Password: "x"}
	c := l.cluster("cluster-a")
	for _, want := range []string{"", "DuplicateName"} {
		l.want(want)(c.AddHost(l.ctx, spec, true, nil, nil))
	}
	l.want("AlreadyConnected")(l.cluster("cluster-b").AddHost(l.ctx, spec, true, nil, nil))
	l.want("NoHost")(c.AddHost(l.ctx, types.HostConnectSpec{}, true, nil, nil))
	hosts, err := l.f.HostSystemList(l.ctx, "cluster-a/*")
	l.must(err)
	for _, h := range hosts {
		var is mo.HostSystem
		l.props(h.Reference(), &is, "config.product.version", "summary.config.product", "hardware.memorySize")
		if is.Config.Product.Version != "8.0.3" || is.Summary.Config.Product.Version != "8.0.3" || is.Hardware.MemorySize < 1<<30 {
			t.Errorf("%s: version %s, memory %d", h.Name(), is.Config.Product.Version, is.Hardware.MemorySize)
		}
	}
	if len(hosts) != 5 {
		t.Errorf("%d hosts", len(hosts))
	}
	added := object.NewHostSystem(l.c.Client, hosts[len(hosts)-1].Reference())
	l.want("InvalidState")(added.Destroy(l.ctx))
	l.want("")(added.Disconnect(l.ctx))
	l.want("")(added.Destroy(l.ctx))
	var is mo.ClusterComputeResource
	l.props(c.Reference(), &is, "host")
	if len(is.Host) != 4 {
		t.Errorf("%d hosts are left", len(is.Host))
	}
}

// TestVsanSwitch: vSAN's switch is remembered. It ended the process, and every later change of the cluster too.
func TestVsanSwitch(t *testing.T) {
	l := newLab(t)
	c := l.cluster("cluster-a")
	for _, on := range []bool{true, false} {
		l.want("")(c.Reconfigure(l.ctx, &types.ClusterConfigSpecEx{VsanConfig: &types.VsanClusterConfigInfo{Enabled: &on}}, true))
		l.want("")(c.Reconfigure(l.ctx, &types.ClusterConfigSpecEx{DrsConfig: &types.ClusterDrsConfigInfo{Enabled: &on}}, true))
		var is mo.ClusterComputeResource
		l.props(c.Reference(), &is, "configurationEx")
		cfg := is.ConfigurationEx.(*types.ClusterConfigInfoEx)
		if *cfg.VsanConfigInfo.Enabled != on || *cfg.DrsConfig.Enabled != on {
			t.Errorf("%v: %+v %+v", on, cfg.VsanConfigInfo, cfg.DrsConfig)
		}
	}
}

// TestHostParts: each part that a host names is there, and clients change its time and its services.
func TestHostParts(t *testing.T) {
	l := newLab(t)
	hosts, err := l.f.HostSystemList(l.ctx, "cluster-a/*")
	l.must(err)
	var is mo.HostSystem
	l.props(hosts[0].Reference(), &is, "configManager")
	for _, ref := range []*types.ManagedObjectReference{is.ConfigManager.PowerSystem, is.ConfigManager.AutoStartManager, is.ConfigManager.SnmpSystem,
		is.ConfigManager.ImageConfigManager, is.ConfigManager.HostAccessManager, is.ConfigManager.VmotionSystem, is.ConfigManager.VsanSystem} {
		if ref == nil || l.s.reg.Get(*ref) == nil {
			t.Errorf("%v is not there", ref)
		}
	}
	config := object.NewHostConfigManager(l.c.Client, hosts[0].Reference())
	clock, err := config.DateTimeSystem(l.ctx)
	l.must(err)
	l.must(clock.UpdateConfig(l.ctx, types.HostDateTimeConfig{NtpConfig: &types.HostNtpConfig{Server: []string{"a", "b"}}}))
	service, err := config.ServiceSystem(l.ctx)
	l.must(err)
	l.must(service.Stop(l.ctx, "ntpd"))
	if err := service.Stop(l.ctx, "nothing"); fault(err) != "NotFound" {
		t.Errorf("a service that is not there: %v", err)
	}
	for i, h := range hosts {
		var is mo.HostSystem
		l.props(h.Reference(), &is, "config.dateTimeInfo", "config.service")
		for _, x := range is.Config.Service.Service {
			if x.Key == "ntpd" && x.Running != (i > 0) {
				t.Errorf("host %d: ntpd %v", i, x.Running)
			}
		}
		if n := len(is.Config.DateTimeInfo.NtpConfig.Server); (n == 2) != (i == 0) {
			t.Errorf("host %d: %d NTP servers", i, n)
		}
	}
}

// TestNoNewDatastore: a client makes no folder of the machine a datastore.
func TestNoNewDatastore(t *testing.T) {
	l := newLab(t)
	hosts, err := l.f.HostSystemList(l.ctx, "cluster-a/*")
	l.must(err)
	dss, err := hosts[0].ConfigManager().DatastoreSystem(l.ctx)
	l.must(err)
	if _, err := dss.CreateLocalDatastore(l.ctx, "etc", "/etc"); fault(err) != "PlatformConfigFault" {
		t.Errorf("local: %v", err)
	}
	req := &types.CreateNasDatastore{This: dss.Reference(), Spec: types.HostNasVolumeSpec{RemoteHost: "h", RemotePath: "/x", LocalPath: "/etc", Type: "NFS"}}
	if _, err := methods.CreateNasDatastore(l.ctx, l.c.Client, req); fault(err) != "PlatformConfigFault" {
		t.Errorf("NAS: %v", err)
	}
}

// TestCluster: a new cluster says that it has no vSAN, sums up what it has, and goes only without VMs.
func TestCluster(t *testing.T) {
	l := newLab(t)
	folders, err := l.dc.Folders(l.ctx)
	l.must(err)
	c, err := folders.HostFolder.CreateCluster(l.ctx, "new", types.ClusterConfigSpecEx{})
	l.must(err)
	l.want("")(c.AddHost(l.ctx, types.HostConnectSpec{HostName: "127.78.9.9", UserName: "root", Password: "x"}, true, nil, nil))
	var is mo.ClusterComputeResource
	l.props(c.Reference(), &is, "configurationEx")
	if vsan := is.ConfigurationEx.(*types.ClusterConfigInfoEx).VsanConfigInfo; vsan == nil || *vsan.Enabled {
		t.Errorf("vSAN %+v", vsan)
	}
	for name, want := range map[string]int64{"new": 0, "cluster-b": 100 << 10} {
		res, err := methods.GetResourceUsage(l.ctx, l.c.Client, &types.GetResourceUsage{This: l.cluster(name).Reference()})
		l.must(err)
		usage := res.Returnval
		if usage.StorageCapacityMB != want || usage.CpuCapacityMHz == 0 || usage.MemCapacityMB == 0 {
			t.Errorf("%s: %+v", name, usage)
		}
	}
	l.want("ResourceInUse")(l.cluster("cluster-b").Destroy(l.ctx))
	l.want("")(c.Destroy(l.ctx))
	if all, err := l.f.ClusterComputeResourceList(l.ctx, "*"); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
}
