# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the compute host says of itself."""

from __future__ import annotations

import json
import stat

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import host_info
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError


def test_a_file_that_may_not_be_looked_for_is_not_missing(tmp_path, monkeypatch):
    """Without root's rights nothing is known of Nova's state, and that is no finding."""
    (tmp_path / "compute_id").write_text("1")
    assert host_info.is_there(str(tmp_path / "compute_id")) is True
    assert host_info.is_there(str(tmp_path / "none" / "compute_id")) is False

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(host_info.os, "stat", refuse)
    assert host_info.is_there("/var/lib/nova/vc1-cluster-a/compute_id") is None


OPTIONS = {"vcenter": None, "esxi_hosts": [], "esxi_port": 443, "python": "/nowhere/python3", "nova_confs": {}, "state_paths": [], "timeout": 1}


def test_where_nothing_is_installed():
    host = host_info.run(OPTIONS, True)["compute_host"]
    assert (host["options"], host["openstack"], set(host["versions"].values())) == (None, [], {None})


def test_the_installed_nova_defines_options(tmp_path):
    """Its version goes with them, since another one may be installed later."""
    python = tmp_path / "python3"
    defined = {"section": "vmware", "name": "x", "type": "String", "default": None, "minimum": None, "maximum": None, "choices": [], "deprecated": []}
    versions, definitions = [{"nova": "34.0.0"}, "/ca.pem"], [[defined], {"vmware": ["x"]}]
    python.write_text(f"#!/bin/sh\nif [ $1 = -c ]; then echo '{json.dumps(versions)}'; else cat >/dev/null; echo '{json.dumps(definitions)}'; fi\n")
    python.chmod(stat.S_IRWXU)
    host = host_info.run({**OPTIONS, "python": str(python)}, True)["compute_host"]
    assert host["options"] == {"nova": "34.0.0", "definitions": [defined], "known": {"vmware": ["x"]}}
    assert host_info.versions(str(python))[1] == "/ca.pem"


def test_a_nova_conf_that_is_none_is_an_error():
    with pytest.raises(NovaVmwareError, match="'vc1-a'.*line 1") as caught:
        host_info.run({**OPTIONS, "nova_confs": {"vc1-a": "the-secret"}}, True)
    assert caught.value.code == "NOVA_CONF_INVALID" and "the-secret" not in caught.value.what
