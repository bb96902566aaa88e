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


def test_openstack_access():
    """A clouds.yaml of the site counts, unless another one is named; what is absolute stays."""
    there = {"clouds.yaml": {"path": "/site/clouds.yaml", "found": True}, "ca_cert": {"path": "/site/ca.pem", "found": True}}
    none = {"clouds.yaml": {"path": "/site/clouds.yaml", "found": False}}
    assert files.openstack_access({"cloud": "prod", "ca_cert": "ca.pem"}, there) == {
        "cloud": "prod", "ca_cert": "/site/ca.pem", "clouds_file": "/site/clouds.yaml",
    }  # fmt: skip
    assert files.openstack_access({"cloud": "prod", "clouds_file": "/x"}, there) == {"cloud": "prod", "clouds_file": "/x"}
    assert files.openstack_access({"cloud": "prod"}, none) == {"cloud": "prod"}
