# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules image_cache and image_cache_info: in which order their steps come, what check mode leaves out, and which images are wanted."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache


@pytest.fixture
def steps(monkeypatch):
    """What is done, with a stage that an ended run has left, or none."""
    done = []
    session = SimpleNamespace(warnings=["of the session"])

    def step(name, answer):
        return lambda *_args, **_options: done.append(name) or answer

    left = SimpleNamespace(path="[n1] openstack_vmware/x")
    monkeypatch.setattr(image_cache, "cache_folder", lambda _params: "base")
    monkeypatch.setattr(image_cache.registry, "wanted", step("wishes", []))
    monkeypatch.setattr(image_cache.connection, "connect", step("OpenStack", None))
    monkeypatch.setattr(image_cache.registry, "login", step("login", contextlib.nullcontext(session)))
    monkeypatch.setattr(image_cache.registry, "read", step("hypervisors", []))
    monkeypatch.setattr(image_cache, "locations", lambda _hypervisors, _base: {})
    monkeypatch.setattr(image_cache.stage, "leftovers", lambda *_: done.append("leftovers") or ([left] if left.path else []))
    monkeypatch.setattr(image_cache.removal, "clear", step("clear", None))
    for name in ("Present", "Absent"):
        body = SimpleNamespace(run=step(f"run {name}", {"changed": False, "warnings": ["of the run"]}))
        monkeypatch.setattr(image_cache, name, SimpleNamespace(of=step(f"read for {name}", body)))
    return SimpleNamespace(done=done, left=left)


def run(state="present", check_mode=False):
    return image_cache.run({"hypervisors": [], "openstack": None, "state": state}, check_mode)


@pytest.mark.parametrize("state, name", [("present", "Present"), ("absent", "Absent")])
def test_bad_input_is_found_before_the_login(steps, state, name):
    result = run(state)
    assert steps.done == ["wishes", "OpenStack", f"read for {name}", "login", "hypervisors", "leftovers", "clear", f"run {name}"]
    assert result == {"changed": True, "warnings": ["of the run", "of the session"], "leftovers": ["[n1] openstack_vmware/x"]}


def test_check_mode_clears_nothing_and_says_the_same(steps):
    result = run(check_mode=True)
    assert "clear" not in steps.done
    assert result["changed"] and result["leftovers"]


def test_nothing_left_is_no_change(steps):
    steps.left.path = None
    result = run()
    assert not result["changed"] and result["leftovers"] == []


def image(name, *refusals):
    return SimpleNamespace(id=name, name=name, refusals=refusals)


def refusal(code, what):
    return SimpleNamespace(code=code, what=what, hint=f"Mend {code}.")


@pytest.fixture
def images(monkeypatch):
    """The images of Glance by the names that they are asked for."""
    known = {}
    monkeypatch.setattr(image_cache.glance_images, "find", lambda _glance, name: known[name])
    monkeypatch.setattr(image_cache.nova_image, "from_document", lambda document: document)
    monkeypatch.setattr(image_cache.nova_image, "refusals", lambda one: one.refusals)
    monkeypatch.setattr(image_cache, "from_params", lambda _params: "options")
    monkeypatch.setattr(image_cache, "flavor_disks", lambda _cloud, names: {10, 20} if names else pytest.fail("it asks for no flavors"))
    return known


def wanted(names, sizes=(), flavors=()):
    params = {"images": names, "linked_clone_sizes": list(sizes), "flavors": list(flavors), "use_linked_clone": True, "update_min_disk": False}
    return image_cache.Present.of(SimpleNamespace(image=None), params)


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
