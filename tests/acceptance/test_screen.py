# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""40 clusters with 320 ESXi hosts over four compute hosts: what preflight shows, and how often it asks the vCenter.

The compute hosts are four names of this machine, which has neither a message broker nor OpenStack for them: that is found, and shown.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
import yaml
from labctl import base, large, simulator


@pytest.fixture(scope="module")
def preflight(tmp_path_factory):
    """Gives the folder, the run, and what the vCenter was asked, of a preflight of a site with faults."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "scenario.yml").write_text(yaml.safe_dump(large.scenario(broken=True)), encoding="utf-8")
    port, log = base.free_port(), folder / "requests.log"
    process = simulator.start(simulator.command(folder / "scenario.yml", port, folder / "datastores", log))
    try:
        variables = ["-e", "nova_vcdriver_check_fail_on=never", "-e", "nova_vcdriver_report_files=report.html,report.json,report.xml"]
        run = large.playbook(folder, "preflight", port, *variables, more=["cluster-99"])
    finally:
        simulator.end(process)
    return folder, run, simulator.requests(log)


def test_it_is_one_screen(preflight):
    _folder, run, _requests = preflight
    assert (run.code, run.changed) == (0, 0), run.output
    assert run.lines < 100, run.output
    for words in ("CLUSTER_NOT_FOUND (1): large-cluster-99", "DRS_PARTIALLY_AUTOMATED (10): ", "HA_ADMISSION_CONTROL_OFF (8): ", "and 7 more"):
        assert words in run.output


def test_the_vcenter_is_asked_twice(preflight):
    """Each log-in is a task that has imported pyVmomi: one for the ESXi hosts, one for the check, for all four compute hosts."""
    _folder, _run, requests = preflight
    assert sum(one.get("method") == "Login" for one in requests) == 2


def test_the_files_have_all_of_it(preflight):
    folder, _run, _requests = preflight
    record = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    drs = [one for one in record["findings"] if one["id"] == "DRS_PARTIALLY_AUTOMATED"]
    assert (len(record["computes"]), len(drs), drs[0]["vcenter"]) == (41, 10, "large")
    assert {one["compute_host"] for one in record["findings"] if one["id"] == "BROKER_UNREACHABLE"} == {f"compute-{number}" for number in range(1, 5)}
    assert int(ET.parse(folder / "report.xml").getroot().find("testsuite").get("failures")) > 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "/dc1/host/cluster-36" in page
    assert large.PASSWORD not in page + json.dumps(record)


@pytest.mark.parametrize("name, words", [("nowhere/report.html", "there is no folder "), ("report.pdf", "the name must end in .html, .json or .xml")])
def test_a_report_that_cannot_be_written_is_refused_at_once(tmp_path, name, words):
    """Before anything else, so that no vCenter is needed to see it."""
    run = large.playbook(tmp_path, "preflight", 1, "-e", f"nova_vcdriver_report_files={name}")
    assert run.code == 2
    assert f"nova_vcdriver_report_files: {tmp_path / name}: " in run.output
    assert words in run.output
    assert "Gathering Facts" not in run.output
