# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/pull.py: when the image is pushed after all, and what a host is believed. tests/acceptance/test_pull.py has real services."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import known
from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack.image_key import ImageKeyError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import pull
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.choice import Choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.errors import VSphereError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pull import Manifest, PullError

FACTS = known.Known(700, "ab" * 32, 1 << 20, 65536)


def sending(pulls=True, through="auto", content=None, pushes=False):
    event = threading.Event()
    if pushes:
        event.set()
    job = SimpleNamespace(options=SimpleNamespace(upload_through=through), pushes=event)
    work = SimpleNamespace(image=SimpleNamespace(id="i", name="web"), pull=Choice(pulls, known=FACTS))
    return SimpleNamespace(job=job, work=work, done=SimpleNamespace(warning=None, content=content))


def run(monkeypatch, one, error=None):
    def fetch(_sending):
        if error:
            raise error

    monkeypatch.setattr(pull, "_fetch", fetch)
    return pull.fetched(one)


def test_it_is_fetched_where_that_was_chosen(monkeypatch):
    assert run(monkeypatch, sending())
    assert not run(monkeypatch, sending(pulls=False))
    assert not run(monkeypatch, sending(pushes=True))  # an image before could not be fetched


@pytest.mark.parametrize("error", [PullError("PULL_FAILED", "It failed.", "Do that."), ImageKeyError("IMAGE_KEY_REFUSED", "No key.")])
def test_what_can_not_be_fetched_is_pushed(monkeypatch, error):
    one = sending(content="what was read")
    assert not run(monkeypatch, one, error)
    assert one.job.pushes.is_set() and one.done.content is None
    assert one.done.warning == f"The image web was pushed, since no ESXi host could fetch it: {error.what} {error.hint}".strip()


def test_insisting_is_an_error(monkeypatch):
    with pytest.raises(PullError):
        run(monkeypatch, sending(through="pull"), PullError("PULL_FAILED", "It failed."))


def test_what_ends_any_way_ends_this_one(monkeypatch):
    with pytest.raises(VSphereError):
        run(monkeypatch, sending(), VSphereError("CERTIFICATE_NOT_TRUSTED", "Somebody else answers."))


@pytest.mark.parametrize(
    "manifest, content, code",
    [
        (Manifest("ab" * 32, "", 700), None, None),
        (Manifest("cd" * 32, "", 700), None, "PULL_DIFFERS"),
        (Manifest("cd" * 32, "", 700), "read here", "PULL_DIFFERS"),
        (Manifest(None, "sha1", 700), None, "PULL_NOT_VERIFIED"),  # a size, or a weaker hash, is not enough
        (Manifest(), "read here", None),  # the disk is read back and compared
    ],
)
def test_what_a_host_is_believed(manifest, content, code):
    if code is None:
        pull._judge(sending(content=content), FACTS, manifest)
        return
    with pytest.raises(PullError) as caught:
        pull._judge(sending(content=content), FACTS, manifest)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "firewalls, host",
    [({}, None), ({"h1": {"httpClient": True}, "h2": {"httpClient": True}}, None), ({"h1": {"httpClient": False}, "h2": {"httpClient": True}}, "h2"),
     ({"h1": {"httpClient": False}, "h2": {"httpClient": False}}, None)],
)  # fmt: skip
def test_a_host_that_may_is_named(monkeypatch, firewalls, host):
    """Where all may, vCenter chooses."""
    one = sending()
    one.job.session = None
    one.stage = SimpleNamespace(location=SimpleNamespace(imports=SimpleNamespace(hosts={"h1": "esx-1", "h2": "esx-2"})))
    monkeypatch.setattr(pull.pull.inventory, "firewalls", lambda _session, _hosts: firewalls)
    assert pull._host(one) == host


def test_whose_run_has_ended():
    assert pull._has_ended("00000000-1-2") is False  # of another machine
    assert pull._has_ended("nonsense") is False
