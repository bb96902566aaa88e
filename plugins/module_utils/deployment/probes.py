# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook probe.yml asks of each vCenter, and how it shows the answers. Pure."""

from __future__ import annotations


def calls(hosts):
    """Returns one call for each vCenter, with the clusters of all hosts.

    :arg hosts: the variables of each host; one without ``nova_vcdriver_computes`` has no clusters.
    :returns: dicts of ``vcenter``, its name, and ``hypervisors``, each once, as modules take them.
    """
    found = {}
    for host in hosts:
        for compute in host.get("nova_vcdriver_computes", []):
            vcenter = compute["vcenter"] if "vcenter" in compute else host["nova_vcdriver_vcenters"][0]["name"]
            hypervisors = found.setdefault(vcenter, [])
            hypervisor = {"cluster_name": compute["cluster_name"]}
            if hypervisor not in hypervisors:
                hypervisors.append(hypervisor)
    return [{"vcenter": vcenter, "hypervisors": hypervisors} for vcenter, hypervisors in found.items()]


def line(verdict):
    """Returns a verdict of ``vsphere_probe`` as text; one that is not ``ok`` with its question, evidence, meaning and action."""
    text = f"{verdict['level']}: {verdict['id']} on {verdict['datastore']}: {verdict['finding']}."
    if verdict["level"] == "ok":
        return text
    more = (verdict[key] for key in ("question", "evidence", "meaning", "action"))
    return " ".join([text, *(sentence for sentence in more if sentence)])
