# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan: stage outside Nova's cache folder, verify, publish with one move.

Whatever happens in between, Nova sees the whole image or nothing: a folder appears in the cache by a rename on the same
datastore, as Nova's own does (nova/virt/vmwareapi/vmops.py, ``_move_to_cache``).
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import audit, grains, removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.pump import read_ahead
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.stage import staged
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import files, lease, transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereFault


class SeedError(NovaVmwareError):
    """An image could not be put into a cache. Nothing of it is visible to Nova."""


@dataclass
class Done:
    """What a step did. ``bytes`` were sent, or copied by vSphere. ``step`` tells how far it is while it runs."""

    step: progress.Step
    via: str | None = None
    seconds: float = 0.0
    bytes: int = 0


def push(session, glance, image, disk, location, run):
    """Reads an image from Glance once and puts it into the cache of one datastore.

    :arg image: a :class:`nova.image.Image`; :arg disk: what :func:`vmdk.inspect` found in it.
    :returns: a :class:`Done`.
    :raises NovaVmwareError: the stage is removed, the cache is as it was.
    """
    with progress.step("push", image.name, location.name, image.size) as step:
        done = Done(step)
        with staged(session, location, image.id, run) as stage:
            _SENDERS[image.kind](session, glance, image, disk, stage, done)
            finish(session, image, stage, disk.capacity_bytes)
    done.seconds, done.bytes = step.seconds, step.done
    return done


def _bytes(glance, image, check=iter):
    """Gives the image's bytes, read ahead in a thread and compared with Glance's hash before the last of them is given.

    :arg check: a function that passes chunks on and raises where they are wrong; it runs in that thread.
    """
    verifier = glance_images.Verifier(image.id, image.size, image.os_hash_algo, image.os_hash_value)
    return verifier.watch(read_ahead(check(glance_images.read(glance, image.id, image.size))))


def _put(session, glance, image, stage, name, done):
    location = stage.location
    ways = transfer.targets(session, location.place, location.hosts[:2], stage.file(name))
    done.via = transfer.put(session, ways, image.size, lambda: done.step.count(_bytes(glance, image))).via


def _send_iso(session, glance, image, _disk, stage, done):
    _put(session, glance, image, stage, cache.image_file(image.id, "iso"), done)


def _send_flat(session, glance, image, _disk, stage, done):
    """As nova/virt/vmwareapi/vmops.py ``_prepare_flat_image``: vSphere writes the descriptor, the bytes become the extent."""
    place = stage.location.place
    files.create_disk(
        session, place, f"{stage.folder}/{cache.image_file(image.id)}", image.size // 1024, image.adapter_type, image.disk_type
    )
    extent = cache.extent_file(image.id)
    files.delete(session, place, f"{stage.folder}/{extent}")
    _put(session, glance, image, stage, extent, done)


def _send_sparse(session, glance, image, _disk, stage, done):
    """As ``_cache_sparse_image``: copying a disk makes a native one of a hosted format."""
    place = stage.location.place
    hosted = "tmp-sparse.vmdk"
    _put(session, glance, image, stage, hosted, done)
    target = f"{stage.folder}/{cache.image_file(image.id)}"
    task = files.copy_disk_task(session, place, f"{stage.folder}/{hosted}", place, target)
    ((_result, fault),) = session.wait([task])
    if fault is not None:
        raise VSphereFault(f"make a native disk of the image {image.name} at {target}", fault)
    files.delete(session, place, f"{stage.folder}/{hosted}")


def _send_stream(session, glance, image, disk, stage, done):
    """As ``fetch_image_stream_optimized``; the imported machine's folder is outside Nova's cache folder, so is the stage."""
    location = stage.location
    imported = lease.import_disk(
        session, location.resource_pool, location.vm_folder, location.name, stage.import_name,
        disk.capacity_bytes // 1024, image.adapter_type, image.size,
        done.step.count(_bytes(glance, image, lambda chunks: grains.checked(chunks, disk.grains))),
    )  # fmt: skip
    done.via = "import lease"
    folder = imported.rpartition("/")[0]
    try:
        files.move_disk(session, location.place, imported, f"{stage.folder}/{cache.image_file(image.id)}")
    except BaseException:
        with contextlib.suppress(NovaVmwareError):
            files.delete(session, location.place, folder)
        raise
    files.delete(session, location.place, folder)


_SENDERS = {"iso": _send_iso, "flat": _send_flat, "sparse": _send_sparse, "streamOptimized": _send_stream}


