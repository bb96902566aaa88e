# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``vsphere_probe``: asks a vCenter how it behaves, and leaves nothing."""

from __future__ import annotations

import time
from dataclasses import replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils import progress
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache import stage
from ansible_collections.openstack_vmware.nova.plugins.module_utils.cache.locations import place_of
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deps import requires
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers import registry
from ansible_collections.openstack_vmware.nova.plugins.module_utils.drivers.clusters import NONE_SEEN
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import datastore as rule
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import cleanup, judge
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.bench import Bench, Late, Refused, Site
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.question import Finding
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe.questions import QUESTIONS
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi

BUDGET = 240.0  # seconds for all questions on one datastore


class ProbeError(NovaVmwareError):
    """The datastore that is to be probed can't be."""


def run(params, check_mode):
    """The module ``vsphere_probe``.

    :arg params: its options.
    :returns: its result. What could not be found out is in it, not an error.
    :raises NovaVmwareError: the vCenter can't be asked, or has no such datastore.
    """
    requires("pyvmomi", pyvmomi.IMPORT_ERROR, "to talk to a vCenter")
    wishes = registry.wanted(params["hypervisors"])
    with registry.login(params, wishes) as session:
        sites = find(registry.read(session, wishes, need_datastores=False), params["datastores"], session.server)
        name = cleanup.PREFIX + stage.this_run()
        removed, left, warnings = _leftovers(session, sites, check_mode)
        if check_mode:
            findings = [_all_not_asked(site, "It is not asked in check mode.") for site in sites]
        else:
            findings = []
            for site in sites:
                bench = Bench(session, site, name)
                try:
                    findings.append(ask_all(bench))
                finally:
                    _gone, stays = cleanup.remove_own(session, site, (bench.name, bench.second))
                    left += stays
        warnings += [f"The probe could not remove {text}: the next one tries again." for text in left]
        return {**_result(session.about, sites, name, findings), "changed": bool(removed), "leftovers": removed, "not_removed": left, "warnings": warnings}


def _leftovers(session, sites, check_mode):
    """Removes what killed probes have left. Gives what that was, what is still there, and warnings."""
    try:
        now = session.now()
        if check_mode:
            return sorted(one.text for one in cleanup.over(cleanup.things(session, sites), now)), [], []
        return *cleanup.remove(session, sites, lambda found: cleanup.over(found, now)), []
    except NovaVmwareError as error:
        return [], [], [f"It could not be seen whether killed probes have left something: {error.what}"]


def find(hypervisors, names, server):
    """Returns a :class:`Site` for each datastore that is named. Pure.

    :arg hypervisors: the clusters, as :func:`registry.read` returns them.
    :raises ProbeError: a datastore is not there, is there twice, or can't be used.
    """
    mounted = {}
    for one in hypervisors:
        for datastore, _refusal in one.verdicts:
            mounted.setdefault(datastore.name, {}).setdefault(datastore.moid, []).append((one, datastore))
    sites = []
    for name in dict.fromkeys(names):
        places = mounted.get(name, {})
        if not places:
            raise ProbeError(
                "DATASTORE_NOT_FOUND", f"No cluster of vCenter {server} that was looked at has a datastore {name}.",
                f"They have {', '.join(sorted(mounted)) or 'none'}." if hypervisors else NONE_SEEN, {"datastores": sorted(mounted)},
            )  # fmt: skip
        if len(places) > 1:
            paths = sorted(one.path for pairs in places.values() for one, _datastore in pairs)
            raise ProbeError(
                "DATASTORE_AMBIGUOUS", f"vCenter {server} has {len(places)} datastores with the name {name}, of the clusters {', '.join(paths)}.",
                "Name one of the clusters in hypervisors.", {"clusters": paths},
            )  # fmt: skip
        ((pairs),) = places.values()
        sites.append(_site(pairs, server))
    return sites


