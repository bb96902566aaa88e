# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a site as a file: JSON, or JUnit, which CI systems show. Pure."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.report import page
from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.groups import groups, place, plain
from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.summary import seed_state

SUFFIXES = (".html", ".json", ".xml")


def suffix(path):
    """Returns the suffix of a path in lower case, with its dot; an empty text for none."""
    name = path.rpartition("/")[2]
    return "." + name.rpartition(".")[2].lower() if "." in name[1:] else ""


def wrong(paths, there, folders, writable):
    """Returns a line for each file that a report could not be written to.

    :arg paths: the absolute names of the files. :arg there: those of them, and of the folders that they are in, that exist.
    :arg folders: those that are folders. :arg writable: those that the account may write to.
    """
    found = []
    for path in paths:
        folder = path.rpartition("/")[0] or "/"
        if suffix(path) not in SUFFIXES:
            found.append(f"{path}: the name must end in .html, .json or .xml (JUnit), which chooses what is written")
        elif folder not in there:
            found.append(f"{path}: there is no folder {folder} on the control node: make it, or choose another one")
        elif folder not in folders:
            found.append(f"{path}: {folder} is not a folder: choose another one")
        elif path in folders:
            found.append(f"{path}: this is a folder: add the name of a file")
        elif (path if path in there else folder) not in writable:
            what = "the file" if path in there else f"the folder {folder}"
            found.append(f"{path}: the account that runs Ansible may not write to {what}: change its mode, or choose another place")
    return found


def text(record, path):
    """Returns the record in the format that the suffix of a path chooses.

    :arg record: as :func:`..summary.record` returns it.
    :raises NovaVmwareError: ``REPORT_FORMAT_UNKNOWN``.
    """
    kind, record = suffix(path), plain(record)
    if kind == ".json":
        return json.dumps(record, indent=2) + "\n"
    if kind == ".xml":
        return junit(record)
    if kind == ".html":
        return page.html(record)
    raise NovaVmwareError("REPORT_FORMAT_UNKNOWN", f"The name {path} ends in none of {', '.join(SUFFIXES)}.", "Give it one of these suffixes.")


def junit(record):
    """Returns the record as JUnit XML: a test case for each rule, each nova-compute that was compared, and each image on each datastore.

    Errors and warnings, drift and images that are not there are failures; rules that were not judged are skipped. A note is no failure.
    """
    suites = ET.Element("testsuites", name=f"openstack_vmware.nova {record['playbook']}")
    if record["checked"]:
        _rules(suites, record)
    if record["drift"] is not None:
        cases = {(compute["compute_host"], compute["host"]): [] for compute in record["computes"]}
        for one in record["drift"]:
            cases.setdefault((one["compute_host"], one["host"]), []).append(f"{one['what']}: expected {one['expected']}, found {one['found']}")
        _suite(suites, "drift", [(*key, "drift", found) for key, found in cases.items()])
    if record["seeds"] is not None:
        states = [(row, seed_state(row, record["check_mode"])) for row in record["seeds"]]
        rows = [(f"{row['vcenter']}.{row['datastore']}", row["image"], state, [] if state in ("complete", "seeded") else [state]) for row, state in states]
        _suite(suites, "images", rows)
    _suite(suites, "compute hosts", [("", one["name"], "unreached", [] if one["reached"] else ["not reached, or failed"]) for one in record["compute_hosts"]])
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _rules(suites, record):
    cases = []
    for group in groups(record["findings"]):
        texts = [": ".join(part for part in (place(one), str(one["object"]), one["evidence"]) if part) for one in group["findings"]]
        bad = [] if group["severity"] == "info" else [*texts, f"Fix: {group['hint']}"]
        cases.append((group["severity"], group["id"], group["title"], bad))
    failed = {finding["id"] for finding in record["findings"]}
    cases += [("passed", name, "", []) for name in record["passed"] if name not in failed]
    suite = _suite(suites, "rules", cases)
    judged = failed.union(record["passed"])
    reasons = {rule["id"]: rule["reason"] for rule in record["not_checked"] if rule["id"] not in judged}
    for name, reason in reasons.items():
        ET.SubElement(ET.SubElement(suite, "testcase", classname="not checked", name=name), "skipped", message=_clean(reason))
    suite.set("tests", str(len(cases) + len(reasons)))
    suite.set("skipped", str(len(reasons)))


def _suite(suites, name, cases):
    """Adds a suite. :arg cases: ``(class, name, message, lines of what is wrong)`` each. Returns it."""
    failed = sum(bool(bad) for _kind, _name, _message, bad in cases)
    suite = ET.SubElement(suites, "testsuite", name=name, tests=str(len(cases)), failures=str(failed), errors="0", skipped="0")
    for kind, title, message, bad in cases:
        case = ET.SubElement(suite, "testcase", classname=_clean(kind or name), name=_clean(title))
        if bad:
            ET.SubElement(case, "failure", message=_clean(message or bad[0])).text = _clean("\n".join(bad))
    return suite


def _clean(value):
    """Returns a text without the control characters that XML can't have (XML 1.0, 2.2)."""
    return "".join(one for one in str(value) if one in "\t\n\r" or " " <= one <= "\ud7ff" or "\ue000" <= one <= "\ufffd" or one >= "\U00010000")
