# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook did, would do, and leaves to somebody: one record of a site, made of what each compute host tells. Pure.

The record is a dict that goes into JSON as it is:

- ``playbook``, ``time`` and ``check_mode``: of which run it is.
- ``compute_hosts``: ``{name, reached}`` each. ``vcenters``: their names. ``computes``: ``{host, compute_host, vcenter, cluster_name, did}`` each, where
  ``did`` is a word of :data:`DEEDS` or None where the playbook does nothing to a nova-compute.
- ``findings``, ``not_checked`` and ``passed``: those of ``compute_check``; ``checked`` tells whether it was asked at all.
- ``seeds``: ``{vcenter, datastore, image, id, state, action}`` for each image on each datastore that was looked at, or None.
- ``drift``: what ``report_drift`` has found, each with ``compute_host``, or None where nobody looked.
- ``changes``: other things that were changed, as lines. ``needs``: what needs somebody, as lines; ``more`` are
  those of them that compute hosts have told.
"""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.groups import groups, number, objects, once, sample

# What a run does to a nova-compute, the weightiest first: in the past, and as a noun for check mode.
DEEDS = {
    "removed": ("removed", "removal"),
    "new": ("new", "new"),
    "restarted": ("restarted", "restart"),
    "started": ("started", "start"),
    "mapped": ("mapped to its cell", "mapping"),
    "disabled": ("taken out of service", "taken out of service"),
    "enabled": ("taken into service", "taken into service"),
    "rewritten": ("rewritten", "rewritten"),
    "unchanged": ("unchanged", "unchanged"),
}
# What image_cache did with an image on a datastore that had it not.
PUT = ("push", "copy")
NEEDS = 20  # lines of what needs somebody that are shown


def deeds(hosts, tasks):
    """Returns what a run did to each nova-compute: the weightiest deed of :data:`DEEDS`.

    :arg hosts: names of the nova-computes of the run.
    :arg tasks: ``{deed: names of the nova-computes that a task changed}``.
    """
    return {host: next((deed for deed in DEEDS if host in tasks.get(deed, ())), "unchanged") for host in hosts}


def record(told, playbook, time, check_mode, checks=()):
    """Returns the record of a site.

    :arg told: for each compute host of the inventory ``{name, reached, computes, did, seeds, drift, changes, needs}``. Only ``name`` and ``reached`` must be
        there. ``computes`` are as the filter ``computes`` gives them; ``did`` is what :func:`deeds` returns; ``seeds`` are results of ``image_cache`` with
        the vCenter's name at ``item.vcenter``.
    :arg time: a text. :arg check_mode: nothing was changed, and ``did`` and ``seeds`` are what would be done.
    :arg checks: results of ``compute_check``, of the whole site.
    """
    seeds = [host["seeds"] for host in told if host.get("seeds") is not None]
    drift = [host for host in told if host.get("drift") is not None]
    made = {
        "playbook": playbook,
        "time": time,
        "check_mode": check_mode,
        "compute_hosts": [{"name": host["name"], "reached": host["reached"]} for host in told],
        "vcenters": list(dict.fromkeys(compute["vcenter"] for host in told for compute in host.get("computes") or ())),
        "computes": [row for host in told for row in _computes(host)],
        "checked": bool(checks),
        "findings": once(finding for result in checks for finding in result.get("findings") or ()),
        "not_checked": once(rule for result in checks for rule in result.get("not_checked") or ()),
        "passed": list(dict.fromkeys(name for result in checks for name in result.get("passed") or ())),
        "seeds": [row for results in seeds for result in results for row in _seeds(result)] if seeds else None,
        "drift": [{"compute_host": host["name"], **one} for host in drift for one in host["drift"]] if drift else None,
        "changes": list(dict.fromkeys(line for host in told for line in host.get("changes") or ())),
    }
    more = [line for host in told for line in host.get("needs") or ()]
    return {**made, "more": more, "needs": needs(made, more)}


def _computes(host):
    """Yields a row for each nova-compute of a host, also for one that is in no inventory any more."""
    did = dict(host.get("did") or {})
    for compute in host.get("computes") or ():
        row = {"host": compute["host"], "compute_host": host["name"], "vcenter": compute["vcenter"], "cluster_name": compute["cluster"]["cluster_name"]}
        yield {**row, "did": did.pop(compute["host"], None)}
    for name, deed in did.items():
        yield {"host": name, "compute_host": host["name"], "vcenter": "", "cluster_name": "", "did": deed}


def _seeds(result):
    """Yields a row for each image on each datastore of a result of ``image_cache``."""
    vcenter = (result.get("item") or {}).get("vcenter", "")
    for image in result.get("images") or ():
        for row in image["datastores"]:
            yield {
                "vcenter": vcenter,
                "datastore": row["name"],
                "image": image["name"],
                "id": image["id"],
                "state": row["state"],
                "action": row["action"],
                "done": bool(row.get("via")),
                "bytes": row.get("planned_bytes") or 0,
            }


def seed_state(row, check_mode):
    """Returns in words how an image is on a datastore after the run."""
    if row["action"] == "none":
        return "complete" if row["state"] == "complete" else row["state"]
    if check_mode:
        return f"{row['state']}, would be seeded"
    return "seeded" if row["done"] else f"{row['state']}, not seeded"


def needs(site, more=()):
    """Returns a line for each thing that needs somebody. :arg more: lines of the playbook's own."""
    lines = [f"{one['name']} was not reached or failed; its error is in the output of the run" for one in site["compute_hosts"] if not one["reached"]]
    for group in groups(site["findings"]):
        if group["severity"] != "info":
            lines.append(f"{group['severity']} {group['id']}: {objects(group)}. Fix: {group['hint']}")
    missing = [row for row in site["seeds"] or () if seed_state(row, site["check_mode"]).endswith("not seeded")]
    if missing:
        where = [f"{row['image']} on {row['datastore']}" for row in missing]
        lines.append(f"{number(len(missing), 'image')} not seeded: {sample(where)}")
    drift = {}
    for one in site["drift"] or ():
        drift.setdefault(one["what"], []).append(one["host"] or one["compute_host"])
    lines += [f"drift, {what}: {sample(list(dict.fromkeys(hosts)))}" for what, hosts in drift.items()]
    return [*lines, *dict.fromkeys(more)]


