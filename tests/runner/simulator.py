"""The vCenter simulators of the stages."""

from __future__ import annotations

import contextlib
import shutil

import yaml
from labctl import base
from labctl import stages as prepare
from labctl.simulator import command, end, start

from .stage import LOG, WORK


@contextlib.contextmanager
def simulator(name, scenario="demo"):
    """Runs a vCenter simulator on a port and with datastores of its own.

    :arg scenario: name of a file in lab/scenarios.
    :returns: the variables that tests use: ``vcenter_hostname``, ``vcenter_port``, ``vcenter_username``,
        ``vcenter_password``, ``vcenter_ca_path``, ``vcenter_request_log``, the folder ``vcenter_datastores``, and the socket
        ``vcenter_control`` (docs/simulator.md).
    :raises LabError: it does not answer.
    """
    prepare.simulator()
    prepare.certificates()
    home = WORK / name / "vcsim"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    path = base.SCENARIO.with_name(f"{scenario}.yml")
    vcenter = yaml.safe_load(path.read_text(encoding="utf-8"))["vcenter"]
    port, control = base.free_port(), base.sockets() / f"{name}.sock"
    datastores, requests = home / "datastores", home / "requests.log"
    with open(LOG / f"{name}-vcsim.log", "w", encoding="utf-8") as log:
        process = start(command(path, port, datastores, requests, "-control", control), errors=log)
    try:
        yield {
            "vcenter_hostname": "127.0.0.1", "vcenter_port": port, "vcenter_username": vcenter["username"],
            "vcenter_password": vcenter["password"], "vcenter_ca_path": str(base.TLS / "ca.pem"),
            "vcenter_request_log": str(requests), "vcenter_datastores": str(datastores), "vcenter_control": str(control),
        }  # fmt: skip
    finally:
        end(process)
