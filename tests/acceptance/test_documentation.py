# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of each module run, and what they return is what the page documents."""

from __future__ import annotations

import ast
import json

import pytest
import yaml
from conftest import ROOT
from simulated import call

pytestmark = pytest.mark.usefixtures("demo")

COLLECTION = "openstack_vmware.nova."
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
# Names in the examples, and what stands for them in the lab.
STANDS_FOR = {"ubuntu-24.04": "demo-sparse", "debian-12": "demo-stream", "fedora-43": "demo-sparse"}


def page(name, part):
    """Gives DOCUMENTATION, EXAMPLES or RETURN of a module, parsed."""
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{name}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == part:
            return yaml.safe_load(node.value.value)
    raise LookupError(part)


def undocumented(documented, value, where):
    """Gives the paths of keys that are returned but not documented, or documented but not returned, where the page lists them."""
    if isinstance(value, list):
        return [problem for item in value[:1] for problem in undocumented(documented, item, where)]
    if not isinstance(value, dict):
        return []
    known = documented.get("contains")
    if known is None:
        sample = documented.get("sample")
        sample = sample[0] if isinstance(sample, list) and sample else sample
        if not isinstance(sample, dict):
            return []
        known = {key: {"sample": item} for key, item in sample.items()}
    optional = {key for key, item in known.items() if "with O(" in str(item.get("returned", ""))}
    problems = [f"{where}.{key}" for key in (set(known) ^ set(value)) - (optional - set(value))]
    for key in set(known) & set(value):
        problems += undocumented(known[key], value[key], f"{where}.{key}")
    return problems


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(lab, name, tmp_path):
    """Every example runs as it is written, but for the names of the vCenter, the cloud and the images."""
    tasks = page(name, "EXAMPLES")
    used = set()
    for task in tasks:
        for key in [key for key in task if key.startswith(COLLECTION)]:
            used.add(key)
            options = task[key]
            if "hostname" in options:
                options.update(lab.vcenter())
            if "openstack" in options:
                options["openstack"] = {"cloud": "lab"}
            if "images" in options:
                options["images"] = [STANDS_FOR.get(image, image) for image in options["images"]]
            if "principal" in options:  # with a permission of its own the lab's account would be no administrator any more
                options["principal"] = "somebody@vsphere.local"
            if "flavor" in options:
                options["flavor"] = "demo"
            if "image" in options:
                options["image"] = STANDS_FOR.get(options["image"], options["image"])
    assert used == {COLLECTION + name}
    playbook = tmp_path / "examples.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    lab.ansible("ansible-playbook", str(playbook))


def results(lab):
    """Gives what each module returns on the lab."""
    clusters = [{key: cluster[key] for key in ("cluster_name", "datastore_regex")} for cluster in lab.variables["nova_vcdriver_computes"]]
    cache = {"hypervisors": clusters, "cache_prefix": lab.variables["nova_vcdriver_vcenters"][0]["name"], **lab.vcenter()}
    cloud = {"openstack": {"cloud": "lab"}}
    return {
        "hypervisor_info": call("hypervisor_info", hypervisors=clusters, **lab.vcenter()),
        "image_cache": call("image_cache", images=["demo-sparse"], **cache, **cloud),
        "image_vmdk": call("image_vmdk", image="demo-sparse", **cloud),
        "image_cache_info": call("image_cache_info", **cache),
        "image_cache_prune": call("image_cache_prune", **cache, **cloud),
        "compute_node_info": call("compute_node_info", hosts=lab.hosts, **cloud),
        "compute_canary": call("compute_canary", host=lab.hosts[0], image="demo-sparse", flavor="demo", **cloud),
        "compute_check": call("compute_check", services=clusters, fail_on="never", **lab.vcenter(), **cloud),
        "compute_host_info": call(
            "compute_host_info", vcenter={"host": lab.vcenter()["hostname"], "port": lab.vcenter()["port"]}, state_paths=["/var/lib/nova"]
        ),
        "vsphere_cluster_settings": call("vsphere_cluster_settings", clusters=[clusters[0]["cluster_name"]], **lab.vcenter()),
        "vsphere_host_firewall": call("vsphere_host_firewall", hypervisors=clusters, state="disabled", **lab.vcenter()),
        "vsphere_role": call("vsphere_role", principal="somebody@vsphere.local", datacenters=["dc1"], **lab.vcenter()),
        "vsphere_probe": call("vsphere_probe", datastores=["nova-a1"], **lab.vcenter()),
        "compute_service": call("compute_service", host=lab.hosts[0], **cloud),
    }


def test_return_values_are_documented(lab):
    found = results(lab)
    call("image_vmdk", image="demo-sparse", state="absent", openstack={"cloud": "lab"})
    assert sorted(found) == MODULES
    problems = []
    for name, result in found.items():
        for always in ("changed", "diff", "invocation", "warnings", "deprecations"):
            result.pop(always, None)
        problems += undocumented({"contains": page(name, "RETURN")}, json.loads(json.dumps(result)), name)
    assert problems == []
