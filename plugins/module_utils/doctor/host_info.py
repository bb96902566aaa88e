# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``compute_host_info``: what the compute host it runs on has and reaches. Standard library only."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import socket
import ssl
import subprocess

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import options, reach
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.nova_conf import NovaConf
from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals

LIBRARIES = ("nova", "oslo.vmware", "urllib3", "suds-community")
_ASK = """
import importlib.metadata, json, sys
found = dict.fromkeys(sys.argv[1:])
for name in found:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
try:
    import requests
    bundle = requests.certs.where()
except Exception:
    bundle = None
print(json.dumps([found, bundle]))
"""
# The definitions of Nova and of the libraries that it uses, by the entry points that also make its sample configuration.
_DEFINE = """
import json, sys
from keystoneauth1 import loading
from stevedore import named
asked, sections, logins = json.load(sys.stdin)
asked, found, known = {tuple(one) for one in asked}, {}, {}
def add(section, options):
    for option in options:
        known.setdefault(section, set()).add(option.dest)
        if (section, option.dest) not in asked and section not in sections or (section, option.dest) in found:
            continue
        kind = option.type
        detected = getattr(option, "sample_default", None) is not None
        found[section, option.dest] = {
            "section": section, "name": option.dest, "type": "String" if kind is str else type(kind).__name__,
            "default": None if detected else option.default,
            "minimum": getattr(kind, "min", None), "maximum": getattr(kind, "max", None), "choices": list(getattr(kind, "choices", None) or ()),
            "deprecated": list(dict.fromkeys((old.group or section, old.name or option.dest) for old in option.deprecated_opts)),
        }
for extension in named.NamedExtensionManager("oslo.config.opts", ["nova.conf", "oslo.concurrency", "oslo.messaging"]):
    for group, members in extension.plugin():
        add(getattr(group, "name", group) or "DEFAULT", members)
for section in logins:
    add(section, loading.get_auth_plugin_conf_options("password"))
print(json.dumps([list(found.values()), {section: sorted(known[section]) for section in sections}]))
"""


def run(params, _check_mode):
    """Returns what the compute host sees. What could not be found out is no error, but empty or null.

    :raises NovaVmwareError: ``NOVA_CONF_INVALID``.
    """
    timeout = params["timeout"]
    places = [(name, params["esxi_port"]) for name in params["esxi_hosts"]]
    vcenter = params["vcenter"]
    if vcenter:
        places.insert(0, (vcenter["host"], vcenter["port"]))
    found, bundle = versions(params["python"])
    defined = definitions(params["python"]) if found["nova"] else None
    known = options.from_documents(defined["definitions"]) if defined else None
    services = [(name, _conf(name, text, known)) for name, text in params["nova_confs"].items()]
    with concurrent.futures.ThreadPoolExecutor(max_workers=33, initializer=leave_signals) as pool:
        asked = pool.submit(reach.reach, services, bundle, timeout)
        skew = pool.submit(clock_skew, vcenter["host"], vcenter["port"], timeout) if vcenter else None
        peers = list(pool.map(lambda place: peer(*place, timeout), dict.fromkeys(places)))
    return {
        "changed": False,
        "compute_host": {
            "versions": found,
            "options": defined and {"nova": found["nova"], **defined},
            "peers": peers,
            "openstack": asked.result(),
            "clock_skew_seconds": skew and skew.result(),
            "compute_ids": [{"state_path": path, "compute_id": is_there(os.path.join(path, "compute_id"))} for path in params["state_paths"]],
        },
    }


def _conf(name, text, known):
    try:
        return NovaConf(text, known)
    except ValueError as error:
        raise NovaVmwareError(
            "NOVA_CONF_INVALID", f"The nova.conf of '{name}' is not in the format of nova.conf: {error}.", "Nova would not start with it."
        ) from error


def is_there(path):
    """Tells whether there is such a file; None where this account may not look."""
    try:
        os.stat(path)
    except PermissionError:
        return None
    except OSError:
        return False
    return True


def versions(python):
    """Returns ``({library: version}, bundle)``: what a Python has, None for what it has not, and the path of the CA certificates that its requests trusts."""
    try:
        done = subprocess.run([python, "-c", _ASK, *LIBRARIES], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return dict.fromkeys(LIBRARIES), None
    found, bundle = json.loads(done.stdout)
    return found, bundle


def definitions(python):
    """Returns the definitions that the installed Nova has of the options that the rules read; None where it does not tell.

    :returns: ``{"definitions": [...], "known": {section: names}}``, as :mod:`.options` reads them.
    """
    asked = json.dumps([list(options.TABLE), list(options.KNOWN), options.LOGIN_SECTIONS])
    try:
        done = subprocess.run([python, "-W", "ignore", "-c", _DEFINE], input=asked, capture_output=True, text=True, timeout=120, check=True)
        found, known = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return {"definitions": found, "known": known}


def peer(host, port, timeout):
    """Resolves a name and connects to the port; gives the dict that the module documents."""
    seen = {"host": host, "port": port, "addresses": [], "reachable": False, "error": None}
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        seen["error"] = f"the name {host} does not resolve: {error.strerror or error}"
        return seen
    seen["addresses"] = list(dict.fromkeys(one[4][0] for one in found))
    try:
        with socket.create_connection((host, port), timeout):
            seen["reachable"] = True
    except OSError as error:
        seen["error"] = f"{host} ({', '.join(seen['addresses'])}) does not answer on port {port}: {error.strerror or error}"
    return seen


def clock_skew(host, port, timeout):
    """Returns the seconds that this clock is ahead of the vCenter's, by the Date of an HTTP answer; None where there is none.

    Nothing secret is sent and only a date is read, so the certificate is not verified here: a clock that is wrong may be why it would fail.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    try:
        connection.request("HEAD", "/sdk/vimServiceVersions.xml")
        return reach.skew(connection.getresponse().headers)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
