# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of community.vmware and vmware.vmware on the simulator: each judged by its exit status and by a second reading."""

from __future__ import annotations

import importlib
import json
import os
import re
import runpy
import signal
import sys
import tempfile
import traceback

import pytest
from ansible.module_utils import basic
from conftest import rows

SECONDS = 60  # for one module
NO_PORT = ("community.vmware.vsphere_copy", "community.vmware.vsphere_file")  # have no option for it


def filled(value, files):
    """Gives options with the folder of files in place of FILES."""
    if isinstance(value, dict):
        return {key: filled(one, files) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, files) for one in value]
    return value.replace("FILES", files) if isinstance(value, str) else value


def child(name, options, output):
    """Runs a module in this process, which ends."""
    status = 99
    try:
        signal.alarm(SECONDS)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = open(1, "w", encoding="utf-8"), open(2, "w", encoding="utf-8")
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        namespace, collection, module = name.split(".")
        runpy.run_module(f"ansible_collections.{namespace}.{collection}.plugins.modules.{module}", run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run(vcenter, name, options):
    """Runs a module in a process of its own, a copy of this one: so pyVmomi is loaded once. Gives its exit status and what it printed."""
    config = vcenter.config
    options = {
        "hostname": config["vcenter_hostname"], "port": config["vcenter_port"], "username": config["vcenter_username"],
        "password": config["vcenter_password"], "validate_certs": True, **filled(options, str(vcenter.files)),
    }  # fmt: skip
    if name in NO_PORT:
        options["hostname"] = f"{options['hostname']}:{options.pop('port')}"
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if not pid:
            child(name, options, output.fileno())
        _pid, status = os.waitpid(pid, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode()


@pytest.fixture(scope="module", autouse=True)
def loaded(vcenter):
    """Puts the collections where they are found, and trusts the vCenter's certificate."""
    os.environ["SSL_CERT_FILE"] = vcenter.config["vcenter_ca_path"]
    sys.path.insert(0, vcenter.config["collections"])
    for name in ("pyVim.connect", "pyVmomi", "requests", "ansible_collections.community.vmware.plugins.module_utils.vmware"):
        importlib.import_module(name)
    yield
    sys.path.remove(vcenter.config["collections"])
    del os.environ["SSL_CERT_FILE"]


@pytest.mark.parametrize("row", rows("modules.yml"))
def test_module(vcenter, row):
    assert ("fails" in row) == ("vcenter" in row), "what is refused says why a vCenter refuses it, and nothing else does"
    status, text = run(vcenter, row["module"], row.get("options", {}))
    assert status == int("fails" in row), text
    assert re.search(row.get("fails") or row.get("says", ""), text), text
    for reading in row["then"]:
        vcenter.judge(reading)
