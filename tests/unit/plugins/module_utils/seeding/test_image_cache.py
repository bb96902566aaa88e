# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules image_cache and image_cache_info: in which order their steps come, and what check mode leaves out."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

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
