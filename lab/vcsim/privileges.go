package main

import (
	"net/http"
	"slices"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// call is a call of a method.
type call struct {
	*server
	this   types.ManagedObjectReference
	method string
	body   any
}

// wants is what a method wants: privileges on the object that is called, or on the root folder when it is a service's, and more that depends on
// the arguments.
type wants struct {
	on   []string
	more func(*call) []need
}

func on(privileges ...string) wants { return wants{on: privileges} }

// with is what a method wants whose request is a T.
func with[T any](more func(*call, T) []need, privileges ...string) wants {
	return wants{privileges, func(c *call) []need {
		if req, ok := c.body.(T); ok {
			return more(c, req)
		}
		return nil
	}}
}

// methodRules are the privileges that methods want, by the page of each method in the vSphere Web Services API reference (8.0 U3): "Required
// Privileges" of the method are wanted on its object, those of a parameter on that parameter, and those that its text names where the text says.
var methodRules = map[string]wants{
	// Files. Text: "Requires Datastore.FileManagement privilege on the datastore", on both for a copy or a move; parameter datacenter: System.View.
	"FileManager.MakeDirectory": with(func(c *call, r *types.MakeDirectory) []need { return c.files(at{r.Datacenter, r.Name}) }),
	"FileManager.DeleteDatastoreFile_Task": with(func(c *call, r *types.DeleteDatastoreFile_Task) []need {
		return c.files(at{r.Datacenter, r.Name})
	}),
	"FileManager.MoveDatastoreFile_Task": with(func(c *call, r *types.MoveDatastoreFile_Task) []need {
		return c.files(at{r.SourceDatacenter, r.SourceName}, at{orSource(r.DestinationDatacenter, r.SourceDatacenter), r.DestinationName})
	}),
	"FileManager.CopyDatastoreFile_Task": with(func(c *call, r *types.CopyDatastoreFile_Task) []need {
		return c.files(at{r.SourceDatacenter, r.SourceName}, at{orSource(r.DestinationDatacenter, r.SourceDatacenter), r.DestinationName})
	}),
	"FileManager.ChangeOwner":         with(func(c *call, r *types.ChangeOwner) []need { return c.files(at{r.Datacenter, r.Name}) }),
	"FileManager.QueryFileLockInfo":   on(systemView),
	"HostDatastoreBrowser.DeleteFile": on("Datastore.DeleteFile"),
	// Text: "The Datastore.Browse privilege must be held on the datastore identified by the datastore path".
	"HostDatastoreBrowser.SearchDatastore_Task": with(func(c *call, r *types.SearchDatastore_Task) []need {
		return c.browse(r.DatastorePath)
	}),
	"HostDatastoreBrowser.SearchDatastoreSubFolders_Task": with(func(c *call, r *types.SearchDatastoreSubFolders_Task) []need {
		return c.browse(r.DatastorePath)
	}),

	// Disks. Text: "Requires Datastore.FileManagement privilege on the datastore where the virtual disk is created/located"; method: System.View.
	"VirtualDiskManager.CreateVirtualDisk_Task": with(func(c *call, r *types.CreateVirtualDisk_Task) []need {
		return c.files(at{r.Datacenter, r.Name})
	}, systemView),
	"VirtualDiskManager.DeleteVirtualDisk_Task": with(func(c *call, r *types.DeleteVirtualDisk_Task) []need {
		return c.files(at{r.Datacenter, r.Name})
	}, systemView),
	"VirtualDiskManager.ExtendVirtualDisk_Task": with(func(c *call, r *types.ExtendVirtualDisk_Task) []need {
		return c.files(at{r.Datacenter, r.Name})
	}, systemView),
	"VirtualDiskManager.InflateVirtualDisk_Task": with(func(c *call, r *types.InflateVirtualDisk_Task) []need {
		return c.files(at{r.Datacenter, r.Name})
	}, systemView),
	"VirtualDiskManager.EagerZeroVirtualDisk_Task": with(func(c *call, r *types.EagerZeroVirtualDisk_Task) []need {
		return c.files(at{r.Datacenter, r.Name})
	}, systemView),
	"VirtualDiskManager.ShrinkVirtualDisk_Task": with(func(c *call, r *types.ShrinkVirtualDisk_Task) []need {
		return c.files(at{r.Datacenter, r.Name})
	}, systemView),
	"VirtualDiskManager.CopyVirtualDisk_Task": with(func(c *call, r *types.CopyVirtualDisk_Task) []need {
		return c.files(at{r.SourceDatacenter, r.SourceName}, at{orSource(r.DestDatacenter, r.SourceDatacenter), r.DestName})
	}, systemView),
	"VirtualDiskManager.MoveVirtualDisk_Task": with(func(c *call, r *types.MoveVirtualDisk_Task) []need {
		return c.files(at{r.SourceDatacenter, r.SourceName}, at{orSource(r.DestDatacenter, r.SourceDatacenter), r.DestName})
	}, systemView),
	"VirtualDiskManager.QueryVirtualDiskUuid": with(func(c *call, r *types.QueryVirtualDiskUuid) []need {
		return c.files(at{r.Datacenter, r.Name})
	}, systemView),
	"VirtualDiskManager.SetVirtualDiskUuid": with(func(c *call, r *types.SetVirtualDiskUuid) []need {
		return c.files(at{r.Datacenter, r.Name})
	}, systemView),

	// Namespaces of vSAN. CreateDirectory: parameter datastore; the others name it in their text.
	"DatastoreNamespaceManager.CreateDirectory": with(func(c *call, r *types.CreateDirectory) []need {
		return []need{{r.Datastore, "Datastore.Config"}}
	}),
	"DatastoreNamespaceManager.DeleteDirectory": with(func(c *call, r *types.DeleteDirectory) []need {
		return c.paths("Datastore.Config", at{r.Datacenter, r.DatastorePath})
	}),
	"DatastoreNamespaceManager.ConvertNamespacePathToUuidPath": with(func(c *call, r *types.ConvertNamespacePathToUuidPath) []need {
		return c.seen(r.Datacenter)
	}),

	// Datastores
	"Datastore.RefreshDatastore":                  on(systemRead),
	"Datastore.RefreshDatastoreStorageInfo":       on(systemRead),
	"Datastore.DatastoreEnterMaintenanceMode":     on("Datastore.Config"),
	"Datastore.DatastoreExitMaintenanceMode_Task": on("Datastore.Config"),
	"Datastore.RenameDatastore":                   on("Datastore.Rename"),
	"Datastore.Rename_Task":                       on("Datastore.Rename"),
	"Datastore.DestroyDatastore":                  on("Datastore.Delete"),
	"Datastore.Destroy_Task":                      on(systemRead),

	// Folders and datacenters. Destroy: "The appropriate privilege must be held on the parent of the destroyed object as well as the object itself."
	"Folder.CreateFolder":           on("Folder.Create"),
	"Folder.CreateStoragePod":       on("Folder.Create"),
	"Folder.CreateDatacenter":       on("Datacenter.Create"),
	"Folder.CreateCluster":          on("Host.Inventory.CreateCluster"),
	"Folder.CreateClusterEx":        on("Host.Inventory.CreateCluster"),
	"Folder.CreateDVS_Task":         on("DVSwitch.Create"),
	"Folder.AddStandaloneHost_Task": on("Host.Inventory.AddStandaloneHost"),
	"Folder.Rename_Task":            on("Folder.Rename"),
	"Folder.Destroy_Task":           {[]string{"Folder.Delete"}, func(c *call) []need { return c.parent("Folder.Delete") }},
	"Folder.MoveIntoFolder_Task": with(func(c *call, r *types.MoveIntoFolder_Task) (needs []need) {
		// Text: for a VM VirtualMachine.Inventory.Move on it, its folder and the target; for a folder Folder.Move.
		for _, ref := range r.List {
			privilege := "Folder.Move"
			if ref.Type == "VirtualMachine" {
				privilege = "VirtualMachine.Inventory.Move"
			}
			needs = append(needs, need{ref, privilege}, need{c.this, privilege})
		}
		return needs
	}),
	"Folder.CreateVM_Task": with(func(c *call, r *types.CreateVM_Task) []need {
		return append(c.creates(c.this, &r.Config), need{r.Pool, "Resource.AssignVMToPool"})
	}, "VirtualMachine.Inventory.Create"),
	"Folder.RegisterVM_Task": with(func(c *call, r *types.RegisterVM_Task) []need {
		dc := c.datacenterOf(c.this)
		needs := c.paths(systemRead, at{&dc, r.Path}) // text: "System.Read privilege on the datastore"
		if r.Pool != nil {
			needs = append(needs, need{*r.Pool, "Resource.AssignVMToPool"})
		}
		return needs
	}, "VirtualMachine.Inventory.Register"),
	"Datacenter.PowerOnMultiVM_Task": with(func(_ *call, r *types.PowerOnMultiVM_Task) (needs []need) {
		for _, vm := range r.Vm {
			needs = append(needs, need{vm, "VirtualMachine.Interact.PowerOn"})
		}
		return needs
	}, systemView),
	"Datacenter.Destroy_Task": on("Datacenter.Delete"),
	"Datacenter.Rename_Task":  on("Datacenter.Rename"),

	// Import. "VApp.Import" of the method and of its parameter folder; text: "additional privileges may be required. See CreateVM_Task".
	"ResourcePool.ImportVApp": with(func(c *call, r *types.ImportVApp) []need {
		folder := types.ManagedObjectReference{}
		if r.Folder != nil {
			folder = *r.Folder
		} else if dc, ok := c.reg.Get(c.datacenterOf(c.this)).(*simulator.Datacenter); ok {
			folder = dc.VmFolder
		}
		needs := []need{{folder, "VApp.Import"}}
		if spec, ok := r.Spec.(*types.VirtualMachineImportSpec); ok {
			needs = append(needs, c.creates(folder, &spec.ConfigSpec)...)
		}
		return needs
	}, "VApp.Import"),
	// "VApp.PullFromUrls" of both methods. A lease is the session's own, so it is wanted on the virtual machine that the lease makes.
	"HttpNfcLease.HttpNfcLeasePullFromUrls_Task": {nil, pulls},
	"HttpNfcLease.HttpNfcLeaseProbeUrls":         {nil, pulls},
	"ResourcePool.CreateResourcePool":            on("Resource.CreatePool"),
	"ResourcePool.CreateVApp":                    on("VApp.Create"),
	"ResourcePool.UpdateConfig":                  on("Resource.EditPool"),
	"ResourcePool.DestroyChildren":               on("Resource.DeletePool"),
	"ResourcePool.Destroy_Task": {[]string{"Resource.DeletePool"}, func(c *call) []need {
		return c.parent("Resource.DeletePool")
	}},
	"OvfManager.CreateImportSpec": with(func(_ *call, r *types.CreateImportSpec) []need {
		return []need{{r.ResourcePool, "VApp.Import"}, {r.Datastore, "Datastore.AllocateSpace"}}
	}, systemView),

	// Virtual machines
	"VirtualMachine.ReconfigVM_Task": with(func(c *call, r *types.ReconfigVM_Task) []need { return c.reconfigures(&r.Spec) }),
	"VirtualMachine.Destroy_Task": {[]string{"VirtualMachine.Inventory.Delete"}, func(c *call) []need {
		return c.parent("VirtualMachine.Inventory.Delete")
	}},
	"VirtualMachine.UnregisterVM":          on("VirtualMachine.Inventory.Unregister"),
	"VirtualMachine.PowerOnVM_Task":        on("VirtualMachine.Interact.PowerOn"),
	"VirtualMachine.PowerOffVM_Task":       on("VirtualMachine.Interact.PowerOff"),
	"VirtualMachine.ShutdownGuest":         on("VirtualMachine.Interact.PowerOff"),
	"VirtualMachine.TerminateVM":           on("VirtualMachine.Interact.PowerOff"),
	"VirtualMachine.ResetVM_Task":          on("VirtualMachine.Interact.Reset"),
	"VirtualMachine.RebootGuest":           on("VirtualMachine.Interact.Reset"),
	"VirtualMachine.SuspendVM_Task":        on("VirtualMachine.Interact.Suspend"),
	"VirtualMachine.StandbyGuest":          on("VirtualMachine.Interact.Suspend"),
	"VirtualMachine.AnswerVM":              on("VirtualMachine.Interact.AnswerQuestion"),
	"VirtualMachine.AcquireMksTicket":      on("VirtualMachine.Interact.ConsoleInteract"),
	"VirtualMachine.CreateScreenshot_Task": on("VirtualMachine.Interact.CreateScreenshot"),
	"VirtualMachine.AcquireTicket": with(func(c *call, r *types.AcquireTicket) []need {
		switch r.TicketType {
		case "device":
			return []need{{c.this, "VirtualMachine.Interact.DeviceConnection"}}
		case "guestControl", "guestIntegrity":
			return []need{{c.this, "VirtualMachine.Interact.GuestControl"}}
		}
		return []need{{c.this, "VirtualMachine.Interact.ConsoleInteract"}} // mks, webmks
	}),
	"VirtualMachine.AttachDisk_Task": with(func(_ *call, r *types.AttachDisk_Task) []need {
		return []need{{r.Datastore, systemRead}}
	}, "VirtualMachine.Config.AddExistingDisk"),
	"VirtualMachine.DetachDisk_Task":               on("VirtualMachine.Config.RemoveDisk"),
	"VirtualMachine.Rename_Task":                   on("VirtualMachine.Config.Rename"),
	"VirtualMachine.UpgradeVM_Task":                on("VirtualMachine.Config.UpgradeVirtualHardware"),
	"VirtualMachine.CreateSnapshot_Task":           on("VirtualMachine.State.CreateSnapshot"),
	"VirtualMachine.CreateSnapshotEx_Task":         on("VirtualMachine.State.CreateSnapshot"),
	"VirtualMachine.RemoveAllSnapshots_Task":       on("VirtualMachine.State.RemoveSnapshot"),
	"VirtualMachine.ConsolidateVMDisks_Task":       on("VirtualMachine.State.RemoveSnapshot"),
	"VirtualMachine.RevertToCurrentSnapshot_Task":  on("VirtualMachine.State.RevertToSnapshot"),
	"VirtualMachineSnapshot.RemoveSnapshot_Task":   on("VirtualMachine.State.RemoveSnapshot"),
	"VirtualMachineSnapshot.RevertToSnapshot_Task": on("VirtualMachine.State.RevertToSnapshot"),
	"VirtualMachineSnapshot.RenameSnapshot":        on("VirtualMachine.State.RenameSnapshot"),
	"VirtualMachineSnapshot.ExportSnapshot":        on("VApp.Export"),
	"VirtualMachine.ExportVm":                      on("VApp.Export"),
	"VirtualMachine.RefreshStorageInfo":            on(systemRead),
	"VirtualMachine.Reload":                        on(systemRead),
	"VirtualMachine.PromoteDisks_Task":             on("VirtualMachine.Provisioning.PromoteDisks"),
	"VirtualMachine.CustomizeVM_Task":              on("VirtualMachine.Provisioning.Customize"),
	"VirtualMachine.MarkAsTemplate":                on("VirtualMachine.Provisioning.MarkAsTemplate"),
	"VirtualMachine.MarkAsVirtualMachine": with(func(_ *call, r *types.MarkAsVirtualMachine) []need {
		return []need{{r.Pool, "Resource.AssignVMToPool"}}
	}, "VirtualMachine.Provisioning.MarkAsVM"),
	"VirtualMachine.CloneVM_Task":    with(func(c *call, r *types.CloneVM_Task) []need { return c.clones(r) }),
	"VirtualMachine.RelocateVM_Task": with(func(c *call, r *types.RelocateVM_Task) []need { return c.relocates(&r.Spec) }, "Resource.ColdMigrate"),
	"VirtualMachine.MigrateVM_Task": with(func(c *call, r *types.MigrateVM_Task) []need {
		return c.relocates(&types.VirtualMachineRelocateSpec{Pool: r.Pool, Host: r.Host})
	}, "Resource.ColdMigrate"),

	// Clusters and hosts
	"ClusterComputeResource.ReconfigureCluster_Task":          on("Host.Inventory.EditCluster"),
	"ComputeResource.ReconfigureComputeResource_Task":         on("Host.Inventory.EditCluster"),
	"ComputeResource.Rename_Task":                             on("Host.Inventory.RenameCluster"),
	"ClusterComputeResource.Destroy_Task":                     on("Host.Inventory.DeleteCluster"),
	"ClusterComputeResource.AddHost_Task":                     on("Host.Inventory.AddHostToCluster"),
	"ClusterComputeResource.MoveInto_Task":                    on("Host.Inventory.EditCluster"),
	"ClusterComputeResource.RecommendHostsForVm":              on(systemRead),
	"ClusterComputeResource.PlaceVm":                          on(systemView),
	"EnvironmentBrowser.QueryConfigOption":                    on(systemView),
	"EnvironmentBrowser.QueryConfigOptionEx":                  on(systemView),
	"EnvironmentBrowser.QueryConfigOptionDescriptor":          on(systemView),
	"EnvironmentBrowser.QueryConfigTarget":                    on(systemView),
	"EnvironmentBrowser.QueryTargetCapabilities":              on(systemView),
	"HostSystem.Destroy_Task":                                 on("Host.Inventory.RemoveHostFromCluster"),
	"HostSystem.EnterMaintenanceMode_Task":                    on("Host.Config.Maintenance"),
	"HostSystem.ExitMaintenanceMode_Task":                     on("Host.Config.Maintenance"),
	"HostSystem.RebootHost_Task":                              on("Host.Config.Maintenance"),
	"HostSystem.ShutdownHost_Task":                            on("Host.Config.Maintenance"),
	"HostSystem.DisconnectHost_Task":                          on("Host.Config.Connection"),
	"HostSystem.ReconnectHost_Task":                           on("Host.Config.Connection"),
	"HostSystem.QueryHostConnectionInfo":                      on(systemRead),
	"HostDateTimeSystem.QueryDateTime":                        on(systemRead),
	"HostDateTimeSystem.UpdateDateTimeConfig":                 on("Host.Config.DateTime"),
	"HostDateTimeSystem.UpdateDateTime":                       on("Host.Config.DateTime"),
	"HostStorageSystem.RefreshStorageSystem":                  on("Host.Config.Storage"),
	"HostStorageSystem.RescanAllHba":                          on("Host.Config.Storage"),
	"HostStorageSystem.RescanHba":                             on("Host.Config.Storage"),
	"HostStorageSystem.RescanVmfs":                            on("Host.Config.Storage"),
	"HostStorageSystem.AddInternetScsiSendTargets":            on("Host.Config.Storage"),
	"HostDatastoreSystem.CreateNasDatastore":                  on("Host.Config.Storage"),
	"HostDatastoreSystem.CreateLocalDatastore":                on("Host.Config.Storage"),
	"HostDatastoreSystem.CreateVmfsDatastore":                 on("Host.Config.Storage"),
	"HostDatastoreSystem.RemoveDatastore":                     on("Host.Config.Storage"),
	"HostNetworkSystem.AddPortGroup":                          on("Host.Config.Network"),
	"HostNetworkSystem.RemovePortGroup":                       on("Host.Config.Network"),
	"HostNetworkSystem.AddVirtualSwitch":                      on("Host.Config.Network"),
	"HostFirewallSystem.EnableRuleset":                         on("Host.Config.NetService"),
	"HostFirewallSystem.DisableRuleset":                        on("Host.Config.NetService"),
	"HostServiceSystem.StartService":                          on("Host.Config.NetService"),
	"HostServiceSystem.StopService":                           on("Host.Config.NetService"),
	"DistributedVirtualSwitch.AddDVPortgroup_Task":            on("DVPortgroup.Create"),
	"DistributedVirtualSwitch.CreateDVPortgroup_Task":         on("DVPortgroup.Create"),
	"DistributedVirtualSwitch.FetchDVPorts":                   on(systemRead),
	"DistributedVirtualSwitch.ReconfigureDvs_Task":            on("DVSwitch.Modify"),
	"DistributedVirtualPortgroup.ReconfigureDVPortgroup_Task": on("DVPortgroup.Modify"),
	"DistributedVirtualPortgroup.Destroy_Task":                on("DVPortgroup.Delete"),

	// The vCenter's own services: on the root folder
	"ServiceInstance.CurrentTime":                  on(systemView),
	"SessionManager.Logout":                        on(systemView),
	"SessionManager.AcquireCloneTicket":            on(systemView),
	"SessionManager.SetLocale":                     on(systemView),
	"SessionManager.SessionIsActive":               on("Sessions.ValidateSession"),
	"SessionManager.TerminateSession":              on("Sessions.TerminateSession"),
	"SessionManager.ImpersonateUser":               on("Sessions.ImpersonateUser"),
	"SessionManager.UpdateServiceMessage":          on("Sessions.GlobalMessage"),
	"ExtensionManager.FindExtension":               on(systemView),
	"ExtensionManager.RegisterExtension":           on("Extension.Register"),
	"ExtensionManager.UpdateExtension":             on("Extension.Update"),
	"ExtensionManager.SetExtensionCertificate":     on("Extension.Update"),
	"ExtensionManager.UnregisterExtension":         on("Extension.Unregister"),
	"AuthorizationManager.AddAuthorizationRole":    on("Authorization.ModifyRoles"),
	"AuthorizationManager.UpdateAuthorizationRole": on("Authorization.ModifyRoles"),
	"AuthorizationManager.RemoveAuthorizationRole": on("Authorization.ModifyRoles"),
	"AuthorizationManager.RetrieveAllPermissions":  on(systemView),
	"AuthorizationManager.RetrieveRolePermissions": on(systemView),
	"AuthorizationManager.RetrieveEntityPermissions": with(func(_ *call, r *types.RetrieveEntityPermissions) []need {
		return []need{{r.Entity, systemRead}}
	}),
	"AuthorizationManager.SetEntityPermissions": with(func(_ *call, r *types.SetEntityPermissions) []need {
		return []need{{r.Entity, "Authorization.ModifyPermissions"}}
	}),
	"AuthorizationManager.ResetEntityPermissions": with(func(_ *call, r *types.ResetEntityPermissions) []need {
		return []need{{r.Entity, "Authorization.ModifyPermissions"}}
	}),
	"AuthorizationManager.RemoveEntityPermission": with(func(_ *call, r *types.RemoveEntityPermission) []need {
		return []need{{r.Entity, "Authorization.ModifyPermissions"}}
	}),
	"AuthorizationManager.HasPrivilegeOnEntities": with(func(_ *call, r *types.HasPrivilegeOnEntities) []need {
		return all(r.Entity, systemRead)
	}, systemView),
	"AuthorizationManager.HasPrivilegeOnEntity": with(func(_ *call, r *types.HasPrivilegeOnEntity) []need {
		return []need{{r.Entity, systemRead}}
	}, systemView),
	"AuthorizationManager.HasUserPrivilegeOnEntities": with(func(_ *call, r *types.HasUserPrivilegeOnEntities) []need {
		return all(r.Entities, systemView)
	}),
	"AuthorizationManager.FetchUserPrivilegeOnEntities": with(func(_ *call, r *types.FetchUserPrivilegeOnEntities) []need {
		return all(r.Entities, systemView)
	}),
	"ViewManager.CreateContainerView": with(func(_ *call, r *types.CreateContainerView) []need {
		return []need{{r.Container, systemView}}
	}, systemView),
	"ViewManager.CreateListView":                     on(systemView),
	"ViewManager.CreateInventoryView":                on(systemView),
	"SearchIndex.FindAllByDnsName":                   on(systemView),
	"SearchIndex.FindAllByIp":                        on(systemView),
	"SearchIndex.FindAllByUuid":                      on(systemView),
	"SearchIndex.FindByDatastorePath":                on(systemView),
	"SearchIndex.FindByDnsName":                      on(systemView),
	"SearchIndex.FindByInventoryPath":                on(systemView),
	"SearchIndex.FindByIp":                           on(systemView),
	"SearchIndex.FindByUuid":                         on(systemView),
	"SearchIndex.FindChild":                          on(systemView),
	"PerformanceManager.QueryPerf":                   on(systemView),
	"PerformanceManager.QueryPerfCounter":            on(systemView),
	"PerformanceManager.QueryPerfProviderSummary":    on(systemView),
	"PerformanceManager.QueryAvailablePerfMetric":    on(systemView),
	"TaskManager.CreateCollectorForTasks":            on(systemView),
	"TaskManager.CreateTask":                         on("Task.Create"),
	"EventManager.CreateCollectorForEvents":          on(systemView),
	"EventManager.QueryEvents":                       on(systemView),
	"EventManager.LogUserEvent":                      on("Global.LogEvent"),
	"EventManager.PostEvent":                         on("Global.LogEvent"),
	"OptionManager.QueryOptions":                     on(systemView),
	"OptionManager.UpdateOptions":                    on("Global.Settings"),
	"CustomFieldsManager.SetField":                   on("Global.SetCustomField"),
	"CustomFieldsManager.AddCustomFieldDef":          on("Global.ManageCustomFields"),
	"StorageResourceManager.RecommendDatastores":     on(systemView),
	"AlarmManager.GetAlarm":                          on(systemView),
	"LicenseAssignmentManager.QueryAssignedLicenses": on(systemView),
}

// anonymous are methods that want no privilege, and those that read properties, whose answers are filtered (rights.hide).
var anonymous = map[string]bool{"RetrieveServiceContent": true, "Login": true, "LoginByToken": true, "LoginExtensionByCertificate": true,
	"CloneSession": true, "AcquireGenericServiceTicket": true, "RetrieveProperties": true, "RetrievePropertiesEx": true,
	"ContinueRetrievePropertiesEx": true, "Fetch": true}

// bases are the types that a type extends, so far as methodRules has rules for them.
var bases = map[string]string{"ClusterComputeResource": "ComputeResource", "StoragePod": "Folder", "VirtualApp": "ResourcePool",
	"VmwareDistributedVirtualSwitch": "DistributedVirtualSwitch", "DistributedVirtualPortgroup": "Network"}

// reads are the beginnings of the names of methods that change nothing.
var reads = []string{"Retrieve", "Query", "Find", "Fetch", "Get", "List", "Read", "Lookup", "Validate", "Check", "Has", "Wait", "DVSManagerLookup"}

// needs are the privileges that a call wants. A method without a rule wants System.Read when it is one that reads, and else the
// privilege of its own name, which no role has: only an administrator may call it, until methodRules has it.
func (s *server) needs(c *call) []need {
	if anonymous[c.method] {
		return nil
	}
	entity, owned := s.entityOf(c.this)
	r, ok := methodRules[c.this.Type+"."+c.method]
	if !ok {
		r, ok = methodRules[bases[c.this.Type]+"."+c.method]
	}
	if !owned && !ok {
		return nil
	}
	if !ok {
		r = on(c.this.Type + "." + c.method)
		if slices.ContainsFunc(reads, func(prefix string) bool { return strings.HasPrefix(c.method, prefix) }) {
			r = on(systemRead)
		}
	}
	var needs []need
	for _, id := range r.on {
		needs = append(needs, need{entity, id})
	}
	if r.more != nil {
		needs = append(needs, r.more(c)...)
	}
	return needs
}

func all(refs []types.ManagedObjectReference, privilege string) (needs []need) {
	for _, ref := range refs {
		needs = append(needs, need{ref, privilege})
	}
	return needs
}

// at is a datastore path in a datacenter.
type at struct {
	dc   *types.ManagedObjectReference
	name string
}

// files wants System.View on the datacenters and Datastore.FileManagement on the datastores of paths.
func (c *call) files(paths ...at) (needs []need) {
	for _, p := range paths {
		needs = append(needs, c.seen(p.dc)...)
	}
	return append(needs, c.paths("Datastore.FileManagement", paths...)...)
}

func (c *call) seen(dc *types.ManagedObjectReference) []need {
	if dc == nil {
		return nil
	}
	return []need{{*dc, systemView}}
}

// paths wants a privilege on the datastores of paths. A path that names no datastore is the method's to refuse.
func (c *call) paths(privilege string, paths ...at) (needs []need) {
	for _, p := range paths {
		if p.dc == nil {
			continue
		}
		if st := c.storeNamed(*p.dc, p.name); st != nil {
			needs = append(needs, need{st.ref, privilege})
		}
	}
	return needs
}

// browse wants Datastore.Browse on the datastore of a path.
func (c *call) browse(name string) (needs []need) {
	b, ok := c.reg.Get(c.this).(*simulator.HostDatastoreBrowser)
	if !ok {
		return nil
	}
	var p object.DatastorePath
	p.FromString(name)
	for _, ref := range b.Datastore {
		if st := c.storeOf(ref); st != nil && (st.Name == p.Datastore || len(b.Datastore) == 1) {
			needs = append(needs, need{ref, "Datastore.Browse"})
		}
	}
	return needs
}

// parent wants a privilege on the parent of the object too.
func (c *call) parent(privilege string) []need {
	if p := c.server.parent(c.this); p != nil {
		return []need{{*p, privilege}}
	}
	return nil
}

// creates are the privileges that a new VM's configuration wants in its folder, on its datastores and networks (text of Folder.CreateVM_Task).
func (c *call) creates(folder types.ManagedObjectReference, config *types.VirtualMachineConfigSpec) (needs []need) {
	add := func(when bool, privilege string) {
		if when {
			needs = append(needs, need{folder, privilege})
		}
	}
	dc := c.datacenterOf(folder)
	add(len(config.ExtraConfig) > 0, "VirtualMachine.Config.AdvancedConfig")
	add(config.SwapPlacement != "", "VirtualMachine.Config.SwapPlacement")
	add(config.ChangeTrackingEnabled != nil && *config.ChangeTrackingEnabled, "VirtualMachine.Config.ChangeTracking")
	if config.Files != nil {
		needs = append(needs, c.paths("Datastore.AllocateSpace", at{&dc, config.Files.VmPathName})...)
	}
	for _, change := range config.DeviceChange {
		spec := change.GetVirtualDeviceConfigSpec()
		if disk, ok := spec.Device.(*types.VirtualDisk); ok {
			add(spec.FileOperation == "", "VirtualMachine.Config.AddExistingDisk")
			add(spec.FileOperation != "", "VirtualMachine.Config.AddNewDisk")
			if name := fileName(disk.Backing); spec.FileOperation != "" && name != "" {
				needs = append(needs, c.paths("Datastore.AllocateSpace", at{&dc, name})...)
			}
		}
		needs = append(needs, c.network(dc, spec.Device)...)
	}
	return needs
}

// reconfigures are the privileges that changes of a VM want (text of VirtualMachine.ReconfigVM_Task).
func (c *call) reconfigures(spec *types.VirtualMachineConfigSpec) (needs []need) {
	vm, ok := c.reg.Get(c.this).(*simulator.VirtualMachine)
	if !ok {
		return nil
	}
	add := func(when bool, privilege string) {
		if when {
			needs = append(needs, need{c.this, privilege})
		}
	}
	dc := c.datacenterOf(c.this)
	add(spec.Name != "", "VirtualMachine.Config.Rename")
	add(spec.Annotation != "", "VirtualMachine.Config.Annotation")
	add(spec.NumCPUs != 0, "VirtualMachine.Config.CPUCount")
	add(spec.MemoryMB != 0, "VirtualMachine.Config.Memory")
	add(spec.CpuAllocation != nil || spec.MemoryAllocation != nil || spec.CpuAffinity != nil || spec.MemoryAffinity != nil, "VirtualMachine.Config.Resource")
	add(len(spec.ExtraConfig) > 0, "VirtualMachine.Config.AdvancedConfig")
	add(spec.ManagedBy != nil, "VirtualMachine.Config.ManagedBy")
	add(spec.SwapPlacement != "", "VirtualMachine.Config.SwapPlacement")
	add(spec.ChangeTrackingEnabled != nil, "VirtualMachine.Config.ChangeTracking")
	add(spec.GuestId != "" || spec.Uuid != "" || spec.InstanceUuid != "" || spec.Flags != nil || spec.Tools != nil || spec.PowerOpInfo != nil ||
		spec.BootOptions != nil || spec.Firmware != "" || spec.ConsolePreferences != nil, "VirtualMachine.Config.Settings")
	for _, change := range spec.DeviceChange {
		dev := change.GetVirtualDeviceConfigSpec()
		disk, isDisk := dev.Device.(*types.VirtualDisk)
		switch {
		case isDisk && dev.Operation == types.VirtualDeviceConfigSpecOperationAdd:
			add(dev.FileOperation == "", "VirtualMachine.Config.AddExistingDisk")
			add(dev.FileOperation != "", "VirtualMachine.Config.AddNewDisk")
			_, isRaw := disk.Backing.(*types.VirtualDiskRawDiskMappingVer1BackingInfo)
			add(isRaw, "VirtualMachine.Config.RawDevice")
			if name := fileName(disk.Backing); dev.FileOperation != "" && name != "" {
				needs = append(needs, c.paths("Datastore.AllocateSpace", at{&dc, name})...)
			}
		case isDisk && dev.Operation == types.VirtualDeviceConfigSpecOperationRemove:
			add(true, "VirtualMachine.Config.RemoveDisk")
		case dev.Operation == types.VirtualDeviceConfigSpecOperationEdit:
			extended := isDisk && grown(vm, disk)
			add(extended, "VirtualMachine.Config.DiskExtend")
			if extended {
				needs = append(needs, c.paths("Datastore.AllocateSpace", at{&dc, fileName(disk.Backing)})...)
			}
			_, isCD := dev.Device.(*types.VirtualCdrom)
			add(isCD && dev.Device.GetVirtualDevice().Backing != nil, "VirtualMachine.Interact.SetCDMedia")
			add(dev.Device.GetVirtualDevice().Connectable != nil, "VirtualMachine.Interact.DeviceConnection")
			add(!extended, "VirtualMachine.Config.EditDevice")
		default:
			add(true, "VirtualMachine.Config.AddRemoveDevice")
		}
		if dev.Operation != types.VirtualDeviceConfigSpecOperationRemove {
			needs = append(needs, c.network(dc, dev.Device)...)
		}
	}
	return needs
}

// grown says whether an edit makes a VM's disk larger.
func grown(vm *simulator.VirtualMachine, disk *types.VirtualDisk) bool {
	if vm.Config == nil {
		return false
	}
	for _, d := range vm.Config.Hardware.Device {
		if old, ok := d.(*types.VirtualDisk); ok && old.Key == disk.Key {
			return disk.CapacityInKB > old.CapacityInKB || disk.CapacityInBytes > old.CapacityInBytes
		}
	}
	return false
}

// fileName is the datastore path of a backing.
func fileName(backing types.BaseVirtualDeviceBackingInfo) string {
	if b, ok := backing.(types.BaseVirtualDeviceFileBackingInfo); ok {
		return b.GetVirtualDeviceFileBackingInfo().FileName
	}
	return ""
}

// network wants Network.Assign on the network that a card is connected to.
func (c *call) network(dc types.ManagedObjectReference, device types.BaseVirtualDevice) []need {
	card, ok := device.(types.BaseVirtualEthernetCard)
	if !ok {
		return nil
	}
	switch b := card.GetVirtualEthernetCard().Backing.(type) {
	case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
		return []need{{types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: b.Port.PortgroupKey}, "Network.Assign"}}
	case *types.VirtualEthernetCardNetworkBackingInfo:
		if b.Network != nil {
			return []need{{*b.Network, "Network.Assign"}}
		}
		if d, ok := c.reg.Get(dc).(*simulator.Datacenter); ok {
			for _, ref := range d.Network {
				if e, ok := c.reg.Get(ref).(mo.Entity); ok && e.Entity().Name == b.DeviceName {
					return []need{{ref, "Network.Assign"}}
				}
			}
		}
	}
	return nil
}

