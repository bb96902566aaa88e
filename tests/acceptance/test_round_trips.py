# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of requests does not grow with the number of clusters, nor with that of images."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time

import yaml
from conftest import LAB, ROOT
from test_fault_walk import SCENARIO, VCenter, call


def requests_for(clusters, folder):
    """Runs hypervisor_info on a simulated vCenter with so many clusters of 8 hosts and 64 virtual machines each. Gives the methods."""
    scenario = {
        "vcenter": {"name": "vc", "version": "8.0.3", "username": "u", "password": "p"},
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
    folder.mkdir()
    (folder / "scenario.yml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        LAB / "bin" / "vcsim", "-scenario", folder / "scenario.yml", "-listen", f"127.0.0.1:{port}", "-host-listeners=false",
        "-cert", LAB / "tls" / "vcenter.pem", "-key", LAB / "tls" / "vcenter.key", "-wsdl", LAB / "wsdl",
        "-datastores", folder / "datastores", "-request-log", folder / "requests.log",
    ]  # fmt: skip
    environment = {
        **os.environ, "ANSIBLE_CONFIG": str(LAB / "ansible.cfg"), "NO_COLOR": "1", "VMWARE_HOST": "127.0.0.1", "VMWARE_PORT": str(port),
        "VMWARE_USER": "u", "VMWARE_PASSWORD": "p", "VMWARE_CA_PATH": str(LAB / "tls" / "ca.pem"),
    }  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as simulator:
        try:
            for _attempt in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert simulator.poll() is None, "the simulator ended"
                time.sleep(0.1)
            done = subprocess.run(
                [LAB / "venv" / "bin" / "ansible", "localhost", "-m", "openstack_vmware.nova.hypervisor_info"],
                cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
        finally:
            simulator.terminate()
    assert done.returncode == 0, done.stdout[-3000:]
    result = json.loads(done.stdout[done.stdout.index("=> {") + 3 :])
    assert len(result["hypervisors"]) == clusters
    assert sum(host["configured"]["vms"] for one in result["hypervisors"] for host in one["hosts"]) == 64 * clusters
    lines = [json.loads(line) for line in (folder / "requests.log").read_text(encoding="utf-8").splitlines()]
    return [line.get("method") or line.get("path") for line in lines]


def test_two_and_forty_clusters(tmp_path):
    two = requests_for(2, tmp_path / "two")
    forty = requests_for(40, tmp_path / "forty")
    print(f"requests: {len(two)} for 2 clusters, {len(forty)} for 40 clusters with 320 hosts and 2,560 virtual machines")
    # 2,560 virtual machines are three pages of 1,000.
    pages = forty.count("ContinueRetrievePropertiesEx")
    assert pages == 2
    assert len(forty) - pages == len(two)
    assert len(two) <= 10


def test_many_images_that_are_there(lab, tmp_path):
    """Each of 20 datastores costs at most three requests, however many images are looked for."""
    datastores = [{"name": f"n{number}", "type": "VMFS", "capacity_gb": 10, "free_gb": 9, "clusters": ["c1"]} for number in range(20)]
    scenario = {**SCENARIO, "datacenters": [{**SCENARIO["datacenters"][0], "datastores": datastores}]}
    images = []
    vcenter = VCenter(tmp_path, scenario)

    def count(wanted):
        """Runs image_cache, which has nothing to do, and gives how many requests the vCenter saw."""
        before = len((tmp_path / "requests.log").read_text(encoding="utf-8").splitlines())
        result, error = call(vcenter, wanted[0], images=wanted)
        assert error is None and not result["changed"], error
        assert result["totals"]["complete"] == len(wanted) * len(datastores)
        return len((tmp_path / "requests.log").read_text(encoding="utf-8").splitlines()) - before

    try:
        for number in range(5):
            image = lab.cloud.image.create_image(
                name=f"many-{number}", disk_format="vmdk", container_format="bare", validate_checksum=False, allow_duplicates=True,
                hw_disk_type="preallocated",
            )  # fmt: skip
            images.append(image.id)
            image.upload(lab.cloud.image, data=bytes([number + 1]) * (1 << 20))
        result, error = call(vcenter, images[0], images=images)
        assert error is None and result["totals"]["missing"] == 100, error
        one, five = count(images[:1]), count(images)
        print(f"requests of an idle run on {len(datastores)} datastores: {one} for 1 image, {five} for 5")
        assert five <= 3 * len(datastores)
        assert abs(five - one) <= 3  # polls of the listings
    finally:
        vcenter.process.terminate()
        vcenter.process.wait(10)
        for image_id in images:
            lab.cloud.image.delete_image(image_id)
