# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drivers, and the way to them: nothing outside this room names one."""

from __future__ import annotations

import re

from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import vc
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import HypervisorError, Wish
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import from_params

DRIVERS = (vc,)  # each a base.Driver. A new one is added here, and its KEY to the option hypervisors


def wanted(options):
    """Returns a :class:`Wish` for each element of the option ``hypervisors``. Its key tells the driver.

    :raises HypervisorError: ``HYPERVISOR_UNNAMED`` or ``DATASTORE_REGEX_INVALID``.
    """
    return [_wish(option) for option in options or ()]


def _wish(option):
    driver = next((driver for driver in DRIVERS if option.get(driver.KEY) is not None), None)
    if driver is None:
        keys = " or ".join(driver.KEY for driver in DRIVERS)
        raise HypervisorError("HYPERVISOR_UNNAMED", "An element of hypervisors does not say what it means.", f"Give it {keys}.")
    name, regex = option[driver.KEY], option.get("datastore_regex")
    if regex is not None:
        try:
            re.compile(regex)
        except re.error as error:
            raise HypervisorError(
                "DATASTORE_REGEX_INVALID",
                f"The datastore_regex {regex!r} of {driver.KIND} {name} is not a regular expression: {error}.",
                "Nova would refuse to start with it.",
            ) from error
    return Wish(driver.KEY, name, regex)


def of_service(option, compute_driver):
    """Returns the driver of a nova-compute.

    :arg option: an element of the option ``services``: the key that it has tells the driver.
    :arg compute_driver: ``[DEFAULT]compute_driver`` of its nova.conf, which tells it where no key does, or None.
    :returns: a :class:`base.Driver`; where neither tells it, the first one, whose rules say what is wrong.
    """
    by_key = [driver for driver in DRIVERS if option.get(driver.KEY) is not None]
    by_conf = [driver for driver in DRIVERS if driver.COMPUTE_DRIVER == compute_driver]
    return (by_key or by_conf or DRIVERS)[0]


def keys():
    """Returns the :attr:`base.Driver.KEY` of each driver."""
    return [driver.KEY for driver in DRIVERS]


def key(name):
    """Returns the :attr:`base.Driver.KEY` of a driver. :arg name: its :attr:`base.Driver.NAME`."""
    return next(driver.KEY for driver in DRIVERS if driver.NAME == name)


def login(params, wishes=()):
    """Logs in with the options of the fragment ``vcenter``, to a server that the drivers of the wishes can work with; without wishes, any driver.

    :returns: a :class:`~..vsphere.session.Session`, to be used in a ``with``.
    :raises NovaVmwareError: the server can't be reached or trusted, refuses the login, or is not what a driver needs.
    """
    session = from_params(params)
    try:
        _able(session, wishes)
    except HypervisorError:
        session.close()
        raise
    return session


def read(session, wishes, need_datastores=True, tell=True):
    """Reads hypervisors as Nova's drivers see them.

    :arg wishes: as :func:`wanted` returns them; empty for every hypervisor of the server, without a regex.
    :arg need_datastores: a hypervisor that was asked for and has no usable datastore is an error.
    :arg tell: name hosts and datastores that the account may not read in the session's warnings.
    :returns: a list of :class:`base.Hypervisor` in the order asked for.
    :raises HypervisorError: one is missing or ambiguous, or nothing is left of its datastores.
    """
    found = _read(session, wishes, tell=tell)
    for one in found:
        if isinstance(one, HypervisorError):
            raise one
    for one in found if need_datastores and wishes else ():
        if not one.usable:
            raise _no_datastore(one)
    return found


def as_nova_finds(session, wishes):
    """Reads what Nova would find for the words of each nova.conf.

    :arg wishes: as :func:`wanted` returns them; of none nothing is read.
    :returns: a list in their order, each a :class:`base.Hypervisor` or the :class:`HypervisorError` that says why there is none.
    """
    return _read(session, wishes, for_nova=True) if wishes else []


def privileges(hypervisors):
    """Returns what the drivers of hypervisors need of Nova's account, as :attr:`base.Driver.PRIVILEGES`."""
    keys = {hypervisor.key for hypervisor in hypervisors}
    found = {}
    for driver in DRIVERS:
        for where, names in driver.PRIVILEGES.items() if driver.KEY in keys else ():
            found[where] = {**found.get(where, {}), **names}
    return found


def networks(session, hypervisors):
    """Reads the networks of hypervisors, those of each driver at once. Returns ``{managed object: its name}``."""
    found = {}
    for driver in DRIVERS:
        mine = [one for one in hypervisors if one.key == driver.KEY]
        found.update(driver.networks(session, mine) if mine else {})
    return found


def _read(session, wishes, **how):
    if not wishes:
        return [one for driver in _able(session, ()) for one in driver.read(session, [], **how)]
    found = [None] * len(wishes)
    for driver in _able(session, wishes):
        mine = [number for number, wish in enumerate(wishes) if wish.key == driver.KEY]
        for number, one in zip(mine, driver.read(session, [wishes[number] for number in mine], **how)):
            found[number] = one
    return found


def _able(session, wishes):
    """Returns the drivers that the wishes need; without wishes those that the session's server is for, at least one."""
    keys = {wish.key for wish in wishes}
    chosen = [driver for driver in DRIVERS if not wishes or driver.KEY in keys]
    refusals = [driver.refusal(session) for driver in chosen]
    able = [driver for driver, refusal in zip(chosen, refusals) if refusal is None]
    if not able or (wishes and able != chosen):
        raise next(refusal for refusal in refusals if refusal is not None)
    return able


def _no_datastore(hypervisor):
    reasons = {datastore.name: refusal for datastore, refusal in hypervisor.verdicts}
    text = "; ".join(f"{name} {reason}" for name, reason in reasons.items()) or "it has none at all"
    return HypervisorError(
        "NO_USABLE_DATASTORE",
        f"Nova could use no datastore of {hypervisor.kind} {hypervisor.name}: {text}.",
        f"Change datastore_regex, or give the {hypervisor.kind} a datastore; Nova would start and then fail each boot.",
        {"datastores": reasons},
    )
