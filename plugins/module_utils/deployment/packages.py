# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions that a distribution's packages have. Pure."""

from __future__ import annotations

import re


def offered(answer, family):
    """Returns the versions of nova, oslo.vmware and urllib3, without epoch and revision; what is not there has no entry.

    :arg answer: what ``apt-cache policy`` printed, of which what is installed counts, else what would be; or lines of ``<name> <version>`` of dnf.
    :arg family: ``ansible_facts['os_family']``.
    """
    if family == "Debian":
        version = r"(?:[0-9]+:)?([0-9.]*[0-9])?"
        rows = re.findall(rf"(?m)^(\S+):\n  Installed: {version}.*\n  Candidate: {version}", answer)
        found = {name: installed or candidate for name, installed, candidate in rows}
    else:
        found = dict(re.findall(r"(?m)^(\S+) ([0-9.]*[0-9])", answer))
    return {re.sub("^oslo-", "oslo.", re.sub("^python3-", "", name)): version for name, version in found.items() if version}
