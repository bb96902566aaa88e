# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of requests does not grow with the number of clusters, nor with that of images."""

from __future__ import annotations

from simulated import HOSTS, NO_HOSTS, PASSWORD, USER, VCenter, call, options, scenario, upload

from ansible_collections.openstack_vmware.nova.plugins.module_utils.seeding import image_cache


def requests_for(clusters, folder):
    """Runs hypervisor_info on a simulated vCenter with so many clusters of 8 hosts and 64 virtual machines each. Gives the methods."""
    setup = {
        "vcenter": {"name": "vc", "version": "8.0.3", "username": USER, "password": PASSWORD},
        "datacenters": [
            {
                "name": "dc1",
                "clusters": [
                    {
                        "name": f"cluster-{number}",
                        "hosts": [{"name": f"esxi-{number}-{host}", "cores": 16, "threads": 32, "memory_mb": 262144} for host in range(8)],
                    }
                    for number in range(clusters)
                ],
                "datastores": [
                    {"name": f"nova-{number}", "type": "VMFS", "capacity_gb": 1000, "free_gb": 900, "clusters": [f"cluster-{number}"]}
                    for number in range(clusters)
                ],
                "vms": [
                    {"name": f"vm-{number}", "count": 64, "cluster": f"cluster-{number}", "cpus": 2, "memory_mb": 4096, "datastore": f"nova-{number}"}
                    for number in range(clusters)
                ],
            }
        ],
    }
    with VCenter(folder, setup, NO_HOSTS) as vcenter:
        result = call("hypervisor_info", **vcenter.connection)
    assert len(result["hypervisors"]) == clusters
    assert sum(host["configured"]["vms"] for one in result["hypervisors"] for host in one["hosts"]) == 64 * clusters
    return [line.get("method") or line.get("path") for line in vcenter.requests()]


def test_two_and_forty_clusters(tmp_path):
    two = requests_for(2, tmp_path / "two")
    forty = requests_for(40, tmp_path / "forty")
    print(f"requests: {len(two)} for 2 clusters, {len(forty)} for 40 clusters with 320 hosts and 2,560 virtual machines")
    # 2,560 virtual machines are three pages of 1,000.
    pages = forty.count("ContinueRetrievePropertiesEx")
    assert pages == 2
    assert len(forty) - pages == len(two)
    assert len(two) <= 10


def test_many_images_that_are_there(cloud, tmp_path):
    """Each of 20 datastores costs three requests, however many images are looked for: what is left of killed runs, what is in the cache, and what the
    disks there are. The size of a thin disk is in no listing."""
    datastores = [f"n{number}" for number in range(20)]
    images = []

    def count(wanted):
        """Runs image_cache, which has nothing to do, and gives how many requests the vCenter saw."""
        before = len(vcenter.requests())
        result = image_cache.run(options(vcenter.connection, wanted), False)
        assert not result["changed"]
        assert result["totals"]["complete"] == len(wanted) * len(datastores)
        return len(vcenter.requests()) - before

    with VCenter(tmp_path, scenario(HOSTS[:1], datastores), NO_HOSTS) as vcenter:
        try:
            for number in range(5):
                images.append(upload(cloud, f"many-{number}", bytes([number + 1]) * (1 << 20), hw_disk_type="preallocated"))
            result = image_cache.run(options(vcenter.connection, images), False)
            assert result["totals"]["missing"] == 100
            one, five = count(images[:1]), count(images)
            print(f"requests of an idle run on {len(datastores)} datastores: {one} for 1 image, {five} for 5")
            assert five <= 3 * len(datastores) + 20  # the login, the inventory and the polls
            assert abs(five - one) <= 3  # polls of the listings
        finally:
            for image_id in images:
                cloud.image.delete_image(image_id)
