package main

import (
	"testing"

	"github.com/vmware/govmomi/object"
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
