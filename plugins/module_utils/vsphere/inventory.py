# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters, hosts, datastores and virtual machines of a vCenter, read in bulk.

The number of requests does not grow with the number of objects, other than by pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec, traversal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim


@dataclass(frozen=True)
class Datacenter:
    """``path`` is the inventory path without the leading slash, as ``dcPath`` in a ``/folder`` URL takes it.

    Names of datacenters, folders and clusters are as vSphere writes them, with ``%25``, ``%2f`` and ``%5c`` for ``%``, ``/`` and a backslash
    (ManagedEntity.name): Nova compares that spelling (nova/virt/vmwareapi/vm_util.py, ``get_cluster_ref_by_name``).
    ``folders`` are ``(managed object id, path)`` of the folders that it is in, below the root folder, the topmost first.
    """

    moid: str
    name: str
    path: str
    vm_folder: str
    folders: tuple = ()


@dataclass(frozen=True)
class Cluster:
    """``path`` is the inventory path; ``hosts`` and ``datastores`` are managed object ids in vSphere's order."""

    moid: str
    name: str
    path: str
    datacenter: Datacenter
    resource_pool: str
    hosts: tuple
    datastores: tuple
    drs_enabled: bool
    drs_behavior: str | None
    ha_enabled: bool
    ha_admission_control: bool


@dataclass(frozen=True)
class Host:
    """``memory_bytes`` is the physical memory."""

    moid: str
    name: str
    connection_state: str
    maintenance: bool
    cores: int
    threads: int
    memory_bytes: int


@dataclass(frozen=True)
class Load:
    """What powered-on virtual machines are configured with and have reserved on a host, never what they use at the moment."""

    vms: int = 0
    vcpus: int = 0
    memory_mb: int = 0
    memory_reserved_mb: int = 0
    cpu_reserved_mhz: int = 0


@dataclass(frozen=True)
class Datastore:
    """``mounts`` maps the managed object id of a host to True where it may write, ``paths`` to where it has it (``/vmfs/volumes/...``).

    ``url`` names the storage: two datacenters that mount it have a datastore each, with one URL. ``root_folders`` is False where a folder at the
    root is an object of its own, which a FileManager can't make.
    """

    moid: str
    name: str
    type: str
    accessible: bool
    maintenance_mode: str | None
    capacity_bytes: int
    free_bytes: int
    mounts: dict
    browser: object
    url: str = ""
    root_folders: bool = True
    paths: dict = field(default_factory=dict)

    @property
    def storage(self):
        """What tells storages apart: the URL, or the managed object id where the account may not read it."""
        return self.url or self.moid


@dataclass(frozen=True)
class VmFiles:
    """What a virtual machine or template uses: paths as vCenter has them, ``[ds] folder/file`` or ``ds:///vmfs/volumes/<volume>/folder/file``.

    ``datastores`` are managed object ids. ``readable`` is False where vCenter can't tell its disks: it may use more there.
    """

    name: str
    files: frozenset
    datastores: frozenset
    readable: bool


def clusters(session):
    """Reads every cluster of the vCenter, with its datacenter: one request a page.

    :arg session: a :class:`~..session.Session`.
    :returns: a list of :class:`Cluster`.
    """
    walk = traversal(vim.Folder, "childEntity", ["folders", traversal(vim.Datacenter, "hostFolder", ["folders"])], name="folders")
    root = session.content.rootFolder
    paths = {
        vim.Folder: ["name", "parent"],
        vim.Datacenter: ["name", "parent", "vmFolder"],
        vim.ClusterComputeResource: ["name", "parent", "host", "datastore", "resourcePool", "configurationEx"],
    }
    with_properties = session.read("read the clusters of the vCenter", [object_spec(root, [walk])], paths)
    nodes = {obj._GetMoId(): (obj, properties) for obj, properties in with_properties}

    def ancestors(moid):
        """Yields the object and everything above it, below the root folder."""
        while moid in nodes and moid != root._GetMoId():
            obj, properties = nodes[moid]
            yield moid, obj, properties
            parent = properties.get("parent")
            moid = parent._GetMoId() if parent is not None else None

    def path(moid):
        return "/".join(reversed([properties.get("name", at) for at, _obj, properties in ancestors(moid)]))

    def datacenter(moid):
        for at, obj, properties in ancestors(moid):
            if isinstance(obj, vim.Datacenter) and "name" in properties and "vmFolder" in properties:
                above = [(folder, path(folder)) for folder, _obj, _properties in ancestors(at)][:0:-1]
                return Datacenter(at, properties["name"], path(at), properties["vmFolder"]._GetMoId(), tuple(above))
        return None  # a cluster is always below a datacenter, but it may not be readable

    found, skipped = [], []
    for moid, (obj, properties) in nodes.items():
        if not isinstance(obj, vim.ClusterComputeResource):
            continue
        above = datacenter(moid)
        if above is None or "name" not in properties or "resourcePool" not in properties:
            skipped.append(moid)
            continue
        config = properties.get("configurationEx")
        drs, das = getattr(config, "drsConfig", None), getattr(config, "dasConfig", None)
        found.append(
            Cluster(
                moid=moid,
                name=properties["name"],
                path="/" + path(moid),
                datacenter=above,
                resource_pool=properties["resourcePool"]._GetMoId(),
                hosts=tuple(host._GetMoId() for host in properties.get("host") or ()),
                datastores=tuple(datastore._GetMoId() for datastore in properties.get("datastore") or ()),
                drs_enabled=bool(getattr(drs, "enabled", False)),
                drs_behavior=getattr(drs, "defaultVmBehavior", None),
                ha_enabled=bool(getattr(das, "enabled", False)),
                ha_admission_control=bool(getattr(das, "admissionControlEnabled", False)),
            )
        )
    _tell_skipped(session, "clusters", skipped)
    return found


