# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight asks of each vCenter."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import checks

LOGINS = {"vc1": {"hostname": "vc1.example.com", "password": "one"}, "vc2": {"hostname": "vc2.example.com", "password": "two"}}


def asks(host, *names, logins=None, openstack=None, images=("debian",), versions=None):
    """Gives what a host asks. :arg names: nova-computes, each ``<vcenter>-<cluster>``."""
    computes = [{"host": name, "vcenter": name.split("-")[0], "cluster": {"cluster_name": name.split("-")[1]}} for name in names]
    services = [{"name": name, "cluster_name": name.split("-")[1]} for name in names]
    return checks.asks(computes, host, services, logins or LOGINS, openstack, images, versions or {})


def test_one_question_a_vcenter():
    first, second = asks("compute-1", "vc1-a", "vc2-a", "vc1-b")
    assert [one["name"] for one in first["services"]] == ["vc1-a", "vc1-b"]
    assert [one["cluster_name"] for one in first["hypervisors"]] == ["a", "b"]
    assert {one["compute_host"] for one in first["services"]} == {"compute-1"}
    assert (second["vcenter"], second["login"]["password"], second["images"]) == ("vc2", "two", [])


def test_hosts_share_a_call():
    called = checks.calls(asks("compute-1", "vc1-a") + asks("compute-2", "vc1-b", "vc2-a"))
    assert [(call["vcenter"], [one["host"] for one in call["hosts"]], [one["name"] for one in call["services"]]) for call in called] == [
        ("vc1", ["compute-1", "compute-2"], ["vc1-a", "vc1-b"]),
        ("vc2", ["compute-2"], ["vc2-a"]),
    ]
    assert checks.numbers(called, "compute-2") == [0, 1]
    assert checks.numbers(called, "compute-3") == []


def test_another_login_or_cloud_is_another_call():
    """Two hosts may call different vCenters vc1, and may belong to different clouds."""
    elsewhere = {"vc1": {"hostname": "vc1.example.org", "password": "one"}}
    assert len(checks.calls(asks("compute-1", "vc1-a") + asks("compute-2", "vc1-a", logins=elsewhere))) == 2
    assert len(checks.calls(asks("compute-1", "vc1-a", openstack={"cloud": "a"}) + asks("compute-2", "vc1-b", openstack={"cloud": "b"}))) == 2


def test_images_of_all_hosts_are_judged_once():
    both = asks("compute-1", "vc1-a", openstack={"cloud": "a"}) + asks("compute-2", "vc1-b", openstack={"cloud": "a"}, images=["debian", "ubuntu"])
    assert checks.calls(both)[0]["images"] == ["debian", "ubuntu"]


def test_what_hosts_have_told():
    (call,) = checks.calls(asks("compute-1", "vc1-a", versions={"nova": "34.0.0"}) + asks("compute-2", "vc1-b") + asks("compute-3", "vc1-c"))
    seen = [
        {"results": [{"item": 0, "compute_host": {"peers": [1], "versions": {"nova": "33.0.2"}}}]},
        {"results": [{"item": 1, "compute_host": {"peers": [2]}}, {"item": 0, "compute_host": {"peers": [3]}}]},
        {},  # it has failed
    ]
    settings = [{"results": [{"item": {"vcenter": "vc1"}, "clusters": [{"path": "/a"}]}, {"item": {"vcenter": "vc2"}, "clusters": [{"path": "/x"}]}]}, {}, {}]
    assert checks.options(call, 0, seen, settings) == {
        "compute_hosts": {"compute-1": {"peers": [1], "versions": {"nova": "34.0.0"}}, "compute-2": {"peers": [3]}, "compute-3": {}},
        "cluster_settings": [{"path": "/a"}],
    }


def test_findings_about_a_host():
    asked = checks.calls(asks("compute-1", "vc1-a") + asks("compute-2", "vc1-b") + asks("compute-2", "vc2-a"))
    first = [
        {"id": "MINE", "services": ["vc1-a"], "compute_host": None},
        {"id": "OF_ANOTHER", "services": ["vc1-b"], "compute_host": None},
        {"id": "OF_BOTH", "services": ["vc1-a", "vc1-b"], "compute_host": None},
        {"id": "OF_ALL", "services": [], "compute_host": None},
        {"id": "ON_MINE", "services": [], "compute_host": "compute-1"},
        {"id": "ON_ANOTHER", "services": [], "compute_host": "compute-2"},
    ]
    results = [{"findings": first}, {"findings": [{"id": "VC2", "services": [], "compute_host": None}]}]
    ids = [finding["id"] for finding in checks.findings(results, asked, "compute-1", ["vc1-a"])]
    assert ids == ["MINE", "OF_BOTH", "OF_ALL", "ON_MINE"]
    assert [finding["id"] for finding in checks.findings(results, asked, "compute-2", ["vc1-b", "vc2-a"])] == [
        "OF_ANOTHER", "OF_BOTH", "OF_ALL", "ON_ANOTHER", "VC2",
    ]  # fmt: skip


def test_what_stops_a_run_is_each_hosts_own_choice():
    asked = [{"hosts": [{"host": "compute-1"}, {"host": "compute-2"}]}]

    def finding(rule, severity, compute_host=None, services=()):
        return {"id": rule, "severity": severity, "compute_host": compute_host, "services": list(services)}

    results = [
        {
            "findings": [
                finding("OLD", "error", "compute-1"), finding("OLD", "error", "compute-2"), finding("WARNED", "warning", None, ["vc1-b"]),
                finding("SHARED", "error"), finding("NOTE", "info"),
            ]
        }
    ]  # fmt: skip
    hosts = {
        "compute-1": {"names": ["vc1-a"], "ignore": ["OLD"], "fail_on": "error"},
        "compute-2": {"names": ["vc1-b"], "ignore": [], "fail_on": "warning"},
    }
    found = checks.obstacles(results, asked, hosts)
    assert [(one["id"], one["compute_host"]) for one in found] == [("SHARED", None), ("OLD", "compute-2"), ("WARNED", None)]
    hosts["compute-2"]["fail_on"] = "never"
    assert [one["id"] for one in checks.obstacles(results, asked, hosts)] == ["SHARED"]
    assert checks.obstacles(results, asked, {}) == []
