# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings one image from Glance to one datastore: stage outside Nova's cache folder, send, then finish what is staged. Where the plan says so, a host
fetches it instead (:mod:`pull`).

Whatever happens in between, Nova sees the whole image or nothing: a folder is moved into the cache on the same datastore, as Nova's own is
(nova/virt/vmwareapi/vmops.py, ``_move_to_cache``), and on vSAN a disk (``_cache_stream_optimized_image``). A move that fails is undone.

How the bytes flow. Each kind of image has a sender; all of them take the bytes from :meth:`Sending.bytes`, a chain of generators that each try of an
upload starts anew::

    Glance -> noted for verify=content -> check -> [queue] -> hash -> then -> [queue] -> counted -> HTTP
    `------ first thread ----------------------'  `- second thread -'     `- this thread -------'

``check`` and ``then`` are functions from chunks to chunks. ``check`` raises where the file is damaged; ``then`` makes of the file what is sent. The hash
lets the last chunk pass only if all were right, so a server that counts bytes never completes a wrong file.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from functools import partial

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.stage import Stage, staged
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import content, grains, ova, relay, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import spool as spools
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.pump import read_ahead
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.finish import finish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Done, Job
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.look import inspect
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.pull import fetch
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.work import Work
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, lease, transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault


def bring(job, work, location, action):
    """Brings an image from Glance into the cache of one datastore.

    :arg job: the :class:`job.Job`.
    :arg work: the image's :class:`work.Work`, with its ``disk``.
    :arg action: ``push``: it is read once and sent; or ``pull``: a host fetches it.
    :returns: a :class:`job.Done`.
    :raises NovaVmwareError: the stage is removed, the cache is as it was. Of a pull, one of :data:`pull.REFUSED` where a push may do.
    """
    job, image = job.timed(), work.image
    with progress.step(action, image.name, location.name, image.size) as step:
        done = Done(step, action)
        with staged(job.session, location, image.id, job.run_id) as stage:
            with vmdk.naming(image):
                sending = Sending(job, work, stage, done)
                if action == "pull":
                    fetch(sending)
                else:
                    _SENDERS[image.kind](sending.inspected())
            done.thin = finish(job, image, stage, work.disk.capacity_bytes, done.content, pushed=True).thin
    done.seconds, done.bytes = step.seconds, step.done
    return done