def hosts_and_datastores(session, chosen, tell=True):
    """Reads the hosts and the datastores of clusters: one request a page. Those that the account may not read are passed over.

    :arg chosen: clusters, as :func:`clusters` gives them.
    :arg tell: name what was passed over in the session's warnings.
    :returns: ``({host moid: Host}, {datastore moid: Datastore})``
    """
    objects = [object_spec(session.managed("HostSystem", moid)) for moid in _unique(c.hosts for c in chosen)]
    objects += [object_spec(session.managed("Datastore", moid)) for moid in _unique(c.datastores for c in chosen)]
    if not objects:
        return {}, {}
    paths = {
        vim.HostSystem: [
            "name", "runtime.connectionState", "runtime.inMaintenanceMode",
            "hardware.memorySize", "hardware.cpuInfo.numCpuCores", "hardware.cpuInfo.numCpuThreads",
        ],
        vim.Datastore: [
            "summary.name", "summary.type", "summary.accessible", "summary.maintenanceMode",
            "summary.capacity", "summary.freeSpace", "summary.url", "capability.topLevelDirectoryCreateSupported", "host", "browser",
        ],
    }  # fmt: skip
    hosts, datastores, skipped = {}, {}, {"hosts": [], "datastores": []}
    found = session.read("read the hosts and datastores of the clusters", objects, paths)
    for obj, value in found:
        moid = obj._GetMoId()
        is_host = isinstance(obj, vim.HostSystem)
        # Without System.Read on an object, the answer has it with no properties (API: ObjectContent.missingSet). Nova passes over it as well
        # (nova/virt/vmwareapi/ds_util.py, _select_datastore).
        if not all(path in value for path in (_HOST_NEEDS if is_host else _DATASTORE_NEEDS)):
            skipped["hosts" if is_host else "datastores"].append(moid)
        elif is_host:
            hosts[moid] = Host(
                moid=moid,
                name=_unescape(value["name"]),
                connection_state=value["runtime.connectionState"],
                maintenance=value["runtime.inMaintenanceMode"],
                # A host that was never connected has no hardware to tell of.
                cores=value.get("hardware.cpuInfo.numCpuCores", 0),
                threads=value.get("hardware.cpuInfo.numCpuThreads", 0),
                memory_bytes=value.get("hardware.memorySize", 0),
            )
        else:
            datastores[moid] = Datastore(
                moid=moid,
                name=value["summary.name"],
                type=value["summary.type"],
                accessible=value["summary.accessible"],
                maintenance_mode=value.get("summary.maintenanceMode"),
                capacity_bytes=value.get("summary.capacity", 0),
                free_bytes=value.get("summary.freeSpace", 0),
                mounts={mount.key._GetMoId(): _writable(mount.mountInfo) for mount in value.get("host") or ()},
                browser=value["browser"],
                url=value.get("summary.url", ""),
                # API: DatastoreCapability.topLevelDirectoryCreateSupported; unset before vSphere 5.5, where vSAN was the first without.
                root_folders=value.get("capability.topLevelDirectoryCreateSupported", value["summary.type"] not in ("vsan", "VVOL")),
                paths={mount.key._GetMoId(): mount.mountInfo.path for mount in value.get("host") or ()},
            )
    if tell:
        for kind, moids in skipped.items():
            _tell_skipped(session, kind, moids)
    return hosts, datastores


_HOST_NEEDS = ("name", "runtime.connectionState", "runtime.inMaintenanceMode")
_DATASTORE_NEEDS = ("summary.name", "summary.type", "summary.accessible", "browser")


