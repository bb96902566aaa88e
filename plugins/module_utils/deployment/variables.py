# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory lacks before a playbook can begin, in the words of somebody who writes his first one. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.openstack_vmware.nova.plugins.module_utils.text import meant

GROUP = "nova_vcdriver"
PREFIXES = ("nova_vcdriver_", "image_seed_")
# What a required variable looks like.
EXAMPLES = {
    "nova_vcdriver_vcenters": """\
nova_vcdriver_vcenters:
  - name: vc1
    host_ip: vcenter.example.com
    host_username: nova@vsphere.local
    host_password: "{{ vault_vc1_password }}"
""",
    "nova_vcdriver_computes": """\
nova_vcdriver_computes:            # of each compute host its own
  - {vcenter: vc1, cluster_name: cluster-a, datastore_regex: "^nova-"}
""",
    "nova_vcdriver_transport_url": 'nova_vcdriver_transport_url: "rabbit://nova:{{ vault_rabbit_password }}@rabbit.example.com:5672/"\n',
    "nova_vcdriver_auth": """\
nova_vcdriver_auth:                # the service user
  auth_url: https://keystone.example.com/v3
  username: nova
  password: "{{ vault_nova_password }}"
  project_name: service
  user_domain_name: Default
  project_domain_name: Default
  region_name: RegionOne
""",
    "nova_vcdriver_openstack": "nova_vcdriver_openstack: {cloud: prod}   # an administrator, from clouds.yaml\n",
    "image_seed_images": "image_seed_images: [ubuntu-24.04]\n",
}


def problems(groups, hosts, variables, spec, needed, sources):
    """Returns texts, each about one thing that is wrong with an inventory. None of them shows a value.

    :arg groups: ``{group: its hosts}``, Ansible's ``groups``.
    :arg hosts: the hosts that ``--limit`` leaves.
    :arg variables: ``{compute host: its variables}``.
    :arg spec: the options of the argument specs of the roles.
    :arg needed: names of the variables that the playbook can't do without.
    :arg sources: the inventories that were read.
    """
    computes = list(groups.get(GROUP) or ())
    if not computes:
        return [_no_group(groups, sources)]
    chosen = [host for host in computes if host in hosts]
    if not chosen:
        return [f"--limit leaves no host of the group {GROUP}, which has {', '.join(computes)}."]
    found = {}  # text -> the hosts that it is about
    missing = {}
    for host in chosen:
        lacks, texts = _of_host(variables[host], spec, needed)
        for text in texts:
            found.setdefault(text, []).append(host)
        if lacks:
            missing.setdefault(tuple(lacks), []).append(host)
    said = [_missing(names, of) for names, of in missing.items()]
    return said + [f"{', '.join(of)}: {text}" for text, of in found.items()]


def _no_group(groups, sources):
    """Returns what to do about an inventory without compute hosts."""
    known = [name for name in groups if name not in ("all", "ungrouped")]
    close = meant(GROUP, known)
    read = f"The inventory that was read is {', '.join(sources)}." if sources else "No inventory was read."
    hint = f" It has a group '{close}': did you mean that?" if close and close != GROUP else ""
    return (
        f"No host is in the group {GROUP}, so there is nothing to do. {read}{hint} Give yours with -i, and put the compute hosts into the group:\n\n"
        f"  {GROUP}:\n    hosts:\n      compute-1:\n\n"
        "  ansible-playbook -i inventory.yml openstack_vmware.nova.preflight"
    )


def _of_host(host, spec, needed):
    """Returns the names of what a host lacks, and texts about what is there and wrong."""
    given, texts, waiting = {}, [], set()
    for name in spec:
        if name not in host:
            continue
        try:
            given[name] = _plain(host[name])
        except Exception as error:  # whatever its template raises
            waiting.add(name)
            # What comes of facts can't be known yet, since none were gathered.
            if "ansible_" not in str(error):
                texts.append(f"{name} can't be rendered: {error}")
    known = {name: {**one, "required": False} for name, one in spec.items() if name not in waiting}
    texts += ArgumentSpecValidator(known).validate(given).error_messages
    for name in host:
        if name.startswith(PREFIXES) and name not in spec:
            # Without what all of them begin with, which would make each of them close.
            close = meant(_rest(name), {_rest(one): one for one in spec}, cutoff=0.75)
            right = close and name.removesuffix(_rest(name)) + close
            if right and right not in host:
                texts.append(f"no role has a variable {name}; did you mean {right}?")
    return [name for name in needed if name not in given and name not in waiting], texts


def _rest(name):
    """Returns the name of a variable without the name of its role."""
    return next((name[len(prefix) :] for prefix in PREFIXES if name.startswith(prefix)), name)


def _plain(value):
    """Returns a value with all that is in it rendered."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _missing(names, hosts):
    """Returns what to set, where, and what it looks like."""
    lines = "".join(EXAMPLES.get(name, f"{name}: ...\n") for name in names)
    example = "".join(f"  {line}\n" for line in lines.splitlines())
    return (
        f"{', '.join(hosts)}: the inventory does not set {', '.join(names)}. Set them for the group {GROUP}, for example in the file "
        f"group_vars/{GROUP}.yml beside the inventory:\n\n{example}\n"
        "ansible-doc -t role openstack_vmware.nova.nova_vcdriver describes each."
    )
