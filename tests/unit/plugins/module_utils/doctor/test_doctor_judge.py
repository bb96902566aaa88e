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
            {"id": "ONE", "severity": ERROR, "title": "title of one", "vcenter": None, "object": "object", "evidence": "evidence", "source": "source",
             "hint": "hint"}
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
