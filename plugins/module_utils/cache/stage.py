# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders in which a run prepares images, and what is left of them after a run that was killed.

They are outside Nova's cache folder, where its ageing would take them for images, and on the same datastore, so that publishing moves no
bytes. Their names tell the run, and while it lives it writes the time into them, so that another run knows whether it may remove them.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.periodic import every
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, inventory, lease

FOLDER = "openstack_vmware"  # at the root of a datastore
HEARTBEAT = 600  # seconds
ABANDONED = datetime.timedelta(hours=3)  # a run that has not written for so long is dead; it may have lost its vCenter for a while
_REMOVED = "removed"  # in a stage: what was taken out of a cache and is not deleted yet
_PUBLISHING = "publishing-"  # in a stage: begins the name of a folder that tells the cache in which it is about to make a folder
_ALIVE = "alive-%Y%m%dT%H%M%S"  # in a stage: a folder whose name tells when its run was alive, in UTC by the vCenter's clock
_NAME = re.compile(r"(?P<image_id>[0-9a-f-]{32,36})-(?P<run>[0-9a-f]{8}-\d+-\d+(?:-\d+)?)")


@dataclass(frozen=True)
class Stage:
    """The folder of one run for one image on one datastore.

    ``rubbish`` are datastore paths of what else is to be removed with it, ``unsure`` what must be known before: as long as there is any, it stays.
    """

    location: object
    image_id: str
    run: str
    rubbish: list = field(default_factory=list, compare=False)
    unsure: list = field(default_factory=list, compare=False)

    @property
    def below_root(self):
        """:attr:`root` below the datastore's root."""
        return f"{FOLDER}/{self.image_id}-{self.run}"

    @property
    def root(self):
        """Datastore path of all that this run puts there."""
        return self.location.place.path(self.below_root)

    @property
    def folder(self):
        """Datastore path of the folder that will become the image's folder in the cache."""
        return f"{self.root}/{self.image_id}"

    @property
    def import_name(self):
        """Name of the virtual machine, and so of its folder at the datastore's root, that an import makes. vSphere takes 80 characters at the most."""
        return f"{FOLDER}-{self.image_id.replace('-', '')}-{self.run}"

    @property
    def removed_to(self):
        """Folder, below the datastore's root, into which an image is moved that is to be removed. It tells the cache folder from which it came."""
        return f"{self.below_root}/{_REMOVED}/{self.location.base}"

    @property
    def removed(self):
        """Datastore path of such an image."""
        return self.location.place.path(self.removed_to, self.image_id)

    @property
    def publishing(self):
        """Folder, below the datastore's root, that is there from before the image's folder in the cache is made until the stage goes."""
        return f"{self.below_root}/{_PUBLISHING}{quote(self.location.base, safe='').replace('%', '=')}"

    def file(self, name):
        """Path of a file in :attr:`folder`, below the datastore's root."""
        return f"{self.below_root}/{self.image_id}/{name}"


@dataclass(frozen=True)
class Leftover:
    """What a killed run left on a datastore: a stage, or the folder of an import (``is_import``).

    ``removed`` are the images in it that were on their way out: ``(cache folder, image id, datastore path)`` each. ``publishing`` are ``(cache folder,
    image id)`` of those that were about to be published.
    """

    location: object
    path: str
    is_import: bool
    removed: tuple = ()
    publishing: tuple = ()


def this_run():
    """Returns the name of this process's run: the kernel and pid namespace that it runs in, its pid, and when it started.

    What it does side by side for one image may have a number behind that: the virtual machines of two imports can't have one name.
    """
    return f"{_node()}-{os.getpid()}-{_started(os.getpid())}"


def is_running(run):
    """Says whether a run goes on, or None where it is one of another machine.

    :arg run: as :func:`this_run` gave it.
    """
    node, pid, start, *_number = run.split("-")
    return _started(pid) == start if node == _node() else None


@contextlib.contextmanager
def staged(session, location, image_id, run):
    """Makes a stage on a datastore and removes it at the end, whatever happened in between. In between it tells that the run is alive.

    Where an import could not be removed, its stage stays as well: it is what :func:`leftovers` looks for. What can't be removed after all went
    well is a warning of the session.
    """
    stage = Stage(location, image_id, run)
    heartbeat = _Heartbeat(session, stage)
    try:
        heartbeat.write()
        # Without parents: a call that reaches the server late, after a kill, does not make the stage again that the next run has removed.
        files.make_directory(session, location.place, stage.below_root, image_id, parents=False)
        with every(HEARTBEAT, heartbeat.try_to_write):
            yield stage
    except BaseException:
        with contextlib.suppress(NovaVmwareError):  # why it failed matters more than a leftover that Nova can't see
            for path in stage.rubbish:
                files.delete(session, location.place, path)
            (imports,) = files.list_names(session, [(location.datastore.browser, location.place, location.place.path())], stage.import_name)
            if not imports and not stage.unsure:
                files.delete(session, location.place, stage.root)
        raise
    cleaned = [files.clean_up(session, location.place, path) for path in stage.rubbish]
    if all(cleaned):
        files.clean_up(session, location.place, stage.root)


