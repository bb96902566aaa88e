# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's variables as the filters take them."""

from __future__ import annotations

SITE = {
    "vcenters": [{"name": "vc1", "host_ip": "vc1.example.com", "host_username": "nova@vsphere.local", "host_password": "pass$1", "ca_file": "/ca.pem"}],
    "computes": [{"cluster_name": "cluster-a", "datastore_regex": "^nova-"}],
    "config": {},
    "auth": {
        "auth_url": "https://keystone/v3", "username": "nova", "password": "pass2", "project_name": "service",
        "user_domain_name": "Default", "project_domain_name": "Default", "region_name": "RegionOne",
    },
    "transport_url": "rabbit://nova:secret@rabbit/",
    "my_ip": "192.0.2.11",
    "cluster_settings": {},
    "release": "34.0.0",
    "only": [],
    "etc": "/etc/nova/vmware",
    "state": "/var/lib/nova",
    "log": "/var/log/nova",
    "files": {"ca_file of vCenter vc1": {"path": "/ca.pem", "found": True, "tried": ["/ca.pem"]}},
    "pinned": ["33.0.2", "34.0.0"],
}  # fmt: skip
