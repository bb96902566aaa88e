# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing images: what is told, in check mode as for real, and what is not touched."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import absent

ONE, TWO = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11", "7f6c2f9e-0b1d-4a57-9d2b-3c1f5a7e9b10"


def place(name):
    return SimpleNamespace(name=name, image_path=lambda image_id: f"[{name}] base/{image_id}")


@pytest.fixture
def cache(monkeypatch):
    """Two datastores, of which one has one image, and what is asked of them."""
    asked = []
    entry = SimpleNamespace(name=ONE, state=audit.COMPLETE, bytes=7)
    monkeypatch.setattr(absent, "audit_all", lambda _session, _places: [{ONE: entry}, {}])
    monkeypatch.setattr(absent.removal, "refuse_used", lambda _session, todo: asked.append(("used", [(at.name, one) for at, one in todo])))
    monkeypatch.setattr(absent.removal, "remove", lambda _session, todo, _run: asked.append(("removed", [(at.name, one) for at, one in todo])))
    return asked


PLACES = {"ds-1": place("n1"), "ds-2": place("n2")}


@pytest.mark.parametrize("check_mode", [True, False])
def test_check_mode_says_the_same(cache, check_mode):
    result = absent.Absent([ONE, TWO]).run(None, PLACES, check_mode)
    assert result["changed"]
    assert [[(row["name"], row["state"], row["action"], row["bytes"]) for row in image["datastores"]] for image in result["images"]] == [
        [("n1", "complete", "remove", 7), ("n2", "missing", "none", 0)],
        [("n1", "missing", "none", 0), ("n2", "missing", "none", 0)],
    ]
    todo = [("n1", ONE)]
    assert cache == [("used", todo)] + ([] if check_mode else [("removed", todo)])
    assert "complete" in result["diff"]["before"] and "complete" not in result["diff"]["after"]


def test_nothing_to_do(cache):
    assert not absent.Absent([TWO]).run(None, PLACES, False)["changed"]


def test_what_is_in_use_is_not_touched(cache, monkeypatch):
    def refuse(_session, _todo):
        raise NovaVmwareError("IMAGE_IN_USE", "A machine uses it.")

    monkeypatch.setattr(absent.removal, "refuse_used", refuse)
    with pytest.raises(NovaVmwareError):
        absent.Absent([ONE]).run(None, PLACES, False)
    assert cache == []


def test_an_id_need_not_be_in_glance(monkeypatch):
    """Glance may have deleted the image; a name is asked for. Each image counts once."""
    monkeypatch.setattr(absent.glance_images, "find", lambda _glance, name: {"id": {"two": TWO}[name]})
    found = absent.Absent.of(SimpleNamespace(image=None), {"images": [ONE, "two", TWO, ONE]})
    assert found.ids == [ONE, TWO]
