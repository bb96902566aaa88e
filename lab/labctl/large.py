"""A large site: a vCenter with many clusters, and an inventory that spreads them over a few compute hosts."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import time
from dataclasses import dataclass

from . import base

CLUSTERS, HOSTS, COMPUTE_HOSTS = 40, 8, 4
USER, PASSWORD = "nova@vsphere.local", "lab-only-nova-large"


def names(clusters=CLUSTERS):
    """Returns the names of the clusters."""
    return [f"cluster-{number:02}" for number in range(clusters)]


def scenario(clusters=CLUSTERS, hosts=HOSTS, broken=False):
    """Returns a vCenter with clusters of so many ESXi hosts each, two datastores a cluster and one for all.

    broken: on every fourth cluster DRS is partially automated, on every fifth HA keeps no room, and in every tenth a host is in maintenance.
    """
    made = []
    for number, name in enumerate(names(clusters)):
        one = {
            "name": name,
            "hosts": [{"name": f"127.2.{number}.{11 + host}", "cores": 16, "threads": 32, "memory_mb": 131072} for host in range(hosts)],
        }
        if broken:
            one |= {"drs": {"behavior": "partiallyAutomated"}} if number % 4 == 0 else {}
            one |= {"ha": {"admission_control": False}} if number % 5 == 0 else {}
            one["hosts"][0] |= {"maintenance": True} if number % 10 == 0 else {}
        made.append(one)
    stores = [
        {"name": f"nova-{name}-{letter}", "type": "VMFS", "capacity_gb": 500, "free_gb": 400, "clusters": [name]} for name in names(clusters) for letter in "ab"
    ]
    shared = {"name": "nova-shared", "type": "NFS", "capacity_gb": 2000, "free_gb": 1500, "clusters": names(clusters)}
    return {
        "vcenter": {"name": "large", "version": "8.0.3", "username": USER, "password": PASSWORD},
        "datacenters": [{"name": "dc1", "networks": ["VM Network"], "clusters": made, "datastores": [*stores, shared]}],
    }


def inventory(port, clusters=CLUSTERS, compute_hosts=COMPUTE_HOSTS, more=()):
    """Returns an inventory for that vCenter, on this port, as a dict for YAML. Its compute hosts are names of this machine.

    more: names of clusters that the vCenter does not have, for the last compute host.
    """
    wanted = [{"cluster_name": name, "datastore_regex": "^nova-"} for name in names(clusters)]
    hosts = {f"compute-{number + 1}": {"nova_vcdriver_computes": wanted[number::compute_hosts]} for number in range(compute_hosts)}
    hosts[f"compute-{compute_hosts}"]["nova_vcdriver_computes"] += [{"cluster_name": name, "datastore_regex": "^nova-"} for name in more]
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": str(base.VENV / "bin/python"),
        "ansible_become": False,
        "nova_vcdriver_my_ip": "192.0.2.11",
        "nova_vcdriver_vcenters": [
            {"name": "large", "host_ip": "127.0.0.1", "host_port": port, "host_username": USER, "host_password": PASSWORD, "ca_file": str(base.TLS / "ca.pem")}
        ],
        "nova_vcdriver_transport_url": "rabbit://nova:lab-only-broker@192.0.2.1/",
        "nova_vcdriver_auth": {
            "auth_url": "http://192.0.2.1:5000/v3", "username": "nova", "password": "lab-only-service", "project_name": "service",
            "user_domain_name": "Default", "project_domain_name": "Default", "region_name": "RegionOne",
        },
        "nova_vcdriver_openstack": {"cloud": "none"},
        "nova_vcdriver_check_openstack": False,
    }  # fmt: skip
    return {"all": {"children": {"nova_vcdriver": {"hosts": hosts, "vars": variables}, "nova_controller": {"hosts": {"compute-1": {}}}}}}


@dataclass(frozen=True)
class Run:
    """How a run of ansible-playbook went: its exit code, what it printed, the seconds that it took and that its processes kept a core busy."""

    code: int
    output: str
    seconds: float
    cpu_seconds: float

    @property
    def lines(self):
        """The number of lines that it printed."""
        return len(self.output.splitlines())

    @property
    def changed(self):
        """How many tasks have changed something, on all hosts."""
        return sum(map(int, re.findall(r"\bchanged=(\d+)", self.output)))


def playbook(folder, name, port, *options, collections=base.LAB / "collections", **variables):
    """Runs a playbook of the collection on the inventory above. Returns its :class:`Run`.

    folder: for the inventory; the working directory. collections: where the collection is. options: more words for the command.
    variables: those of inventory().
    """
    (folder / "large.json").write_text(json.dumps(inventory(port, **variables)), encoding="utf-8")
    environment = {
        **os.environ, "PATH": f"{base.VENV}/bin:{os.environ['PATH']}", "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_NOCOLOR": "1",
    }  # fmt: skip
    for name_ in ("ANSIBLE_FORCE_COLOR", "ANSIBLE_CONFIG"):
        environment.pop(name_, None)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = ["ansible-playbook", "-i", "large.json", f"openstack_vmware.nova.{name}", "-e", "nova_vcdriver_check_openstack=false", *options]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd=folder, env=environment, text=True, check=False, **pipes)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(done.returncode, done.stdout, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
