# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The privileges that Nova's VC driver and this collection use, and why. Pure.

Read from nova/virt/vmwareapi and oslo.vmware (which methods are called on what), and from the vSphere Web Services API
(the privilege that each method asks for). Nova's manual has a longer list; what is not here no call of the driver asks for.
"""

from __future__ import annotations

# Where -> privilege -> what it is used for. ``root`` is the root folder of the vCenter, ``folder`` the VM folder of the datacenter,
# ``pool`` the root resource pool of the cluster. What ImportVApp asks for, it asks for on the pool and on the folder (API: ResourcePool.ImportVApp).
PRIVILEGES = {
    "root": {
        "Extension.Register": "Nova registers org.openstack.compute at its start",
        "Sessions.ValidateSession": "oslo.vmware asks whether its session is still good (SessionIsActive)",
    },
    "folder": {
        "Folder.Create": "the folders OpenStack, Project (...) and Instances",
        "VApp.Export": "snapshots of servers (ExportVm)",
        "VApp.Import": "import of streamOptimized images into the folder (ImportVApp)",
        "VirtualMachine.Config.AddExistingDisk": "root disks and volumes",
        "VirtualMachine.Config.AddNewDisk": "linked clones, ephemeral disks and swap",
        "VirtualMachine.Config.AddRemoveDevice": "controllers, network cards, CD-ROM",
        "VirtualMachine.Config.AdvancedConfig": "nvp.vm-uuid and the other extraConfig by which Nova finds its servers",
        "VirtualMachine.Config.Annotation": "the description of the server",
        "VirtualMachine.Config.CPUCount": "resize",
        "VirtualMachine.Config.DiskExtend": "extending the root disk",
        "VirtualMachine.Config.EditDevice": "network cards and volumes of a running server",
        "VirtualMachine.Config.ManagedBy": "every server is managed by org.openstack.compute",
        "VirtualMachine.Config.Memory": "resize",
        "VirtualMachine.Config.RemoveDisk": "detaching volumes, rescue",
        "VirtualMachine.Config.Rename": "the name of the server",
        "VirtualMachine.Config.Resource": "quota:cpu_limit and the like, resize",
        "VirtualMachine.Config.Settings": "instance UUID, console, guest id",
        "VirtualMachine.Interact.ConsoleInteract": "the MKS console (AcquireTicket)",
        "VirtualMachine.Interact.DeviceConnection": "network cards and CD-ROM of a running server",
        "VirtualMachine.Interact.PowerOff": "stop, and a soft stop by VMware Tools",
        "VirtualMachine.Interact.PowerOn": "start",
        "VirtualMachine.Interact.Reset": "reboot, hard and soft",
        "VirtualMachine.Interact.SetCDMedia": "boot of an iso image",
        "VirtualMachine.Interact.Suspend": "suspend",
        "VirtualMachine.Inventory.Create": "boot, import of streamOptimized images",
        "VirtualMachine.Inventory.CreateFromExisting": "the clone of which a snapshot is made",
        "VirtualMachine.Inventory.Delete": "delete",
        "VirtualMachine.Inventory.Register": "bringing back a server whose VM was unregistered",
        "VirtualMachine.Inventory.Unregister": "delete, import of streamOptimized images",
        "VirtualMachine.Provisioning.Clone": "the clone of which a snapshot is made",
        "VirtualMachine.Provisioning.GetVmFiles": "reading the disk of a snapshot",
        "VirtualMachine.State.CreateSnapshot": "snapshots of servers",
        "VirtualMachine.State.RemoveSnapshot": "snapshots of servers",
    },
    "pool": {
        "Resource.AssignVMToPool": "every server lives in the root resource pool",
        "Resource.ColdMigrate": "attaching a volume moves its disk to the server's datastore (RelocateVM)",
        "Resource.HotMigrate": "live migration between clusters",
        "VApp.Import": "import of streamOptimized images (ImportVApp)",
    },
    "datastore": {
        "Datastore.AllocateSpace": "disks of servers and of the image cache",
        "Datastore.Browse": "Nova and image_cache look for cached images",
        "Datastore.DeleteFile": "removing the files of a deleted server",
        "Datastore.FileManagement": "uploads, copies, moves and deletion in the image cache",
    },
    "network": {
        "Network.Assign": "network cards",
    },
}  # fmt: skip

# What only some vCenters need -> where -> privilege -> what for. The names are values of the option ``features`` of the module vsphere_role.
FEATURES = {
    "vsan": {
        "datastore": {"Datastore.Config": "the cache folder on vSAN, where folders at the top are objects (DatastoreNamespaceManager.CreateDirectory)"},
    },
    "encryption": {
        "host": {"Cryptographer.Access": "uploads to hosts in crypto-safe mode, with a key provider or virtual TPMs in use"},
    },
    "pull": {
        "folder": {"VApp.PullFromUrls": "ESXi hosts fetch images from Glance themselves (HttpNfcLeasePullFromUrls_Task)"},
    },
    "vcenter_upload": {
        "host": {"Host.Config.SystemManagement": "uploads through the vCenter, which some versions refuse without it; not to hosts"},
    },
    # nova/virt/vmwareapi/volumeops.py, _iscsi_rescan_hba and _attach_volume_iscsi.
    "iscsi": {
        "host": {"Host.Config.Storage": "iSCSI volumes: Nova tells a host the target and looks for its disks (AddInternetScsiSendTargets, RescanHba)"},
        "folder": {"VirtualMachine.Config.RawDevice": "iSCSI volumes: Nova attaches them as raw device mappings"},
    },
}  # fmt: skip

# Calls for files and disks that name a datacenter ask for System.View there (API: FileManager, VirtualDiskManager). Every role has it, so it is
# missing only where the account has no role on the datacenter at all.
DATACENTER = "System.View"

# vCenter puts these into every role itself (API: AuthorizationManager.AddAuthorizationRole).
SYSTEM = frozenset(["System.Anonymous", "System.Read", "System.View"])


def all_privileges(features=()):
    """Returns the names of all privileges, sorted: what one role for everything has.

    :arg features: names of :data:`FEATURES` that are needed too.
    """
    tables = [PRIVILEGES, *(FEATURES[feature] for feature in features)]
    return sorted({name for table in tables for names in table.values() for name in names})
