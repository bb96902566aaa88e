"""The lab: real OpenStack services on a simulated vCenter, on one machine."""
