# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the doctor asks of Nova and Glance, and what it need not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import openstack
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import ServerGroup
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

IMAGE = {"id": "id", "name": "name", "status": "active", "size": 1, "disk_format": "vmdk", "container_format": "bare"}


@pytest.fixture
def glance(monkeypatch):
    """A cloud with one service, and these images by name."""
    images = {}
    monkeypatch.setattr(openstack.connection, "connect", lambda _options: SimpleNamespace(image=None))
    monkeypatch.setattr(openstack.compute, "services", lambda _cloud: {"vc1-a": {}})
    monkeypatch.setattr(openstack.compute, "server_groups", lambda _cloud: [{"name": "web", "members": ("1",), "limit": 1}])
    monkeypatch.setattr(openstack.images, "find", lambda _glance, name: {**IMAGE, **images[name]})
    return images


def test_what_fails_is_a_fact(glance, monkeypatch):
    """The vCenter's findings are told all the same."""

    def refuse(_cloud):
        raise NovaVmwareError("OPENSTACK_UNAUTHORIZED", "Failed to read: refused.", "Check.")

    monkeypatch.setattr(openstack.compute, "services", refuse)
    assert openstack.ask_all({"openstack": {}, "images": None, "pulls": False}) == openstack.Known(error=("OPENSTACK_UNAUTHORIZED", "Failed to read: refused"))


def test_glance_is_not_asked_without_images(glance):
    assert openstack.ask({"openstack": {}, "images": None, "pulls": False}) == openstack.Known({"vc1-a": {}}, server_groups=(ServerGroup("web", ("1",), 1),))


@pytest.mark.parametrize(
    "document, named",
    [
        ({}, ()),
        ({"direct_url": "vsphere://vc/folder/a"}, ("name",)),
        ({"direct_url": "rbd://a", "locations": [{"url": "file:///a"}]}, ()),
        ({"locations": [{"url": "file:///a"}, {"url": "vsphere://vc/folder/a"}]}, ("name",)),
        ({"name": None, "locations": [{"url": "vsphere://vc"}]}, ("id",)),
        ({"locations": [{"url": None}]}, ()),
    ],
)
def test_images_with_a_location_of_vsphere(glance, document, named):
    glance["one"] = document
    known = openstack.ask({"openstack": {}, "images": ["one"], "pulls": False})
    assert ([image.id for image in known.images], known.vsphere_locations) == (["id"], named)


@pytest.mark.parametrize("endpoint, asked", [("http://glance.example.com", None), ("https://glance.example.com:9292/v2", ("glance.example.com", 9292))])
def test_the_end_of_glances_certificate(monkeypatch, glance, endpoint, asked):
    image = SimpleNamespace(get_endpoint=lambda: endpoint)
    cloud = SimpleNamespace(image=image, session=SimpleNamespace(verify=True))
    monkeypatch.setattr(openstack.connection, "connect", lambda _options: cloud)
    monkeypatch.setattr(openstack.tls, "certificate_end", lambda name, port, context: (name, port))
    assert openstack.ask({"openstack": {}, "images": None, "pulls": True}).certificate_expires == asked
