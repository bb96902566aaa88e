# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text with which a run is refused. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.text import unknown


def refusal(findings):
    """Returns a line for each finding: its id, what it is about, how one sees it, and what to do."""
    return ["- {id}: {object}: {}. Fix: {hint}".format(finding["evidence"].rstrip(". "), **finding) for finding in findings]


def unknown_names(names, known):
    """Returns those of ``names`` that are not in ``known`` as one text: in quotes, each with the one that was probably meant."""
    return ", ".join(unknown(name, known) for name in names if name not in known)
