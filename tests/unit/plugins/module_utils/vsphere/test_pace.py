# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vsphere/pace.py by a clock that only a sleep moves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pace

MIB = 1 << 20


@pytest.fixture
def clock(monkeypatch):
    """``now`` in seconds; ``slept`` are the sleeps."""
    one = SimpleNamespace(now=1000.0, slept=[])

    def sleep(seconds):
        one.slept.append(seconds)
        one.now += seconds

    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: one.now, sleep=sleep))
    return one


@pytest.mark.parametrize("rate", [10_000, MIB, 100 * MIB])
def test_no_faster_than_allowed(clock, rate):
    data = bytes(range(256)) * 4096 * 3
    sent = 0
    for piece in pace.paced([data[:5], data[5:], b""], rate):
        assert sent <= (clock.now - 1000) * rate + 1
        sent += len(piece)
        assert data[sent - len(piece) : sent] == piece
    assert sent == len(data)
    assert clock.now - 1000 >= (sent - 65536) / rate - 0.001


def test_a_source_that_is_slow_is_made_up_for_a_little(clock):
    """After a minute without a byte, not a minute's worth goes out at once."""

    def chunks():
        yield bytes(MIB)
        clock.now += 60
        yield bytes(20 * MIB)

    sent, began = 0, clock.now
    for piece in pace.paced(chunks(), MIB):
        if sent == MIB:
            began = clock.now
        sent += len(piece)
    assert clock.now - began >= 19


def test_no_limit(clock):
    chunks = [bytes(5 * MIB)]
    assert list(pace.paced(chunks, None)) == chunks and not clock.slept


def test_a_wait_ends_at_the_deadline(clock):
    def tick():
        if clock.now > 1005:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        list(pace.paced([bytes(MIB)], 1000, tick))
    assert max(clock.slept) <= 1
