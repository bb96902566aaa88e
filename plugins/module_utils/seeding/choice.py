# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether an ESXi host fetches an image from Glance itself, or this machine pushes it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import known, relay
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pull import RULESET

KINDS = ("streamOptimized", "ova")  # what an import lease takes


class ChoiceError(NovaVmwareError):
    """``upload_through=pull`` was asked for and can't be."""


@dataclass(frozen=True)
class Choice:
    """``pulls``: a host fetches the image. ``reason`` says why not, as a clause; empty where it does.

    ``known`` is the :class:`known.Known` of the image, or None.
    """

    pulls: bool = False
    reason: str = ""
    known: known.Known | None = None


def may_pull(options):
    """Says whether a pull is asked for or allowed.

    :arg options: :class:`job.Options`.
    """
    return options.upload_through in ("auto", "pull")


def choose(image, places, options, firewalls):
    """Chooses before the image's header is read.

    A pull is the first choice where it can be verified without a byte passing through here: the image's SHA-256 is known, and the host tells that of what it
    has fetched. With ``upload_through=pull`` an image whose SHA-256 is not known is read here once to find out.

    :arg image: :class:`nova.image.Image`. :arg places: the locations that may be the first to have it.
    :arg options: :class:`job.Options`.
    :arg firewalls: ``{host moid: whether it may connect to web servers}`` of the hosts that could be asked.
    :returns: a :class:`Choice`.
    :raises ChoiceError: ``PULL_NOT_POSSIBLE``: it was insisted on.
    """
    insisted = options.upload_through == "pull"
    remembered = known.read(image)
    if not may_pull(options):
        reason = f"upload_through is {options.upload_through}"
    elif image.kind not in KINDS:
        reason = f"only streamOptimized images and ova can be fetched by a host, and this one is {image.kind}"
        if image.kind != "iso":
            reason += ": image_vmdk converts it"
    elif options.bytes_per_second:
        reason = "what a host fetches can't be held to bandwidth_limit"
    elif not insisted and options.reads_back:
        reason = "verify reads it here anyway"
    elif not insisted and remembered is None and not _glance_has_sha256(image):
        reason = "its SHA-256 is not known: Glance has another hash, and the image was made neither by image_vmdk nor seeded with upload_through=pull before"
    else:
        reason = _closed(places, firewalls)
        if not reason:
            return Choice(True, known=remembered)
    return _pushed(image, reason, insisted)


def after_look(image, choice, disk, options):
    """Chooses again when the header of the image was read.

    :arg disk: the :class:`vmdk.Disk`.
    :returns: a :class:`Choice`.
    :raises ChoiceError: ``PULL_NOT_POSSIBLE``.
    """
    if not choice.pulls or choice.known is not None:
        return choice
    if relay.is_needed(disk.stream):
        return _pushed(
            image, "ESXi may refuse its stream, which a push lays out anew: image_vmdk makes one that can be fetched", options.upload_through == "pull"
        )
    if _glance_has_sha256(image):
        return Choice(True, known=known.Known(image.size, image.os_hash_value, disk.capacity_bytes, disk.data_bytes))
    return choice


def _glance_has_sha256(image):
    """Says whether Glance's hash is that of what a host fetches. Of an ova it fetches a member."""
    return image.os_hash_algo == "sha256" and image.kind != "ova"


def _closed(places, firewalls):
    """Returns why no host of some place may fetch anything, or an empty text."""
    for place in places:
        hosts = place.imports.hosts
        if hosts and not any(firewalls.get(moid, True) for moid in hosts):
            return f"the ruleset {RULESET} is closed in the firewalls of all hosts that write to {place.name} ({', '.join(sorted(hosts.values()))})"
    return ""


def _pushed(image, reason, insisted):
    if insisted:
        raise ChoiceError(
            "PULL_NOT_POSSIBLE",
            f"No ESXi host can fetch the image {image.name} ({image.id}): {reason}.",
            "Mend that, or leave upload_through out: then such an image is pushed. Nothing was changed.",
        )
    return Choice(False, reason)
