# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation has each rule and each privilege as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.table import RULES
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges

DOCS = Path(__file__).resolve().parents[5] / "docs"


def rows(page):
    """Gives the cells of each row of the tables of a page."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|") and not line.startswith("|---")]


def test_each_rule_is_documented():
    expected = [[f"`{rule.id}`", rule.severity, rule.title, rule.source, rule.hint] for rule in RULES]
    assert rows("checks.md")[1:] == expected


def test_readme_counts_the_rules():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(\d+) rules", readme) == [str(len(RULES))]


def test_each_privilege_is_documented():
    documented = {(row[1], row[2]) for row in rows("security.md") if len(row) == 3 and row[1].startswith("`")}
    tables = [privileges.PRIVILEGES, *privileges.FEATURES.values()]
    assert documented == {(f"`{name}`", why) for table in tables for names in table.values() for name, why in names.items()}
