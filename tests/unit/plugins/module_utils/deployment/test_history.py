# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of Nova's releases, and the names of options in each."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import history
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def test_order():
    """Releases of a year come before 12.0.0, which followed 2015.1; a candidate counts as its release."""
    order = ["2014.1", "2014.2", "2014.2.4", "2015.1.0", "12.0.0", "21.0.0", "34.0.0"]
    assert sorted(reversed(order), key=history.number) == order
    assert not history.is_before("34.0.0rc1", "34.0.0") and history.is_before("20.6.1", "21")


@pytest.mark.parametrize("release", ["", "master", None])
def test_no_release(release):
    with pytest.raises(NovaVmwareError) as raised:
        history.number(release)
    assert raised.value.code == "NOVA_RELEASE_INVALID"


def test_dated():
    """An option moves to the name that it had; one of a section that was not there is left out; all others stay."""
    tree = {"image_cache": {"manager_interval": -1}, "service_user": {"x": 1}, "vmware": {"host_ip": "a", "host_port": 443}}
    assert history.dated(tree, "2014.1") == {"DEFAULT": {"image_cache_manager_interval": -1}, "vmware": {"host_ip": "a"}}
    assert history.dated(tree, "34.0.0") == tree


@pytest.mark.parametrize(("controllers", "oldest"), [("34.0.0", 33), ("35.0.0", 33), ("33.0.2", 31), ("27.0.0", 25), ("28.1.0", 27), ("26.1.1", 25)])
def test_oldest_supported(controllers, oldest):
    """tests/nova/test_nova_agrees.py compares it with the installed Nova."""
    assert history.oldest_supported(controllers) == oldest


def test_running():
    """From a venv; packages, and links that are none of ours, say nothing."""
    assert history.running(["a /opt/nova-vmware/34.0.0-01ab", "b /usr", "c", "d /opt/nova-vmware/35.0.0rc1-ff"]) == {"a": "34.0.0", "d": "35.0.0rc1"}
