# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks every request of a seed by pull in each way of test_pull.py. Not a part of `make test`: `make fault-walk` runs it."""

from __future__ import annotations

import pytest
from simulated import run
from test_pull import BREAKS, Walk, images, keys, noted, vcenter  # noqa: F401 pylint: disable=unused-import


@pytest.mark.parametrize("kind", BREAKS)
def test_every_request_is_broken(cloud, vcenter, images, noted, kind):  # noqa: F811
    _made, _stream, content = images
    walk = Walk(vcenter, noted["stream"], content)
    vcenter.empty()
    mark = vcenter.mark()
    run(walk.params)
    for number in range(1, 1 + sum("http" in line for line in vcenter.requests(mark))):
        vcenter.empty()
        with vcenter.rule({"seq": number}, BREAKS[kind]):
            walk.broken(vcenter.fired if kind == "kill" else None)
        walk.again()
    walk.say(f"seed by pull, {kind}")
    assert keys(cloud, noted["stream"]) == []
