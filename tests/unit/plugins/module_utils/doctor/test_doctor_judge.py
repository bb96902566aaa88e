# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of rules that were judged, that were not, and of what they found."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import judge
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.facts import Facts, Service
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, INFO, WARNING, rule

A, B = Service("a", "cluster-a", "^nova-"), Service("b", None, None)


def judged(monkeypatch, *rules):
    """Judges two services, of which one has no cluster name, by these rules alone."""
    monkeypatch.setattr(judge, "RULES", rules)
    return judge.judge(Facts(services=(A, B)))


def make(name, found, severity=ERROR, needs=(), **how):
    def check(*_arguments):
        return found

    check.__name__ = name
    return rule(severity, f"title of {name}", needs, "source", "hint", **how)(check)


def test_a_finding_has_all_parts(monkeypatch):
    result = judged(monkeypatch, make("one", [("object", "evidence")], scope="all"))
    assert result == {
        "findings": [
            {"id": "ONE", "severity": ERROR, "title": "title of one", "vcenter": None, "object": "object", "compute_host": None, "services": [],
             "evidence": "evidence", "source": "source", "hint": "hint"}
        ],
        "passed": [],
        "not_checked": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "evidence, vcenter, text",
    [
        ("it ends.", None, "it ends"),
        ("it ends", "vc1", "it ends (vCenter 'vc1')"),
        ("'vc1' ends.", "vc1", "'vc1' ends"),
    ],
)
def test_evidence_names_the_vcenter_once(evidence, vcenter, text):
    assert judge.told(evidence, vcenter) == text


@pytest.mark.parametrize(
    "name, conf, vcenter",
    [
        ("vc1", "[vmware]\nhost_ip = vc.example.com", "vc1"),
        (None, "[vmware]\nhost_ip = vc.example.com", "vc.example.com"),
        (None, "", None),
        (None, None, None),
    ],
)
def test_what_a_vcenter_is_called(name, conf, vcenter):
    service = Service("a", None, None, conf=None if conf is None else NovaConf(conf))
    assert judge.named(Facts(services=(service,), name=name), service) == vcenter


def test_what_is_about_the_site_names_no_vcenter(monkeypatch):
    monkeypatch.setattr(judge, "RULES", (make("one", [("object", "evidence")], scope="all", site=True),))
    (finding,) = judge.judge(Facts(services=(A,), name="vc1"))["findings"]
    assert (finding["vcenter"], finding["evidence"]) == (None, "evidence")


def test_what_several_services_share_is_one_finding(monkeypatch):
    result = judged(monkeypatch, make("one", [("shared", "evidence")]))
    assert [one["object"] for one in result["findings"]] == ["shared"]


def test_a_rule_without_its_facts_is_not_judged(monkeypatch):
    """For one service it is not; the other passes."""
    result = judged(monkeypatch, make("one", [], needs=("cluster_name",)), make("two", [], needs=("nova_conf",)))
    assert result["passed"] == ["ONE"]
    assert result["not_checked"] == [
        {"id": "ONE", "reason": "no cluster name is known", "objects": ["b"]},
        {"id": "TWO", "reason": "nova.conf was not given", "objects": ["a", "b"]},
    ]


def test_of_all_nobody_is_named(monkeypatch):
    assert judged(monkeypatch, make("one", [], needs=("api_conf",), scope="all"))["not_checked"][0]["objects"] == []


@pytest.mark.parametrize("driver, passed", [("vc", ["ONE"]), ("other", []), (None, ["ONE"])])
def test_rules_of_another_driver_say_nothing(monkeypatch, driver, passed):
    result = judged(monkeypatch, make("one", [], driver=driver))
    assert (result["passed"], result["not_checked"]) == (passed, [])


def test_errors_come_first(monkeypatch):
    found = [(severity, make(severity, [(severity, "")], severity, scope="all")) for severity in (INFO, ERROR, WARNING)]
    assert [one["severity"] for one in judged(monkeypatch, *(one for _severity, one in found))["findings"]] == [ERROR, WARNING, INFO]


def of_two_hosts(monkeypatch, one):
    """Judges two nova-computes, each on a compute host of its own: on h1 the clock is right, and h2 has not told of it."""
    monkeypatch.setattr(judge, "RULES", [one])
    both = Facts(services=(A, B))
    parts = (
        Facts(services=(A,), compute_host={"clock_skew_seconds": 99.0, "compute_ids": [1]}, host="h1"),
        Facts(services=(B,), compute_host={"clock_skew_seconds": 99.0}, host="h2"),
    )
    return judge.judge(Facts(services=both.services, parts=parts))


def test_what_is_wrong_with_two_compute_hosts_is_two_findings(monkeypatch):
    """The finding says which compute host, and whose nova-computes suffer."""
    found = of_two_hosts(monkeypatch, make("one", [("compute host", "is late")], needs=("skew",), scope="all"))["findings"]
    assert [(one["compute_host"], one["services"]) for one in found] == [("h1", ["a"]), ("h2", ["b"])]


def test_what_one_compute_host_has_not_told_is_not_checked_there(monkeypatch):
    result = of_two_hosts(monkeypatch, make("one", [("x", "y")], needs=("compute_ids",), scope="all"))
    assert [one["compute_host"] for one in result["findings"]] == ["h1"]
    assert [one["objects"] for one in result["not_checked"]] == [["b"]]


def test_what_no_compute_host_has_told_is_not_checked_at_all(monkeypatch):
    result = of_two_hosts(monkeypatch, make("one", [], needs=("peers",), scope="all"))
    assert [one["objects"] for one in result["not_checked"]] == [[]]


@pytest.mark.parametrize("alone, seen", [(False, {"a": ["a", "b"], "b": ["a", "b"]}), (True, {"a": ["a"], "b": ["b"]})])
def test_a_nova_compute_is_compared_with_the_whole_site(monkeypatch, alone, seen):
    """But for what is each compute host's own, such as folders; its own compute host is known in either case."""
    told = {}

    def one(facts, service):
        told[service.name] = [other.name for other in facts.services]
        assert facts.host == {"a": "h1", "b": "h2"}[service.name]
        return ()

    of_two_hosts(monkeypatch, rule(ERROR, "title", (), "source", "hint", alone=alone)(one))
    assert told == seen


def test_what_is_about_no_compute_host_is_judged_once(monkeypatch):
    calls = []

    def one(facts):
        calls.append([service.name for service in facts.services])
        return ()

    of_two_hosts(monkeypatch, rule(ERROR, "title", (), "source", "hint", scope="all")(one))
    assert calls == [["a", "b"]]