def copy(session, image, capacity, pairs, run, cancelled=lambda: False):
    """Copies a complete image from datastores to others, all at once, by vSphere itself.

    :arg capacity: bytes that the extent must have.
    :arg pairs: list of ``(source location, target location)``.
    :arg cancelled: asked at each poll; True ends the copies with an error.
    :returns: ``[(target location, Done or error)]``: one that fails does not stop the others.
    """
    outcomes = []
    where = pairs[0][1].name if len(pairs) == 1 else f"{len(pairs)} datastores"
    with progress.step("copy", image.name, where, capacity * len(pairs)) as step, contextlib.ExitStack() as stack:
        started = []
        for source, target in pairs:
            try:
                stage = stack.enter_context(staged(session, target, image.id, run))
                started.append((source, target, stage, _start_copy(session, image, source, stage)))
            except NovaVmwareError as error:
                outcomes.append((target, error))

        def tick(percents):
            if cancelled():
                raise SeedError("CANCELLED", f"The copies of the image {image.name} were cancelled.")
            told = [percent for percent in percents if percent is not None]
            step.reach(sum(capacity * percent // 100 for percent in told) if told else None)

        results = session.wait([one[3] for one in started], tick=tick)
        copied = 0
        for (source, target, stage, _task), (_result, fault) in zip(started, results):
            what = f"copy the image {image.name} from {source.name} to {target.name}"
            try:
                if fault is not None:
                    raise VSphereFault(what, fault)
                finish(session, image, stage, capacity)
            except NovaVmwareError as error:
                outcomes.append((target, error))
            else:
                copied += 1
                outcomes.append((target, Done(step, via=f"copy from {source.name}", seconds=step.seconds, bytes=capacity)))
        step.reach(copied * capacity)
        if copied < len(pairs):
            step.outcome = f"{len(pairs) - copied} failed"
    return outcomes


def _start_copy(session, image, source, stage):
    name = cache.image_file(image.id, image.disk_format)
    start = files.copy_file_task if image.kind == "iso" else files.copy_disk_task
    return start(
        session, source.place, f"{source.image_path(image.id)}/{name}", stage.location.place, f"{stage.folder}/{name}"
    )


def finish(session, image, stage, capacity):
    """Verifies what is staged, notes beside it what it is, and publishes it.

    :arg capacity: bytes that the guest sees; the extent may be up to 1 MiB larger, since vSphere rounds.
    :raises SeedError: what is staged is not the whole image.
    """
    location = stage.location
    (tree,) = files.list_trees(session, [(location.datastore.browser, stage.folder)])
    found = audit.entry(image.id, stage.folder, (tree or {}).get(stage.folder, ()), location.one_file_disks)
    actual = found.capacity_bytes if found.capacity_bytes is not None else capacity
    if found.state != audit.COMPLETE or not capacity <= actual < capacity + (1 << 20):
        reason = "; ".join(found.reasons) or f"its data has {actual} bytes instead of {capacity}"
        raise SeedError(
            "SEED_NOT_WHOLE",
            f"What {location.name} took for the image {image.name} ({image.id}) is not whole: {reason}.",
            "Nothing was published. Run this again; if it stays, look into the log of the ESXi hosts.",
            {"datastore": location.name, "files": {file.name: file.size for file in found.files}},
        )
    _note(session, image, stage, actual)
    publish(session, image, stage)


def _note(session, image, stage, capacity):
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
    path = stage.file(cache.sidecar_file(image.id, capacity))
    transfer.put(session, transfer.targets(session, stage.location.place, [], path), len(text), lambda: iter([text]))


def publish(session, image, stage):
    """Moves the staged folder into the cache: the moment from which Nova sees the image.

    A broken folder that is in the way goes into the stage first, and with it away. Another writer that was faster is fine when
    what it wrote is whole.
    """
    location = stage.location
    target = location.image_path(image.id)
    files.make_directory(session, location.place, location.base)
    for last in (False, True):
        try:
            files.move(session, location.place, stage.folder, target)
            return
        except VSphereFault as fault:
            if fault.fault != "FileAlreadyExists" or last:
                raise
        (tree,) = files.list_trees(session, [(location.datastore.browser, target)])
        there = audit.entry(image.id, target, (tree or {}).get(target, ()), location.one_file_disks)
        if there.state == audit.COMPLETE:
            return
        if not there.files:
            raise SeedError(
                "FOLDER_IN_USE",
                f"The folder {target} exists and is empty: a nova-compute may be about to put the image there.",
                "When no boot of this image is under way, remove the folder with state absent, and run this again.",
            )
        removal.refuse_used(session, [(location, image.id)])
        files.move(session, location.place, target, f"{stage.root}/replaced")
