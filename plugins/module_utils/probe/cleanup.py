# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what a probe made: its own at its end, and what killed ones have left.

Everything that a probe makes, folders at a datastore's root and virtual machines, has a name that begins with :data:`PREFIX` and its run.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import time
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.properties import object_spec, traversal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vim
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.tasks import run_task

PREFIX = "openstack_vmware_probe-"
ABANDONED = datetime.timedelta(hours=1)  # a probe on another machine ends long before
PATIENCE = 20.0  # seconds for what the vCenter removes by itself, as an import that was ended
_NAME = re.compile(re.escape(PREFIX) + r"(?P<run>[0-9a-f]{8}-\d+-\d+)(-.+)?")


@dataclass(frozen=True)
class Thing:
    """A folder at a datastore's root (``vm`` is None), or a virtual machine. ``modified`` is an aware datetime or None."""

    site: object
    name: str
    vm: object = None
    modified: object = None

    @property
    def text(self):
        """How the module's result names it."""
        return f"virtual machine {self.name}" if self.vm is not None else self.site.place.path(self.name)


def run_of(name):
    """Returns the run of which a name tells, or None for a name of somebody else's. Pure."""
    match = _NAME.fullmatch(name)
    return match and match["run"]


def machines(session, sites):
    """Finds the virtual machines that probes made. Gives a list of :class:`Thing`.

    :arg sites: list of :class:`bench.Site`.
    """
    found = []
    folders = {site.vm_folder: site for site in sites}
    for moid, site in folders.items():
        walk = traversal(vim.Folder, "childEntity")
        objects = [object_spec(session.managed("Folder", moid), [walk], skip=True)]
        for vm, value in session.read("look for virtual machines of a probe", objects, {vim.VirtualMachine: ["name"]}):
            if run_of(value.get("name", "")):
                found.append(Thing(site, value["name"], vm))
    return found


def things(session, sites):
    """Finds everything that probes made: virtual machines first, then folders. Gives a list of :class:`Thing`."""
    listed = files.list_names(session, [(site.datastore.browser, site.place, site.place.path()) for site in sites], f"{PREFIX}*")
    return machines(session, sites) + [Thing(site, file.name, None, file.modified) for site, names in zip(sites, listed) for file in names if run_of(file.name)]


def over(found, now):
    """Returns those of the things whose probe has ended.

    On this machine it has ended when its process is gone, elsewhere when its folder was not written to for an hour.

    :arg now: the vCenter's time, an aware datetime.
    """
    young = {run_of(one.name) for one in found if one.modified is None and one.vm is None or one.modified and now - one.modified < ABANDONED}
    seen = {run_of(one.name) for one in found if one.vm is None}
    ended = []
    for one in found:
        run = run_of(one.name)
        here = stage.is_running(run)
        if here is False or here is None and run in seen - young:
            ended.append(one)
    return ended


def remove(session, sites, wanted, find=things):
    """Removes things until none is left, or for :data:`PATIENCE`.

    :arg wanted: a function that is given all :class:`Thing`\\ s and gives those to remove.
    :arg find: :func:`things` or :func:`machines`.
    :returns: ``(texts of what was removed, texts of what is left)``, sorted.
    """
    seen, deadline, delay = set(), time.monotonic() + PATIENCE, 0.2
    while True:
        found = wanted(find(session, sites))
        left = {one.text for one in found}
        seen |= left
        if not found or time.monotonic() > deadline:
            return sorted(seen - left), sorted(left)
        for one in found:
            with contextlib.suppress(NovaVmwareError):  # what is still there the next look shows
                if one.vm is None:
                    files.delete(session, one.site.place, one.site.place.path(one.name))
                else:
                    run_task(session, f"remove {one.name}", one.vm.Destroy_Task, timeout=PATIENCE)
        if not wanted(find(session, sites)):
            return sorted(seen), []
        time.sleep(delay)
        delay = min(delay * 2, 2.0)


def remove_own(session, site, names):
    """Removes what a probe that ends has made on a datastore. Where it may not be listed, at least what is known to be there.

    :arg names: those of the folders at the root; other things have the first of them as a prefix.
    :returns: as :func:`remove`.
    """

    def own(found):
        return [one for one in found if one.name == names[0] or one.name.startswith(f"{names[0]}-")]

    try:
        return remove(session, [site], own)
    except NovaVmwareError:
        gone, left = remove(session, [site], own, machines)
        for name in names:
            path = site.place.path(name)
            try:
                if files.delete(session, site.place, path):
                    gone.append(path)
            except NovaVmwareError:
                left.append(path)
        return gone, left
