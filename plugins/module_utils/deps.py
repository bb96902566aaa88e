# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names the Python library that is missing, instead of a traceback."""

from __future__ import annotations

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def requires(library, import_error, reason):
    """Stops when a library could not be imported.

    :arg library: the name on the package index, for example ``pyvmomi``.
    :arg import_error: the traceback that the import left, or None when it worked.
    :arg reason: what the library is needed for; completes "This is required ...".
    :raises NovaVmwareError: ``MISSING_LIBRARY``, with the traceback in ``details``.
    """
    if import_error is not None:
        raise NovaVmwareError("MISSING_LIBRARY", missing_required_lib(library, reason=reason), details={"import_error": import_error})