def _site(pairs, server):
    """Makes a :class:`Site` of a datastore. The first cluster with a host that can write to it is the one that imports go to."""
    datastore = pairs[0][1]
    reason = rule.refusal(datastore.name, datastore.type, datastore.accessible, datastore.maintenance_mode)
    if reason:
        raise ProbeError("DATASTORE_NOT_USABLE", f"The datastore {datastore.name} of vCenter {server} {reason}.", "Nova would not use it.")
    writers = [(one, moid, name) for one, _datastore in pairs for moid, name in one.writers(datastore).items()]
    if not writers:
        raise ProbeError(
            "NO_UPLOAD_HOST", f"No connected host outside maintenance mode can write to the datastore {datastore.name} of vCenter {server}.",
            "Bring a host back.",
        )  # fmt: skip
    first = writers[0][0]
    imports = first.import_place(datastore)
    return Site(
        place=place_of(datastore, first.datacenter), datastore=datastore, cluster=first.path, pool=imports.resource_pool, vm_folder=imports.vm_folder,
        hosts=tuple(name for _one, _moid, name in writers), host_moids=tuple(moid for _one, moid, _name in writers), host=imports.host,
    )  # fmt: skip


def ask_all(bench, questions=QUESTIONS):
    """Asks all questions that apply to a datastore, one after the other, and no longer than :data:`BUDGET`.

    :returns: ``{id: Finding}`` in the order of the questions.
    """
    findings = {}
    end = time.monotonic() + BUDGET
    for question in questions:
        if bench.site.datastore.type not in question.types:
            findings[question.id] = judge.not_asked(f"It is a question for {' and '.join(sorted(question.types))}, not for {bench.site.datastore.type}.")
            continue
        need = judge.unmet(question, findings)
        if need:
            findings[question.id] = judge.not_asked(f"It can't be asked, since the answer to {need} was {findings[need].value or 'unknown'}.")
            continue
        seconds = min(question.seconds, end - time.monotonic())
        if seconds <= 0:
            findings[question.id] = judge.not_asked(f"The {BUDGET:.0f} seconds for all questions were over.")
            continue
        bench.limit(seconds)
        with progress.step("ask", question.id, bench.place.datastore, 0) as step:
            finding = ask(question, bench, seconds)
        findings[question.id] = replace(finding, seconds=step.seconds)
    return findings


def ask(question, bench, seconds):
    """Asks one question. A refusal that its function does not know is the answer ``no`` where there is one, else nothing is known."""
    wrong = next((answer for answer in judge.BAD if answer in question.answers), None)
    try:
        return question.ask(bench)
    except Refused as refused:
        return Finding(wrong, f"The vCenter said: {refused}.", refused.lacking)
    except Late:
        return Finding(None, f"It took longer than {seconds:.0f} seconds.")
    except NovaVmwareError as error:
        if error.code in ("TRANSFER_TIMEOUT", "TASK_TIMEOUT"):
            return Finding(None, f"It took longer than {seconds:.0f} seconds.")
        lacking = {name for names in error.details.get("privileges", {}).values() for name in names}
        return Finding(wrong, error.what, ", ".join(sorted(lacking)))


def _all_not_asked(site, reason):
    return {question.id: judge.not_asked(reason) for question in QUESTIONS if site.datastore.type in question.types}


def _result(about, sites, name, findings):
    verdicts = [
        judge.verdict(question, site.place.datastore, found[question.id])
        for site, found in zip(sites, findings)
        for question in QUESTIONS
        if question.id in found and site.datastore.type in question.types
    ]
    known = judge.switches(QUESTIONS, findings)
    return {
        "vcenter": {"version": about.version, "build": about.build},
        "datastores": [
            {
                "name": site.place.datastore,
                "type": site.datastore.type,
                "cluster": site.cluster,
                "hosts": list(site.hosts),
                "scratch": site.place.path(name),
            }
            for site in sites
        ],
        "verdicts": judge.worst_first(verdicts),
        "profile": judge.profile(about.version, about.build, [site.datastore.type for site in sites], known),
        "unknown": judge.unknown(QUESTIONS, known),
    }
