# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a step speaks, and what it says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress

GIB = 1 << 30


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def reporter():
    """Gives a reporter, its clock and the list of its events."""
    clock, events = Clock(), []
    return progress.Reporter(events.append, clock), clock, events


@given(st.lists(st.tuples(st.floats(0.001, 200), st.integers(0, 64 << 20)), max_size=300))
def test_lines_are_bounded(moves):
    """At most one at the begin, one every 5 % that is 5 s away, one a minute, and one at the end."""
    made, clock, events = reporter()
    times = []
    total = max(1, sum(count for _seconds, count in moves))
    with made.step("push", "demo", "ds", total) as step:
        for seconds, count in moves:
            clock.now += seconds
            before = len(events)
            step.advance(count)
            times += [clock.now] * (len(events) - before)
    took = clock.now - 1000
    assert len(events) <= 22 + took / 60 + 1
    assert [event["state"] for event in events] == ["running"] * len(times) + ["done"]
    assert all(later - earlier >= 5 for earlier, later in zip(times, times[1:]))
    assert not times or times[0] >= 1001
    # And never silence while bytes flow: the first move after a second, and then after a minute, is told.
    assert bool(times) == any(took_so_far >= 1 for took_so_far in cumulated(moves))
    assert events[-1]["bytes"] == sum(count for _seconds, count in moves)


def cumulated(moves):
    """Gives the seconds since the begin after each move, as the clock counts them."""
    now = 1000.0
    for seconds, _count in moves:
        now += seconds
        yield now - 1000.0


def test_slow_step_speaks_once_a_minute():
    made, clock, events = reporter()
    with made.step("push", "demo", "ds", 1 << 40) as step:
        for _second in range(600):
            clock.now += 1
            step.advance(1)
    assert len(events) == 1 + 9 + 1


def test_unknown_is_told():
    made, clock, events = reporter()
    with made.step("copy", "demo", "ds", 100) as step:
        clock.now += 2
        step.reach(None)
        step.reach(100)
    assert [(event["state"], event["bytes"]) for event in events] == [("running", None), ("done", 100)]


def test_failure_is_told():
    made, clock, events = reporter()
    with pytest.raises(KeyError), made.step("push", "demo", "ds", 100) as step:
        clock.now += 2
        step.advance(50)
        raise KeyError
    assert [(event["state"], event["bytes"]) for event in events] == [("running", 50), ("failed", 50)]


def test_count_starts_anew_with_each_try():
    """A file that broke on its way is sent again: what is told is the bytes of the try that goes on."""
    made, _clock, events = reporter()
    with made.step("push", "demo", "ds", 30) as step:
        broken = step.count(iter([b"x" * 10, b"x" * 10, b"x" * 10]))
        next(broken)
        next(broken)
        assert step.done == 10
        assert b"".join(step.count(iter([b"x" * 10] * 3))) == b"x" * 30
    assert events[-1]["bytes"] == 30


def test_sink_that_fails_ends_nothing():
    calls = []

    def full(event):
        calls.append(event)
        raise OSError("No space left on device")

    clock = Clock()
    with progress.Reporter(full, clock).step("push", "demo", "ds", 100) as step:
        clock.now += 2
        step.advance(50)
    assert len(calls) == 1


def test_environment(tmp_path):
    path = tmp_path / "progress"
    with progress.from_environment({progress.VARIABLE: str(path)}).step("push", "démo", "ds", 100) as step:
        step.advance(100)
    (event,) = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    assert event == {
        "action": "push", "image": "démo", "datastore": "ds", "state": "done", "bytes": 100, "total": 100, "size": 100,
        "seconds": event["seconds"],
    }  # fmt: skip
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("environment", [{}, {progress.VARIABLE: ""}, {progress.VARIABLE: "/nowhere/at/all"}])
def test_without_a_file_nothing_happens(environment):
    with progress.from_environment(environment).step("push", "demo", "ds", 100) as step:
        step.advance(100)


def test_link_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("", encoding="utf-8")
    (tmp_path / "progress").symlink_to(tmp_path / "target")
    with progress.from_environment({progress.VARIABLE: str(tmp_path / "progress")}).step("push", "demo", "ds", 100):
        pass
    assert (tmp_path / "target").read_text(encoding="utf-8") == ""


def event(**more):
    """Gives an event."""
    return {"action": "push", "image": "demo", "datastore": "nova-a1", "state": "running", "bytes": GIB // 4, "total": GIB, "size": GIB, "seconds": 2.0, **more}


@pytest.mark.parametrize(
    "given_event, text",
    [
        (event(), "push demo to nova-a1: 25 % of 1.0 GiB, 128.0 MiB/s, 6.0 s left"),
        (event(seconds=4000, bytes=GIB // 100), "push demo to nova-a1: 0 % of 1.0 GiB, 2.6 KiB/s, 110:00:00 left"),
        (event(bytes=None), "push demo to nova-a1: under way for 2.0 s"),
        (event(bytes=0), "push demo to nova-a1: 0 % of 1.0 GiB, 0 B/s"),
        (event(state="done", bytes=GIB, seconds=8), "push demo to nova-a1: done, 1.0 GiB in 8.0 s, 128.0 MiB/s"),
        (event(state="done", bytes=GIB // 32, total=GIB // 32, seconds=8), "push demo to nova-a1: done, 1.0 GiB as 32.0 MiB in 8.0 s, 128.0 MiB/s"),
        (event(state="2 failed", bytes=GIB, seconds=200), "push demo to nova-a1: 2 failed, 1.0 GiB in 0:03:20, 5.1 MiB/s"),
        (
            event(action="ask", image="copy_spec", state="done", bytes=0, total=0, size=0, seconds=0.8),
            "ask copy_spec on nova-a1: done in 0.8 s",
        ),
        (event(image="de\x1b[2Jmo\n"), "push de[2Jmo to nova-a1: 25 % of 1.0 GiB, 128.0 MiB/s, 6.0 s left"),
    ],
)
def test_line(given_event, text):
    assert progress.line(given_event) == text


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
    | st.fixed_dictionaries(dict.fromkeys(event(), st.integers() | st.floats() | st.text() | st.none()))
)
def test_line_of_anything(value):
    """Whatever stands in the file, one printable line or nothing comes of it."""
    text = progress.line(value)
    assert text is None or text.isprintable()
