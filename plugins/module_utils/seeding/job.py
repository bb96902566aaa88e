# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records that travel: what the module's options say, what all steps of one run share, and what a step leaves."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.content import Content
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.errors import SeedError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Limits
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import transfer
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import Session


@dataclass(frozen=True)
class Options:
    """How an image may travel, as the options of ``image_cache`` say. ``transfer_timeout`` is in seconds, or None.

    ``verify`` is ``size``, or ``content``: then what a datastore took is read back and compared before it is published; or ``cached``: what was there
    before as well.
    ``limits`` are those of copies and pulls, ``bytes_per_second`` is what one push may send, or None.
    """

    upload_through: str = "auto"
    host_trust: str | None = None
    encoding: str = "auto"
    transfer_timeout: int | None = None
    verify: str = "size"
    limits: Limits = Limits()
    bytes_per_second: int | None = None

    @property
    def reads_back(self):
        """Says whether what a datastore takes is read back."""
        return self.verify != "size"


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
    for name in ("copies_per_datastore", "copies_per_host", "pulls_at_once", "bandwidth_limit"):
        if params[name] is not None and params[name] < 1:
            raise NovaVmwareError("LIMIT_INVALID", f"{name} is {params[name]}, with which nothing would move.", "Give 1 or more, or leave it out.")
    names = ("upload_through", "host_trust", "encoding", "transfer_timeout", "verify")
    return Options(
        limits=Limits(params["copies_per_datastore"], params["copies_per_host"], params["pulls_at_once"]),
        bytes_per_second=params["bandwidth_limit"] and params["bandwidth_limit"] << 20,
        **{name: params[name] for name in names if params.get(name) is not None},
    )


@dataclass(frozen=True)
class Job:
    """What all steps of one run share.

    ``cloud`` is an openstacksdk connection. ``rules`` say how files travel; ``run_id`` is the run's in the names of its stages; ``stop`` is set when the run
    is cancelled, ``pushes`` when hosts turned out to be unable to fetch images.
    """

    session: Session
    cloud: object
    options: Options
    rules: transfer.Rules
    run_id: str
    stop: threading.Event = field(default_factory=threading.Event)
    pushes: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def begin(cls, session, cloud, options):
        """Returns the job of this process's run. Arguments as the fields."""
        trust = options.host_trust or session.host_trust
        through = "auto" if options.upload_through == "pull" else options.upload_through  # of what no host can fetch, such as notes
        return cls(session, cloud, options, transfer.Rules(through, trust, None, options.bytes_per_second), stage.this_run())

    @property
    def glance(self):
        """The image adapter."""
        return self.cloud.image

    def timed(self):
        """Returns the job for one push: from now on its transfers have ``transfer_timeout`` seconds in all, where there is one."""
        seconds = self.options.transfer_timeout
        return replace(self, rules=replace(self.rules, deadline=time.monotonic() + seconds)) if seconds else self

    def numbered(self, number):
        """Returns the job for one of several steps that run side by side for one image. The first, 0, has the name of the run itself."""
        return replace(self, run_id=f"{self.run_id}-{number}") if number else self

    def cancelled(self):
        """Says whether the run is cancelled: what waits or reads in a thread asks, and ends."""
        return self.stop.is_set()

    def refuse_cancelled(self, what):
        """Ends what runs in a thread, once the run is cancelled.

        :arg what: a noun phrase, for the error.
        :raises SeedError: ``CANCELLED``.
        """
        if self.cancelled():
            raise SeedError("CANCELLED", f"{what} was cancelled.")


@dataclass
class Done:
    """What a step did. ``bytes`` were sent, or copied by vSphere. ``step`` tells how far it is while it runs.

    ``action`` is ``push``, ``pull`` or ``copy``. ``encoding`` is what was made of an image for its way, or None. ``warning`` is why it was not sent as
    it should have been. ``content`` is what was sent, or None where nobody asked for it. ``thin`` is the type of the disk that vSphere made.
    """

    step: progress.Step
    action: str = "push"
    via: str | None = None
    seconds: float = 0.0
    bytes: int = 0
    encoding: str | None = None
    warning: str | None = None
    content: Content | None = None
    thin: bool | None = None
