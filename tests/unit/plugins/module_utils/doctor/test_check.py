# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module answers, and when it fails."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import check

OPTIONS = {
    "hostname": None,
    "vcenter": None,
    "openstack": None,
    "compute_host": None,
    "compute_hosts": None,
    "api_nova_conf": "[DEFAULT]",
    "fail_on": "error",
    "pulls": False,
}
SERVICES = [{"name": "vc1-a", "cluster_name": None, "datastore_regex": None, "nova_conf": None, "new": None, "compute_host": None}]


def test_a_failure_has_the_whole_answer():
    with pytest.raises(check.CheckFailed) as caught:
        check.run({**OPTIONS, "services": SERVICES}, True)
    result = caught.value.to_result()
    assert [one["id"] for one in result["findings"]] == ["RESIZE_TO_SAME_HOST_OFF"]
    assert result["counts"] == {"error": 1, "warning": 0, "info": 0, "passed": 1, "not_checked": len({one["id"] for one in result["not_checked"]})}


@pytest.mark.parametrize("fail_on", ["never", "error"])
def test_without_a_finding_of_that_severity_it_does_not_fail(fail_on):
    options = {**OPTIONS, "services": SERVICES, "fail_on": fail_on}
    if fail_on == "error":
        options["api_nova_conf"] = None
    assert check.run(options, True)["counts"]["error"] == (1 if fail_on == "never" else 0)