// clones are the privileges of VirtualMachine.CloneVM_Task, by its text.
func (c *call) clones(r *types.CloneVM_Task) []need {
	privilege := "VirtualMachine.Provisioning.Clone"
	vm, _ := c.reg.Get(c.this).(*simulator.VirtualMachine)
	switch template := vm != nil && vm.Config != nil && vm.Config.Template; {
	case template && r.Spec.Template:
		privilege = "VirtualMachine.Provisioning.CloneTemplate"
	case template:
		privilege = "VirtualMachine.Provisioning.DeployTemplate"
	case r.Spec.Template:
		privilege = "VirtualMachine.Provisioning.CreateTemplateFromVM"
	}
	needs := []need{{c.this, privilege}, {r.Folder, "VirtualMachine.Inventory.CreateFromExisting"}}
	if r.Spec.Customization != nil {
		needs = append(needs, need{c.this, "VirtualMachine.Provisioning.Customize"})
	}
	if pool := r.Spec.Location.Pool; pool != nil && !r.Spec.Template {
		needs = append(needs, need{*pool, "Resource.AssignVMToPool"})
	}
	return append(needs, c.allocates(&r.Spec.Location)...)
}

// relocates are the privileges that VirtualMachine.RelocateVM_Task wants besides Resource.ColdMigrate, by its text.
func (c *call) relocates(spec *types.VirtualMachineRelocateSpec) (needs []need) {
	vm, ok := c.reg.Get(c.this).(*simulator.VirtualMachine)
	if !ok {
		return nil
	}
	if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
		needs = append(needs, need{c.this, "Resource.HotMigrate"})
	}
	if spec.Pool != nil && (vm.ResourcePool == nil || *vm.ResourcePool != *spec.Pool) {
		needs = append(needs, need{*spec.Pool, "Resource.AssignVMToPool"})
	}
	if spec.Folder != nil && vm.Parent != nil && *vm.Parent != *spec.Folder {
		needs = append(needs, all([]types.ManagedObjectReference{c.this, *vm.Parent, *spec.Folder}, "VirtualMachine.Inventory.Move")...)
	}
	dc := c.datacenterOf(c.this)
	for _, change := range spec.DeviceChange {
		needs = append(needs, c.network(dc, change.GetVirtualDeviceConfigSpec().Device)...)
	}
	return append(needs, c.allocates(spec)...)
}

