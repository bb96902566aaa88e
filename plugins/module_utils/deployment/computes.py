# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nova-computes of a compute host, from the variables of the role: what each is called, what is in its nova.conf, which are chosen. Pure.

Variables may be Ansible's lazy containers, whose values are rendered when they are read. So nothing is read here that is not needed, and each dict and
list that is returned is a new one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import files, history
from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.truth import truth

# Names of the options that go into secrets.conf; covers each option that Nova 34 and its libraries mark as secret.
SECRET = re.compile(r"(password|secret|transport_url|connection|backend_argument|fixed_key|hmac_keys|_key|approle_role_id|root_token_id|^token)$|secret_id$")
# Options that have a variable of their own, or are one nova-compute's alone. Set in a config tree, Nova would work on something else than the modules.
OWNED = {
    "DEFAULT": ("host", "my_ip", "state_path", "transport_url", "lock_path"),
    "oslo_concurrency": ("lock_path",),
    "vmware": ("host_ip", "host_port", "host_username", "host_password", "ca_file", "insecure", "cluster_name", "datastore_regex"),
}
# Releases before this one run several clusters with one nova-compute: a list as [vmware]cluster_name of a config tree.
ONE_CLUSTER_SINCE = "12"
VCENTER_PORT = 443


@dataclass(frozen=True)
class Compute:
    """One nova-compute.

    ``host`` is Nova's name of it, ``vcenter`` the name of its entry in the variables, ``tree`` all that is set for it, ``{section: {option: value}}``,
    secrets included. ``ca_file`` is on the control node. ``cluster_settings`` are DRS and HA, ``{}`` for none. ``overridden`` has the
    options in a config tree that have a variable of their own, as ``[section]option``. ``literal`` is what Nova must read of the texts that the role sets,
    ``{section: {option: text}}``, secrets included.
    """

    host: str
    vcenter: str
    cluster_name: str
    datastore_regex: str | None
    tree: dict
    ca_file: str | None
    cluster_settings: dict
    overridden: tuple
    literal: dict

    @property
    def config(self):
        """What is in its nova.conf: the tree without secrets. Safe to show."""
        return {section: _part(options, secret=False) for section, options in self.tree.items()}

    @property
    def secrets(self):
        """What is in its secrets.conf: of the tree the secrets, without sections that have none."""
        found = {section: _part(options, secret=True) for section, options in self.tree.items()}
        return {section: options for section, options in found.items() if options}


def _part(options, secret):
    """Returns the options of a section that are secrets, or those that are not. An option that is None is left out: that is how a tree removes one."""
    return {name: value for name, value in (options or {}).items() if value is not None and bool(SECRET.search(name)) == secret}


