# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one root of every error that the collection raises on purpose."""

from __future__ import annotations


class NovaVmwareError(Exception):
    """Something that was asked for can't be done.

    :arg code: stable name of the kind of error, UPPER_SNAKE, for programs.
    :arg what: what failed, on what object, and why as the server said it.
    :arg hint: what the user can do about it; may be empty.
    :arg details: a dict of plain values (JSON types) with the evidence.
    """

    def __init__(self, code, what, hint="", details=None):
        # What a server says often ends with a period of its own.
        what = what[:-1] if what.endswith("..") and not what.endswith("...") else what
        super().__init__(what)
        self.code = code
        self.what = what
        self.hint = hint
        self.details = dict(details or {})

    def to_result(self):
        """Returns the keys of a module's failure: ``msg``, ``error_code``, ``hint`` and ``details``."""
        msg = self.what if not self.hint else f"{self.what} {self.hint}"
        return {"msg": msg, "error_code": self.code, "hint": self.hint, "details": self.details}