// allocates wants Datastore.AllocateSpace on the datastores that a VM or its disks go to.
func (c *call) allocates(spec *types.VirtualMachineRelocateSpec) (needs []need) {
	if spec.Datastore != nil {
		needs = append(needs, need{*spec.Datastore, "Datastore.AllocateSpace"})
	}
	for _, disk := range spec.Disk {
		needs = append(needs, need{disk.Datastore, "Datastore.AllocateSpace"})
	}
	return needs
}

// viewed are the properties that want System.View, by the pages of the types in the API reference; those of all entities under "".
var viewed = map[string]string{
	"":                     "name parent customValue value availableField tag declaredAlarmState triggeredAlarmState effectiveRole",
	"Folder":               "childEntity childType namespace",
	"StoragePod":           "childEntity childType",
	"Datacenter":           "vmFolder hostFolder datastoreFolder networkFolder configuration",
	"ComputeResource":      "host datastore network resourcePool environmentBrowser lifecycleManaged configManagerEnabled",
	"HostSystem":           "datastore network datastoreBrowser",
	"ResourcePool":         "owner resourcePool vm namespace",
	"VirtualMachine":       "datastore network",
	"HostDatastoreBrowser": "datastore",
}

// otherwise are the properties that want another privilege than System.View or System.Read.
var otherwise = map[string]string{
	"HostCertificateManager.certificateInfo": "Certificate.Manage",
	"SessionManager.sessionList":             "Sessions.TerminateSession",
	"SessionManager.currentSession":          "",
	"SessionManager.defaultLocale":           "",
	"SessionManager.messageLocaleList":       "",
	"SessionManager.supportedLocaleList":     "",
	"ServiceInstance.content":                "",
}

