package main

import (
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// TestFindByUuid: VMs by both UUIDs, hosts, and what is not there. Nova hung at its start when this did not answer.
func TestFindByUuid(t *testing.T) {
	l := newLab(t)
	spec := vmSpec("uuid-1", "ds-a", 1024, 0, nil, false)
	spec.InstanceUuid = "b6bd6186-1d2c-4541-afcb-f23124fba128"
	vm, f := l.createVM("cluster-a", spec)
	if f != "" {
		t.Fatal(f)
	}
	var is mo.VirtualMachine
	l.must(vm.Properties(l.ctx, vm.Reference(), []string{"config.uuid"}, &is))
	var host mo.HostSystem
	hosts, err := l.f.HostSystemList(l.ctx, "cluster-a/*")
	l.must(err)
	l.must(hosts[0].Properties(l.ctx, hosts[0].Reference(), []string{"summary.hardware"}, &host))
	search := object.NewSearchIndex(l.c.Client)
	for _, c := range []struct {
		uuid     string
		vm       bool
		instance *bool
		want     string
	}{
		{spec.InstanceUuid, true, types.NewBool(true), vm.Reference().Value},
		{spec.InstanceUuid, true, nil, ""},
		{is.Config.Uuid, true, types.NewBool(false), vm.Reference().Value},
		{is.Config.Uuid, false, nil, ""},
		{host.Summary.Hardware.Uuid, false, nil, hosts[0].Reference().Value},
		{"00000000-0000-4000-8000-000000000000", true, types.NewBool(true), ""},
	} {
		one, err := search.FindByUuid(l.ctx, nil, c.uuid, c.vm, c.instance)
		l.must(err)
		all, err := search.FindAllByUuid(l.ctx, nil, c.uuid, c.vm, c.instance)
		l.must(err)
		got := ""
		if one != nil {
			got = one.Reference().Value
		}
		if got != c.want || (len(all) == 1) != (c.want != "") {
			t.Errorf("%+v: %q and %v", c, got, all)
		}
	}
}

// TestSearches: each search finds what is there, and nothing else. One without a match panicked and kept SearchIndex locked.
func TestSearches(t *testing.T) {
	l := newLab(t)
	search := object.NewSearchIndex(l.c.Client)
	vm, f := l.createVM("cluster-a", vmSpec("found", "ds-a", 1024, 0, nil, false))
	if f != "" {
		t.Fatal(f)
	}
	machine := l.s.reg.Get(vm.Reference()).(*simulator.VirtualMachine)
	machine.Guest = &types.GuestInfo{IpAddress: "10.1.2.3", HostName: "guest"}
	dc2, err := l.f.Datacenter(l.ctx, "/dc2")
	l.must(err)
	for range 2 {
		for _, c := range []struct {
			name string
			find func() (object.Reference, error)
			want bool
		}{
			{"IP", func() (object.Reference, error) { return search.FindByIp(l.ctx, nil, "10.1.2.3", true) }, true},
			{"no IP", func() (object.Reference, error) { return search.FindByIp(l.ctx, nil, "10.9.9.9", true) }, false},
			{"IP of a host", func() (object.Reference, error) { return search.FindByIp(l.ctx, l.dc, "127.78.1.11", false) }, true},
			{"IP of a host elsewhere", func() (object.Reference, error) { return search.FindByIp(l.ctx, dc2, "127.78.1.11", false) }, false},
			{"name", func() (object.Reference, error) { return search.FindByDnsName(l.ctx, nil, "guest", true) }, true},
			{"no name", func() (object.Reference, error) { return search.FindByDnsName(l.ctx, nil, "nobody", true) }, false},
			{"name of a host", func() (object.Reference, error) { return search.FindByDnsName(l.ctx, nil, "127.78.1.11", false) }, true},
			{"path", func() (object.Reference, error) {
				return search.FindByDatastorePath(l.ctx, l.dc, "[ds-a] found/found.vmx")
			}, true},
			{"no path", func() (object.Reference, error) { return search.FindByDatastorePath(l.ctx, l.dc, "[ds-a] x/x.vmx") }, false},
			{"inventory path", func() (object.Reference, error) { return search.FindByInventoryPath(l.ctx, "/dc1/vm/found") }, true},
			{"no inventory path", func() (object.Reference, error) { return search.FindByInventoryPath(l.ctx, "/dc1/x/y") }, false},
		} {
			if got, err := c.find(); err != nil || (got != nil) != c.want {
				t.Errorf("%s: %v, %v", c.name, got, err)
			}
		}
	}
}
