package main

import (
	"crypto/sha1"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Scenario is what the simulated vCenter holds at start. docs/simulator.md describes each key.
type Scenario struct {
	VCenter     VCenter      `yaml:"vcenter"`
	Datacenters []Datacenter `yaml:"datacenters"`
}

// VCenter is the vCenter itself and the accounts that may log in.
type VCenter struct {
	Name         string `yaml:"name"`
	InstanceUUID string `yaml:"instance_uuid"`
	Version      string `yaml:"version"`
	Build        string `yaml:"build"`
	Username     string `yaml:"username"`
	Password     string `yaml:"password"`
	// ClockOffsetSeconds is how far its clock is ahead, as the Date of its answers and CurrentTime tell it.
	ClockOffsetSeconds int `yaml:"clock_offset_seconds"`
	// Accounts are more accounts that may log in.
	Accounts []Account `yaml:"accounts"`
	// Behaviour says how it behaves where that is not known of vSphere.
	Behaviour Behaviour `yaml:"behaviour"`
}

// Account is an account besides the first. Without permissions it is an administrator.
type Account struct {
	Username    string        `yaml:"username"`
	Password    string        `yaml:"password"`
	Permissions *[]Permission `yaml:"permissions"`
}

// Permission is what an account has on an entity, which is named by its inventory path, and by default on all below it: privileges or a role
// of vSphere's own (NoAccess, ReadOnly, Admin).
type Permission struct {
	Entity     string   `yaml:"entity"`
	Privileges []string `yaml:"privileges"`
	Role       string   `yaml:"role"`
	Propagate  *bool    `yaml:"propagate"`
}

// Datacenter is an inventory datacenter with all that is in it.
type Datacenter struct {
	Name string `yaml:"name"`
	// Folder is the folder that it is in, with those above it: a/b.
	Folder     string      `yaml:"folder"`
	Networks   []string    `yaml:"networks"`
	Clusters   []Cluster   `yaml:"clusters"`
	Datastores []Datastore `yaml:"datastores"`
	VMs        []VM        `yaml:"vms"`
}

// Cluster is a ClusterComputeResource.
type Cluster struct {
	Name string `yaml:"name"`
	// Folder is the folder that it is in, below the datacenter's folder of hosts.
	Folder string `yaml:"folder"`
	DRS    DRS    `yaml:"drs"`
	HA     HA     `yaml:"ha"`
	Hosts  []Host `yaml:"hosts"`
}

// DRS is the cluster's configurationEx.drsConfig.
type DRS struct {
	Enabled  *bool  `yaml:"enabled"`
	Behavior string `yaml:"behavior"`
}

// HA is the cluster's configurationEx.dasConfig.
type HA struct {
	Enabled          *bool `yaml:"enabled"`
	AdmissionControl *bool `yaml:"admission_control"`
}

// Host is an ESXi host. Address is the IP that it listens on.
type Host struct {
	Name        string `yaml:"name"`
	Address     string `yaml:"address"`
	Cores       int16  `yaml:"cores"`
	Threads     int16  `yaml:"threads"`
	MHz         int32  `yaml:"mhz"`
	MemoryMB    int64  `yaml:"memory_mb"`
	Maintenance bool   `yaml:"maintenance"`
	State       string `yaml:"state"`
	// CryptoState is runtime.cryptoState.
	CryptoState string `yaml:"crypto_state"`
	// NTP are its NTP servers; nil means one. CertificateDays is how long its certificate is still good.
	NTP             []string `yaml:"ntp"`
	CertificateDays *int     `yaml:"certificate_days"`
	// HTTPClient opens the firewall's ruleset httpClient, without which the host fetches nothing. It is closed on a new host.
	HTTPClient bool `yaml:"http_client"`
	// PullMiBPerSecond is how fast the host fetches, all pulls together; 0 is as fast as it can.
	PullMiBPerSecond float64 `yaml:"pull_mib_per_second"`
}

// Datastore is a datastore that the hosts, or all hosts of the clusters, mount.
type Datastore struct {
	Name        string   `yaml:"name"`
	Type        string   `yaml:"type"`
	CapacityGB  float64  `yaml:"capacity_gb"`
	FreeGB      *float64 `yaml:"free_gb"`
	Maintenance string   `yaml:"maintenance"`
	Accessible  *bool    `yaml:"accessible"`
	Hosts       []string `yaml:"hosts"`
	Clusters    []string `yaml:"clusters"`
	// URL is summary.url. Datastores of two datacenters with the same one are one storage.
	URL string `yaml:"url"`
	// Offload is what the mounts say of hardware acceleration.
	Offload string `yaml:"offload"`
}

// VM is one virtual machine, or Count of them, that exist before anybody logs in.
type VM struct {
	Name                string `yaml:"name"`
	Count               int    `yaml:"count"`
	Cluster             string `yaml:"cluster"`
	Host                string `yaml:"host"`
	CPUs                int32  `yaml:"cpus"`
	MemoryMB            int64  `yaml:"memory_mb"`
	DiskGB              int64  `yaml:"disk_gb"`
	MemoryReservationMB int64  `yaml:"memory_reservation_mb"`
	CPUReservationMHz   int64  `yaml:"cpu_reservation_mhz"`
	Power               string `yaml:"power"`
	Datastore           string `yaml:"datastore"`
	// Nova makes it a server of Nova: extraConfig has nvp.vm-uuid.
	Nova bool `yaml:"nova"`
}

// datastoreTypes are values of HostFileSystemVolumeFileSystemType (vSphere API) that a scenario may name.
var datastoreTypes = []string{"VMFS", "NFS", "NFS41", "vsan", "VVOL", "VFFS", "CIFS", "PMEM", "OTHER"}

// loadScenario reads and checks a scenario file, with the profile over it where one is named. It fills in defaults. Errors name the file and
// the key.
func loadScenario(file, profile string) (*Scenario, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	sc := new(Scenario)
	if err := strictly(data, sc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if profile != "" {
		if err := sc.VCenter.applyProfile(profile); err != nil {
			return nil, err
		}
	}
	if err := sc.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return sc, nil
}

func parseScenario(data []byte) (*Scenario, error) {
	sc := new(Scenario)
	if err := strictly(data, sc); err != nil {
		return nil, err
	}
	return sc, sc.check()
}

// check fills in the defaults; an error names the key.
func (sc *Scenario) check() error {
	vc := &sc.VCenter
	setDefault(&vc.Name, "vc1")
	setDefault(&vc.Version, "8.0.3")
	if vc.Username == "" || vc.Password == "" {
		return fmt.Errorf("vcenter: username and password are required")
	}
	if vc.InstanceUUID == "" {
		vc.InstanceUUID = stableUUID("vcenter", vc.Name)
	} else if _, err := uuid.Parse(vc.InstanceUUID); err != nil {
		return fmt.Errorf("vcenter: instance_uuid: %w", err)
	}
	if err := vc.Behaviour.check(vc.Version); err != nil {
		return fmt.Errorf("vcenter: %w", err)
	}
	users := names{vc.Username: true}
	for _, a := range vc.Accounts {
		if err := users.add("account", a.Username); err != nil {
			return err
		}
		if a.Password == "" {
			return fmt.Errorf("account %s: password is required", a.Username)
		}
		for _, p := range deref(a.Permissions) {
			if p.Entity == "" || p.Role != "" && p.Privileges != nil {
				return fmt.Errorf("account %s: a permission has an entity, and privileges or a role", a.Username)
			}
		}
	}
	if len(sc.Datacenters) == 0 {
		return fmt.Errorf("datacenters: at least one is required")
	}
	dcs, hosts, urls := names{}, names{}, map[string]*Datastore{}
	for i := range sc.Datacenters {
		dc := &sc.Datacenters[i]
		dc.escapeNames()
		if err := dcs.add("datacenter", dc.Name); err != nil {
			return err
		}
		if err := checkDatacenter(dc, hosts); err != nil {
			return fmt.Errorf("datacenter %s: %w", dc.Name, err)
		}
		if err := shareURLs(dc, urls); err != nil {
			return fmt.Errorf("datacenter %s: %w", dc.Name, err)
		}
	}
	return nil
}

// escapeNames turns the names of a datacenter into the inventory's. Hosts are left: theirs are addresses.
func (dc *Datacenter) escapeNames() {
	all := []*string{&dc.Name}
	for i := range dc.Networks {
		all = append(all, &dc.Networks[i])
	}
	for i := range dc.Clusters {
		all = append(all, &dc.Clusters[i].Name)
	}
	for i := range dc.Datastores {
		ds := &dc.Datastores[i]
		all = append(all, &ds.Name)
		for j := range ds.Clusters {
			all = append(all, &ds.Clusters[j])
		}
	}
	for i := range dc.VMs {
		all = append(all, &dc.VMs[i].Name, &dc.VMs[i].Cluster, &dc.VMs[i].Datastore)
	}
	for _, name := range all {
		*name = escapeName(*name)
	}
}

// shareURLs checks that datastores with one url are the same storage in different datacenters.
func shareURLs(dc *Datacenter, seen map[string]*Datastore) error {
	here := map[string]bool{}
	for i := range dc.Datastores {
		ds := &dc.Datastores[i]
		if ds.URL == "" {
			continue
		}
		first := seen[ds.URL]
		switch {
		case here[ds.URL]:
			return fmt.Errorf("datastore %s: url is that of another one of this datacenter", ds.Name)
		case first != nil && (first.Type != ds.Type || first.CapacityGB != ds.CapacityGB || *first.FreeGB != *ds.FreeGB):
			return fmt.Errorf("datastore %s: type, capacity_gb or free_gb is not that of the other one with its url", ds.Name)
		case first == nil:
			seen[ds.URL] = ds
		}
		here[ds.URL] = true
	}
	return nil
}

func checkDatacenter(dc *Datacenter, hosts names) error {
	clusters, byHost := map[string]*Cluster{}, map[string]string{}
	for i := range dc.Clusters {
		c := &dc.Clusters[i]
		if c.Name == "" || clusters[c.Name] != nil {
			return fmt.Errorf("cluster name %q is empty or used twice", c.Name)
		}
		clusters[c.Name] = c
		setTrue(&c.DRS.Enabled)
		setTrue(&c.HA.Enabled)
		setTrue(&c.HA.AdmissionControl)
		if err := oneOf("drs behavior", &c.DRS.Behavior, "fullyAutomated", "partiallyAutomated", "manual"); err != nil {
			return err
		}
		for j := range c.Hosts {
			h := &c.Hosts[j]
			if err := hosts.add("host", h.Name); err != nil {
				return err
			}
			byHost[h.Name] = c.Name
			if err := checkHost(h); err != nil {
				return fmt.Errorf("host %s: %w", h.Name, err)
			}
		}
	}
	local := names{}
	for i := range dc.Datastores {
		ds := &dc.Datastores[i]
		if err := local.add("datastore", ds.Name); err != nil {
			return err
		}
		if err := checkDatastore(ds, clusters, byHost); err != nil {
			return fmt.Errorf("datastore %s: %w", ds.Name, err)
		}
	}
	for i := range dc.VMs {
		vm := &dc.VMs[i]
		if err := checkVM(vm, clusters, byHost, local); err != nil {
			return fmt.Errorf("vm %s: %w", vm.Name, err)
		}
	}
	return nil
}

func checkHost(h *Host) error {
	setDefault(&h.Address, h.Name)
	setDefault(&h.Cores, 16)
	setDefault(&h.Threads, 2*h.Cores)
	setDefault(&h.MHz, 2400)
	setDefault(&h.MemoryMB, 128*1024)
	if h.NTP == nil {
		h.NTP = []string{"ntp.invalid"}
	}
	year := 365
	setDefault(&h.CertificateDays, &year)
	if h.Cores < 0 || h.Threads < h.Cores || h.MemoryMB < 0 {
		return fmt.Errorf("cores %d, threads %d, memory_mb %d make no host", h.Cores, h.Threads, h.MemoryMB)
	}
	if err := oneOf("crypto_state", &h.CryptoState, "incapable", "prepared", "safe", "pendingIncapable"); err != nil {
		return err
	}
	return oneOf("state", &h.State, "connected", "disconnected", "notResponding")
}

// offloadOf is what most storage of a type says of hardware acceleration: arrays with VMFS have the block primitives and VVOL builds on them, an
// NFS server needs a plug-in of its vendor on each host ("vSphere Storage", "Storage Hardware Acceleration"), and vsan has none.
func offloadOf(kind string) string {
	switch kind {
	case "VMFS", "VVOL":
		return "supported"
	case "NFS", "NFS41", "vsan":
		return "unsupported"
	}
	return "unknown"
}

func checkDatastore(ds *Datastore, clusters map[string]*Cluster, byHost map[string]string) error {
	if strings.Contains(ds.Name, "]") || strings.TrimSpace(ds.Name) != ds.Name {
		return fmt.Errorf("name: no ] and no blanks around it, since no datastore path could have it")
	}
	if err := oneOf("type", &ds.Type, datastoreTypes...); err != nil {
		return err
	}
	if err := oneOf("maintenance", &ds.Maintenance, "normal", "enteringMaintenance", "inMaintenance"); err != nil {
		return err
	}
	if ds.Offload == "" {
		ds.Offload = offloadOf(ds.Type)
	}
	if err := oneOf("offload", &ds.Offload, "supported", "unsupported", "unknown"); err != nil {
		return err
	}
	setTrue(&ds.Accessible)
	setDefault(&ds.CapacityGB, 500)
	setDefault(&ds.FreeGB, &ds.CapacityGB)
	if *ds.FreeGB < 0 || *ds.FreeGB > ds.CapacityGB {
		return fmt.Errorf("free_gb is not between 0 and capacity_gb")
	}
	if (len(ds.Hosts) == 0) == (len(ds.Clusters) == 0) {
		return fmt.Errorf("give hosts or clusters")
	}
	for _, h := range ds.Hosts {
		if byHost[h] == "" {
			return fmt.Errorf("hosts: no host %s", h)
		}
	}
	for _, c := range ds.Clusters {
		if clusters[c] == nil {
			return fmt.Errorf("clusters: no cluster %s", c)
		}
		for _, h := range clusters[c].Hosts {
			ds.Hosts = append(ds.Hosts, h.Name)
		}
	}
	return nil
}

func checkVM(vm *VM, clusters map[string]*Cluster, byHost map[string]string, stores names) error {
	switch {
	case vm.Name == "":
		return fmt.Errorf("name is required")
	case clusters[vm.Cluster] == nil:
		return fmt.Errorf("no cluster %q", vm.Cluster)
	case vm.Host != "" && byHost[vm.Host] != vm.Cluster:
		return fmt.Errorf("host %s is not in cluster %s", vm.Host, vm.Cluster)
	case !stores[vm.Datastore]:
		return fmt.Errorf("no datastore %q", vm.Datastore)
	case vm.Count < 0:
		return fmt.Errorf("count is negative")
	}
	setDefault(&vm.CPUs, 1)
	setDefault(&vm.MemoryMB, 1024)
	setDefault(&vm.DiskGB, 10)
	return oneOf("power", &vm.Power, "on", "off")
}

// names is a set of names that may be used once.
type names map[string]bool

func (n names) add(kind, name string) error {
	if name == "" {
		return fmt.Errorf("%s: %q is no name", kind, name)
	}
	if n[name] {
		return fmt.Errorf("%s: %s is used twice", kind, name)
	}
	n[name] = true
	return nil
}

// deref is the value of a pointer, empty for nil.
func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

// setDefault sets what the scenario left out.
func setDefault[T comparable](v *T, value T) {
	var unset T
	if *v == unset {
		*v = value
	}
}

func setTrue(b **bool) {
	yes := true
	setDefault(b, &yes)
}

// oneOf checks an enumeration; the first value is the default.
func oneOf(key string, s *string, values ...string) error {
	setDefault(s, values[0])
	if !slices.Contains(values, *s) {
		return fmt.Errorf("%s: %q is none of %v", key, *s, values)
	}
	return nil
}

// stableUUID is the same for the same words in each run.
func stableUUID(words ...string) string {
	sum := sha1.Sum(fmt.Append(nil, words))
	id, _ := uuid.FromBytes(sum[:16])
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// listenAddresses are the distinct addresses of the connected hosts, with the hosts that have them.
func (sc *Scenario) listenAddresses() (map[string][]string, error) {
	m := map[string][]string{}
	for _, dc := range sc.Datacenters {
		for _, c := range dc.Clusters {
			for _, h := range c.Hosts {
				if h.State != "connected" {
					continue
				}
				if net.ParseIP(h.Address) == nil {
					return nil, fmt.Errorf("host %s: address %q is no IP address (or use -host-listeners=false)", h.Name, h.Address)
				}
				m[h.Address] = append(m[h.Address], h.Name)
			}
		}
	}
	return m, nil
}