def lines(site, shown=False):
    """Returns the summary of a site as lines: what changed or would change, and what needs somebody. At most :data:`NEEDS` and six lines.

    :arg shown: the findings were shown just before, so that it is enough to count them.
    """
    would = site["check_mode"]
    found = [f"{number(len(site['computes']), 'nova-compute')} on {number(len(site['compute_hosts']), 'compute host')}, "
             f"{number(len(site['vcenters']), 'vCenter')}"]  # fmt: skip
    found += [f"{'Would change' if would else 'Changed'}: {text}" for text in [changed(site)] if text]
    if site["seeds"] is not None:
        found.append(f"Images: {seeded(site)}")
    if site["drift"] is not None:
        found.append(f"Drift: {number(len(site['drift']), 'difference')}")
    need = site["needs"]
    if shown and site["findings"]:
        kinds = [group["severity"] for group in groups(site["findings"])]
        bad = sum(kind != "info" for kind in kinds)
        need = [*([f"{number(bad, 'rule')} above {'has' if bad == 1 else 'have'} findings"] if bad else []), *needs(site | {"findings": []}, site["more"])]
    if not need:
        return [*found, "Nothing needs anybody."]
    found.append(f"{number(len(need), 'thing')} {'needs' if len(need) == 1 else 'need'} somebody:")
    found += [f"- {line}" for line in need[:NEEDS]]
    return found + ([f"- and {len(need) - NEEDS} more; nova_vcdriver_report_files has all of them"] if len(need) > NEEDS else [])


def changed(site):
    """Returns what was or would be changed, as text: ``3 restarts, 2 new, 40 unchanged``; an empty one where the playbook changes nothing."""
    did = [compute["did"] for compute in site["computes"] if compute["did"]]
    texts = []
    for deed, (past, noun) in DEEDS.items():
        count = did.count(deed)
        if count:
            plural = site["check_mode"] and noun in ("restart", "start", "removal", "mapping")
            texts.append(number(count, noun) if plural else f"{count} {noun if site['check_mode'] else past}")
    return ", ".join(texts) + "".join(f"; {line}" for line in site["changes"][:5])


def seeded(site):
    """Returns how the images are, as text: ``40 complete, 2 seeded``, with the bytes that were or would be put there."""
    states = [seed_state(row, site["check_mode"]) for row in site["seeds"]]
    put = sum(row["bytes"] for row in site["seeds"] if row["action"] in PUT and (site["check_mode"] or row["done"]))
    texts = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)] or ["none asked for"]
    return ", ".join(texts) + (f"; {size(put)} {'would go' if site['check_mode'] else 'went'} to datastores" if put else "")


def size(count):
    """Returns bytes as text: ``1.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} TiB"


def stats(site):
    """Returns the record in few words, for programs that go on with it: counts, and at most :data:`NEEDS` lines of what needs somebody."""
    did = [compute["did"] for compute in site["computes"] if compute["did"]]
    severities = [finding["severity"] for finding in site["findings"]]
    return {
        "playbook": site["playbook"],
        "check_mode": site["check_mode"],
        "computes": {deed: did.count(deed) for deed in DEEDS if deed in did},
        "findings": {severity: severities.count(severity) for severity in ("error", "warning", "info")},
        "drift": None if site["drift"] is None else len(site["drift"]),
        "needs": [line[:300] for line in site["needs"][:NEEDS]],
        "needs_in_all": len(site["needs"]),
    }