def default_host(vcenter_name, cluster_name):
    """Returns the name of a nova-compute that was given none: ``<vcenter>-<cluster_name>``, with ``-`` for what a name can't have."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{vcenter_name}-{cluster_name}")


def identify(wish, vcenters):
    """Returns the name of a nova-compute, the name of its vCenter, and that vCenter's entry (``{}`` where there is none).

    :arg wish: an element of ``nova_vcdriver_computes``.
    :arg vcenters: ``nova_vcdriver_vcenters``.
    """
    name = wish.get("vcenter") or (vcenters[0]["name"] if vcenters else "")
    vcenter = next((vcenter for vcenter in vcenters if vcenter["name"] == name), {})
    return wish.get("host") or default_host(name, wish["cluster_name"]), name, vcenter


def names(wishes, vcenters):
    """Returns the names of the nova-computes that ``nova_vcdriver_computes`` asks for. Needs nothing else that may be wrong."""
    return [identify(wish, vcenters)[0] for wish in wishes]


def build(site):
    """Returns a :class:`Compute` for each element of ``nova_vcdriver_computes``, in their order.

    :arg site: the dict that the filter ``computes`` takes.
    :raises NovaVmwareError: ``NOVA_RELEASE_INVALID``.
    """
    return [_compute(site, wish) for wish in site["computes"]]


def _compute(site, wish):
    host, vcenter_name, vcenter = identify(wish, site["vcenters"])
    given = [site["config"] or {}, vcenter.get("config") or {}, wish.get("config") or {}]
    own = history.dated(_own(site, wish, host, vcenter_name, vcenter), site["release"])
    tree = _merged(own, *given)
    return Compute(
        host=host,
        vcenter=vcenter_name,
        cluster_name=wish["cluster_name"],
        datastore_regex=wish.get("datastore_regex"),
        tree=tree,
        ca_file=site["files"].get(files.ca_file(vcenter_name), {}).get("path"),
        cluster_settings=(wish["cluster_settings"] if "cluster_settings" in wish else site["cluster_settings"]) or {},
        overridden=tuple(_overridden(given, site["release"])),
        literal={section: _literal(options, tree.get(section) or {}) for section, options in own.items()},
    )


def _literal(own, merged):
    """Returns the texts of a section that no config tree has replaced, as Nova must read them."""
    return {name: value.replace("$$", "$") for name, value in own.items() if isinstance(value, str) and merged.get(name) == value}


def _own(site, wish, host, vcenter_name, vcenter):
    """Returns what the role sets, in the words of Nova 34; None is not set. oslo.config reads ``$$`` as a dollar sign."""
    auth = site["auth"] or {}
    region = _escaped(auth.get("region_name"))
    login = {"auth_type": "password"}
    login.update((option, _escaped(value)) for option, value in auth.items() if option != "region_name")
    state, log = f"{site['state']}/{host}", f"{site['log']}/{host}"
    regex = wish.get("datastore_regex")
    insecure = vcenter.get("insecure", False)
    return {
        "DEFAULT": {
            "host": host,
            "my_ip": site["my_ip"],
            "state_path": state,
            "compute_driver": "vmwareapi.VMwareVCDriver",
            "reserved_host_memory_mb": 0,
            "transport_url": _escaped(site["transport_url"]),
            "use_stderr": True,
            "log_file": f"{log}/nova-compute.log",
            "log_rotation_type": "size",
            "max_logfile_size_mb": 100,
            "max_logfile_count": 5,
        },
        "oslo_concurrency": {"lock_path": f"{state}/lock"},
        "vmware": {
            "host_ip": vcenter.get("host_ip", ""),
            "host_port": vcenter.get("host_port", VCENTER_PORT),
            "host_username": _escaped(vcenter.get("host_username", "")),
            "host_password": _escaped(vcenter.get("host_password", "")),
            "insecure": None if insecure is None else truth(insecure),
            "ca_file": f"{site['etc']}/{host}/ca.pem" if vcenter.get("ca_file") else None,
            "cluster_name": _escaped(wish["cluster_name"]),
            "datastore_regex": _escaped(_without_backslash_dollar(regex)) if regex else None,
            "cache_prefix": vcenter_name,
        },
        "image_cache": {"remove_unused_base_images": False, "manager_interval": -1},
        "vnc": {"enabled": False},
        "service_user": {"send_service_user_token": True, **login},
        "glance": {"region_name": region},
        "placement": {"region_name": region, **login},
        "neutron": {"region_name": region, **login},
        "cinder": {"os_region_name": region, **login},
    }


def _escaped(value):
    return value.replace("$", "$$") if isinstance(value, str) else value


def _without_backslash_dollar(regex):
    """Returns the same regular expression without a backslash right before a dollar sign, which oslo.config reads as the dollar sign alone
    (oslo_config/cfg.py, ``_substitute``).
    """
    pairs = re.findall(r"\\.|[^\\]|\\$", str(regex), re.DOTALL) + [""]
    found = []
    for one, following in zip(pairs, pairs[1:]):
        if one == r"\$":
            one = r"\x24"
        elif one == r"\\" and following.startswith("$"):
            one = r"\x5c"
        found.append(one)
    return "".join(found)


def _merged(*trees):
    """Returns trees merged option by option; later ones win. A section that is None empties it."""
    found = {}
    for tree in trees:
        for section, options in tree.items():
            if options is None:
                found[section] = {}
            else:
                found.setdefault(section, {}).update((name, _plain(value)) for name, value in options.items())
    return found


def _plain(value):
    """Returns a value with each list in it made anew."""
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _overridden(trees, release):
    """Yields each option of :data:`OWNED` that is in one of the trees."""
    for section, options in OWNED.items():
        for option in options:
            if (section, option) == ("vmware", "cluster_name") and history.is_before(release, ONE_CLUSTER_SINCE):
                continue
            if any(option in (tree.get(section) or {}) for tree in trees):
                yield f"[{section}]{option}"


def nova_conf(tree, host):
    """Returns the text of a file for nova-compute, without its first line and without a line break at its end. A list gives a line an element.

    :arg tree: ``{section: {option: value}}``.
    :arg host: the name of the nova-compute.
    """
    lines = [f"# nova-compute {host}"]
    for section in sorted(tree):
        if tree[section]:
            lines += ["", f"[{section}]"]
        for option in sorted(tree[section] or {}, key=str.lower):
            lines += [f"{option} = {_written(value)}" for value in flat(tree[section][option])]
    return "\n".join(lines)


def _written(value):
    """Returns a value as text. oslo.config takes away blanks around a value, then one pair of quotes (oslo_config/iniparser.py, ``_split_key_value``)."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    loses = text != text.strip() or text and text[0] == text[-1] and text[0] in "\"'"
    return f'"{text}"' if loses else text


