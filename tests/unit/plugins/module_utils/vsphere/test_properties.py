# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of many objects are read page by page."""

from __future__ import annotations

from types import SimpleNamespace

from pyVmomi import vim

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import properties

HOST = vim.HostSystem("host-1")
START = [properties.object_spec(HOST)]
NAMES = {vim.HostSystem: ["name"]}


def item(obj, missing=(), **found):
    return SimpleNamespace(
        obj=obj, propSet=[SimpleNamespace(name=name, val=value) for name, value in found.items()], missingSet=[SimpleNamespace(path=path) for path in missing]
    )


class Collector:
    """A PropertyCollector with these answers."""

    def __init__(self, *pages):
        self._pages = [SimpleNamespace(objects=page, token=str(number)) for number, page in enumerate(pages, 1)]
        if self._pages:
            self._pages[-1].token = None
        self.asked = []

    def RetrievePropertiesEx(self, specSet, options):
        self.asked.append((specSet, options.maxObjects))
        return self._pages[0] if self._pages else None

    def ContinueRetrievePropertiesEx(self, token):
        self.asked.append(token)
        return self._pages[int(token)]


def test_a_request_a_page():
    collector = Collector([item("a", name="A"), item("b")], [item("c", name="C", other=1)])
    found = list(properties.collect(collector, START, {vim.HostSystem: ["name", "other"]}))
    assert found == [("a", {"name": "A"}), ("b", {}), ("c", {"name": "C", "other": 1})]
    (specs, page), token = collector.asked
    assert (page, token) == (properties.PAGE, "1")
    assert [(one.type, list(one.pathSet), one.all) for one in specs[0].propSet] == [(vim.HostSystem, ["name", "other"], False)]


def test_nothing_found():
    assert list(properties.collect(Collector(), START, NAMES)) == []


def test_what_the_server_refuses_is_named():
    missing = []
    list(properties.collect(Collector([item("a", ["name"]), item("b")]), START, NAMES, missing))
    assert missing == [("a", "name")]


def test_a_walk_that_comes_back_to_itself():
    walk = properties.traversal(vim.Folder, "childEntity", ["walk", properties.traversal(vim.Datacenter, "hostFolder")], name="walk")
    spec = properties.object_spec(vim.Folder("group-d1"), [walk], skip=True)
    assert spec.skip and spec.selectSet[0].path == "childEntity"
    assert [one.name for one in walk.selectSet] == ["walk", None]
