# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/pull.py: what a host is believed, and when it ends. tests/acceptance/test_pull.py has real services."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import known
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import pull
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.choice import Choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.errors import SeedError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Job, Options
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pull import Manifest, PullError

FACTS = known.Known(700, "ab" * 32, 1 << 20, 65536)


def sending(content=None, cancelled=False):
    job = Job(None, None, Options(), None, "run")
    if cancelled:
        job.stop.set()
    work = SimpleNamespace(image=SimpleNamespace(id="i", name="web"), pull=Choice(True, known=FACTS))
    return SimpleNamespace(job=job, work=work, done=SimpleNamespace(content=content, step=Step()))


class Step:
    """How far it is."""

    def reach(self, done):
        self.done = done


def test_it_ends_at_its_next_look_when_the_run_is_cancelled():
    one = sending()
    pull._came(one, 5)
    assert one.done.step.done == 5
    with pytest.raises(SeedError) as caught:
        pull._came(sending(cancelled=True), 5)
    assert (caught.value.code, caught.value.what) == ("CANCELLED", "The pull of the image web was cancelled.")


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
    one.stage = SimpleNamespace(location=SimpleNamespace(imports=SimpleNamespace(hosts={"h1": "esx-1", "h2": "esx-2"})))
    monkeypatch.setattr(pull.pull.inventory, "firewalls", lambda _session, _hosts: firewalls)
    assert pull._host(one) == host


def test_whose_run_has_ended():
    assert pull._has_ended("00000000-1-2") is False  # of another machine
    assert pull._has_ended("nonsense") is False
