# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real browser, Debian's chromium, and a page of a large site in it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from selenium import webdriver

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report import page, summary

EVIL = "<img src=x onerror=document.title='run'>"  # what a server may say
# The flags keep it from looking for its maker's hosts.
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--hide-scrollbars")  # fmt: skip


def site():
    """Gives the record of a site of 40 clusters with something of everything."""
    shared = {"title": "A rule that was broken", "source": "nova/virt/vmwareapi/vmops.py", "hint": "Set [vmware]datastore_regex, then run it again."}
    findings = [
        {"id": name, "severity": severity, "object": f"/dc1/host/cluster-{number:02}", "vcenter": "vc1", "compute_host": None, **shared,
         "evidence": f"the value of cluster-{number:02} is wrong"}
        for name, severity, count in (("CLUSTER_BROKEN", "error", 40), ("DATASTORE_FOREIGN", "warning", 3), ("CAPACITY_NOTE", "info", 1))
        for number in range(count)
    ]  # fmt: skip
    findings[0]["evidence"] = EVIL
    told = []
    for host in range(4):
        names = [f"vc1-cluster-{number:02}" for number in range(host, 40, 4)]
        computes = [{"host": name, "vcenter": "vc1", "cluster": {"cluster_name": name[4:]}} for name in names]
        images = [
            {"id": f"id-{image}", "name": image, "datastores": [
                {"name": f"nova-{name[4:]}", "planned_bytes": 1 << 30, "state": "complete" if number % 3 else "missing",
                 "action": "none" if number % 3 else "push"}
                for number, name in enumerate(names)
            ]}
            for image in ("ubuntu-24.04", "debian-12")
        ]  # fmt: skip
        drift = [{"host": names[0], "what": "nova.conf", "expected": "as the role writes it", "found": "another text; --diff shows it"}]
        did = dict.fromkeys(names, "unchanged") | {names[0]: "new"}
        told.append({"name": f"compute-{host + 1}", "reached": True, "computes": computes, "did": did, "drift": drift,
                     "seeds": [{"item": {"vcenter": "vc1"}, "images": images}]})  # fmt: skip
    told.append({"name": "compute-5", "reached": False})
    checks = [{"findings": findings, "passed": ["PBM_ENABLED"], "not_checked": [{"id": "IMAGE_OVA", "reason": "no images were given", "objects": []}]}]
    return summary.record(told, playbook="report", time="2026-01-02 03:04 UTC", check_mode=True, checks=checks)


@pytest.fixture(scope="session", name="browser")
def start(tmp_path_factory):
    """A browser that has the page open. Ended at the end."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "report.html").write_text(page.html(site()), encoding="utf-8")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_window_size(1280, 900)
    driver.get((folder / "report.html").as_uri())
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def axe():
    """The text of axe-core, which knows the rules of WCAG."""
    return (Path(importlib.util.find_spec("axe_playwright_python").origin).parent / "axe.min.js").read_text(encoding="utf-8")
