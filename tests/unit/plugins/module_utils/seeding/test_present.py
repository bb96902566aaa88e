# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a seed wants: which images, once each, and none that Nova could not boot."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import present


def image(name, *refusals):
    return SimpleNamespace(id=name, name=name, refusals=refusals)


def refusal(code, what):
    return SimpleNamespace(code=code, what=what, hint=f"Mend {code}.")


@pytest.fixture
def images(monkeypatch):
    """The images of Glance by the names that they are asked for."""
    known = {}
    monkeypatch.setattr(present.glance_images, "find", lambda _glance, name: known[name])
    monkeypatch.setattr(present.nova_image, "from_document", lambda document: document)
    monkeypatch.setattr(present.nova_image, "refusals", lambda one: one.refusals)
    monkeypatch.setattr(present.options, "from_params", lambda _params: "options")
    monkeypatch.setattr(present, "flavor_disks", lambda _cloud, names: {10, 20} if names else pytest.fail("it asks for no flavors"))
    return known


def wanted(names, sizes=(), flavors=()):
    params = {"images": names, "linked_clone_sizes": list(sizes), "flavors": list(flavors), "use_linked_clone": True, "update_min_disk": False}
    return present.Present.of(SimpleNamespace(image=None), params)


def test_an_image_with_two_names_counts_once(images):
    images.update(name=image("id"), id=image("id"), other=image("other"))
    assert [one.id for one in wanted(["name", "id", "other"]).images] == ["id", "other"]


@pytest.mark.parametrize("sizes, flavors, found", [((), (), set()), ((5,), (), {5}), ((5, 10), ("small",), {5, 10, 20})])
def test_sizes_of_linked_clones(images, sizes, flavors, found):
    images["a"] = image("a")
    assert set(wanted(["a"], sizes, flavors).extras.linked_clone_sizes) == found


def test_bad_images_are_refused_together(images):
    images.update(a=image("a"), b=image("b", refusal("ONE", "b is one."), refusal("TWO", "b is two.")), c=image("c", refusal("TWO", "c is two.")))
    with pytest.raises(NovaVmwareError) as caught:
        wanted(["a", "b", "c"])
    error = caught.value
    assert (error.code, error.what, error.hint) == ("ONE", "b is one. b is two. c is two.", "Mend ONE. Mend TWO.")
    assert [one["code"] for one in error.details["refusals"]] == ["ONE", "TWO", "TWO"]
