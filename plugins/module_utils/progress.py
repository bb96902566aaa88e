# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells how far a long step is, while it runs.

Ansible shows nothing of a module before it has ended. So a module writes events, one JSON object a line, to the file that the environment
variable :data:`VARIABLE` names, and the action plugin of the same name reads them on the control node and shows them. Without
the variable, as when a module is run directly, nothing is written. What goes wrong here never breaks the work.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import dataclass

VARIABLE = "OPENSTACK_VMWARE_NOVA_PROGRESS"
# Seconds and percent between the lines of one step, so that a log stays readable.
FIRST = 1.0
INTERVAL = 5.0
HEARTBEAT = 60.0
PERCENT = 5.0
_MOST = 1 << 62  # bytes; what a file says beyond is not believed


@dataclass(frozen=True)
class Shown:
    """The line of a step that was written last: when, as seconds of the clock, and at how many percent."""

    at: float
    percent: float


def is_due(now, began, percent, last):
    """Says whether a step that goes on has a line to write. Pure.

    The first comes one second after the step's begin, then one every five seconds when at least 5 % were done since, else every
    minute: at most 22 lines and one a minute.

    :arg now: seconds of the clock; :arg began: the same, at the step's begin.
    :arg percent: how far it is, 0 to 100.
    :arg last: a :class:`Shown`, or None.
    """
    if last is None:
        return now - began >= FIRST
    waited = now - last.at
    return waited >= HEARTBEAT or (waited >= INTERVAL and percent - last.percent >= PERCENT)


class Step:
    """One step while it runs.

    ``done`` and ``total`` are bytes, of what is sent where that is fewer than the image has; ``seconds`` is how long it has taken so far or
    took. ``outcome`` is what its last line says.
    """

    def __init__(self, reporter, action, image, datastore, total):
        self._reporter = reporter
        self._named = {"action": action, "image": image, "datastore": datastore}
        self._began = reporter.clock()
        self._ended = None
        self._last = None
        self._known = True
        self._size = total
        self.total = total
        self.done = 0
        self.outcome = "done"

    @property
    def seconds(self):
        """Seconds since the step's begin, up to its end."""
        return (self._reporter.clock() if self._ended is None else self._ended) - self._began

    def advance(self, count):
        """Adds ``count`` bytes."""
        self.reach(self.done + count)

    def restart(self):
        """Starts to count anew: a file that broke on its way is sent again from its begin."""
        self.done = 0
        self._last = self._last and Shown(self._last.at, 0.0)

    def reach(self, done):
        """Notes that ``done`` bytes of the total are there, or with None that the step goes on and nobody says how far it is."""
        self._known = done is not None
        self.done = done if self._known else self.done
        now = self._reporter.clock()
        percent = self.percent
        if is_due(now, self._began, percent, self._last):
            self._last = Shown(now, percent)
            self._write("running")

    def count(self, chunks):
        """Passes chunks of bytes on and counts each when its receiver asks for the next."""
        self.restart()
        for chunk in chunks:
            yield chunk
            self.advance(len(chunk))

    @property
    def percent(self):
        """How far it is, 0 to 100."""
        return min(100.0, 100.0 * self.done / self.total) if self.total else 0.0

    def end(self):
        """Writes the last line."""
        self._ended = self._reporter.clock()
        self._known = True
        self._write(self.outcome)

    def _write(self, state):
        self._reporter.write(
            {
                **self._named,
                "state": state,
                "bytes": self.done if self._known else None,
                "total": self.total,
                "size": self._size,
                "seconds": round(self.seconds, 3),
            }
        )


class Reporter:
    """Makes steps whose events go to ``sink``, a function that takes one dict.

    :arg clock: gives seconds, as :func:`time.monotonic`.
    """

    def __init__(self, sink, clock=time.monotonic):
        self.clock = clock
        self._sink = sink
        self._lock = threading.Lock()

    def write(self, event):
        """Hands an event to the sink. A sink that fails is not asked again: a full disk must not end an upload."""
        with self._lock:
            if self._sink is None:
                return
            try:
                self._sink(event)
            except OSError:
                self._sink = None

    @contextlib.contextmanager
    def step(self, action, image, datastore, total):
        """Begins a :class:`Step` that ends with the ``with``: as done, or as failed when something is raised.

        :arg action: a verb, for example ``push``. :arg image: its name, or that of the question that is asked. :arg datastore: its name.
        :arg total: bytes; 0 for a step that moves none.
        """
        running = Step(self, action, image, datastore, total)
        try:
            yield running
        except BaseException:
            running.outcome = "failed"
            raise
        finally:
            running.end()


def from_environment(environment=None):
    """Returns the :class:`Reporter` that the environment asks for: one that writes to a file, or one that writes nothing."""
    path = (os.environ if environment is None else environment).get(VARIABLE)
    if not path:
        return Reporter(None)
    try:
        # The reader may be another user than the one that the module runs as (become). The folder is the reader's, for its eyes only.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError:
        return Reporter(None)
    with contextlib.suppress(OSError):  # it was made by the reader
        os.fchmod(handle, 0o644)

    def write(event):
        os.write(handle, json.dumps(event).encode() + b"\n")

    return Reporter(write)


_REPORTER = None


def step(action, image, datastore, total):
    """As :meth:`Reporter.step`, of the reporter that the environment of this process asks for."""
    global _REPORTER  # pylint: disable=global-statement
    if _REPORTER is None:
        _REPORTER = from_environment()
    return _REPORTER.step(action, image, datastore, total)


def line(event):
    """Returns the text for an event, or None for what is none. Pure.

    The event comes from a file: its values are not trusted. A name may hold anything, so what is not printable is left out.
    """
    try:
        action, image, datastore, state = (_printable(event[key]) for key in ("action", "image", "datastore", "state"))
        known = event["bytes"] is not None
        done, total, whole = (min(max(0, int(event[key] or 0)), _MOST) for key in ("bytes", "total", "size"))
        seconds = min(max(0.0, float(event["seconds"])), 1e9)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    rate = done / seconds if seconds else 0.0
    what = f"{action} {image} {'on' if action in ('verify', 'ask') else 'to'} {datastore}"
    if not known:
        return f"{what}: under way for {_time(seconds)}"
    if not whole and not total and state != "running":  # a step that moves no bytes
        return f"{what}: {state} in {_time(seconds)}"
    if state == "running":
        percent = min(100, 100 * done // total) if total else 0
        left = f", {_time((total - done) / rate)} left" if rate and total > done else ""
        return f"{what}: {percent} % of {size(total)}, {size(rate)}/s{left}"
    if state == "done" and done < whole:  # it went without its holes
        rate = whole / seconds if seconds else 0.0
        return f"{what}: done, {size(whole)} as {size(done)} in {_time(seconds)}, {size(rate)}/s"
    return f"{what}: {state}, {size(done)} in {_time(seconds)}, {size(rate)}/s"


def size(count):
    """Returns a number of bytes as people read it: ``1.5 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _time(seconds):
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _printable(text):
    return "".join(character for character in str(text)[:100] if character.isprintable())
