# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule is: what goes wrong, how one sees it, and what to do. Pure.

An id never changes its meaning. A rule is judged only where the sources that it needs are there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.sources import SOURCES

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)

CERTIFICATE_DAYS = 30  # a certificate that ends sooner is a warning


@dataclass(frozen=True)
class Rule:
    """One rule.

    ``scope`` is ``service`` (judged for each nova-compute, ``check(facts, service)``) or ``all`` (``check(facts)``). ``check`` yields
    ``(object, evidence)`` for each thing that is wrong. ``needs`` are :class:`..sources.Source`. ``driver`` is the :attr:`Service.driver` whose
    nova-computes it is about, None for any. ``site`` tells that it is about no vCenter, but about nova-api, images, or what all nova-computes of a
    compute host share. ``alone`` tells that it compares only nova-computes of the same compute host.
    """

    id: str
    severity: str
    title: str
    needs: tuple
    source: str
    hint: str
    check: object
    scope: str = "service"
    driver: str | None = None
    site: bool = False
    alone: bool = False

    @property
    def of_host(self):
        """Whether its findings are about a compute host, and not about something that all of them see alike."""
        return any(source.of_host for source in self.needs)

    def views(self, facts):
        """Returns ``(subjects, facts)`` for each compute host that it is judged for, or once for all: whom it is judged for and what it sees.

        A rule about one nova-compute sees its compute host and the nova-computes of the whole site, unless it is :attr:`alone`.
        """
        if self.scope == "all" and not self.of_host:
            return [(facts, facts)]
        wide = self.scope == "service" and not self.alone
        return [(part, replace(part, services=facts.services) if wide else part) for part in facts.parts or (facts,)]

    def subjects(self, facts):
        """Returns the services that it is judged for; of a rule of scope ``all``, None alone."""
        if self.scope == "all":
            return [None]
        return [service for service in facts.services if self.driver in (None, service.driver)]


def rule(severity, title, needs, source, hint, **how):
    """Makes a :class:`Rule` of the function below it, whose name in upper case is the id.

    :arg needs: names of :data:`..sources.SOURCES`.
    :arg how: ``scope``, ``driver``, ``site`` and ``alone``.
    """

    def make(check):
        return Rule(check.__name__.upper(), severity, title, tuple(SOURCES[name] for name in needs), source, hint, check, **how)

    return make


def quoted(names):
    """Returns names as text: ``'a', 'b'``."""
    return ", ".join(f"'{name}'" for name in names)


def some(names, limit=5):
    """Returns the first names as text, and how many more there are."""
    return quoted(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def count(number, word):
    """Returns a number with its word: ``1 server``, ``2 servers``."""
    return f"{number} {word}" + ("" if number == 1 else "s")
