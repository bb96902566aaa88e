# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""seeding/options.py: how images may travel."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import options
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.plan import Limits

GIVEN = {"copies_per_datastore": 2, "copies_per_host": 4, "bandwidth_limit": None}


def test_limits():
    assert options.from_params(GIVEN) == options.Options()
    found = options.from_params({"copies_per_datastore": 1, "copies_per_host": 3, "bandwidth_limit": 10, "verify": "content"})
    assert (found.limits, found.bytes_per_second, found.verify) == (Limits(1, 3), 10 << 20, "content")


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("value", [0, -1])
def test_limits_with_which_nothing_would_move(name, value):
    with pytest.raises(NovaVmwareError) as caught:
        options.from_params({**GIVEN, name: value})
    assert caught.value.code == "LIMIT_INVALID" and f"{name} is {value}" in caught.value.what
