# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""govc's commands on the simulator in its harmful behaviour: each judged by its exit status and by a second reading."""

from __future__ import annotations

import re

import pytest
from conftest import rows


@pytest.mark.parametrize("row", rows("govc.yml"))
def test_command(vcenter, row):
    wanted = row.get("exit", 0)
    assert bool(wanted) == ("vcenter" in row), "what is refused says why a vCenter refuses it, and nothing else does"
    status, text = vcenter.govc(row["run"])
    assert status == wanted, text
    assert re.search(row.get("says", ""), text, re.MULTILINE), text
    assert row["then"], "no second reading"
    for reading in row["then"]:
        vcenter.judge(reading)
