# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of libraries and of vCenter, compared. Pure."""

from __future__ import annotations

import re


def parse(text):
    """Returns a version as a tuple of numbers; what follows the numbers (rc1, build) is left out."""
    return tuple(int(part) for part in re.findall(r"\d+", text.split("rc")[0])[:4])


def at_least(facts, name, version):
    """Tells whether a library on the compute host is as new as ``version``, a tuple of numbers; one that is not known counts as new."""
    text = ((facts.compute_host or {}).get("versions") or {}).get(name)
    return not text or parse(text) >= version