def _tell_skipped(session, kind, moids):
    """Names objects that were passed over in the session's warnings, once."""
    text = f"The {kind} {', '.join(sorted(moids))} are passed over: this account may not read them. Give it System.Read on them where Nova is to use them."
    if moids and text not in session.warnings:
        session.warnings.append(text)


def offloads(session, host_moids):
    """Reads where storage copies by itself (hardware acceleration): one request a page.

    vSphere Web Services API: ``HostFileSystemMountInfo.vStorageSupport``.

    :returns: a set of ``(host moid, path)`` of the mounts that say ``vStorageSupported``; paths as in :attr:`Datastore.paths`.
    """
    objects = [object_spec(session.managed("HostSystem", moid)) for moid in host_moids]
    if not objects:
        return set()
    found = session.read("read what the hosts say of their storage", objects, {vim.HostSystem: ["config.fileSystemVolume.mountInfo"]})
    return {
        (host._GetMoId(), mount.mountInfo.path)
        for host, value in found
        for mount in value.get("config.fileSystemVolume.mountInfo") or ()
        if mount.vStorageSupport == "vStorageSupported" and mount.mountInfo.path
    }


def loads(session, host_moids):
    """Reads what the powered-on virtual machines of hosts are configured with: one request a page.

    :returns: ``{host moid: Load}``, with an entry for each host asked for.
    """
    totals = {moid: Load() for moid in host_moids}
    if not totals:
        return totals
    vms = traversal(vim.HostSystem, "vm")
    paths = {
        vim.VirtualMachine: [
            "runtime.host", "runtime.powerState", "config.hardware.memoryMB", "config.hardware.numCPU",
            "config.memoryAllocation.reservation", "config.cpuAllocation.reservation",
        ]
    }  # fmt: skip
    objects = [object_spec(session.managed("HostSystem", moid), [vms], skip=True) for moid in totals]
    found = session.read("read the virtual machines of the hosts", objects, paths)
    for _obj, value in found:
        host = value.get("runtime.host")
        if value.get("runtime.powerState") != "poweredOn" or host is None or host._GetMoId() not in totals:
            continue
        load = totals[host._GetMoId()]
        totals[host._GetMoId()] = Load(
            vms=load.vms + 1,
            vcpus=load.vcpus + value.get("config.hardware.numCPU", 0),
            memory_mb=load.memory_mb + value.get("config.hardware.memoryMB", 0),
            memory_reserved_mb=load.memory_reserved_mb + (value.get("config.memoryAllocation.reservation") or 0),
            cpu_reserved_mhz=load.cpu_reserved_mhz + (value.get("config.cpuAllocation.reservation") or 0),
        )
    return totals


def storages(session):
    """Reads which storage each datastore of the vCenter is: one request a page.

    The scope of a datastore is a datacenter (API: ``Datastore``): two datacenters that mount one storage have a datastore each.

    :returns: ``{datastore moid: (name, storage)}`` of all that the account can see; the storage as :attr:`Datastore.storage` gives it.
    """
    walk = traversal(vim.Folder, "childEntity", ["folders", traversal(vim.Datacenter, "datastore")], name="folders")
    objects = [object_spec(session.content.rootFolder, [walk], skip=True)]
    found = session.read("read the datastores of the vCenter", objects, {vim.Datastore: ["summary.name", "summary.url"]})
    return {obj._GetMoId(): (value.get("summary.name", ""), value.get("summary.url") or obj._GetMoId()) for obj, value in found}


def vm_folders(session):
    """Reads the VM folders of all datacenters of the vCenter that the account can see: one request a page.

    :returns: a list of their managed object ids, sorted.
    """
    walk = traversal(vim.Folder, "childEntity", ["folders"], name="folders")
    found = session.read("read the datacenters of the vCenter", [object_spec(session.content.rootFolder, [walk], skip=True)], {vim.Datacenter: ["vmFolder"]})
    return sorted(value["vmFolder"]._GetMoId() for _obj, value in found if "vmFolder" in value)


