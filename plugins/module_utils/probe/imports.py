# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions on imports of streamOptimized disks. As in :mod:`datastore`, each function takes a bench and gives a finding."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import streams
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.bench import CAPACITY_KB, Refused
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.datastore import CAPACITY, GRAINS, arrived
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import FILES, Finding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files

_EXISTS = {"DuplicateName", "AlreadyExists", "FileAlreadyExists", "TaskInProgress"}
_HOST_REFUSED = {"UPLOAD_FAILED", "UPLOAD_BROKEN"}  # codes: the host was reached and did not want the file


def stream_image(bench):
    """Imports a disk in the encoding in which this collection sends one."""
    data = streams.flat(CAPACITY, GRAINS)
    encoder = encoding.Encoder(CAPACITY, "vsphere_probe")
    file = b"".join([encoder.start(), *encoder.feed(data), *encoder.finish()])
    with bench.imported(file) as made:
        return arrived(bench, made.path, data if bench.site.datastore.type in FILES else None, "The disk was imported.")


def old_stream(bench):
    """Imports a file with a header of version 1."""
    return _imported(bench, streams.stream(CAPACITY, GRAINS, version=1), "A file with a header of version 1")


def stream_without_footer(bench):
    """Imports a file as qemu-img writes it: tables first, no footer, no end-of-stream marker."""
    return _imported(bench, streams.stream(CAPACITY, GRAINS, footer=False), "A file without a footer")


def stream_odd_capacity(bench):
    """Imports a disk whose last grain is not a whole one."""
    odd = CAPACITY + 1024
    file = streams.stream(odd, {**GRAINS, CAPACITY // streams.GRAIN: b"end" * 300})
    return _imported(bench, file, "A file whose capacity is no multiple of the grain", CAPACITY_KB + 1)


def _imported(bench, file, what, capacity_kb=CAPACITY_KB):
    try:
        with bench.imported(file, capacity_kb):
            return Finding("taken", f"{what} was imported.")
    except Refused as refused:
        if refused.lacking:
            raise
        return Finding("refused", f"{what} was refused: {refused}.")
    except NovaVmwareError as error:
        if error.code not in _HOST_REFUSED:
            raise
        return Finding("refused", f"{what} was refused. {error.what}")


def lease_abort(bench):
    """Ends an import and asks at once for another of the same name."""
    name = bench.next_name()
    lease, _info = bench.lease(name)
    bench.call("abort an import", lease.HttpNfcLeaseAbort)
    folder = bench.session.managed("Folder", bench.site.vm_folder)
    there = bench.call("look for the machine", bench.session.content.searchIndex.FindChild, entity=folder, name=name) is not None
    try:
        again, _info = bench.lease(name)
    except Refused as refused:
        if refused.fault not in _EXISTS:
            raise
        return Finding("later", f"After an import was ended another of the same name was refused: {refused}.")
    bench.abort(again)
    if there:
        return Finding("later", "After an import was ended its virtual machine was still there for a while.")
    return Finding("at_once", "After an import was ended another of the same name could begin at once.")


def vsan_disk_path(bench):
    """Reads how a virtual machine's disk on vSAN is named."""
    name = bench.next_name()
    lease, info = bench.lease(name)
    try:
        paths = bench.disks_of(info.entity)
    finally:
        bench.abort(lease)
    folder = files.relative(paths[0]).partition("/")[0]
    return Finding("name" if folder.startswith(name) else "uuid", f"The disk of the virtual machine {name} is {paths[0]}.")
