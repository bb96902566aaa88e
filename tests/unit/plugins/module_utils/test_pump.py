# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pump.py: order, errors, an end."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.pump import read_ahead


def test_order():
    assert list(read_ahead(iter(range(100)), depth=3)) == list(range(100))


def test_error_arrives_after_the_data():
    def source():
        yield 1
        raise OSError("cut")

    chunks = read_ahead(source())
    assert next(chunks) == 1
    with pytest.raises(OSError, match="cut"):
        next(chunks)


def test_never_more_than_depth_ahead():
    made = []

    def source():
        for number in range(100):
            made.append(number)
            yield number

    chunks = read_ahead(source(), depth=2)
    next(chunks)
    threading.Event().wait(0.3)
    assert len(made) <= 5  # one taken, two waiting, one in hand, one more being made
    chunks.close()


def test_close_ends_the_thread():
    before = threading.active_count()
    chunks = read_ahead(iter(range(10**9)))
    next(chunks)
    chunks.close()
    assert threading.active_count() == before


def test_a_source_that_stalls_is_left_at_the_deadline():
    stalled = threading.Event()

    def source():
        yield b"a"
        stalled.wait(20)
        yield b"b"

    began = time.monotonic()
    with pytest.raises(NovaVmwareError) as caught:
        list(read_ahead(source(), deadline=began + 0.3))
    stalled.set()
    assert caught.value.code == "TRANSFER_TIMEOUT"
    assert time.monotonic() - began < 10
