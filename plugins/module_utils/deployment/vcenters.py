# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenters of an inventory as modules take them. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.files import ca_file
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.truth import truth


def logins(vcenters, admin=False, files=None):
    """Returns the options with which modules log in, those of the doc fragment ``vcenter``, by the name of the vCenter.

    :arg vcenters: entries of ``nova_vcdriver_vcenters``; the first one of a name counts.
    :arg admin: take the account that may change clusters, where the vCenter has one: ``admin_username`` and ``admin_password``.
    :arg files: where each ``ca_file`` is, as :func:`..files.local_files` returns it; one that is not in it is taken as it is.
    """
    found = {}
    for vcenter in vcenters:
        login = {
            "hostname": vcenter["host_ip"],
            "port": vcenter.get("host_port", 443),
            "username": (vcenter.get("admin_username") if admin else None) or vcenter["host_username"],
            "password": (vcenter.get("admin_password") if admin else None) or vcenter["host_password"],
            "validate_certs": not truth(vcenter.get("insecure", False)),
        }
        if vcenter.get("ca_file"):
            login["ca_path"] = (files or {}).get(ca_file(vcenter["name"]), {}).get("path", vcenter["ca_file"])
        if vcenter.get("thumbprint"):
            login["thumbprint"] = vcenter["thumbprint"]
        found.setdefault(vcenter["name"], login)
    return found
