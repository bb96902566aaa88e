# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions on disks and files of a datastore, on the transfer of files, and on privileges.

Each function is given a :class:`bench.Bench` and gives a :class:`question.Finding`. It catches a refusal only where that is an answer.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import streams
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.bench import CAPACITY_KB, Refused
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import Finding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, transfer

CAPACITY = CAPACITY_KB << 10  # bytes
GRAINS = {0: random.Random(1).randbytes(streams.GRAIN), 40: random.Random(2).randbytes(streams.GRAIN)}
_UNSUPPORTED = {"NotImplemented", "NotSupported", "InvalidArgument"}
_EAGER_MB = 256  # long enough to be told from what any disk takes
_AT_ONCE = 8  # hosts
_HOST_SECONDS = 20.0


def scratch_folder(bench):
    """Makes the scratch folder as a seed makes its own."""
    files.make_directory(bench.session, bench.place, bench.name)
    return Finding("yes", f"{bench.path()} was made.")


def host_upload(bench):
    """Writes a small file through each host, by the two ways in which a host can prove who it is."""
    asked = bench.session.host_trust
    ways = transfer.targets(bench.session, bench.place, bench.site.hosts, f"{bench.name}/host", "host") if bench.site.hosts else []

    def attempt(pair):
        number, way = pair
        to = transfer.targets(bench.session, bench.place, [way.hostname], f"{bench.name}/host-{number}", "host")
        problem = "there is no time left"
        for trust in (asked, "thumbprint" if asked == "ca" else "ca"):
            rules = transfer.Rules(host_trust=trust, deadline=time.monotonic() + min(_HOST_SECONDS, bench.left()))
            try:
                transfer.put(bench.session, to, 4, lambda: iter([b"test"]), rules)
                return trust, ""
            except NovaVmwareError as error:
                problem = f"{error.what} {error.hint}".strip()
                if error.code not in ("CERTIFICATE_NOT_TRUSTED", "HOST_THUMBPRINT_UNKNOWN"):
                    break
        return None, problem

    with ThreadPoolExecutor(_AT_ONCE, initializer=leave_signals) as pool:
        answers = list(pool.map(attempt, enumerate(ways)))
    trusts = {trust for trust, _problem in answers if trust}
    works = [way.hostname for way, (trust, _problem) in zip(ways, answers) if trust]
    problems = [problem for trust, problem in answers if not trust]
    trust = asked if trusts <= {asked} else "thumbprint" if "thumbprint" in trusts else "ca"
    bench.memo.update(hosts=works, trust=trust)
    evidence = " ".join([f"{len(works)} of {len(ways)} hosts took a file.", *problems[:5]])
    if not works:
        return Finding("none", evidence)
    return Finding(trust if len(works) == len(ways) else "some", evidence)


def flat_image(bench):
    """Makes a disk, writes its extent as a seed of a flat image does, and reads it back (nova/virt/vmwareapi/vmops.py, _cache_flat_image)."""
    path = bench.path("flat", "flat.vmdk")
    bench.make_folder("flat")
    bench.make_disk(path, "preallocated")
    bench.delete(bench.path("flat", "flat-flat.vmdk"))
    data = streams.flat(CAPACITY, GRAINS)
    way = bench.put("flat/flat-flat.vmdk", data)
    return arrived(bench, path, data, f"A disk was made and its extent written through {_by(way)}.")


def sparse_image(bench):
    """Writes a hosted sparse file and lets the vCenter convert it, as Nova does (nova/virt/vmwareapi/vmops.py, _cache_sparse_image)."""
    bench.make_folder("sparse")
    bench.put("sparse/source.vmdk", streams.sparse(CAPACITY, GRAINS))
    bench.copy_disk(bench.path("sparse", "source.vmdk"), bench.path("sparse", "disk.vmdk"))
    return arrived(bench, bench.path("sparse", "disk.vmdk"), streams.flat(CAPACITY, GRAINS), "The file was converted.")


def arrived(bench, path, data, evidence):
    """Judges a disk by what the vCenter says of it and by what a guest would read.

    :arg data: the bytes of the flat disk, or None where its extent can't be read.
    """
    disk = bench.disk(path)
    if disk is None:
        return Finding("no", f"{evidence} No query finds the disk afterwards.")
    if disk.capacityKb != CAPACITY_KB:
        return Finding("no", f"{evidence} The disk then has {disk.capacityKb} KiB instead of {CAPACITY_KB}.")
    if data is None:
        return Finding("yes", f"{evidence} It has the right capacity.")
    if bench.get(path.removesuffix(".vmdk") + "-flat.vmdk") != data:
        return Finding("no", f"{evidence} What is read back is not what was sent.")
    return Finding("yes", f"{evidence} It has the right capacity and content.")


