# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of ``image_cache`` say of the way that images take, and of what is wanted besides them."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Limits
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import transfer


@dataclass(frozen=True)
class Options:
    """How an image may travel, as the options of ``image_cache`` say. ``transfer_timeout`` is in seconds, or None.

    ``verify`` is ``size``, or ``content``: then what a datastore took is read back and compared before it is published.
    ``limits`` are those of copies, ``bytes_per_second`` is what one push may send, or None.
    """

    upload_through: str = "auto"
    host_trust: str | None = None
    encoding: str = "auto"
    transfer_timeout: int | None = None
    verify: str = "size"
    limits: Limits = Limits()
    bytes_per_second: int | None = None

    def rules(self, session):
        """Returns the :class:`transfer.Rules` for a session, without a deadline."""
        return transfer.Rules(self.upload_through, self.host_trust or session.host_trust, None, self.bytes_per_second)


@dataclass(frozen=True)
class Extras:
    """What is wanted besides the images: the module's options of the same names. ``linked_clone_sizes`` are GiB."""

    linked_clone_sizes: tuple = ()
    use_linked_clone: bool = True
    update_min_disk: bool = False


def from_params(params):
    """Returns the :class:`Options` that the module's options say.

    :raises NovaVmwareError: ``LIMIT_INVALID``.
    """
    for name in ("copies_per_datastore", "copies_per_host", "bandwidth_limit"):
        if params[name] is not None and params[name] < 1:
            raise NovaVmwareError("LIMIT_INVALID", f"{name} is {params[name]}, with which nothing would move.", "Give 1 or more, or leave it out.")
    names = ("upload_through", "host_trust", "encoding", "transfer_timeout", "verify")
    return Options(
        limits=Limits(params["copies_per_datastore"], params["copies_per_host"]),
        bytes_per_second=params["bandwidth_limit"] and params["bandwidth_limit"] << 20,
        **{name: params[name] for name in names if params.get(name) is not None},
    )
