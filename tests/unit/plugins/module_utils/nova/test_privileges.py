# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of privileges that one role needs."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges


def test_all_is_what_the_tables_say():
    found = privileges.all_privileges()
    assert found == sorted(set(found))
    assert set(found) == {name for names in privileges.PRIVILEGES.values() for name in names}


@pytest.mark.parametrize("feature", sorted(privileges.FEATURES))
def test_a_feature_adds_its_own(feature):
    added = set(privileges.all_privileges([feature])) - set(privileges.all_privileges())
    assert added == {name for names in privileges.FEATURES[feature].values() for name in names}


def test_nothing_that_every_role_has():
    assert not set(privileges.all_privileges(privileges.FEATURES)) & privileges.SYSTEM
    assert privileges.DATACENTER in privileges.SYSTEM


def test_each_says_what_it_is_for():
    for table in (privileges.PRIVILEGES, *privileges.FEATURES.values()):
        assert all(reason for names in table.values() for reason in names.values())
