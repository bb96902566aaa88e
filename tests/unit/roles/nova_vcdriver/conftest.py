# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates the role's variables as Ansible does, without a play."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).resolve().parents[4] / "roles" / "nova_vcdriver"
GIVEN = {
    "role_path": str(ROLE),
    "inventory_hostname": "compute-1",
    "nova_vcdriver_vcenters": [
        {"name": "vc1", "host_ip": "vc1.example.com", "host_username": "nova@vsphere.local", "host_password": "pass$1",
         "ca_file": str(ROLE / "meta" / "main.yml")}
    ],
    "nova_vcdriver_computes": [{"cluster_name": "cluster-a", "datastore_regex": "^nova-"}],
    "nova_vcdriver_transport_url": "rabbit://nova:secret@rabbit/",
    "nova_vcdriver_auth": {
        "auth_url": "https://keystone/v3", "username": "nova", "password": "pass2", "project_name": "service",
        "user_domain_name": "Default", "project_domain_name": "Default", "region_name": "RegionOne",
    },
    "nova_vcdriver_openstack": {"cloud": "prod"},
    "nova_vcdriver_my_ip": "192.0.2.11",
}  # fmt: skip


@pytest.fixture(scope="session", name="files")
def read_files():
    """The role's variables as its files have them: defaults, then vars."""
    loader = DataLoader()
    found = {}
    for path in [ROLE / "defaults" / "main.yml", *sorted((ROLE / "vars" / "main").glob("*.yml"))]:
        found.update(loader.load_from_file(str(path), trusted_as_template=True))
    return found


@pytest.fixture
def evaluate(files):
    """A function that gives a variable of the role. :arg given: variables of the inventory, above those of GIVEN."""

    def get(name, **given):
        return Templar(loader=DataLoader(), variables={**files, **GIVEN, **given}).template(files[name])

    return get
