# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets an ESXi host fetch one image from Glance to one datastore: no byte of it passes through here.

The disk comes to the same place as one that was pushed (:mod:`push`), and is staged, verified and published in the same way. Whether the bytes are the right
ones is judged before the import is completed: the host tells the SHA-256 of what it has fetched, and it must be the known one.
"""

from __future__ import annotations

import hashlib

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.stage import is_running
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import known
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images as glance_images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance.images import GlanceError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack.image_key import ImageKeyError, image_key
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pull, tls

KEY_SECONDS = 4 * 3600  # how long a host may take, where transfer_timeout does not say


REFUSED = (pull.PullError, ImageKeyError)  # what is raised where another way may be open


def fetch(sending):
    """Lets a host fetch the image.

    :arg sending: the :class:`push.Sending`.
    :raises NovaVmwareError: of :data:`REFUSED`: no host can fetch it; or what ends any way, such as a certificate that is not trusted; or ``CANCELLED``.
    """
    job, image = sending.job, sending.work.image
    facts = sending.work.pull.known
    if facts is None or job.options.reads_back:
        facts = _read_once(sending, facts)
    seconds = job.options.transfer_timeout or KEY_SECONDS
    with image_key(job.cloud, image.id, image.size, seconds, job.run_id, _has_ended) as key:
        verify = job.cloud.session.verify
        context = tls.tls_context(verify is not False, verify if isinstance(verify, str) else None)
        source = pull.Source(key.url, facts.size, key.token, pull.thumbprint(key.url, context), facts.member)
        way = pull.Pull(source, lambda manifest: _judge(sending, facts, manifest), lambda count: _came(sending, count))
        sending.import_disk("thin", facts.size, way, _host(sending))
    sending.done.step.reach(facts.size)
    sending.done.via = "pull by an ESXi host"


def _came(sending, count):
    """Notes the bytes that have come, as far as the vCenter says.

    :raises SeedError: ``CANCELLED``.
    """
    sending.job.refuse_cancelled(f"The pull of the image {sending.work.image.name}")
    sending.done.step.reach(count)


def _has_ended(run):
    """Says whether a run, as :func:`stage.this_run` names it, is known to have ended."""
    try:
        return is_running(run) is False
    except ValueError:
        return False


def _host(sending):
    """Returns the managed object id of a host that may fetch, or None where vCenter is to choose one: all may, or nobody knows."""
    hosts = sending.stage.location.imports.hosts
    told = pull.open_hosts(sending.job.session, list(hosts))
    fetching = [moid for moid in hosts if told.get(moid, True)]
    return fetching[0] if fetching and len(fetching) < len(hosts) else None


def _judge(sending, facts, manifest):
    """Compares what the host has fetched with what is known.

    :raises pull.PullError: ``PULL_NOT_VERIFIED``: nobody says what it is, and it will not be read back; ``PULL_DIFFERS``.
    """
    image = sending.work.image
    if manifest.sha256 is None:
        if sending.done.content is None:
            raise pull.PullError(
                "PULL_NOT_VERIFIED",
                f"The vCenter does not tell the SHA-256 of what its host has fetched of the image {image.name}, so it can't be told whether it is whole.",
                "Set verify to content, with which the disk is read back; or push the image.",
            )
        return
    if manifest.sha256 != facts.sha256:
        raise pull.PullError(
            "PULL_DIFFERS",
            f"What the ESXi host has fetched of the image {image.name} ({image.id}) has the SHA-256 {manifest.sha256} instead of {facts.sha256}.",
            "Look for a proxy or a load balancer between the hosts and Glance. Nothing was published.",
        )


def _read_once(sending, facts):
    """Reads the whole image here, compares it with Glance's hash, and finds out its SHA-256, which Glance is told for the next time.

    :arg facts: the :class:`known.Known`, or None.
    :returns: the :class:`known.Known`.
    """
    work, image = sending.work, sending.work.image
    total = hashlib.sha256()
    size = 0
    chunks = sending.bytes(then=sending.contained) if image.kind == "ova" else sending.bytes(check=sending.checked)
    for chunk in sending.done.step.count(chunks):
        sending.job.refuse_cancelled(f"The reading of the image {image.name}")
        total.update(chunk)
        size += len(chunk)
    sending.done.step.restart()
    found = known.Known(size, total.hexdigest(), work.disk.capacity_bytes, work.disk.data_bytes, work.disk.name if image.kind == "ova" else None)
    if found != facts:
        try:
            glance_images.set_property(sending.job.glance, image.id, known.PROPERTY, known.write(image.id, found))
        except GlanceError as error:
            sending.job.session.warnings.append(f"The SHA-256 of the image {image.name} can't be noted in Glance, so each such seed reads it: {error.what}")
    return found
