# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight asks of each vCenter, for all compute hosts of a run together. Pure."""

from __future__ import annotations


def asks(computes, host, services, logins, openstack, images, versions):
    """Returns what a compute host asks of each of its vCenters. The passwords of the logins and of the access to OpenStack are in it.

    :arg computes: its nova-computes, as the filter ``computes`` gives them. :arg host: its name in the inventory.
    :arg services: the same as ``compute_check`` takes them. :arg logins: what the filter ``vcenter_logins`` gives.
    :arg openstack: access to OpenStack, None where it is not asked. :arg images: names of images to judge.
    :arg versions: ``{library: version}`` of what will be installed, empty where that is what is there.
    """
    found = []
    for vcenter in dict.fromkeys(compute["vcenter"] for compute in computes):
        mine = [compute for compute in computes if compute["vcenter"] == vcenter]
        names = [compute["host"] for compute in mine]
        found.append(
            {
                "host": host,
                "vcenter": vcenter,
                "login": dict(logins[vcenter]),
                "openstack": openstack,
                "images": list(images) if openstack else [],
                "versions": dict(versions),
                "services": [{**service, "compute_host": host} for service in services if service["name"] in names],
                "hypervisors": [compute["cluster"] for compute in mine],
            }
        )
    return found


def calls(asked):
    """Merges what compute hosts ask: those with the same login and the same access to OpenStack share a call, so each vCenter is read once for a site.

    :arg asked: what :func:`asks` returns, of all hosts.
    :returns: calls in the order of their first hosts, ``{vcenter, login, openstack, images, hosts, services, hypervisors}`` each. ``hosts`` are
        ``{host, vcenter, versions}``: a compute host, and its own name of the vCenter.
    """
    found = []
    for ask in asked:
        same = {key: ask[key] for key in ("login", "openstack")}
        call = next((call for call in found if all(call[key] == value for key, value in same.items())), None)
        if call is None:
            call = {"vcenter": ask["vcenter"], **same, "images": [], "hosts": [], "services": [], "hypervisors": []}
            found.append(call)
        call["hosts"].append({key: ask[key] for key in ("host", "vcenter", "versions")})
        call["services"] += ask["services"]
        call["hypervisors"] += ask["hypervisors"]
        call["images"] += [image for image in ask["images"] if image not in call["images"]]
    return found


def numbers(asked, host):
    """Returns the places, from 0, of the calls that a compute host has a part in. :arg asked: what :func:`calls` returns."""
    return [number for number, call in enumerate(asked) if host in [one["host"] for one in call["hosts"]]]


def options(call, number, seen, settings):
    """Returns the options of ``compute_check`` that come from the compute hosts of a call: ``compute_hosts`` and ``cluster_settings``.

    :arg call: one of :func:`calls`. :arg number: its place in them.
    :arg seen: for each of its ``hosts`` what the loop of ``compute_host_info`` has registered, whose items are numbers of calls; ``{}`` for a host that failed.
    :arg settings: for each of its ``hosts`` what the loop of ``vsphere_cluster_settings`` has registered, whose items have ``vcenter``.
    """
    compute_hosts, clusters = {}, []
    for host, its_seen, its_settings in zip(call["hosts"], seen, settings):
        told = next((result.get("compute_host") for result in its_seen.get("results") or () if result["item"] == number), None)
        versions = {"versions": host["versions"]} if host["versions"] else {}
        compute_hosts[host["host"]] = {**compute_hosts.get(host["host"], {}), **(told or {}), **versions}
        for result in its_settings.get("results") or ():
            if result["item"]["vcenter"] == host["vcenter"]:
                clusters += result.get("clusters") or ()
    return {"compute_hosts": compute_hosts, "cluster_settings": clusters}


def findings(results, asked, host, names):
    """Returns the findings that are about a compute host: about it, about one of its nova-computes, or about all of a call that it shares.

    :arg results: results of ``compute_check``, one a call. :arg asked: the calls, in the same order.
    :arg host: the compute host. :arg names: its nova-computes.
    """
    found = []
    for number in numbers(asked, host):
        for finding in results[number]["findings"]:
            about = finding.get("services") or names
            if finding.get("compute_host") in (None, host) and any(name in names for name in about):
                found.append(dict(finding))
    return found


# Severities that stop a run, by the role's nova_vcdriver_check_fail_on.
_STOPPING = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


def obstacles(results, asked, hosts):
    """Returns the findings that stop a run: those about a compute host by what its own variables say.

    :arg results: results of ``compute_check``, one a call. :arg asked: the calls, in the same order.
    :arg hosts: ``{compute host: {names, ignore, fail_on}}``: its nova-computes, ids that it ignores, and ``error``, ``warning`` or ``never``.
    """
    found = []
    for host, wants in hosts.items():
        for finding in findings(results, asked, host, wants["names"]):
            if finding["severity"] in _STOPPING[wants["fail_on"]] and finding["id"] not in wants["ignore"] and finding not in found:
                found.append(finding)
    return found
