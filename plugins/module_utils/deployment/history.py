# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova called the options that the role sets, release by release. Pure."""

from __future__ import annotations

import re

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

# `section.option` -> what it was before a release: (release, section, option), or (release,) where it was not there yet; oldest first. `.*` is the
# rest of a section. Read from Nova's sources at 2014.1, 2014.2, 2015.1.0 and each major release from 12.0.0 to 21.0.0.
HISTORY = {
    "DEFAULT.log_rotation_type": [("19",)],  # oslo.log 3.42
    "DEFAULT.max_logfile_size_mb": [("19",)],
    "DEFAULT.max_logfile_count": [("19",)],
    "oslo_concurrency.lock_path": [("2015.1", "DEFAULT", "lock_path")],
    "vmware.host_port": [("2014.2",)],
    "vmware.ca_file": [("12",)],
    "vmware.insecure": [("12",)],
    "vmware.cache_prefix": [("2015.1",)],
    "image_cache.remove_unused_base_images": [("21", "DEFAULT", "remove_unused_base_images")],
    "image_cache.manager_interval": [("21", "DEFAULT", "image_cache_manager_interval")],
    "vnc.enabled": [("12", "DEFAULT", "vnc_enabled")],
    "service_user.*": [("15",)],
    "glance.region_name": [("17",)],
    "placement.region_name": [("14",), ("17", "placement", "os_region_name")],
    "placement.*": [("14",)],
    "cinder.os_region_name": [("2014.2", "DEFAULT", "os_region_name")],
    "cinder.*": [("17",)],
    "neutron.auth_type": [("2015.1",), ("13", "neutron", "auth_plugin")],
    "neutron.region_name": [("2014.2", "DEFAULT", "neutron_region_name")],
    "neutron.auth_url": [("2014.2", "DEFAULT", "neutron_admin_auth_url"), ("2015.1", "neutron", "admin_auth_url")],
    "neutron.username": [("2014.2", "DEFAULT", "neutron_admin_username"), ("2015.1", "neutron", "admin_username")],
    "neutron.password": [("2014.2", "DEFAULT", "neutron_admin_password"), ("2015.1", "neutron", "admin_password")],
    "neutron.project_name": [("2014.2", "DEFAULT", "neutron_admin_tenant_name"), ("2015.1", "neutron", "admin_tenant_name")],
    "neutron.cafile": [("2014.2", "DEFAULT", "neutron_ca_certificates_file"), ("2015.1", "neutron", "ca_certificates_file")],
    "neutron.*": [("2015.1",)],
}


def number(release):
    """Returns a release of Nova as a tuple that can be compared. Before 12.0.0 (Liberty) releases were numbered by the year, so these come first.

    :arg release: such as ``34.0.0`` or ``2014.2.4``; what follows the numbers (rc1) is left out.
    :raises NovaVmwareError: ``NOVA_RELEASE_INVALID``.
    """
    found = re.match(r"[0-9]+(\.[0-9]+)*", str(release))
    if not found:
        raise NovaVmwareError("NOVA_RELEASE_INVALID", f"{str(release)!r} is no release of Nova.", "Set nova_vcdriver_version to one, such as 34.0.0.")
    numbers = tuple(int(part) for part in found.group().split("."))
    return (0, *numbers) if re.match(r"20[0-9][0-9]\.", str(release)) else numbers


def is_before(release, other):
    """Tells whether a release of Nova is older than another one."""
    return number(release) < number(other)


def oldest_supported(controllers):
    """Returns the oldest major release of a nova-compute that controllers of a release take.

    Rule: nova/objects/service.py, the comment at ``OLDEST_SUPPORTED_SERVICE_VERSION``: the SLURP release before theirs, which is each second one since 27
    (2023.1); before 27 the release before theirs, and for 27 itself 25.
    """
    major = number(controllers)[0]
    return major - 2 if major >= 27 and major % 2 else major - 1


def running(links):
    """Returns the release that each nova-compute runs, by its name. One that runs from packages has none.

    :arg links: ``<nova-compute> <venv>`` each, where a venv is ``<folder>/<release>-<pins>``.
    """
    found = (re.fullmatch(r"(\S+) .*/([0-9][0-9a-z.]*)-[0-9a-f]+", link) for link in links)
    return {match[1]: match[2] for match in found if match}


def dated(tree, release):
    """Returns a tree of sections and options in the words of a release: options get the name that they had, and those that were not there are left out.

    :arg tree: ``{section: {option: value}}`` in the words of Nova 34.
    """
    found = {}
    for section, options in tree.items():
        for option, value in options.items():
            name = _name_at(section, option, release)
            if name is not None:
                found.setdefault(name[0], {})[name[1]] = value
    return found


def _name_at(section, option, release):
    """Returns the (section, option) of an option at a release, or None where it was not there yet."""
    for before, *name in HISTORY.get(f"{section}.{option}", HISTORY.get(f"{section}.*", ())):
        if is_before(release, before):
            return name or None
    return section, option