// readPrivilege is the privilege that reading a property wants on its object's entity, "" for none.
func readPrivilege(kind, path string) string {
	name, _, _ := strings.Cut(path, ".")
	name, _, _ = strings.Cut(name, "[")
	if privilege, ok := otherwise[kind+"."+name]; ok {
		return privilege
	}
	if !entityTypes[kind] {
		return systemViewOrRead(kind, name)
	}
	base := bases[kind]
	for _, names := range []string{viewed[""], viewed[kind], viewed[base]} {
		if slices.Contains(strings.Fields(names), name) {
			return systemView
		}
	}
	return systemRead
}

// entityTypes are the types of managed entities.
var entityTypes = map[string]bool{"Folder": true, "StoragePod": true, "Datacenter": true, "ComputeResource": true, "ClusterComputeResource": true,
	"HostSystem": true, "ResourcePool": true, "VirtualApp": true, "VirtualMachine": true, "Datastore": true, "Network": true, "OpaqueNetwork": true,
	"DistributedVirtualPortgroup": true, "DistributedVirtualSwitch": true, "VmwareDistributedVirtualSwitch": true}

// systemViewOrRead is the privilege for what is no entity: a host's managers and snapshots want System.Read on the host or the VM, a service's
// objects System.View on the root folder.
func systemViewOrRead(kind, name string) string {
	if strings.HasPrefix(kind, "Host") && kind != "HostDatastoreBrowser" || kind == "VirtualMachineSnapshot" {
		return systemRead
	}
	if kind == "HostDatastoreBrowser" && name != "datastore" {
		return systemRead
	}
	return systemView
}

