# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's own rules, on its variables: what goes wrong, how one sees it, and what to do. Pure.

They are in the shape of the doctor's rules (docs/checks.md), which judge what becomes of the variables. An id never changes its meaning. No rule tells
the value of an option, which may be a secret, but for those of :data:`..computes.OWNED` that are none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import computes as build
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import history
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.refusal import unknown_names
from ansible_collections.openstack_vmware.nova.plugins.module_utils.text import unknown

DRIVER = "vmwareapi.VMwareVCDriver"
ESX_DRIVER_UNTIL = "2014.2"  # its last release is 2014.1


@dataclass(frozen=True)
class Given:
    """What the rules judge: ``site``, the variables; ``others``, ``{another compute host: its variables}``; ``computes`` all nova-computes and
    ``chosen`` those of the run, both empty while the shape of the variables is judged. Of the rules on releases: ``running``, ``{nova-compute: the release
    that it runs}``; ``controllers``, their release or None; ``downgrade``, whether an older release is wanted."""

    site: dict
    others: dict
    computes: tuple = ()
    chosen: tuple = ()
    running: dict | None = None
    controllers: str | None = None
    downgrade: bool = False


@dataclass(frozen=True)
class Rule:
    """One rule. ``check(given)`` yields ``(object, evidence)`` for each thing that is wrong."""

    id: str
    title: str
    source: str
    hint: str
    check: object


SHAPE, FIT = [], []  # rules on the shape of the variables, and those that can be judged where the shape is right
RELEASES = []  # rules on the release of Nova, beside what runs
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")  # line breaks, and what is none of a text; a tab is fine


def rule(table, title, source, hint):
    """Registers a function as a rule; its name in upper case is the id."""

    def register(check):
        table.append(Rule(check.__name__.upper(), title, source, hint, check))
        return check

    return register


def findings(site, others):
    """Returns what is wrong with the variables, as findings of ``compute_check``: ``id``, ``severity``, ``title``, ``object``, ``evidence``, ``source``
    and ``hint``. Where their shape is wrong, nothing else is judged.

    :arg site: the dict that the filter ``computes`` takes.
    :arg others: the variables of each other compute host, by its name; what is not set there may be left out.
    """
    found = _judged(SHAPE, Given(site, others))
    if found:
        return found
    computes = build.build(site)
    return _judged(FIT, Given(site, others, tuple(computes), tuple(build.chosen(computes, site["only"]))))


def release_findings(release, links, computes, controllers=None, downgrade=False):
    """Returns what is wrong with moving nova-computes to a release of Nova, as findings.

    :arg release: the release that they are to run.
    :arg links: ``<nova-compute> <venv that it runs from>`` each. :arg computes: the names of those that the run is about.
    :arg controllers: the release of Nova's controllers, None where it is not known.
    :arg downgrade: an older release than the one that runs is wanted.
    """
    running = {host: release for host, release in history.running(links).items() if host in computes}
    return _judged(RELEASES, Given({"release": release}, {}, running=running, controllers=controllers, downgrade=downgrade))


def _judged(rules, given):
    return [
        {
            "id": one.id,
            "severity": "error",
            "title": one.title,
            "vcenter": None,
            "object": name,
            "evidence": evidence,
            "source": one.source,
            "hint": one.hint,
        }
        for one in rules
        for name, evidence in one.check(given)
    ]


def _quoted(names):
    return ", ".join(f"'{name}'" for name in names)


def _twice(values):
    """Returns the values that are there more than once."""
    return [value for value in dict.fromkeys(values) if values.count(value) > 1]


@rule(
    SHAPE,
    "No nova-compute",
    "there would be nothing to do, and nothing that could fail",
    "Give nova_vcdriver_computes of a compute host an entry for each cluster that it runs: {cluster_name: cluster-a, datastore_regex: '^nova-'}.",
)
def computes_empty(given):
    if not given.site["computes"] and not any(variables.get("nova_vcdriver_computes") for variables in given.others.values()):
        yield "nova_vcdriver_computes", "it is empty on each compute host of the inventory"


