# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that servers are booted from. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules import versions
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, INFO, WARNING, rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as image_rules


@rule(
    WARNING,
    "An OVA image boots where it is seeded, and nowhere else",
    ["images"],
    "nova/virt/vmwareapi/images.py, oslo_vmware/rw_handles.py (since oslo.vmware 3.4.0 the lease is aborted)",
    "Seed it with image_cache wherever Nova may boot it, or upload the disk inside it with container_format bare.",
    scope="all",
    site=True,
)
def image_ova(facts):
    for image in facts.images:
        if image.container_format == "ova" and versions.at_least(facts, "oslo.vmware", (3, 4)):
            yield image.name, "its container_format is ova: Nova cannot fetch it by itself"


@rule(
    ERROR,
    "os_distro is not a guest id",
    ["images"],
    "nova/objects/image_meta.py, nova/virt/vmwareapi/images.py",
    "Set os_distro to a vSphere guest id such as ubuntu64Guest, or remove it.",
    scope="all",
    site=True,
)
def image_os_distro(facts):
    yield from _refused(facts, "IMAGE_OS_DISTRO")


@rule(
    ERROR,
    "An image asks for a config drive",
    ["images"],
    "nova/virt/vmwareapi/images.py (upload_iso_to_datastore)",
    "Remove img_config_drive; use the metadata service.",
    scope="all",
    site=True,
)
def image_config_drive(facts):
    yield from _refused(facts, "IMAGE_CONFIG_DRIVE")


@rule(
    ERROR,
    "An image that Nova cannot boot",
    ["images"],
    "nova/virt/vmwareapi/images.py, nova/objects/image_meta.py",
    "See the evidence; image_vmdk makes a VMDK image of another one.",
    scope="all",
    site=True,
)
def image_not_bootable(facts):
    for image in facts.images:
        for refusal in image_rules.refusals(image):
            if refusal.code not in ("IMAGE_OS_DISTRO", "IMAGE_CONFIG_DRIVE"):
                yield image.name, f"{refusal.what} {refusal.hint}"


def _refused(facts, code):
    for image in facts.images:
        for refusal in image_rules.refusals(image):
            if refusal.code == code:
                yield image.name, refusal.what


@rule(
    INFO,
    "Cinder may not see the vsphere:// location",
    ["images"],
    "cinder/image/glance.py (get_location), cinder/volume/drivers/vmware/vmdk.py",
    "With Glance 29.0.0 or later keep a golden volume and clone it; each volume from the image is a download.",
    scope="all",
    site=True,
)
def cinder_ignores_location(facts):
    for name in facts.vsphere_locations:
        yield name, "it has a location vsphere://, which Cinder does not see through the locations API of Glance 29.0.0 and later"
