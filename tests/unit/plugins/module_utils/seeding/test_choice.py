# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push or pull, and why."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import known
from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks.vmdk import Disk, Stream
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.base import ImportPlace
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import choice
from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding.job import Options

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
KNOWN = known.Known(700, "ab" * 32, 1 << 20, 65536)
OVA = known.Known(600, "ab" * 32, 1 << 20, 65536, "disk.vmdk")
GOOD = Disk("streamOptimized", 1 << 20, "streamOptimized", 65536, stream=Stream(3, True, 2048, 128))
OLD = Disk("streamOptimized", 1 << 20, "streamOptimized", 65536, stream=Stream(1, True, 2048, 128))


def image(kind="streamOptimized", facts=None, algorithm="sha512"):
    properties = {known.PROPERTY: known.write(ID, facts)} if facts else {}
    return SimpleNamespace(id=ID, name="web", kind=kind, disk_type=kind, size=700, properties=properties, os_hash_algo=algorithm, os_hash_value="cd" * 32)


def place(name="n1", **hosts):
    return SimpleNamespace(name=name, imports=ImportPlace("pool", "folder", hosts=hosts or {"h1": "esx-1", "h2": "esx-2"}))


def choose(one, firewalls=None, places=None, **options):
    return choice.choose(one, places or [place()], Options(**options), firewalls or {})


def test_what_is_known_is_pulled():
    assert choose(image(facts=KNOWN)) == choice.Choice(True, known=KNOWN)
    assert choose(image("ova", OVA)) == choice.Choice(True, known=OVA)


@pytest.mark.parametrize(
    "one, options, reason",
    [
        (image(), {}, "its SHA-256 is not known"),
        (image("ova", algorithm="sha256"), {}, "its SHA-256 is not known"),  # Glance's is that of the archive
        (image(facts=KNOWN), {"upload_through": "host"}, "upload_through is host"),
        (image(facts=KNOWN), {"upload_through": "server"}, "upload_through is server"),
        (image(facts=KNOWN), {"bytes_per_second": 9}, "bandwidth_limit"),
        (image(facts=KNOWN), {"verify": "content"}, "verify reads it here anyway"),
        (image("flat"), {}, "this one is flat: image_vmdk converts it"),
        (image("iso"), {}, "this one is iso"),
    ],
)
def test_what_is_pushed_says_why(one, options, reason):
    found = choose(one, **options)
    assert not found.pulls and reason in found.reason


def test_a_closed_firewall():
    assert choose(image(facts=KNOWN), {"h1": False, "h2": True}).pulls
    found = choose(image(facts=KNOWN), {"h1": False, "h2": False})
    assert found.reason == "the ruleset httpClient is closed in the firewalls of all hosts that write to n1 (esx-1, esx-2)"
    assert choose(image(facts=KNOWN), {"h1": False}, [place(h1="esx-1"), place("n2", h2="esx-2")]).reason  # any of them may be the first
    assert choose(image(facts=KNOWN), {}, [SimpleNamespace(name="n1", imports=ImportPlace("pool", "folder"))]).pulls  # without a host each way fails


@pytest.mark.parametrize(
    "one, options, firewalls",
    [(image("flat"), {}, {}), (image(facts=KNOWN), {"bytes_per_second": 9}, {}), (image(facts=KNOWN), {}, {"h1": False, "h2": False})],
)
def test_insisting_is_an_error(one, options, firewalls):
    with pytest.raises(choice.ChoiceError) as caught:
        choose(one, firewalls, upload_through="pull", **options)
    assert caught.value.code == "PULL_NOT_POSSIBLE" and "Nothing was changed" in caught.value.hint


def test_insisting_reads_what_is_not_known():
    assert choose(image(), upload_through="pull") == choice.Choice(True)
    assert choose(image(facts=KNOWN), upload_through="pull", verify="content") == choice.Choice(True, known=KNOWN)


def test_after_the_header_was_read():
    pulls = choice.Choice(True)
    assert choice.after_look(image(), choice.Choice(False, "why"), GOOD, Options()) == choice.Choice(False, "why")
    assert choice.after_look(image(), pulls, GOOD, Options(upload_through="pull")) == pulls
    assert choice.after_look(image(algorithm="sha256"), pulls, GOOD, Options()).known == known.Known(700, "cd" * 32, 1 << 20, 65536)
    assert "laid out anew" in choice.after_look(image(), pulls, OLD, Options()).reason.replace("lays out anew", "laid out anew")
    with pytest.raises(choice.ChoiceError):
        choice.after_look(image(), pulls, OLD, Options(upload_through="pull"))