@rule(
    SHAPE,
    "A release that Nova does not have",
    "nova_vcdriver_version, as on PyPI",
    "Set nova_vcdriver_version to the number of a release, such as 34.0.0. OpenStack 2026.1 (Gazpacho) has Nova 33, 2026.2 (Hibiscus) has Nova 34.",
)
def release_invalid(given):
    release = str(given.site["release"])
    # Releases were numbered by the year until 2015.1; OpenStack is again, and Nova is not.
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*((a|b|rc|\.dev)[0-9]+)?", release) or re.match(r"20(1[6-9]|[2-9])", release):
        yield f"'{release}'", "it is not the number of a release of Nova"


@rule(
    SHAPE,
    "A file that is not there",
    "a relative name is looked for in the folder of the inventory, then in the working directory",
    "Put the file into one of these places, or give its absolute path.",
)
def file_not_found(given):
    for what, file in given.site["files"].items():
        if not file["found"] and what != "nova_vcdriver_constraints":
            yield what, _nowhere(file)


@rule(
    SHAPE,
    "No pins for the release",
    "pip's option --constraint: without pins the newest library of each kind would be installed",
    "Set nova_vcdriver_version to a release that the role has pins for, or nova_vcdriver_constraints to a file with your own: take the upper-constraints.txt "
    "of that release from OpenStack's repository requirements, add nova==<release>, and have oslo.vmware 4.10.0 or later in it.",
)
def constraints_not_found(given):
    file = given.site["files"].get("nova_vcdriver_constraints")
    if file and not file["found"]:
        yield f"Nova {given.site['release']}", f"{_nowhere(file)}; the role has pins for {', '.join(given.site['pinned'])}"


def _nowhere(file):
    return f"there is no file {' and no file '.join(file['tried'])}"


@rule(SHAPE, "Two vCenters of one name", "nova_vcdriver_computes names a vCenter", "Give each entry of nova_vcdriver_vcenters a name of its own.")
def vcenter_name_not_unique(given):
    for name in _twice([vcenter["name"] for vcenter in given.site["vcenters"]]):
        yield name, "nova_vcdriver_vcenters has several entries of this name"


@rule(
    SHAPE,
    "A nova-compute of a vCenter that is not there",
    "nova_vcdriver_computes names a vCenter",
    "Give each entry of nova_vcdriver_computes the name of an entry of nova_vcdriver_vcenters as vcenter, unless there is one vCenter only.",
)
def vcenter_unknown(given):
    names = [vcenter["name"] for vcenter in given.site["vcenters"]]
    there = f"nova_vcdriver_vcenters has {_quoted(names) or 'none'}"
    if not names:
        yield "nova_vcdriver_vcenters", there
    for wish in given.site["computes"]:
        if wish.get("vcenter") and wish["vcenter"] not in names:
            yield wish["cluster_name"], f"it asks for vCenter {unknown(wish['vcenter'], names)}, and {there}"
        elif "vcenter" not in wish and len(names) > 1:
            yield wish["cluster_name"], f"it names no vCenter, and {there}"


@rule(
    SHAPE,
    "A path in place of a cluster's name",
    "nova/virt/vmwareapi/vm_util.py (get_cluster_ref_by_name)",
    "Set cluster_name to the bare name of the cluster, in vSphere's spelling: %2f, %5c and %25 for a slash, a backslash and a percent sign in it.",
)
def cluster_name_is_path(given):
    for wish in given.site["computes"]:
        if re.search(r"[/\\]", str(wish["cluster_name"])):
            yield wish["cluster_name"], "Nova would find no cluster of this name, since it compares bare names"