def files_in_use(session, datastore_moids):
    """Reads the files of every virtual machine and template on the datastores, with their snapshots and disk chains: one request a page.

    vSphere Web Services API: ``VirtualMachine.layoutEx`` has all files of a machine. Disk backings are read as well, of the machine and of each of its
    snapshots, since the chain of a linked clone is in them even where ``layoutEx`` was not refreshed yet.

    :returns: a list of :class:`VmFiles`, and the set of those of the datastores whose virtual machines the account may not list.
    """
    if not datastore_moids:
        return [], set()
    snapshots = traversal(vim.VirtualMachine, "rootSnapshot", [traversal(vim.vm.Snapshot, "childSnapshot", ["snapshots"], name="snapshots")])
    walk = traversal(vim.Datastore, "vm", [snapshots])
    objects = [object_spec(session.managed("Datastore", moid), [walk]) for moid in datastore_moids]
    paths = {
        vim.Datastore: ["vm"],
        vim.VirtualMachine: ["name", "datastore", "layoutEx.file", "config.hardware.device"],
        vim.vm.Snapshot: ["vm", "config.hardware.device"],
    }
    missing = []
    found = session.read("read the files of the virtual machines", objects, paths, missing)
    blind = set(datastore_moids) & {obj._GetMoId() for obj, _path in missing}
    names, stores, used, seen = {}, {}, {}, set()
    for obj, value in found:
        if isinstance(obj, vim.Datastore):
            for vm in value.get("vm") or ():
                stores.setdefault(vm._GetMoId(), set()).add(obj._GetMoId())
                used.setdefault(vm._GetMoId(), set())
            continue
        is_snapshot = isinstance(obj, vim.vm.Snapshot)
        owner = value.get("vm") if is_snapshot else obj
        if owner is None:  # of a machine that the account may not see: it may be on any of them
            owner = obj
            stores[obj._GetMoId()] = set(datastore_moids)
        moid = owner._GetMoId()
        files = used.setdefault(moid, set())
        if not is_snapshot:
            names[moid] = _unescape(value.get("name", moid))
            stores.setdefault(moid, set()).update(datastore._GetMoId() for datastore in value.get("datastore") or ())
            files.update(file.name for file in value.get("layoutEx.file") or ())
        devices = value.get("config.hardware.device")
        if devices is None:
            missing.append((owner, "config.hardware.device"))
        elif not is_snapshot:
            seen.add(moid)
        for device in devices or ():
            backing = getattr(device, "backing", None)
            while backing is not None and getattr(backing, "fileName", None):
                files.add(backing.fileName)
                backing = getattr(backing, "parent", None)
    unreadable = {obj._GetMoId() for obj, _path in missing} | (used.keys() - seen)
    return [VmFiles(names.get(moid, moid), frozenset(files), frozenset(stores.get(moid, ())), moid not in unreadable) for moid, files in used.items()], blind


def _writable(mount):
    """oslo_vmware/objects/datastore.py, ``is_datastore_mount_usable``; an unset ``mounted`` means mounted."""
    return mount.accessMode == "readWrite" and mount.mounted is not False and bool(mount.accessible)


def _unique(groups):
    return list(dict.fromkeys(item for group in groups for item in group))


def escape(name):
    """Returns a name as vSphere writes it in its inventory: with %25, %2f and %5c for %, / and a backslash (ManagedEntity.name)."""
    return name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")


def _unescape(name):
    """Returns a name as people write it; the opposite of :func:`escape`."""
    return name.replace("%2f", "/").replace("%2F", "/").replace("%5c", "\\").replace("%5C", "\\").replace("%25", "%")


def firewalls(session, hosts):
    """Reads the firewalls of hosts: one request a page.

    :arg hosts: managed object ids.
    :returns: ``{moid: {name of a ruleset: whether it is open}}``; a host that tells nothing, as one that is not connected may, is left out.
    """
    what = "read the firewalls of hosts"
    found = session.read(what, [object_spec(session.managed("HostSystem", moid)) for moid in hosts], {vim.HostSystem: ["config.firewall.ruleset"]})
    return {
        host._GetMoId(): {rule.key: rule.enabled for rule in properties["config.firewall.ruleset"]}
        for host, properties in found
        if "config.firewall.ruleset" in properties
    }


def firewall_systems(session, hosts):
    """Reads what changes the firewalls of hosts: one request a page.

    :arg hosts: managed object ids.
    :returns: ``{moid: vim.host.FirewallSystem}``.
    """
    what = "find the firewalls of hosts"
    specs = [object_spec(session.managed("HostSystem", moid)) for moid in hosts]
    found = session.read(what, specs, {vim.HostSystem: ["configManager.firewallSystem"]})
    return {host._GetMoId(): properties["configManager.firewallSystem"] for host, properties in found}


def set_ruleset(session, host, firewall, name, is_open):
    """Opens or closes a ruleset of a host's firewall (API: ``HostFirewallSystem.EnableRuleset``, ``DisableRuleset``).

    :arg host: a :class:`Host`. :arg firewall: its firewall, of :func:`firewall_systems`.
    :raises VSphereFault: as the server said.
    """
    what = f"{'open' if is_open else 'close'} the ruleset {name} of the firewall of {host.name}"
    session.call(what, firewall.EnableRuleset if is_open else firewall.DisableRuleset, id=name)