def move_image(bench):
    """Publishes a folder with a disk by one move, and deletes it."""
    bench.make_folder("stage")
    bench.make_disk(bench.path("stage", "disk.vmdk"))
    bench.move(bench.path("stage"), bench.path("image"))
    found = bench.names(bench.path("image"))
    if "disk.vmdk" not in found or bench.names(bench.path("stage")):
        return Finding("no", "The move ended well, but the disk is not in the new folder alone.")
    bench.delete(bench.path("image"))
    if bench.names(bench.path("image")):
        return Finding("no", "The folder was moved. Its deletion ended well, but files of it are left.")
    return Finding("yes", "A folder with a disk was moved and deleted.")


def _source(bench):
    """Makes the thin disk that is looked at and copied, once. Gives its path."""
    path = bench.path("disks", "thin.vmdk")
    if "source" not in bench.memo:
        bench.make_folder("disks")
        bench.make_disk(path)
        bench.memo["source"] = path
    return path


def thin_file_size(bench):
    """Lists a thin disk without a query."""
    _source(bench)
    sizes = {file.path: file.fileSize or 0 for file in bench.listing(bench.path("disks"))}
    size = sizes.get("thin-flat.vmdk")
    if size is None:
        return Finding(None, f"The listing shows no extent, only {', '.join(sorted(sizes)) or 'nothing'}.")
    return Finding("provisioned" if size == CAPACITY else "allocated", f"The extent of a disk of {CAPACITY} bytes is listed with {size}.")


def copy_without_spec(bench):
    """Copies a thin disk without saying what the copy is to be."""
    copy = bench.path("disks", "copy.vmdk")
    bench.copy_disk(_source(bench), copy)
    disk = bench.disk(copy)
    thin = None if disk is None else disk.thin
    bench.memo["copy_is_thin"] = thin
    if thin is None:
        return Finding(None, "The vCenter does not tell whether the copy is thin.")
    before, after = (_type_name(one.controllerType) for one in (bench.disk(_source(bench)), disk))
    evidence = f"The copy of a thin disk is {'thin' if thin else 'thick'}. Its adapter was {before}, that of the copy is {after}."
    if (before, after) == ("VirtualLsiLogicController", "VirtualBusLogicController"):  # as the API says: preallocated, and busLogic
        return Finding("preallocated", evidence)
    if thin and not bench.memo.get("keeps_thick", True):
        return Finding(None, f"{evidence} This datastore makes every disk thin, so that says nothing.")
    return Finding("source" if thin else "preallocated", evidence)


def _type_name(kind):
    return kind.__name__.rpartition(".")[2] if kind else "unknown"


def copy_spec(bench):
    """Copies a thin disk to the type that it would not have without being asked for."""
    copy = bench.path("disks", "spec.vmdk")
    asked = "preallocated" if bench.memo.get("copy_is_thin") else "thin"
    try:
        bench.copy_disk(_source(bench), copy, asked)
    except Refused as refused:
        if refused.fault not in _UNSUPPORTED:
            raise
        return Finding("refused", f"A copy with a destSpec was refused: {refused}.")
    disk = bench.disk(copy)
    if disk is None or disk.thin is None:
        return Finding(None, "A copy with a destSpec was made, but the vCenter does not tell whether it is thin.")
    evidence = f"A copy for which the type {asked} was asked is {'thin' if disk.thin else 'thick'}."
    if disk.thin == (asked == "thin"):
        return Finding("honoured", evidence)
    if not bench.memo.get("keeps_thick", True):
        return Finding(None, f"{evidence} This datastore makes every disk thin, so that says nothing.")
    return Finding("ignored", evidence)


def nfs_preallocated(bench):
    """Makes a preallocated disk."""
    path = bench.path("disks", "thick.vmdk")
    _source(bench)
    try:
        bench.make_disk(path, "preallocated")
    except Refused as refused:
        if refused.fault not in _UNSUPPORTED:
            raise
        bench.memo["keeps_thick"] = False
        return Finding("refused", f"A preallocated disk was refused: {refused}.")
    disk = bench.disk(path)
    if disk is None or disk.thin is None:
        return Finding(None, "A preallocated disk was made, but the vCenter does not tell whether it is thin.")
    bench.memo["keeps_thick"] = not disk.thin
    return Finding("thin" if disk.thin else "taken", f"A disk for which the type preallocated was asked is {'thin' if disk.thin else 'thick'}.")