@rule(
    SHAPE,
    "A config tree that nova.conf can't carry",
    "oslo_config/cfg.py",
    "Write {section: {option: value}}, where a value is a text of one line, a number, a boolean, null, or a list of these. $$ is a dollar sign.",
)
def config_tree_invalid(given):
    trees = {"nova_vcdriver_config": given.site["config"]}
    for vcenter in given.site["vcenters"]:
        trees[f"config of vCenter {vcenter['name']}"] = vcenter.get("config")
    for wish in given.site["computes"]:
        trees[f"config of {wish['cluster_name']}"] = wish.get("config")
    for name, tree in trees.items():
        for evidence in _misshapen(tree):
            yield name, evidence


def _misshapen(tree):
    """Yields what is wrong with the shape of a config tree."""
    if not tree:
        return
    if not isinstance(tree, dict):
        yield "it is no dict of sections"
        return
    for section, options in tree.items():
        if options is not None and not isinstance(options, dict):
            yield f"its section {section} is no dict of options"
            continue
        for option, value in (options or {}).items():
            values = list(build.flat(value))
            if any(isinstance(one, dict) for one in values):
                yield f"[{section}]{option} has a dict"
            if any(isinstance(one, str) and CONTROL.search(one) for one in values):
                yield f"[{section}]{option} has several lines, or another control character"
            if any(isinstance(one, str) and r"\$" in one for one in values):
                yield f"[{section}]{option} has a backslash before a dollar sign, which Nova reads as the dollar sign alone"


@rule(
    SHAPE,
    "A value that nova.conf can't carry",
    "oslo_config/cfg.py (a backslash before a dollar sign is read as the dollar sign alone), oslo_config/iniparser.py",
    "Change it, for example the password. In transport_url write %5C for the backslash.",
)
def value_unwritable(given):
    values = {"nova_vcdriver_transport_url": given.site["transport_url"]}
    for vcenter in given.site["vcenters"]:
        values.update((f"{name} of vCenter {vcenter['name']}", vcenter.get(name)) for name in ("host_ip", "host_username", "host_password", "name"))
    values.update((f"{name} of nova_vcdriver_auth", value) for name, value in (given.site["auth"] or {}).items())
    for wish in given.site["computes"]:
        values.update((f"{name} of {wish['cluster_name']}", wish.get(name)) for name in ("cluster_name", "datastore_regex", "host"))
    for name, value in values.items():
        if not isinstance(value, str):
            continue
        if CONTROL.search(value):
            yield name, "it has a line break, or another control character"
        elif r"\$" in value and not name.startswith("datastore_regex "):  # that of a regular expression can be written in another way
            yield name, "it has a backslash before a dollar sign"


@rule(
    FIT,
    "A name in nova_vcdriver_only that no nova-compute has",
    "the run would have nothing to do, and nothing that could fail",
    "Give the names of nova-computes (the key host, by default <vcenter>-<cluster_name>).",
)
def only_unknown(given):
    known = [compute.host for compute in given.computes]
    for variables in given.others.values():
        known += build.names(variables.get("nova_vcdriver_computes") or (), variables.get("nova_vcdriver_vcenters") or [])
    wrong = unknown_names(given.site["only"], known)
    if wrong:
        yield "nova_vcdriver_only", f"it has {wrong}, and the nova-computes of the inventory are {_quoted(known)}"


@rule(
    FIT,
    "A name that a nova-compute can't have",
    "unit, folders and Nova's database carry it",
    "Set the key host, by default <vcenter>-<cluster_name>, to letters, digits and the characters . _ - only, at most 255.",
)
def host_invalid(given):
    for compute in given.computes:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", compute.host):
            yield compute.host, f"it is the name of the nova-compute of cluster {compute.cluster_name}"


@rule(
    FIT,
    "Two nova-computes of one name",
    "nova/objects/service.py (one record a host and binary)",
    "Give each entry of nova_vcdriver_computes a name of its own (the key host, by default <vcenter>-<cluster_name>).",
)
def host_not_unique(given):
    for host in _twice([compute.host for compute in given.computes]):
        yield host, "nova_vcdriver_computes has several of this name"


