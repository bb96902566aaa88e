package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// serviceInstance is ServiceInstance, whose clock may be wrong.
type serviceInstance struct{ own }

// CurrentTime is the vCenter's clock.
func (i *serviceInstance) CurrentTime(*simulator.Context, *types.CurrentTime) soap.HasFault {
	return &methods.CurrentTimeBody{Res: &types.CurrentTimeResponse{Returnval: i.now()}}
}

// now is the vCenter's clock: the machine's, and the scenario's offset.
func (s *server) now() time.Time {
	return time.Now().Add(time.Duration(s.scenario.VCenter.ClockOffsetSeconds) * time.Second)
}
