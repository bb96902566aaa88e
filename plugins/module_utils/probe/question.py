# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a question is, and what comes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

OK = "ok"
NOTE = "note"
PROBLEM = "problem"
UNKNOWN = "unknown"
LEVELS = (PROBLEM, UNKNOWN, NOTE, OK)  # the worst first

FILES = frozenset(["VMFS", "NFS", "NFS41"])  # datastore types on which a disk's extent is a file
VSAN = frozenset(["vsan"])
ALL = FILES | VSAN  # what Nova uses (nova/datastore.py)


@dataclass(frozen=True)
class Meaning:
    """What an answer means for seeding, and what to do. ``level`` is one of :data:`LEVELS`."""

    level: str
    text: str
    action: str = ""


@dataclass(frozen=True)
class Finding:
    """What a question's function found out.

    ``value`` is one of the question's answers, a number, or None where it could not be found out. ``evidence`` says in a sentence what was
    seen. ``lacking`` names the privilege that the account has not, where that is the reason. ``seconds`` is how long the question took.
    """

    value: object
    evidence: str
    lacking: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Question:
    """One thing to find out about a vCenter on one datastore.

    ``types`` are the datastore types to which it applies. ``switch`` says that its id is a switch of the simulator, whose values are its answers.
    ``answers`` maps each answer to its :class:`Meaning`, the most harmful first; a question with a number for an answer has the one key
    :data:`NUMBER`. ``needs`` are ids of questions without whose good end this one says nothing. ``seconds`` bounds it.
    """

    id: str
    text: str
    types: frozenset
    ask: object = field(repr=False)
    answers: dict = field(repr=False)
    switch: bool = True
    needs: tuple = ()
    seconds: float = 30.0


NUMBER = "number"
