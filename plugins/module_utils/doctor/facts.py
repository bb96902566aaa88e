# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules judge. Plain values; who gathered them does not matter here.

A source that was not asked, or did not answer, is None; sources.py has the words for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import Hypervisor
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache


@dataclass(frozen=True)
class HostDetails:
    """What else is known of an ESXi host. ``certificate_expires`` is an aware datetime or None where vCenter does not tell."""

    certificate_expires: object = None
    ntp_servers: tuple = ()
    ntp_running: bool = True
    crypto_safe: bool = False  # HostRuntimeInfo.cryptoState: there are keys for encrypted machines


@dataclass(frozen=True)
class Vm:
    """A virtual machine or template. ``nova_uuid`` is None where Nova did not make it; ``pool`` and ``datastores`` are managed object ids."""

    name: str
    nova_uuid: str | None
    pool: str | None
    datastores: tuple
    lost: bool = False  # orphaned or inaccessible: Nova does not count it


@dataclass(frozen=True)
class Vcenter:
    """A vCenter. Times are aware datetimes; ``certificate_expires`` is None where the certificate was not verified.

    ``missing_privileges`` maps the name of an object to the privileges that the account lacks there.
    """

    server: str
    version: str
    certificate_expires: object
    now: object
    username: str
    hosts: dict = field(default_factory=dict)  # moid -> HostDetails
    vms: tuple = ()
    missing_privileges: dict | None = None
    firewalls: dict | None = None  # host moid -> whether it may connect to web servers; only where hosts are to fetch images
    addresses: frozenset | None = None  # (host_ip, host_port) that nova.conf may name it by


@dataclass(frozen=True)
class ServerGroup:
    """A server group of Nova. ``members`` are ids of servers; ``limit`` is how many of them one nova-compute may have, None for any number."""

    name: str
    members: tuple
    limit: int | None


@dataclass(frozen=True)
class Service:
    """One nova-compute.

    ``name`` is what findings call it, ``host`` its name in Nova where that is known. ``driver`` is its :attr:`drivers.base.Driver.NAME`, and
    ``hypervisor_name`` what its nova.conf or the options call the hypervisor.
    ``hypervisor`` is what Nova takes for its hypervisor, ``hypervisor_error`` why there is none. ``caches`` maps names of datastores to the entries of
    their cache folders. ``new`` tells whether Nova knows no service of this name yet; None where nobody has asked. ``record`` is Nova's record of the
    service.
    """

    name: str
    hypervisor_name: str | None
    datastore_regex: str | None
    host: str | None = None
    conf: NovaConf | None = None
    driver: str = "vc"
    hypervisor: Hypervisor | None = None
    hypervisor_error: tuple | None = None  # (code, text)
    caches: dict | None = None
    new: bool | None = None
    record: dict | None = None

    @property
    def base_folder(self):
        """The folder of Nova's image cache; None where nova.conf does not decide it."""
        conf = self.conf
        if conf is None:
            return None
        try:
            return cache.base_folder(
                conf.value("vmware", "cache_prefix"),
                conf.value("image_cache", "subdirectory_name"),
                conf.value("image_cache", "remove_unused_base_images"),
                conf.value("DEFAULT", "my_ip"),
            )
        except ValueError:
            return None


@dataclass(frozen=True)
class Facts:
    """All that is known.

    ``name`` is what findings call the vCenter. ``login_error`` is ``(code, text)`` where the vCenter was asked and could not be used, ``openstack_error``
    the same of Nova and Glance. ``compute_host`` is the result of ``compute_host_info``. ``images`` are :class:`..nova.image.Image`;
    ``vsphere_locations`` the names of those that have a location ``vsphere://``. ``zones`` has the nova-computes of each availability zone,
    ``server_groups`` the :class:`ServerGroup` of all projects. ``host`` is the name of the compute host where there are several; ``parts`` are
    then the facts of each, with its own ``services`` and ``compute_host``. ``pulls`` tells that ESXi hosts are to fetch images from Glance themselves;
    ``glance_certificate_expires`` is an aware datetime then, None where it is not known.
    """

    services: tuple
    name: str | None = None
    vcenter: Vcenter | None = None
    login_error: tuple | None = None
    compute_host: dict | None = None
    host: str | None = None
    openstack_error: tuple | None = None
    images: tuple | None = None
    vsphere_locations: tuple = ()
    api_conf: NovaConf | None = None
    zones: dict = field(default_factory=dict)
    server_groups: tuple | None = None
    parts: tuple = ()
    pulls: bool = False
    glance_certificate_expires: object = None
