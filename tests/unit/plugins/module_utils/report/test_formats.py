# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record as a file."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

from story import EVIL, check, compute, finding, record, seed, told  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError  # noqa: E402
from ansible_collections.openstack_vmware.nova.plugins.module_utils.report import formats  # noqa: E402


@pytest.mark.parametrize(
    "path, there, folders, writable, text",
    [
        ("/d/report.html", ["/d"], ["/d"], ["/d"], None),
        ("/d/REPORT.JSON", ["/d", "/d/REPORT.JSON"], ["/d"], ["/d/REPORT.JSON"], None),
        ("/report.xml", ["/"], ["/"], ["/"], None),
        ("/d/report.pdf", ["/d"], ["/d"], ["/d"], "the name must end in .html, .json or .xml"),
        ("/d/.html", ["/d"], ["/d"], ["/d"], "the name must end in .html, .json or .xml"),
        ("/d.x/report", ["/d.x"], ["/d.x"], ["/d.x"], "the name must end in .html, .json or .xml"),
        ("/d/report.xml", [], [], [], "there is no folder /d on the control node"),
        ("/d/report.xml", ["/d"], [], ["/d"], "/d is not a folder"),
        ("/d/report.xml", ["/d", "/d/report.xml"], ["/d", "/d/report.xml"], ["/d", "/d/report.xml"], "this is a folder"),
        ("/d/report.xml", ["/d"], ["/d"], [], "may not write to the folder /d"),
        ("/d/report.xml", ["/d", "/d/report.xml"], ["/d"], ["/d"], "may not write to the file"),
    ],
)
def test_a_file_that_cannot_be_written(path, there, folders, writable, text):
    found = formats.wrong([path], there, folders, writable)
    assert [path in line and text in line for line in found] == ([True] if text else [])


def whole():
    """Gives a record with everything in it."""
    missed = [{"id": "MISSED", "reason": EVIL, "objects": []}]
    drift = [{"host": "vc1-a", "what": "unit", "expected": "active", "found": EVIL}]
    findings = [finding("BAD", EVIL, vcenter="vc1"), finding("NOTE", "y", severity="info")]
    return record(
        told(computes=[compute("vc1-a"), compute("vc1-b")], checks=[check(*findings, not_checked=missed)], seeds=[seed(), seed(via=None)], drift=drift),
        {"name": "compute-2", "reached": False},
    )


def test_json_has_the_record():
    assert json.loads(formats.text(whole(), "/d/report.json")) == whole()


def test_junit():
    """What a CI system counts: notes are no failures, and what was not judged is skipped."""
    root = ET.fromstring(formats.text(whole(), "report.xml"))
    suites = {suite.get("name"): suite for suite in root}
    counts = {name: tuple(int(suite.get(key)) for key in ("tests", "failures", "skipped")) for name, suite in suites.items()}
    assert counts == {"rules": (4, 1, 1), "drift": (2, 1, 0), "images": (2, 1, 0), "compute hosts": (2, 1, 0)}
    for suite in root:
        assert len(suite) == int(suite.get("tests"))
    failure = next(case for case in suites["rules"] if case.get("name") == "BAD").find("failure")
    assert failure.get("message") == "title of BAD"
    assert failure.text == f"vc1: {EVIL.strip(chr(7))}: {EVIL.strip(chr(7))} is off\nFix: Turn it on."


def test_junit_leaves_out_what_nobody_looked_at():
    assert [suite.get("name") for suite in ET.fromstring(formats.text(record(), "report.xml"))] == ["compute hosts"]


def test_the_page_is_html():
    assert formats.text(whole(), "report.html").startswith("<!DOCTYPE html>\n")


def test_another_suffix_is_refused():
    with pytest.raises(NovaVmwareError) as caught:
        formats.text(record(), "report.pdf")
    assert caught.value.code == "REPORT_FORMAT_UNKNOWN"
