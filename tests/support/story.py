# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site for the tests of reports."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report import summary

EVIL = "<script>alert('x')</script> & \"y\" \x07"  # what a server may say


def finding(name, what, severity="error", **more):
    """Gives a finding of compute_check about an object."""
    texts = {"title": f"title of {name}", "evidence": f"{what} is off", "source": "nova/x.py", "hint": "Turn it on."}
    return {"id": name, "severity": severity, "object": what, "vcenter": None, "compute_host": None, **texts, **more}


def check(*findings, passed=("GOOD",), not_checked=()):
    """Gives a result of compute_check."""
    return {"findings": list(findings), "passed": list(passed), "not_checked": list(not_checked)}


def compute(host, vcenter="vc1"):
    """Gives a nova-compute as the filter ``computes`` does."""
    return {"host": host, "vcenter": vcenter, "cluster": {"cluster_name": f"cluster of {host}", "datastore_regex": None}}


def seed(state="missing", action="push", via="host", image="debian", datastore="nova-a1", planned_bytes=1 << 30):
    """Gives a result of image_cache for one image on one datastore."""
    row = {"name": datastore, "state": state, "action": action, "via": via, "planned_bytes": planned_bytes}
    return {"item": {"vcenter": "vc1"}, "images": [{"name": image, "id": f"id of {image}", "datastores": [row]}]}


def told(name="compute-1", **more):
    """Gives what a compute host tells."""
    return {"name": name, "reached": True, **more}


def record(*hosts, check_mode=False):
    """Gives the record of a run. :arg hosts: what they tell, with the results of compute_check as ``checks``."""
    checks = [result for host in hosts for result in host.get("checks", ())]
    return summary.record(hosts or [told()], playbook="site", time="2026-01-02 03:04 UTC", check_mode=check_mode, checks=checks)