@dataclass(frozen=True)
class Sending:
    """One image on its way to one datastore."""

    job: Job
    work: Work
    stage: Stage
    done: Done

    def bytes(self, check=iter, then=iter):
        """Returns the image's bytes, compared with Glance's hash before the last of them is given. Reading and hashing have a thread each.

        :arg check: a function that passes chunks on and raises where they are wrong; it runs in the first thread.
        :arg then: a function that makes of the chunks what is sent; it runs in the second thread.
        """
        image, deadline = self.work.image, self.job.rules.deadline
        verifier = glance_images.Verifier(image.id, image.size, image.os_hash_algo, image.os_hash_value)
        read = read_ahead(check(self._noted(self.work.source.stream())), deadline=deadline)
        return read_ahead(then(verifier.watch(read)), deadline=deadline)

    def _noted(self, chunks):
        """Passes the image's bytes on and notes what a guest will read of them, anew at each try. :meth:`checked` takes compressed grains."""
        if not self.job.options.reads_back:
            return chunks
        disk = self.work.disk
        self.done.content = content.Content(disk.capacity_bytes, disk.grain_bytes)
        if self.work.image.kind in ("flat", "iso"):
            return self.done.content.flat(chunks)
        if self.work.image.kind == "sparse":
            return self.done.content.sparse(chunks, vmdk.grain_places(self.work.source.range))
        return chunks

    def checked(self, chunks):
        """Passes the chunks of a streamOptimized file on, each once its grains were found good, and notes them for the try under way."""
        return grains.checked(chunks, self.work.disk.grains, self.done.content and self.done.content.add)

    def contained(self, chunks):
        """Makes of the chunks of an ova those of the disk in it, as :meth:`checked`."""
        return self.checked(ova.disk_bytes(chunks, self.work.disk))

    def put(self, name, chunks=None):
        """Writes the image as a file of the stage. ``chunks`` as :func:`transfer.put` takes them."""
        ways = self.stage.location.ways(self.job.session, self.stage.file(name), self.job.rules.through)
        chunks = chunks or self.bytes
        self.done.step.total = self.work.image.size
        self.done.via = transfer.put(self.job.session, ways, self.work.image.size, lambda: self.done.step.count(chunks()), self.job.rules).via

    def inspected(self):
        """Returns this with the image's own header, where only its properties were looked at so far."""
        known = self.work.pull.known
        return replace(self, work=replace(self.work, disk=inspect(self.work.image, self.work.source))) if known else self

    def send_disk(self, disk_type, size, chunks):
        """Sends a streamOptimized disk through an import lease. ``chunks`` is a function that gives its bytes from the start."""
        self.import_disk(disk_type, size, lease.Push(lambda: self.done.step.count(chunks())))
        self.done.via = "import lease"

    def import_disk(self, disk_type, size, way, host=None):
        """Imports a streamOptimized disk, and puts what vSphere made of it into the stage.

        :arg size: bytes of the file. :arg way: as :func:`lease.import_disk` takes it. :arg host: managed object id of the host that is to take it, or None.
        """
        session, location = self.job.session, self.stage.location
        wish = lease.Import(
            location.imports.resource_pool, location.imports.vm_folder, location.name, self.stage.import_name,
            self.work.disk.capacity_bytes // 1024, disk_type, size, host or location.imports.host,
        )  # fmt: skip
        if not location.hosts:
            raise VSphereError(
                "NO_IMPORT_HOST",
                f"No host of the clusters {', '.join(location.hypervisors)} can import a disk to {location.name}: none that writes to it is connected and out "
                "of maintenance mode.",
                "Bring a host back.",
            )
        self.done.step.total = size
        try:
            imported = lease.import_disk(session, wish, way, self.job.rules)
        except VSphereFault as fault:
            fault.hint = f"{fault.hint} {location.imports.why or ''}".strip()
            raise
        folder = imported.rpartition("/")[0]
        try:
            files.move_disk(session, location.place, imported, f"{self.stage.folder}/{cache.image_file(self.work.image.id)}")
        finally:
            self.stage.rubbish.append(folder)


def _send_iso(sending):
    sending.put(cache.image_file(sending.work.image.id, "iso"))


def _send_flat(sending):
    """Sends a flat disk that is mostly empty without its holes, any other as it is."""
    image = sending.work.image
    limit = spools.room()
    if not _is_mostly_empty(sending, limit):
        _send_extent(sending, sending.bytes)
        return
    with contextlib.closing(sending.bytes()) as live, spools.Spool(image.size, limit, image.id) as spool:
        try:
            whole = spool.fill(live, sending.done.step.advance)
        except OSError as error:
            live.close()
            sending.done.warning = f"The image {image.name} was sent with its holes: there is no room for its data here: {error}."
            _send_extent(sending, sending.bytes)
            return
        if whole:
            try:
                sending.send_disk(image.disk_type, spool.size, spool.read)
                sending.done.encoding = "streamOptimized"
                return
            except VSphereError as error:
                if error.code in transfer.FINAL:
                    raise
                sending.done.warning = f"The image {image.name} was sent with its holes: {error.what}"
        _send_extent(sending, _once(spool.flat, sending.bytes))  # what was read is not read again, unless an upload breaks


def _once(first, then):
    """Returns a function that answers as ``first`` at its first call, and as ``then`` from then on."""
    tries = [first]

    def answer():
        return tries.pop()() if tries else then()

    return answer