@rule(
    FIT,
    "Two nova-computes of one cluster",
    "nova/virt/vmwareapi/driver.py (one hypervisor a cluster)",
    "Give each cluster one entry of nova_vcdriver_computes.",
)
def cluster_not_unique(given):
    places = [_place(compute.config.get("vmware", {})) for compute in given.computes]
    for place in _twice(places):
        names = ", ".join(compute.host for compute, own in zip(given.computes, places) if own == place)
        yield place[2], f"it has the nova-computes {names}"


def _place(vmware):
    """Returns what tells a cluster from all others: address and port of its vCenter, and its name."""
    return str(vmware.get("host_ip", "")), str(vmware.get("host_port") or build.VCENTER_PORT), str(vmware.get("cluster_name", "")).replace("$$", "$")


@rule(
    FIT,
    "A nova-compute or a cluster on two compute hosts",
    "nova/objects/service.py, nova/virt/vmwareapi/driver.py: two of one name fight for one service record in Nova, two of one cluster for its hypervisor",
    "Give each cluster to one compute host, and each nova-compute a name of its own (the key host).",
)
def deployed_elsewhere(given):
    hosts = {compute.host for compute in given.computes}
    places = {_place(compute.config.get("vmware", {})) for compute in given.computes}
    for other, variables in given.others.items():
        # Role defaults of other hosts are not visible here, so names are computed from what the inventory says.
        for wish in variables.get("nova_vcdriver_computes") or ():
            host, _name, vcenter = build.identify(wish, variables.get("nova_vcdriver_vcenters") or [])
            if host in hosts:
                yield host, f"the inventory has also {host} on {other}"
            elif _place({"host_ip": vcenter.get("host_ip", ""), "host_port": vcenter.get("host_port"), "cluster_name": wish["cluster_name"]}) in places:
                yield host, f"the inventory has also cluster {wish['cluster_name']} of {vcenter.get('host_ip', '')} as {host} on {other}"


@rule(
    FIT,
    "Two cache folders of one vCenter",
    "nova/virt/vmwareapi/vmops.py (_get_base_folder)",
    "Give the vCenter one entry of nova_vcdriver_vcenters, or set the same [vmware]cache_prefix in the key config of all of its entries.",
)
def cache_prefix_differs(given):
    by_address = {}
    for vcenter in given.site["vcenters"]:
        names = by_address.setdefault(f"{vcenter['host_ip']}:{vcenter.get('host_port', build.VCENTER_PORT)}", {})
        for compute in given.computes:
            if compute.vcenter == vcenter["name"]:
                names.setdefault(compute.vcenter, set()).add(compute.config.get("vmware", {}).get("cache_prefix", ""))
    for address, names in by_address.items():
        prefixes = set().union(*names.values())
        if len(names) > 1 and len(prefixes) > 1:
            yield (
                " and ".join(names),
                f"they are one vCenter, {address}, and their nova-computes have different values of [vmware]cache_prefix ({', '.join(sorted(prefixes))}): "
                "a datastore that they share would hold each image twice",
            )


@rule(
    FIT,
    "A driver for a single ESXi host",
    "nova/virt/vmwareapi/driver.py: the last release with it is 2014.1, in 2014.2 the class is there and does nothing, 2015.1 deleted it (commit 81bb294365)",
    "Put the ESXi host into a cluster of its own in a vCenter, give that cluster, and leave compute_driver to the role.",
)
def esx_driver_gone(given):
    release = given.site["release"]
    for compute, driver in _drivers(given):
        if "ESX" in driver and not history.is_before(release, ESX_DRIVER_UNTIL):
            yield compute.host, f"[DEFAULT]compute_driver = {driver}, which Nova {release} does not have"