// mayFolder says whether an account may use a file over HTTP: Datastore.Browse to read, Datastore.FileManagement to write or delete ("vSphere Web
// Services SDK Programming Guide", "Accessing datastore files over HTTP"). Through the vCenter clients have met 401 with a role of these alone, and
// success with Host.Config.SystemManagement (vmware/govmomi, vmware.github.io/packer-examples-for-vsphere): the switch vcenter_put. It is wanted on a
// host that mounts the datastore.
func (s *server) mayFolder(user, method string, f file, vcenter bool) bool {
	r := s.rightsOf(user)
	switch {
	case r.all:
		return true
	case method == http.MethodGet || method == http.MethodHead:
		return r.may(f.ref, "Datastore.Browse")
	case !r.may(f.ref, "Datastore.FileManagement"):
		return false
	case method != http.MethodPut || !vcenter || s.scenario.VCenter.Behaviour.VCenterPut != "host_config":
		return true
	}
	for name := range f.hosts {
		if r.may(s.hosts[name], "Host.Config.SystemManagement") {
			return true
		}
	}
	return false
}

// cryptoRefuses says whether one of the hosts is in crypto-safe mode and the account has no Cryptographer.Access there. NFC access is direct
// access in the sense of that privilege ("vSphere Security", "Cryptographic Operations Privileges"); such an upload fails with a 500
// (vmware.github.io/packer-examples-for-vsphere).
func (s *server) cryptoRefuses(user string, hosts ...types.ManagedObjectReference) bool {
	r := s.rightsOf(user)
	if r.all {
		return false
	}
	for _, ref := range hosts {
		if h, ok := s.reg.Get(ref).(*simulator.HostSystem); ok && h.Runtime.CryptoState == string(types.HostCryptoStateSafe) &&
			!r.may(h.Self, "Cryptographer.Access") {
			return true
		}
	}
	return false
}
