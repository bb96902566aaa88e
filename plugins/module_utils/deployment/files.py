# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the control node that an inventory names. Pure: the caller says which files exist.

A relative name is looked for in the folder of the inventory, then in the working directory. Ansible would look in the folder of the playbook, which is
inside the installed collection.
"""

from __future__ import annotations

import posixpath

CLOUDS = "clouds.yaml"
CA_CERT = "ca_cert"


def ca_file(vcenter):
    """Returns what the ``ca_file`` of the vCenter with this name is called here."""
    return f"ca_file of vCenter {vcenter}"


def file_places(vcenters, folders, others):
    """Returns the places where each file may be, in the order in which they are tried; a file without a name has none.

    :arg vcenters: ``nova_vcdriver_vcenters``. :arg others: ``{variable: name of a file}``.
    :arg folders: those of a relative name; what is empty is left out.
    :returns: ``{what names the file: [absolute path]}``.
    """
    names = {ca_file(vcenter["name"]): vcenter["ca_file"] for vcenter in vcenters if vcenter.get("ca_file")}
    names.update(others)
    return {what: _places(posixpath.expanduser(str(name)), folders) for what, name in names.items() if name}


def _places(name, folders):
    if posixpath.isabs(name):
        return [name]
    return list(dict.fromkeys(posixpath.normpath(posixpath.join(folder, name)) for folder in folders if folder))


def openstack_access(options, files):
    """Returns the option ``openstack`` of modules with absolute paths: of ``ca_cert``, and of the clouds.yaml of the inventory where it has one.

    A module runs in the folder of the playbook, and would look there for both.

    :arg options: such as ``nova_vcdriver_openstack``. :arg files: what :func:`local_files` returns for ``clouds.yaml`` and ``ca_cert``.
    """
    found = dict(options)
    if options.get("ca_cert") and CA_CERT in files:
        found["ca_cert"] = files[CA_CERT]["path"]
    if files.get(CLOUDS, {}).get("found") and not options.get("clouds_file"):
        found["clouds_file"] = files[CLOUDS]["path"]
    return found


def local_files(places, there):
    """Returns where each file is.

    :arg places: as :func:`file_places` returns them. :arg there: those of all places that exist.
    :returns: ``{what names the file: {path, found, tried}}``; ``path`` is the first place that exists, else the first one.
    """
    found = {}
    for what, tried in places.items():
        path = next((place for place in tried if place in there), None)
        found[what] = {"path": path or tried[0], "found": path is not None, "tried": list(tried)}
    return found
