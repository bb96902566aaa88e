# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the rules judge from Nova and Glance."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import ServerGroup
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import image as image_rules
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import compute, connection
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import tls


@dataclass(frozen=True)
class Known:
    """What Nova and Glance say; None where they were not asked. ``error`` is ``(code, text)`` where they did not tell.

    ``records`` are Nova's records of its services by name. ``images`` and ``vsphere_locations`` and ``server_groups`` are as in :class:`..facts.Facts`.
    ``certificate_expires`` is when Glance's certificate ends, where that was asked.
    """

    records: dict | None = None
    images: tuple | None = None
    vsphere_locations: tuple = ()
    server_groups: tuple | None = None
    error: tuple | None = None
    certificate_expires: object = None


def ask_all(params):
    """Asks as :func:`ask`; what fails there is a fact as well, so that the other sources are still judged."""
    try:
        return ask(params)
    except NovaVmwareError as error:
        return Known(error=(error.code, error.what.rstrip(".")))


def ask(params):
    """Asks Nova for its services, and Glance for ``images`` where that option is given.

    :arg params: the options of ``compute_check``.
    :returns: :class:`Known`.
    :raises NovaVmwareError: they do not answer, or an image is not there.
    """
    requires("openstacksdk", connection.IMPORT_ERROR, "to ask Nova and Glance")
    cloud = connection.connect(params["openstack"])
    records = compute.services(cloud)
    groups = tuple(ServerGroup(**one) for one in compute.server_groups(cloud))
    ends = _certificate_end(cloud) if params["pulls"] else None
    if params["images"] is None:
        return Known(records, server_groups=groups, certificate_expires=ends)
    found = [images.find(cloud.image, name) for name in params["images"]]
    return Known(
        records,
        tuple(image_rules.from_document(document) for document in found),
        tuple(document.get("name") or document["id"] for document in found if _vsphere(document)),
        groups,
        certificate_expires=ends,
    )


def _certificate_end(cloud):
    """Returns when Glance's certificate ends, as :func:`tls.certificate_end`; None where its endpoint is not https."""
    parts = urlsplit(cloud.image.get_endpoint())
    if parts.scheme != "https":
        return None
    verify = cloud.session.verify
    context = tls.tls_context(verify is not False, verify if isinstance(verify, str) else None)
    return tls.certificate_end(parts.hostname, parts.port or 443, context)


def _vsphere(document):
    urls = [document.get("direct_url")] + [location.get("url") for location in document.get("locations") or ()]
    return any(url.startswith("vsphere://") for url in urls if url)
