# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook prune_images.yml on the lab: it says first, removes when told, and then has nothing to do."""

from __future__ import annotations

import os
import re
import time

import pytest
from conftest import LAB, recap

pytestmark = pytest.mark.usefixtures("demo")

GONE = "33333333-2222-4333-8444-555555555555"


def test_prune_images(lab):
    base = LAB / "run" / "datastores" / "nova-a1" / f"{lab.variables['nova_vcdriver_vcenters'][0]['name']}_base"
    folder = base / GONE
    folder.mkdir()
    ago = time.time() - 3 * 86400
    for name, size in ((f"{GONE}.vmdk", 500), (f"{GONE}-flat.vmdk", 1 << 20)):
        (folder / name).write_bytes(bytes(size))
        os.utime(folder / name, (ago, ago))
    others = sorted(path.name for path in base.iterdir() if path != folder)
    assert others

    said = lab.ansible("ansible-playbook", "playbooks/prune_images.yml")
    assert re.search(rf"vc1_base/{GONE}.*\n.*remove, DELETED_IN_GLANCE. Glance answered 404", said), said
    assert "would remove (run with -e prune=true): 1 of" in said
    assert {host["changed"] for host in recap(said).values()} == {0}
    assert folder.exists()

    done = lab.ansible("ansible-playbook", "playbooks/prune_images.yml", "-e", "prune=true")
    assert sum(host["changed"] for host in recap(done).values()) == 1
    assert sorted(path.name for path in base.iterdir()) == others

    again = lab.ansible("ansible-playbook", "playbooks/prune_images.yml", "-e", "prune=true")
    assert {host["changed"] for host in recap(again).values()} == {0}
