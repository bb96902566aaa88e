# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions on vSAN, where a folder at the root is an object of its own. As in :mod:`datastore`, each function takes a bench and gives a finding."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.bench import Refused
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import Finding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files


def root_folder(bench):
    """Makes a folder at the root by the FileManager, as Nova does (nova/virt/vmwareapi/ds_util.py, mkdir)."""
    path = bench.place.path(bench.second)
    try:
        bench.make_root_folder(bench.second)
    except Refused as refused:
        if refused.lacking:
            raise
        return Finding("refused", f"FileManager.MakeDirectory of {path} was refused: {refused}.")
    return Finding("made", f"FileManager.MakeDirectory has made {path}.")


def listing(bench):
    """Lists the root."""
    found = [file for file in bench.listing(bench.place.path()) if bench.name in (file.path, getattr(file, "friendlyName", None))]
    if not found:
        return Finding(None, "The listing of the root does not show the scratch folder.")
    named = found[0].path == bench.name
    return Finding("name" if named else "uuid", f"The listing of the root shows the scratch folder as {'its name' if named else 'a UUID'}.")


def move_disk(bench):
    """Publishes a disk as is done on vSAN: a folder is made, and the disk is moved into it."""
    source, destination = bench.path("disk.vmdk"), bench.place.path(bench.second, "disk.vmdk")
    files.make_directory(bench.session, bench.place, bench.second)
    bench.make_disk(source)
    bench.move_disk(source, destination)
    if bench.disk(destination) is None or bench.disk(source) is not None:
        return Finding("no", "The move ended well, but the disk is not in the new folder alone.")
    return Finding("yes", "A disk was moved from one folder at the root into another.")


def folder_move(bench):
    """Moves a folder with a disk from one folder at the root into another."""
    source, destination = bench.path("stage"), bench.place.path(bench.second, "image")
    files.make_directory(bench.session, bench.place, bench.second)
    bench.make_folder("stage")
    bench.make_disk(f"{source}/disk.vmdk")
    try:
        bench.move(source, destination)
    except Refused as refused:
        if refused.lacking:
            raise
        half = "image" in bench.names(bench.place.path(bench.second))
        there = "Both folders are there now" if half else "Nothing was moved"
        return Finding("half" if half else "refused", f"The move of a folder with a disk was refused: {refused}. {there}.")
    left = bench.names(bench.path())
    if "stage" in left:
        return Finding("half", "The move of a folder with a disk ended well, but both folders are there.")
    return Finding("moved", "A folder with a disk was moved.")


def folder_delete(bench):
    """Deletes a folder with a disk in it."""
    bench.make_folder("full")
    bench.make_disk(bench.path("full", "disk.vmdk"))
    try:
        bench.delete(bench.path("full"))
    except Refused as refused:
        if refused.lacking:
            raise
        return Finding("refused", f"The deletion of a folder with a disk was refused: {refused}.")
    if "full" in bench.names(bench.path()):
        return Finding("refused", "The deletion of a folder with a disk ended well, but the folder is there.")
    return Finding("deleted", "A folder with a disk was deleted.")
