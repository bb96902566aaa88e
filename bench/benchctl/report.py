"""Figures, ratios and their tables. Pure."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured of one subject: the median of the rounds, and each of them.

    :arg case: the case's name; :arg subject: who did it; :arg what: the quantity, with its unit in brackets.
    """

    case: str
    subject: str
    what: str
    median: float
    rounds: tuple


@dataclass(frozen=True)
class Goal:
    """A claim: a value and the bound that it must keep. ``sense`` is ``>=``, ``<=`` or ``==``."""

    case: str
    claim: str
    value: float
    sense: str
    bound: float

    @property
    def met(self):
        """True when the value keeps the bound."""
        return {">=": self.value >= self.bound, "<=": self.value <= self.bound, "==": self.value == self.bound}[self.sense]


def figure(case, subject, what, values):
    """Makes a :class:`Figure` of the values of the rounds."""
    values = tuple(round(value, 4) for value in values)
    return Figure(case, subject, what, round(statistics.median(values), 4), values)


def alternate(subjects, rounds, tell=lambda text: None):
    """Runs each subject once a round, round after round, so that what else the machine does meets all of them.

    :arg subjects: ``{name: function}``; a function gives ``{what: value}``.
    :arg tell: called with a line of text after each run.
    :returns: ``{name: {what: [value of each round]}}``.
    """
    found = {name: {} for name in subjects}
    for number in range(1, rounds + 1):
        for name, measure in subjects.items():
            values = measure()
            tell(f"round {number}: {name}: " + ", ".join(f"{what} {_number(value)}" for what, value in values.items()))
            for what, value in values.items():
                found[name].setdefault(what, []).append(value)
    return found


def figures(case, found):
    """Makes the :class:`Figure` of everything that :func:`alternate` gave."""
    return [figure(case, name, what, values) for name, quantities in found.items() for what, values in quantities.items()]


def markdown(machine, measured, goals):
    """Gives the report as Markdown: the machine, the goals, then all figures."""
    lines = ["| machine | |", "|---|---|", *(f"| {key} | {value} |" for key, value in machine.items()), ""]
    lines += ["| case | claim | measured | goal | met |", "|---|---|---|---|---|"]
    lines += [
        f"| {goal.case} | {goal.claim} | {_number(goal.value)} | {goal.sense} {_number(goal.bound)} | {'yes' if goal.met else '**no**'} |" for goal in goals
    ]
    lines += ["", "| case | who | what | median | lowest and highest |", "|---|---|---|---|---|"]
    for one in measured:
        spread = f"{_number(min(one.rounds))} – {_number(max(one.rounds))}" if len(one.rounds) > 1 else ""
        lines.append(f"| {one.case} | {one.subject} | {one.what} | {_number(one.median)} | {spread} |")
    return "\n".join(lines) + "\n"


def document(machine, measured, goals):
    """Gives the same as data for JSON."""
    return {
        "machine": machine,
        "goals": [{**asdict(goal), "met": goal.met} for goal in goals],
        "figures": [asdict(one) for one in measured],
    }


def _number(value):
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