def flat(value):
    """Yields the values of an option: of a list its elements, but for those that are None."""
    if not isinstance(value, (list, tuple)):
        yield value
        return
    for one in value:
        if one is not None:
            yield from flat(one)


def chosen(computes, names):
    """Returns the nova-computes that a run is about. :arg names: those that were asked for; none at all means each."""
    return [compute for compute in computes if not names or compute.host in names]


def run(site):
    """Returns what the filter ``computes`` documents.

    :arg site: what it takes.
    :raises NovaVmwareError: ``NOVA_RELEASE_INVALID``.
    """
    computes = build(site)
    ours = chosen(computes, site["only"])
    return {
        "all": [describe(compute) for compute in computes],
        "chosen": [describe(compute) for compute in ours],
        "secrets": {compute.host: compute.secrets for compute in ours},
        "services": [{"name": compute.host, "cluster_name": compute.cluster_name, "nova_conf": nova_conf(compute.config, compute.host)} for compute in ours],
        "with_secrets": {compute.host: _with_secrets(compute) for compute in ours},
        "files": [_files(compute, f"{site['etc']}/{compute.host}") for compute in ours],
        "settings_calls": settings_calls(ours),
    }


def describe(compute):
    """Returns a nova-compute as a dict for the tasks of the role. No secret is in it."""
    return {
        "host": compute.host,
        "vcenter": compute.vcenter,
        "cluster": {"cluster_name": compute.cluster_name, "datastore_regex": compute.datastore_regex},
        "config": compute.config,
        "ca_file": compute.ca_file,
        "cluster_settings": compute.cluster_settings,
        "overridden": list(compute.overridden),
    }


def _with_secrets(compute):
    """Returns the text of nova.conf with the secrets of OpenStack. The password of the vCenter is not needed where this goes."""
    secrets = {section: options for section, options in compute.secrets.items() if section != "vmware"}
    return "\n".join(nova_conf(tree, compute.host) for tree in (compute.config, secrets))


def _files(compute, folder):
    """Returns what files/validate_config.py takes: ``files``, ``{path: text}`` with the lines at which they will have them, and ``literal``."""
    trees = {"nova.conf": compute.config, "secrets.conf": compute.secrets}
    texts = {f"{folder}/{name}": f"# Ansible\n{nova_conf(tree, compute.host)}\n" for name, tree in trees.items()}
    return {"files": texts, "literal": compute.literal}


def settings_calls(computes):
    """Returns a call of ``vsphere_cluster_settings`` for all clusters of one vCenter that get the same DRS and HA.

    :returns: a list of ``{vcenter, settings, clusters}``, where clusters are names.
    """
    calls = []
    for compute in computes:
        if not compute.cluster_settings:
            continue
        asked = {"vcenter": compute.vcenter, "settings": compute.cluster_settings}
        call = next((call for call in calls if call["vcenter"] == asked["vcenter"] and call["settings"] == asked["settings"]), None)
        if call is None:
            calls.append({**asked, "clusters": [compute.cluster_name]})
        else:
            call["clusters"].append(compute.cluster_name)
    return calls