@rule(FIT, "A driver that the role does not run", "nova/virt/driver.py (load_compute_driver)", "Leave compute_driver to the role.")
def driver_foreign(given):
    for compute, driver in _drivers(given):
        if driver != DRIVER and "ESX" not in driver:
            yield compute.host, f"[DEFAULT]compute_driver = {driver}, and the role runs {DRIVER} only"


def _drivers(given):
    """Yields each nova-compute of the run with its driver."""
    for compute in given.chosen:
        yield compute, str(compute.config.get("DEFAULT", {}).get("compute_driver", "unset"))


@rule(
    FIT,
    "Several clusters of one nova-compute",
    "nova/virt/vmwareapi/driver.py since 12.0.0 (commit 2f7403bd72), which takes the last value only",
    "Make an entry of nova_vcdriver_computes for each cluster.",
)
def clusters_of_one_compute(given):
    release = given.site["release"]
    for compute in given.chosen:
        names = compute.config.get("vmware", {}).get("cluster_name")
        if isinstance(names, list) and not history.is_before(release, build.ONE_CLUSTER_SINCE):
            yield compute.host, f"[vmware]cluster_name has {len(names)} values ({', '.join(names)}), and one nova-compute of Nova {release} runs one cluster"


@rule(
    FIT,
    "An option that has a variable, in a config tree",
    "preflight, verify and image_seed work with the role's own variables, and would look at something else than Nova",
    "Use nova_vcdriver_vcenters, nova_vcdriver_computes, nova_vcdriver_my_ip and nova_vcdriver_transport_url; state_path is fixed.",
)
def option_has_variable(given):
    for compute in given.chosen:
        if compute.overridden:
            yield compute.host, f"{', '.join(compute.overridden)} is in a config tree"


@rule(
    FIT,
    "A cache folder that only Nova can work out",
    "nova/virt/vmwareapi/vmops.py (_get_base_folder): image_cache takes the text as it is, and would seed another folder",
    "Set [vmware]cache_prefix and [image_cache]subdirectory_name to texts without a dollar sign. The name of the vCenter is the default of cache_prefix.",
)
def cache_folder_not_literal(given):
    for compute in given.chosen:
        for section, option in (("vmware", "cache_prefix"), ("image_cache", "subdirectory_name")):
            if "$" in str(compute.config.get(section, {}).get(option, "")):
                yield compute.host, f"[{section}]{option} has a dollar sign"


@rule(
    RELEASES,
    "Nova would be newer than its controllers",
    "nova/objects/service.py (a nova-compute may be older than its conductors, not newer)",
    "Upgrade the controllers first, or set nova_vcdriver_version to a release that is not newer than theirs.",
)
def release_newer_than_controllers(given):
    if given.controllers and history.number(given.site["release"])[0] > history.number(given.controllers)[0]:
        yield f"Nova {given.site['release']}", f"the controllers have {given.controllers}"


@rule(
    RELEASES,
    "Nova would be older than its controllers take",
    "nova/objects/service.py (OLDEST_SUPPORTED_SERVICE_VERSION), nova/utils.py (raise_if_old_compute: controllers do not start beside an older nova-compute)",
    "Set nova_vcdriver_version to a release that the controllers take.",
)
def release_too_old(given):
    if not given.controllers:
        return
    oldest = history.oldest_supported(given.controllers)
    if history.number(given.site["release"])[0] < oldest:
        yield f"Nova {given.site['release']}", f"the controllers have {given.controllers}, which takes nova-computes from {oldest}.0.0 on"


@rule(
    RELEASES,
    "An older release than the one that runs",
    "nova/objects/service.py (Nova tests upgrades only; what a newer nova-compute has written an older one may not read)",
    "Set nova_vcdriver_version to the release that runs or a newer one. If you want to go back, add -e nova_vcdriver_allow_downgrade=true.",
)
def release_downgrade(given):
    for host, release in (given.running or {}).items():
        if not given.downgrade and history.is_before(given.site["release"], release):
            yield host, f"it runs Nova {release}, and would get {given.site['release']}"
