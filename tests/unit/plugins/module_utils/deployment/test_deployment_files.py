# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relative names mean what the author of an inventory means."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import files

VCENTERS = [{"name": "vc1", "ca_file": "files/ca.pem"}, {"name": "vc2", "ca_file": "/etc/ca.pem"}, {"name": "vc3"}, {"name": "vc4", "ca_file": ""}]


def test_places():
    """The inventory's folder first, then the working directory; one that is both once; an absolute name is taken as it is."""
    found = files.file_places(VCENTERS, ["/site", "/here"], {"pins": "../pins.txt", "none": ""})
    assert found == {
        "ca_file of vCenter vc1": ["/site/files/ca.pem", "/here/files/ca.pem"],
        "ca_file of vCenter vc2": ["/etc/ca.pem"],
        "pins": ["/pins.txt"],
    }
    assert files.file_places(VCENTERS[:1], ["", "/here"], {}) == {"ca_file of vCenter vc1": ["/here/files/ca.pem"]}


def test_home(monkeypatch):
    monkeypatch.setenv("HOME", "/op")
    assert files.file_places([], ["/site"], {"pins": "~/pins.txt"}) == {"pins": ["/op/pins.txt"]}


def test_local_files():
    """The first that exists; without one the first place, so that an error names it."""
    places = {"a": ["/site/a", "/here/a"], "b": ["/site/b", "/here/b"]}
    found = files.local_files(places, ["/here/a", "/site/x"])
    assert found["a"] == {"path": "/here/a", "found": True, "tried": ["/site/a", "/here/a"]}
    assert found["b"] == {"path": "/site/b", "found": False, "tried": ["/site/b", "/here/b"]}
