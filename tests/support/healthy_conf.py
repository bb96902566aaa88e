# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A nova.conf of a VCDriver compute in which the doctor finds nothing."""

from __future__ import annotations

_HEALTHY = """
[DEFAULT]
compute_driver = vmwareapi.VMwareVCDriver
host = {name}
my_ip = 192.0.2.11
state_path = {state_path}
reserved_host_memory_mb = 131072
[oslo_concurrency]
lock_path = $state_path/lock
[vmware]
host_ip = {host_ip}
host_port = {host_port}
host_username = nova@vsphere.local
cluster_name = {cluster}
datastore_regex = ^nova-
ca_file = /etc/nova/ca.pem
cache_prefix = vc1
[image_cache]
remove_unused_base_images = false
manager_interval = -1
[vnc]
enabled = false
"""


def nova_conf(name, cluster=None, state_path="/var/lib/nova", host_ip="vcenter.example.com", host_port=443):
    """Gives the text for a service of this name, whose cluster has the same one unless told. ``state_path`` is that of all services."""
    return _HEALTHY.format(name=name, cluster=cluster or name, state_path=f"{state_path}/{name}", host_ip=host_ip, host_port=host_port)
