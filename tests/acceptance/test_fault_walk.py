# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks over every request of a seed and breaks it: the cache then has the whole image or nothing, and the next run finishes.

Of each image every request is broken in one way at least: where there are several ways they take turns. `make fault-walk` breaks more.
Each run is a process of its own, forked from this one, since a run that is killed or that could not clean up is recognised by its pid.
"""

from __future__ import annotations

import pytest
from simulated import DATASTORES, HOSTS, NO_HOSTS, VCenter, options, run, scenario

# How a request is broken. ``kill`` ends the run while the server sits on the request.
KINDS = {
    "cut": {"cut": {}},
    "status": {"status": {"code": 503}},
    "expire": {"expire": {}},
    "restart": {"restart": {}},
    "kill": {"stall": {"seconds": 1}},
}


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory):
    with VCenter(tmp_path_factory.mktemp("walk"), scenario(HOSTS[:1]), NO_HOSTS) as one:
        yield one


# Each kind on the image with most steps; the others with the kinds that end a run in the middle. Each walk begins at a request and breaks every so many.
WALKS = [
    *(("sparse", kind, 1 + number % 3, 3) for number, kind in enumerate(KINDS)),
    ("stream", "cut", 1, 2), ("stream", "kill", 2, 2), ("flat", "status", 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("image, kind, first, every", WALKS, ids=[f"{image}-{kind}" for image, kind, _first, _every in WALKS])
def test_walk(vcenter, images, image, kind, first, every):
    ids, content = images
    image_id = ids[image]
    params = options(vcenter.connection, [image_id])
    broken = 0
    for number in range(first, 300, every):
        vcenter.empty()
        with vcenter.rule({"seq": number}, KINDS[kind]):
            result, error, text = run(params, vcenter.fired if kind == "kill" else None)
            fired = vcenter.fired()
        assert vcenter.wrong(image_id, content) == [], (number, error)
        if error is not None:
            assert error.isupper(), f"request {number}: {error}: {text}"
        if result is not None:
            assert vcenter.whole(image_id) == list(DATASTORES), number
        _result, error, text = run(params)
        assert error is None, (number, error, text)
        assert vcenter.wrong(image_id, content) == []
        assert vcenter.whole(image_id) == list(DATASTORES)
        if kind == "kill" and vcenter.left():  # the server did the dead run's PUT, which makes folders, when the next run had cleaned up
            run(params)
        assert vcenter.left() == [], number
        if not fired:
            break
        broken += 1
    print(f"{image}, {kind}: {broken} requests broken, wrong bootable images: 0, left after the next run: 0")
    assert broken > 20 // every
