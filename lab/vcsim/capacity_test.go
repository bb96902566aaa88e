package main

import (
	"fmt"
	"sync"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
)

func (l *lab) hostOf(vm *object.VirtualMachine) string {
	l.Helper()
	var m mo.VirtualMachine
	l.props(vm.Reference(), &m, "runtime.host")
	return l.s.reg.Get(*m.Runtime.Host).(*simulator.HostSystem).Name
}

func TestHostSizes(t *testing.T) {
	l := newLab(t)
	var h mo.HostSystem
	l.props(l.s.hosts["127.78.1.12"], &h, "name", "hardware", "summary", "runtime", "vm")
	hw := h.Summary.Hardware
	if h.Name != "127.78.1.12" || hw.NumCpuCores != 16 || hw.NumCpuThreads != 32 || hw.MemorySize != 131072<<20 || h.Hardware.MemorySize != hw.MemorySize || h.Hardware.CpuInfo.NumCpuThreads != 32 {
		t.Errorf("%+v", hw)
	}
	if len(h.Vm) != 3 || h.Summary.QuickStats.OverallMemoryUsage != 3*8192+hypervisorMB {
		t.Errorf("%d VMs, %+v", len(h.Vm), h.Summary.QuickStats)
	}
	l.props(l.s.hosts["127.78.1.13"], &h, "runtime")
	if !h.Runtime.InMaintenanceMode {
		t.Error("not in maintenance")
	}
	l.props(l.s.hosts["127.78.1.14"], &h, "runtime", "summary")
	if h.Runtime.ConnectionState != "disconnected" || h.Summary.Runtime.ConnectionState != "disconnected" {
		t.Errorf("%+v", h.Runtime)
	}
	c, err := l.f.ClusterComputeResource(l.ctx, "cluster-a")
	l.must(err)
	var m mo.ClusterComputeResource
	l.props(c.Reference(), &m, "summary", "configurationEx", "host", "datastore")
	s := m.Summary.GetComputeResourceSummary()
	if s.NumHosts != 4 || s.NumEffectiveHosts != 2 || s.EffectiveMemory != 65536+131072 || s.TotalMemory != (65536+131072+2*262144)<<20 || s.NumCpuThreads != 16+3*32 {
		t.Errorf("%+v", s)
	}
	if len(m.Host) != 4 || len(m.Datastore) != 5 {
		t.Errorf("%v %v", m.Host, m.Datastore)
	}
}

func TestPlacementAndAdmission(t *testing.T) {
	l := newLab(t)
	// 127.78.1.12 has 131072 MiB, of which 3 x 8192 are reserved; 127.78.1.11 has 65536; the others are not usable.
	var vms []*object.VirtualMachine
	for i := range 3 {
		vm, fault := l.createVM("cluster-a", vmSpec(fmt.Sprint("big", i), "ds-a", 60000, 60000, nil, false))
		if fault != "" {
			t.Fatal(fault)
		}
		vms = append(vms, vm)
	}
	if got := l.hostOf(vms[0]); got != "127.78.1.12" {
		t.Errorf("placed on %s", got)
	}
	l.want("")(vms[0].PowerOn(l.ctx))
	l.want("")(vms[1].PowerOn(l.ctx)) // DRS moves it to the other host
	if a, b := l.hostOf(vms[0]), l.hostOf(vms[1]); a == b {
		t.Errorf("both on %s", a)
	}
	l.want("InsufficientMemoryResourcesFault")(vms[2].PowerOn(l.ctx))
	l.want("")(vms[1].PowerOff(l.ctx))
	l.want("")(vms[2].PowerOn(l.ctx))
	l.want("InvalidPowerState")(vms[2].PowerOn(l.ctx))

	// A host's list of VMs follows.
	var h mo.HostSystem
	l.props(l.s.hosts[l.hostOf(vms[2])], &h, "vm", "summary.quickStats")
	has := false
	for _, ref := range h.Vm {
		has = has || ref == vms[2].Reference()
	}
	if !has || h.Summary.QuickStats.OverallMemoryUsage < 60000 {
		t.Errorf("%v %+v", h.Vm, h.Summary.QuickStats)
	}
}

// Builds in parallel, with the reads of Nova's capacity report (vm_util.py get_stats_from_cluster): each host has
// each property in each answer.
func TestConcurrentReads(t *testing.T) {
	l := newLab(t)
	c, err := l.f.ClusterComputeResource(l.ctx, "cluster-a")
	l.must(err)
	hosts, err := c.Hosts(l.ctx)
	l.must(err)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 3 {
				vm, fault := l.createVM("cluster-a", vmSpec(fmt.Sprintf("p%d-%d", i, j), "ds-a", 512, 0, backing("[ds-a]"), true))
				if fault != "" {
					t.Error(fault)
					return
				}
				l.want("")(vm.PowerOn(l.ctx))
				l.want("")(vm.PowerOff(l.ctx))
				l.want("")(vm.Destroy(l.ctx))
			}
		})
		wg.Go(func() {
			for range 15 {
				for _, h := range hosts {
					var m mo.HostSystem
					l.props(h.Reference(), &m, "summary.hardware", "summary.runtime", "summary.quickStats")
					if m.Summary.Runtime == nil || m.Summary.Hardware == nil || m.Summary.QuickStats.OverallMemoryUsage == 0 {
						t.Errorf("%+v", m.Summary)
					}
				}
				var m mo.ClusterComputeResource
				l.props(c.Reference(), &m, "host", "summary", "datastore")
				if len(m.Host) != 4 {
					t.Errorf("%v", m.Host)
				}
			}
		})
	}
	wg.Wait()
}
