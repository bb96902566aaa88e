"""The vCenter simulators of the stages."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time

import yaml
from labctl import base
from labctl import stages as prepare

from .stage import LOG, WORK, Failure


def free_port():
    """Gives a TCP port that is free on every address: simulated ESXi hosts listen on several with the same port."""
    with socket.socket() as free:
        free.bind(("0.0.0.0", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def simulator(name, scenario="demo"):
    """Runs a vCenter simulator on a port and with datastores of its own.

    :arg scenario: name of a file in lab/scenarios.
    :returns: the variables that tests use: ``vcenter_hostname``, ``vcenter_port``, ``vcenter_username``,
        ``vcenter_password``, ``vcenter_ca_path``, ``vcenter_request_log``, the folder ``vcenter_datastores``, and the socket
        ``vcenter_control`` (docs/simulator.md).
    :raises Failure: it does not answer within 30 seconds.
    """
    with base.lock():
        prepare.simulator()
        prepare.certificates()
    home = WORK / name / "vcsim"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    path = base.SCENARIO.with_name(f"{scenario}.yml")
    vcenter = yaml.safe_load(path.read_text(encoding="utf-8"))["vcenter"]
    port = free_port()
    control = base.sockets() / f"{name}.sock"
    command = [base.BIN / "vcsim", "-scenario", path, "-listen", f"127.0.0.1:{port}", "-control", control,
               "-cert", base.TLS / "vcenter.pem", "-key", base.TLS / "vcenter.key", "-wsdl", base.LAB / "wsdl",
               "-datastores", home / "datastores", "-request-log", home / "requests.log"]  # fmt: skip
    with open(LOG / f"{name}-vcsim.log", "w", encoding="utf-8") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"the simulator does not answer, see {LOG / f'{name}-vcsim.log'}")
                time.sleep(0.1)
            yield {
                "vcenter_hostname": "127.0.0.1", "vcenter_port": port, "vcenter_username": vcenter["username"],
                "vcenter_password": vcenter["password"], "vcenter_ca_path": str(base.TLS / "ca.pem"),
                "vcenter_request_log": str(home / "requests.log"), "vcenter_datastores": str(home / "datastores"), "vcenter_control": str(control),
            }  # fmt: skip
        finally:
            process.terminate()
