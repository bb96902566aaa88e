# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disks/spool.py: which flat images are sent without their holes."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import spool


@pytest.mark.parametrize("share, worth", [(0.01, True), (0.03, True), (0.06, False), (0.5, False)])
def test_a_large_image_is_judged_by_more_samples(share, worth):
    """100 GiB of which the middle is in use, and room for 5 GiB: with twelve samples one that hits stood for 8 GiB."""
    size = 100 << 30
    reads = []

    def read(at, length):
        reads.append(at)
        return (b"x" if abs(at - size * 13 / 24) < size * share / 2 else b"\0") * length

    assert spool.is_worth_it(size, read, 5 << 30) is worth
    assert len(set(reads)) <= spool.MOST_SAMPLES
