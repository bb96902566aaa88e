# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cached image goes, and which never does."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import audit, prune, removal
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import cache
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.files import File

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
BASE = "[ds] vc1_base"
NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
WHOLE = (File(f"{ID}.vmdk", 500, False, NOW), File(f"{ID}-flat.vmdk", 1 << 20, False, NOW))
NOBODY = removal.Use(f"{BASE}/{ID}", (), ())
VM = removal.Use(f"{BASE}/{ID}", (("server-1", f"{BASE}/{ID}/{ID}.vmdk"),), ())
UNREADABLE = removal.Use(f"{BASE}/{ID}", (), ("orphan",))


def entry(name=ID, files=WHOLE):
    """Gives the entry of a cache that holds one folder."""
    path = f"{BASE}/{name}"
    (found,) = audit.entries({BASE: [File(name, 0, True, NOW)], path: list(files)}, BASE)
    return found


def file():
    """Gives the entry of a cache that holds one file."""
    (found,) = audit.entries({BASE: [File(ID, 5, False, NOW)]}, BASE)
    return found


@pytest.mark.parametrize(
    "one, in_glance, wanted, use, age, reason",
    [
        (entry(), False, None, NOBODY, 100, "DELETED_IN_GLANCE"),
        (entry(), False, frozenset(["other"]), NOBODY, 100, "DELETED_IN_GLANCE"),
        (entry(), True, frozenset(["other"]), NOBODY, 100, "NOT_WANTED"),
        (entry(files=()), False, None, NOBODY, 100, "DELETED_IN_GLANCE"),
        (entry(), True, None, NOBODY, 100, "IN_GLANCE"),
        (entry(), True, frozenset([ID]), NOBODY, 100, "WANTED"),
        (entry(), False, frozenset([ID]), NOBODY, 100, "WANTED"),
        (entry(), False, None, VM, 100, "IN_USE"),
        (entry(), False, None, UNREADABLE, 100, "USE_UNKNOWN"),
        (entry(), False, None, NOBODY, 99, "TOO_YOUNG"),
        (entry(), False, None, NOBODY, None, "AGE_UNKNOWN"),
        (entry("templates"), False, None, NOBODY, 100, "NOT_RECOGNISED"),
        (entry(ID.upper()), False, None, NOBODY, 100, "NOT_RECOGNISED"),
        (entry("z" * 8 + ID[8:]), False, None, NOBODY, 100, "NOT_RECOGNISED"),
        (entry(files=(*WHOLE, File("readme.txt", 5, False, NOW))), False, None, NOBODY, 100, "NOT_RECOGNISED"),
        (entry(files=(*WHOLE, File("folder", 0, True, NOW))), False, None, NOBODY, 100, "NOT_RECOGNISED"),
        (file(), False, None, NOBODY, 100, "NOT_RECOGNISED"),
    ],
)
def test_judge(one, in_glance, wanted, use, age, reason):
    verdict = prune.judge(one, in_glance, wanted, use, age, 100)
    assert (verdict.reason, verdict.verdict) == (reason, "remove" if reason in ("DELETED_IN_GLANCE", "NOT_WANTED") else "keep")
    assert verdict.evidence.endswith(".") or verdict.reason == "NOT_RECOGNISED"


@given(
    st.sampled_from([entry(), entry("templates"), entry(files=(*WHOLE, File("x", 1, False, NOW))), file()]),
    st.booleans(),
    st.none() | st.sets(st.sampled_from([ID, "other"])).map(frozenset),
    st.sampled_from([NOBODY, VM, UNREADABLE]),
    st.none() | st.floats(0, 1e9),
    st.integers(0, 10**9),
)
def test_what_goes_is_needed_by_nobody(one, in_glance, wanted, use, age, minimum_age):
    if prune.judge(one, in_glance, wanted, use, age, minimum_age).verdict == "remove":
        assert prune.is_image(one)
        assert not use
        assert age is not None and age >= minimum_age
        assert ID not in wanted if wanted is not None else not in_glance


def test_names_of_nova_and_ours_are_known():
    names = [
        f"{ID}.vmdk", f"{ID}-flat.vmdk", f"{ID}.20.vmdk", f"{ID}.20-flat.vmdk", f"{ID}.iso", cache.sidecar_file(ID, 1 << 20), "ts-2026-11-20-10-00-00",
    ]  # fmt: skip
    names += [".lck-5001d2f000000000", ".nfs000000000102"]  # the storage's own
    assert cache.foreign_files(ID, names) == ()
    foreign = ["x", f"{ID}", f"{ID}.vmdk.bak", f"{ID}-delta.vmdk", f"x{ID}.vmdk", "ts-", f"{ID}.20.iso"]
    assert cache.foreign_files(ID, names + foreign) == tuple(foreign)


def test_ageing():
    marker = cache.parse_age_marker("ts-2026-11-20-10-00-00")
    assert cache.ageing_deletes_at(marker, 86400) == marker + datetime.timedelta(days=1)
    assert cache.ageing_deletes_at(None, 86400) is None


def test_empty_list_is_refused():
    with pytest.raises(prune.NovaVmwareError) as caught:
        prune._wanted(None, [])
    assert caught.value.code == "NOTHING_TO_KEEP"