def _is_mostly_empty(sending, limit):
    image = sending.work.image
    if sending.job.options.encoding == "none" or sending.job.rules.through == "server":  # a host takes the disk from a lease
        return False
    if image.disk_type == "eagerZeroedThick":  # an import would zero the whole disk first, and leave what it does not send to chance otherwise
        return False
    try:
        return spools.is_worth_it(image.size, sending.work.source.range, limit)
    except glance_images.GlanceError:  # without ranges there are no samples; anything else comes again
        return False


def _send_extent(sending, chunks):
    """As nova/virt/vmwareapi/vmops.py ``_prepare_flat_image``: vSphere writes the descriptor, the bytes become the extent.

    Nova asks for eagerZeroedThick where the image says so, and the disk is zeroed before its extent is deleted. A preallocated one has the same
    descriptor, and an extent that is written whole has nothing left to zero.
    """
    session, stage, image = sending.job.session, sending.stage, sending.work.image
    place = stage.location.place
    disk_type = "preallocated" if image.disk_type == "eagerZeroedThick" else image.disk_type
    files.create_disk(session, place, f"{stage.folder}/{cache.image_file(image.id)}", image.size // 1024, image.adapter_type, disk_type)
    extent = cache.extent_file(image.id)
    files.delete(session, place, f"{stage.folder}/{extent}")
    sending.put(extent, chunks)


def _send_sparse(sending):
    """As ``_cache_sparse_image``: copying a disk makes a native one of a hosted format."""
    session, stage, image = sending.job.session, sending.stage, sending.work.image
    place = stage.location.place
    hosted = "tmp-sparse.vmdk"
    sending.put(hosted)
    target = f"{stage.folder}/{cache.image_file(image.id)}"
    what = f"make a native disk of the image {image.name} at {target}"
    (error,) = files.copy_all(session, [files.Copy(what, place, f"{stage.folder}/{hosted}", place, target, image.cached_type, image.adapter_type)])
    if error is not None:
        raise error
    files.delete(session, place, f"{stage.folder}/{hosted}")


def _send_stream(sending):
    """As ``fetch_image_stream_optimized``; the imported machine's folder is outside Nova's cache folder, so is the stage."""
    _import_stream(sending, sending.work.image.size, check=sending.checked)


def _send_ova(sending):
    """As ``fetch_image_ova`` is meant: the disk in the archive goes out, the rest of it is read for its hash."""
    _import_stream(sending, sending.work.disk.size, then=sending.contained)


def _import_stream(sending, size, check=iter, then=iter):
    """Sends a streamOptimized disk as it is, or laid out anew where ESXi may refuse it as it is.

    :arg size: bytes of it. :arg check: :arg then: as :meth:`Sending.bytes` takes them; what comes out is the disk, judged.
    """
    stream = sending.work.disk.stream
    if not relay.is_needed(stream):
        sending.send_disk("thin", size, partial(sending.bytes, check, then))
        return
    sending.done.encoding = "streamOptimized"
    reckoned = relay.size(stream)
    if reckoned is not None:
        try:
            sending.send_disk("thin", reckoned, partial(_laid_out, sending, check, then, reckoned))
            return
        except relay.SizeDiffersError:
            pass  # what else is in the file shows while it flows, and not in its tables: then only making it tells its size
    with spools.File(spools.room()) as file:
        with contextlib.closing(_laid_out(sending, check, then)) as chunks:
            for chunk in chunks:
                file.write(chunk)
        sending.send_disk("thin", file.size, file.read)


def _laid_out(sending, check, then, wanted=None):
    """Returns the bytes of a streamOptimized disk laid out anew. ``wanted`` is how many they must be, or None."""
    work = sending.work
    return sending.bytes(check, lambda chunks: relay.lay(then(chunks), work.disk.stream, work.image.id, wanted))


_SENDERS = {"iso": _send_iso, "flat": _send_flat, "sparse": _send_sparse, "streamOptimized": _send_stream, "ova": _send_ova}