def eager_zero(bench):
    """Times an eagerZeroedThick disk, less what the smallest one takes."""
    _source(bench)
    seconds = []
    for name, size in (("eager-small.vmdk", 1), ("eager.vmdk", _EAGER_MB)):
        path = bench.path("disks", name)
        began = time.monotonic()
        bench.make_disk(path, "eagerZeroedThick", size << 10)
        seconds.append(time.monotonic() - began)
    rate = max(0.0, seconds[1] - seconds[0]) * 1024 / (_EAGER_MB - 1)
    return Finding(round(rate, 2), f"A zeroed disk of {_EAGER_MB} MiB took {seconds[1]:.2f} s, one of 1 MiB {seconds[0]:.2f} s.")


def put_missing_folder(bench):
    """Writes a file into a folder that is not there."""
    status, text = _put(bench, "missing/file")
    if status is None:
        return Finding(None, text)
    return Finding("made" if status < 300 else "refused", text)


def _put(bench, file, through="auto"):
    """Writes a small file by one way. Gives the status that answered, or None, and a sentence."""
    ways = bench.ways(file, through)[:1]
    try:
        bench.put(file, b"test", ways)
    except NovaVmwareError as error:
        return error.details.get("status"), error.what
    return 201, f"A file was taken through {_by(ways[0])}."


def _by(way):
    return "a host" if way.ticket else "the vCenter"


def chunked_put(bench):
    """Writes a file in chunks, without its length."""
    status, text = bench.put_chunked("chunked", b"test")
    if status is None:
        return Finding("refused", f"The host broke the connection: {text}.")
    if status >= 300:
        return Finding("refused", f"The host answered {status} {text}.")
    sizes = {file.path: file.fileSize for file in bench.listing(bench.path())}
    whole = sizes.get("chunked") == 4
    return Finding("taken" if whole else "refused", f"The host answered {status}, and the file {'is whole' if whole else 'is not'}.")


def vcenter_put(bench):
    """Writes a file through the vCenter, and looks at the privilege that it may want beyond the documented ones."""
    status, text = _put(bench, "vcenter", "server")
    lacks = bench.lacks("Host.Config.SystemManagement", "HostSystem", bench.site.host_moids) if bench.site.host_moids else False
    if status == 201 and lacks:
        return Finding("documented", f"{text} The account has no Host.Config.SystemManagement.")
    if status in (401, 403) and lacks:
        return Finding("host_config", text, lacking="Host.Config.SystemManagement")
    if status == 201:
        return Finding(None, f"{text} The account has Host.Config.SystemManagement, so it is not known whether others can.")
    return Finding(None, text)


def vsan_put_through_vcenter(bench):
    """Writes a file to vSAN through the vCenter."""
    status, text = _put(bench, "vcenter", "server")
    if status in (401, 403):
        return Finding(None, text)
    return Finding("works" if status == 201 else "fails", text)


def host_certificate(bench):
    """Asks for a ticket for a host, and sees which field names the host's certificate."""
    (way,) = transfer.targets(bench.session, bench.place, bench.site.hosts, f"{bench.name}/certificate", "host")[:1]
    ticket = bench.ticket(way)
    named = [name for name in ("sslThumbprint", "certThumbprintList", "sslCertificate") if getattr(ticket, name, None)]
    if not named:
        return Finding(None, "A ticket for a host does not name the host's certificate.")
    return Finding(named[0], f"A ticket for a host names the certificate in {', '.join(named)}.")


def nfs_lock_files(bench):
    """Lists the folders of virtual machines that run: ESXi keeps a lock file beside each open file on NFS 3."""
    folders = bench.running_folders()[:3]
    if not folders:
        return Finding(None, "No virtual machine that runs has its folder on this datastore.")
    locks = [name for folder in folders for name in bench.names(folder) if name.startswith(".lck-")]
    return Finding("shown" if locks else "hidden", f"{len(locks)} lock files are listed in the folders of {len(folders)} running virtual machines.")


def parents_view(bench):
    """Reads what is above the datastore and above the cluster: a name wants System.View, a status System.Read.

    A role has both (API: AuthorizationManager.AddAuthorizationRole), so who sees a name alone has no permission there, and sees it all the same.
    """
    session, site, permitted = bench.session, bench.site, set()
    for what, managed in (("datastore", session.managed("Datastore", site.datastore.moid)), ("cluster", session.managed("ResourcePool", site.pool))):
        for above, seen in bench.above(managed):
            permitted.add(above._GetMoId())
            named = f"the {type(above).__name__.rpartition('.')[2]} {above._GetMoId()} above the {what}, on which it has no permission"
            if seen == {"name"}:
                return Finding("granted", f"The account sees {named}.")
            if not seen:
                return Finding("refused", f"The account does not see {named}.")
    return Finding(
        None, f"The account has a permission on all {len(permitted)} objects above the datastore and the cluster, so it is not known what it sees without."
    )
