# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan: stage outside Nova's cache folder, verify, publish with one move.

Whatever happens in between, Nova sees the whole image or nothing: a folder is moved into the cache on the same datastore, as Nova's own is
(nova/virt/vmwareapi/vmops.py, ``_move_to_cache``), and on vSAN a disk (``_cache_stream_optimized_image``). A move that fails is undone.
"""

from __future__ import annotations

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, readback
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import look_into
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.publish import publish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.stage import staged
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import content, grains, ova, relay, vmdk
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import spool as spools
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.pump import read_ahead
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Limits
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, lease, transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError, VSphereFault

# Codes of errors by which nobody tells how long a file is, while the disk itself may have come by a lease.
_UNTOLD = {"DOWNLOAD_FAILED", "DOWNLOAD_NOT_PERMITTED", "CERTIFICATE_NOT_TRUSTED", "HOST_THUMBPRINT_UNKNOWN", "CONNECTION_FAILED"}
AT_ONCE = 4  # calls to the vCenter for the copies of one image; each waits for its answer


class SeedError(NovaVmwareError):
    """An image could not be put into a cache. Nothing of it is visible to Nova."""


@dataclass(frozen=True)
class Options:
    """How an image may travel, as the options of ``image_cache`` say. ``transfer_timeout`` is in seconds, or None.

    ``verify`` is ``size``, or ``content``: then what a datastore took is read back and compared before it is published.
    ``limits`` are those of copies, ``bytes_per_second`` is what one push may send, or None.
    """

    upload_through: str = "auto"
    host_trust: str | None = None
    encoding: str = "auto"
    transfer_timeout: int | None = None
    verify: str = "size"
    limits: Limits = Limits()
    bytes_per_second: int | None = None

    def rules(self, session, deadline=None):
        """Gives the :class:`transfer.Rules` for a session."""
        return transfer.Rules(self.upload_through, self.host_trust or session.host_trust, deadline, self.bytes_per_second)


@dataclass
class Done:
    """What a step did. ``bytes`` were sent, or copied by vSphere. ``step`` tells how far it is while it runs.

    ``encoding`` is what was made of an image for its way, or None. ``warning`` is why it was not sent as it should have been.
    ``content`` is the :class:`content.Content` of what was sent, or None where nobody asked for it. ``thin`` is the type of the disk that vSphere made.
    """

    step: progress.Step
    via: str | None = None
    seconds: float = 0.0
    bytes: int = 0
    encoding: str | None = None
    warning: str | None = None
    content: object = None
    thin: bool | None = None


@dataclass(frozen=True)
class _Push:
    """One image on its way to one datastore."""

    session: object
    source: glance_images.Blocks
    image: object
    disk: object
    stage: object
    options: Options
    rules: transfer.Rules
    done: Done

    def bytes(self, check=iter, then=iter):
        """Gives the image's bytes, compared with Glance's hash before the last of them is given. Reading and hashing have a thread each.

        :arg check: a function that passes chunks on and raises where they are wrong; it runs in the first thread.
        :arg then: a function that makes of the chunks what is sent; it runs in the second thread.
        """
        image = self.image
        verifier = glance_images.Verifier(image.id, image.size, image.os_hash_algo, image.os_hash_value)
        read = read_ahead(check(self._noted(self.source.stream())), deadline=self.rules.deadline)
        return read_ahead(then(verifier.watch(read)), deadline=self.rules.deadline)

    def _noted(self, chunks):
        """Passes the image's bytes on and notes what a guest will read of them, anew at each try. :meth:`see` takes compressed grains."""
        if self.options.verify != "content":
            return chunks
        self.done.content = content.Content(self.disk.capacity_bytes, self.disk.grain_bytes)
        if self.image.kind in ("flat", "iso"):
            return self.done.content.flat(chunks)
        if self.image.kind == "sparse":
            return self.done.content.sparse(chunks, vmdk.grain_places(self.source.range))
        return chunks

    @property
    def see(self):
        """A function that takes the number and the bytes of a grain of the try under way, or None."""
        return self.done.content and self.done.content.add

    def put(self, name, chunks=None):
        """Writes the image as a file of the stage. ``chunks`` as :func:`transfer.put` takes them."""
        ways = self.stage.location.ways(self.session, self.stage.file(name), self.options.upload_through)
        chunks = chunks or self.bytes
        self.done.step.total = self.image.size
        self.done.via = transfer.put(self.session, ways, self.image.size, lambda: self.done.step.count(chunks()), self.rules).via

    def import_disk(self, disk_type, size, chunks):
        """Sends a streamOptimized disk through an import lease, and puts what vSphere made of it into the stage."""
        session, location, image = self.session, self.stage.location, self.image
        wish = lease.Import(
            location.imports.resource_pool, location.imports.vm_folder, location.name, self.stage.import_name,
            self.disk.capacity_bytes // 1024, disk_type, size, location.imports.host,
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
            imported = lease.import_disk(session, wish, lambda: self.done.step.count(chunks()), self.rules)
        except VSphereFault as fault:
            fault.hint = f"{fault.hint} {location.imports.why or ''}".strip()
            raise
        folder = imported.rpartition("/")[0]
        try:
            files.move_disk(session, location.place, imported, f"{self.stage.folder}/{cache.image_file(image.id)}")
        finally:
            self.stage.rubbish.append(folder)
        self.done.via = "import lease"


def push(session, source, image, disk, location, run, options=Options()):
    """Reads an image from Glance once and puts it into the cache of one datastore.

    :arg source: a :class:`glance.images.Blocks`, the image's bytes.
    :arg image: a :class:`nova.image.Image`; :arg disk: what :func:`vmdk.inspect` found in it.
    :arg options: :class:`Options`.
    :returns: a :class:`Done`.
    :raises NovaVmwareError: the stage is removed, the cache is as it was.
    """
    deadline = time.monotonic() + options.transfer_timeout if options.transfer_timeout else None
    rules = options.rules(session, deadline)
    with progress.step("push", image.name, location.name, image.size) as step:
        done = Done(step)
        with staged(session, location, image.id, run) as stage:
            with vmdk.naming(image):
                _SENDERS[image.kind](_Push(session, source, image, disk, stage, options, rules, done))
            done.thin = finish(session, image, stage, disk.capacity_bytes, done.content, rules, pushed=True).thin
    done.seconds, done.bytes = step.seconds, step.done
    return done


def _send_iso(job):
    job.put(cache.image_file(job.image.id, "iso"))


def _send_flat(job):
    """Sends a flat disk that is mostly empty without its holes, any other as it is."""
    image = job.image
    limit = spools.room()
    if not _is_mostly_empty(job, limit):
        _send_extent(job, job.bytes)
        return
    with contextlib.closing(job.bytes()) as live, spools.Spool(image.size, limit, image.id) as spool:
        try:
            whole = spool.fill(live, job.done.step.advance)
        except OSError as error:
            live.close()
            job.done.warning = f"The image {image.name} was sent with its holes: there is no room for its data here: {error}."
            _send_extent(job, job.bytes)
            return
        if whole:
            try:
                job.import_disk(image.disk_type, spool.size, spool.read)
                job.done.encoding = "streamOptimized"
                return
            except VSphereError as error:
                if error.code in transfer.FINAL:
                    raise
                job.done.warning = f"The image {image.name} was sent with its holes: {error.what}"
        sources = [spool.flat]

        def chunks():  # what was read is not read again, unless an upload breaks
            return (sources.pop() if sources else job.bytes)()

        _send_extent(job, chunks)


def _is_mostly_empty(job, limit):
    image, options = job.image, job.options
    if options.encoding == "none" or options.upload_through == "server":  # a host takes the disk from a lease
        return False
    if image.disk_type == "eagerZeroedThick":  # an import would zero the whole disk first, and leave what it does not send to chance otherwise
        return False
    try:
        return spools.is_worth_it(image.size, job.source.range, limit)
    except glance_images.GlanceError:  # without ranges there are no samples; anything else comes again
        return False


def _send_extent(job, chunks):
    """As nova/virt/vmwareapi/vmops.py ``_prepare_flat_image``: vSphere writes the descriptor, the bytes become the extent.

    Nova asks for eagerZeroedThick where the image says so, and the disk is zeroed before its extent is deleted. A preallocated one has the same
    descriptor, and an extent that is written whole has nothing left to zero.
    """
    session, stage, image = job.session, job.stage, job.image
    place = stage.location.place
    disk_type = "preallocated" if image.disk_type == "eagerZeroedThick" else image.disk_type
    files.create_disk(session, place, f"{stage.folder}/{cache.image_file(image.id)}", image.size // 1024, image.adapter_type, disk_type)
    extent = cache.extent_file(image.id)
    files.delete(session, place, f"{stage.folder}/{extent}")
    job.put(extent, chunks)


def _send_sparse(job):
    """As ``_cache_sparse_image``: copying a disk makes a native one of a hosted format."""
    session, stage, image = job.session, job.stage, job.image
    place = stage.location.place
    hosted = "tmp-sparse.vmdk"
    job.put(hosted)
    target = f"{stage.folder}/{cache.image_file(image.id)}"
    what = f"make a native disk of the image {image.name} at {target}"
    (error,) = files.copy_all(session, [files.Copy(what, place, f"{stage.folder}/{hosted}", place, target, image.cached_type, image.adapter_type)])
    if error is not None:
        raise error
    files.delete(session, place, f"{stage.folder}/{hosted}")


def _send_stream(job):
    """As ``fetch_image_stream_optimized``; the imported machine's folder is outside Nova's cache folder, so is the stage."""
    _import_stream(job, job.disk, job.image.size, check=lambda chunks: grains.checked(chunks, job.disk.grains, job.see))


def _send_ova(job):
    """As ``fetch_image_ova`` is meant: the disk in the archive goes out, the rest of it is read for its hash."""
    disk = job.disk

    def contained(chunks):
        return grains.checked(ova.disk_bytes(chunks, disk), disk.grains, job.see)

    _import_stream(job, disk, disk.size, then=contained)


def _import_stream(job, disk, size, check=iter, then=iter):
    """Sends a streamOptimized disk as it is, or laid out anew where ESXi may refuse it as it is.

    :arg size: bytes of it. :arg check: :arg then: as :meth:`_Push.bytes` takes them; what comes out is the disk, judged.
    """
    if not relay.is_needed(disk.stream):
        job.import_disk("thin", size, lambda: job.bytes(check, then))
        return

    def laid(wanted=None):
        return job.bytes(check, lambda chunks: relay.lay(then(chunks), disk.stream, job.image.id, wanted))

    job.done.encoding = "streamOptimized"
    reckoned = relay.size(disk.stream)
    if reckoned is not None:
        try:
            job.import_disk("thin", reckoned, lambda: laid(reckoned))
            return
        except relay.SizeDiffersError:
            pass  # what else is in the file shows while it flows, and not in its tables: then only making it tells its size
    with spools.File(spools.room()) as file:
        with contextlib.closing(laid()) as chunks:
            for chunk in chunks:
                file.write(chunk)
        job.import_disk("thin", file.size, file.read)


_SENDERS = {"iso": _send_iso, "flat": _send_flat, "sparse": _send_sparse, "streamOptimized": _send_stream, "ova": _send_ova}


def content_of(session, image, capacity, location, options, cancelled):
    """Reads back what a datastore has in its cache, for copies of it to be compared with. Gives a :class:`content.Content`.

    :raises NovaVmwareError: it can't be read.
    """
    like = content.Content(capacity)
    path = f"{location.base}/{image.id}"
    return readback.read(session, image, location, path, like, options.rules(session), cancelled)


def copy(session, image, capacity, pairs, run, cancelled=lambda: False, expected=None, options=Options()):
    """Copies a complete image from datastores to others, all at once, by vSphere itself.

    :arg capacity: bytes that the extent must have.
    :arg pairs: list of ``(source location, target location)``.
    :arg cancelled: asked at each poll; True ends the copies with an error.
    :arg expected: the :class:`content.Content` that each copy must have, or None where only sizes are compared.
    :returns: ``[(target location, Done or error)]``: one that fails does not stop the others.
    """
    where = pairs[0][1].name if len(pairs) == 1 else f"{len(pairs)} datastores"
    with contextlib.ExitStack() as stack:
        step = stack.enter_context(progress.step("copy", image.name, where, capacity * len(pairs)))
        stages = stack.enter_context(contextlib.ExitStack())
        # What is short and waits for answers runs side by side, a few at once; the copies have common polls.
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=AT_ONCE))

        def prepare(pair):
            source, target = pair
            try:
                with contextlib.ExitStack() as own:
                    stage = own.enter_context(staged(session, target, image.id, run))
                    kept = own.pop_all()
            except NovaVmwareError as error:
                return target, error
            stages.push(kept)
            return _Copy(source, target, stage, kept)

        def tick(percents):
            if cancelled():
                raise SeedError("CANCELLED", f"The copies of the image {image.name} were cancelled.")
            told = [percent for percent in percents if percent is not None]
            step.reach(sum(capacity * percent // 100 for percent in told) if told else None)

        def end(copied, error):
            try:
                with copied.own:
                    if error is not None:
                        raise error
                    found = finish(session, image, copied.stage, capacity, expected, options.rules(session), cancelled)
            except NovaVmwareError as caught:
                return copied.target, caught
            return copied.target, Done(step, via=f"copy from {copied.source.name}", seconds=step.seconds, bytes=capacity, thin=found.thin)

        prepared = list(pool.map(prepare, pairs))
        ready = [one for one in prepared if isinstance(one, _Copy)]
        outcomes = [one for one in prepared if not isinstance(one, _Copy)]
        outcomes += pool.map(end, ready, files.copy_all(session, [one.wish(image) for one in ready], tick, pool.map))
        copied = sum(isinstance(outcome, Done) for _target, outcome in outcomes)
        step.reach(copied * capacity)
        if copied < len(pairs):
            step.outcome = f"{len(pairs) - copied} failed"
    return outcomes


@dataclass(frozen=True)
class _Copy:
    """A copy that vSphere is to make. ``own`` removes its stage."""

    source: object
    target: object
    stage: object
    own: contextlib.ExitStack

    def wish(self, image):
        """Gives the :class:`files.Copy`."""
        name = cache.image_file(image.id, image.disk_format)
        return files.Copy(
            f"copy the image {image.name} from {self.source.name} to {self.target.name}",
            self.source.place, f"{self.source.image_path(image.id)}/{name}", self.stage.location.place, f"{self.stage.folder}/{name}",
            None if image.kind == "iso" else image.cached_type, image.adapter_type,
        )  # fmt: skip


def finish(session, image, stage, capacity, expected=None, rules=transfer.Rules(), cancelled=lambda: False, pushed=False):
    """Verifies what is staged, notes beside it what it is, and publishes it.

    :arg capacity: bytes that the guest sees; the disk may be up to 1 MiB larger, since vSphere rounds.
    :arg expected: the :class:`content.Content` that it must have, or None where only sizes are compared.
    :arg pushed: the data came from here: whether it is all there is asked of who has the file, where a listing does not tell.
    :returns: an :class:`audit.Entry`: what was staged.
    :raises SeedError: what is staged is not the whole image.
    :raises ContentError: it has other bytes.
    """
    location = stage.location
    found = look_into(session, location, image.id, stage.folder)
    reason = _what_is_wrong(session, image, stage, found, capacity, rules, pushed)
    if reason:
        raise SeedError(
            "SEED_NOT_WHOLE",
            f"What {location.name} took for the image {image.name} ({image.id}) is not whole: {reason}.",
            "Nothing was published. Run this again; if it stays, look into the log of the ESXi hosts.",
            {"datastore": location.name, "files": {file.name: file.size for file in found.files} if found else {}},
        )
    if expected is not None:
        readback.verify(session, image, stage, expected, rules, cancelled)
    actual = found.capacity_bytes if found.capacity_bytes is not None else capacity
    _note(session, image, stage, actual, rules)
    publish(session, image, stage, actual)
    return found


def _what_is_wrong(session, image, stage, found, capacity, rules, pushed):
    """Gives why a staged image is not whole, or None."""
    if found is None:
        return "there is nothing"
    if found.state == audit.BROKEN:
        return "; ".join(found.reasons)
    if found.capacity_bytes is not None and not audit.same_size(found.capacity_bytes, capacity, found.disk_format):
        return f"it has {found.capacity_bytes} bytes instead of {capacity}"
    name = cache.extent_file(image.id)
    listed = {file.name: file.size for file in found.files}.get(name)
    if found.disk_format == "iso" or listed is None:  # of an iso the size in a listing is all there is; vsan shows no extents
        return "; ".join(found.reasons) or None
    if audit.same_size(listed, capacity, found.disk_format) or not pushed and found.capacity_bytes is not None:
        return None
    # A thin disk: what a listing says of its extent may be what is allocated.
    try:
        actual = transfer.length(session, stage.location.ways(session, stage.file(name), rules.through), rules)
    except VSphereError as error:
        if error.code in _UNTOLD and found.capacity_bytes is not None:
            return None  # nobody tells: what took the bytes said that it has all
        raise
    return None if audit.same_size(actual, capacity, found.disk_format) else f"its data has {actual} bytes instead of {capacity}"


def _note(session, image, stage, capacity, rules):
    """Writes our note beside the image, by the ways of a disk. One that can't be written is a warning.

    What is staged was judged just before, and publishing changes nothing in it, so the image is as good without. The note is for those who come
    later: with it they need not open the disk to tell a whole image from a cut one, nor Glance to tell whose it is.
    """
    text = json.dumps(
        {
            "image_id": image.id,
            "os_hash_algo": image.os_hash_algo,
            "os_hash_value": image.os_hash_value,
            "size": image.size,
            "capacity_bytes": capacity,
            "disk_type": image.disk_type,
            "seeded_by": "openstack_vmware.nova",
        },
        indent=1,
    ).encode()
    location = stage.location
    try:
        ways = location.ways(session, stage.file(cache.sidecar_file(image.id, capacity)), rules.through)
        # Whoever refuses it, or is not trusted with it, another may take it: it holds nothing that is secret.
        transfer.put(session, ways, len(text), lambda: iter([text]), rules, final={"TRANSFER_TIMEOUT"})
    except VSphereError as error:
        if error.code == "TRANSFER_TIMEOUT":
            raise
        session.warnings.append(f"The image {image.name} is on {location.name} without the note that tells who put it there: {error.what} {error.hint}".strip())