class _Heartbeat:
    """Writes the time into a stage. The vCenter's, since a run on another machine compares it with that again; a datastore has its own clock."""

    def __init__(self, session, stage):
        self._session = session
        self._stage = stage
        self._last = None

    def write(self):
        """Makes the folder that tells the time, and removes the one before."""
        name = self._session.now().astimezone(datetime.timezone.utc).strftime(_ALIVE)
        place = self._stage.location.place
        files.make_directory(self._session, place, self._stage.below_root, name, parents=self._last is None)
        if self._last not in (None, name):
            files.delete(self._session, place, f"{self._stage.root}/{self._last}")
        self._last = name

    def try_to_write(self):
        """As :meth:`write`; what fails is tried again the next time."""
        with contextlib.suppress(NovaVmwareError):
            self.write()


def leftovers(session, locations):
    """Finds what runs that have ended left on datastores: a request a datastore, one more where there is a stage, and common polls.

    An import is there only as long as its stage is.

    A run on this machine has ended when its process is gone. One on another machine has ended when it has not written for three hours.

    :arg locations: list of :class:`locations.Location`.
    :returns: a list of :class:`Leftover`.
    """
    trees = files.list_trees(session, [(location.datastore.browser, location.place.path(FOLDER)) for location in locations])
    staged_on = [location for location, tree in zip(locations, trees) if (tree or {}).get(location.place.path(FOLDER))]
    listed = files.list_names(session, [(location.datastore.browser, location.place, location.place.path()) for location in staged_on], f"{FOLDER}-*")
    roots = {location.datastore.moid: names for location, names in zip(staged_on, listed)}
    found = []
    now = None
    for location, tree in zip(locations, trees):
        base = location.place.path(FOLDER)
        names = roots.get(location.datastore.moid, [])
        candidates = [(f"{base}/{item.name}", item.name, False) for item in (tree or {}).get(base, ())]
        candidates += [(location.place.path(item.name), item.name.removeprefix(f"{FOLDER}-"), True) for item in names]
        for path, name, is_import in candidates:
            match = _NAME.fullmatch(name)
            if not match:
                continue  # not ours
            running = is_running(match["run"])
            if running is None:
                now = now or session.now()
                alive = alive_at(tree.get(f"{base}/{name}", ()))
                running = now - alive <= ABANDONED if alive else not _quiet_since(path, tree, names, now)
            if not running:
                inside = () if is_import else (_removed_in(path, match["image_id"], tree), _publishing_in(path, match["image_id"], tree))
                found.append(Leftover(location, path, is_import, *inside))
    return found


def alive_at(listing):
    """Returns when the run of a stage last said that it is alive, by the vCenter's clock, or None.

    :arg listing: the files of a stage.
    """
    times = []
    for file in listing:
        with contextlib.suppress(ValueError):
            times.append(datetime.datetime.strptime(file.name, _ALIVE).replace(tzinfo=datetime.timezone.utc))
    return max(times, default=None)


def remove(session, found):
    """Removes leftovers, with the virtual machine of an import where it is still registered. Imports go before their stages.

    The killed run may have used a cluster of another datacenter that mounts the same storage: its machine is looked for in all VM folders.

    What of ``removed`` must not be lost is moved back before: :func:`removal.clear`.
    """
    folders = inventory.vm_folders(session) if any(leftover.is_import for leftover in found) else []
    for leftover in sorted(found, key=lambda one: not one.is_import):
        place = leftover.location.place
        if leftover.is_import:
            for folder in dict.fromkeys([leftover.location.imports.vm_folder, *folders]):
                lease.remove_import(session, folder, leftover.path.rpartition(" ")[2])
        files.delete(session, place, leftover.path)


def _publishing_in(path, image_id, tree):
    names = [file.name for file in (tree or {}).get(path, ()) if file.name.startswith(_PUBLISHING)]
    return tuple((unquote(name.removeprefix(_PUBLISHING).replace("=", "%")), image_id) for name in names)


def _removed_in(path, image_id, tree):
    prefix = f"{path}/{_REMOVED}/"
    inside = [(folder.removeprefix(prefix).rpartition("/"), folder) for folder in tree or {} if folder.startswith(prefix)]
    return tuple((base, image_id, folder) for (base, _slash, name), folder in inside if base and name == image_id)


def _quiet_since(path, tree, names, now):
    """Says whether the newest file of a stage, or an import's folder itself, was written more than :data:`ABANDONED` ago.

    The datastore's clock tells when, so this is for stages that say nothing themselves.
    """
    times = [
        file.modified
        for folder, items in (tree or {}).items()
        for file in items
        if file.modified is not None and (folder == path or folder.startswith(path + "/") or f"{folder}/{file.name}" == path)
    ]
    times += [item.modified for item in names if item.modified is not None and path.endswith(f" {item.name}")]
    return bool(times) and now - max(times) > ABANDONED


def _node():
    """Tells this kernel, booted once, and this pid namespace: only within it a pid means something."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot_id:
        text = boot_id.read() + os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _started(pid):
    """Returns when a process started (clock ticks since the boot, proc(5) field 22 of stat) as text, or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[19]
    except OSError:
        return None
