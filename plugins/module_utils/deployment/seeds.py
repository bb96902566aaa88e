# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role image_seed asks of each vCenter, and which hosts of a play share what they ask. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.truth import truth

_CACHE_OPTIONS = ("subdirectory_name", "remove_unused_base_images", "remove_unused_original_minimum_age_seconds")


def calls(instances):
    """Returns one call for each vCenter, cache folder and ``use_linked_clone``, in the order of their first nova-computes.

    :arg instances: a host's nova-computes: dicts of ``vcenter`` (its name), ``cluster`` (as modules take it) and ``config`` (nova.conf: options by section).
    :returns: dicts of ``vcenter``, ``cache`` (the options of nova.conf that decide the folder and its ageing), ``use_linked_clone`` and ``hypervisors``.
    """
    found = []
    for instance in instances:
        call = {
            "vcenter": instance["vcenter"],
            "cache": _cache(instance["config"]),
            "use_linked_clone": truth(instance["config"]["vmware"].get("use_linked_clone", True)),
        }
        same = next((other for other in found if all(other[key] == value for key, value in call.items())), None)
        if same:
            same["hypervisors"].append(instance["cluster"])
        else:
            found.append({**call, "hypervisors": [instance["cluster"]]})
    return found


def _cache(config):
    """Returns the options of a nova.conf that decide the cache folder. The address is one where the folder carries it, and is then the host's own.

    Rule: nova/virt/vmwareapi/vmops.py, ``_get_base_folder``.
    """
    cache = {name: value for name, value in config["vmware"].items() if name == "cache_prefix"}
    cache.update((name, value) for name, value in (config.get("image_cache") or {}).items() if name in _CACHE_OPTIONS)
    if not cache.get("cache_prefix") and truth(cache.get("remove_unused_base_images", True)):
        cache["my_ip"] = config["DEFAULT"]["my_ip"]
    return cache


def asked(own, vcenters, host, wishes):
    """Adds to the calls of a host what makes two of them one. No secret is in it, so other hosts may see it.

    :arg own: what ``calls`` returns; :arg vcenters: ``nova_vcdriver_vcenters``; :arg host: the host's name in the inventory.
    :arg wishes: what the host wants of each call: images, how they are sent, and so on; compared as it is.
    :returns: the calls with ``host`` and ``same``, which is equal for calls of two hosts that one of them may make for both.
    """
    by_name = {vcenter["name"]: vcenter for vcenter in vcenters}
    found = []
    for call in own:
        vcenter = by_name[call["vcenter"]]
        # The vCenter's name is each host's own.
        address = [vcenter["host_ip"], int(vcenter.get("host_port", 443)), vcenter["host_username"], vcenter.get("thumbprint", "")]
        same = {"address": address, "cache": call["cache"], "use_linked_clone": call["use_linked_clone"], "wishes": wishes}
        found.append({**call, "host": host, "same": same})
    return found


def shared(asked_by_hosts, access):
    """Merges the calls of hosts that ask for the same with the same access to OpenStack. The first of them makes the call.

    So an image is read from Glance once for all of them, and not at the same time by each.

    :arg asked_by_hosts: for each host what ``asked`` returns; :arg access: each host's access to OpenStack, in the same order. It is only compared.
    :returns: the calls, each with the hypervisors of all its hosts, and ``hosts``, their names; ``host`` is the one that makes it.
    """
    found = []
    for of_host, its_access in zip(asked_by_hosts, access):
        for call in of_host:
            same = next((merged for merged, other in found if merged["same"] == call["same"] and other == its_access), None)
            if same:
                same["hypervisors"] += call["hypervisors"]
                same["hosts"].append(call["host"])
            else:
                found.append(({**call, "hypervisors": list(call["hypervisors"]), "hosts": [call["host"]]}, its_access))
    return [merged for merged, _access in found]
