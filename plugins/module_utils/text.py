# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How messages name things: counts, and names that were meant. Pure."""

from __future__ import annotations

import difflib


def count(number, noun):
    """Returns a number with its noun, which gets an ``s`` unless there is one: ``1 error``, ``2 errors``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def meant(name, names, cutoff=0.6):
    """Returns the one of ``names`` that is so close to ``name`` that it was probably meant, or None. Upper and lower case do not count.

    :arg cutoff: how close it must be, as ``difflib.get_close_matches`` takes it.
    """
    by_lower = {str(one).lower(): one for one in names}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[close[0]] if close else None


def unknown(name, names):
    """Returns a name that is not in ``names``, in quotes, with the one that was probably meant: ``'vc1-a' (did you mean 'vc1-b'?)``."""
    close = meant(name, names)
    return f"'{name}' (did you mean '{close}'?)" if close else f"'{name}'"
