# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``compute_host_info``: what the compute host it runs on has and reaches. Standard library only."""

from __future__ import annotations

import concurrent.futures
import datetime
import email.utils
import http.client
import json
import os
import socket
import ssl
import subprocess

LIBRARIES = ("nova", "oslo.vmware", "urllib3", "suds-community")
_ASK = """
import importlib.metadata, json, sys
found = dict.fromkeys(sys.argv[1:])
for name in found:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def run(params, _check_mode):
    """Returns what the compute host sees. Nothing here is an error: what could not be found out is empty or null."""
    timeout = params["timeout"]
    places = [(name, params["esxi_port"]) for name in params["esxi_hosts"]]
    vcenter = params["vcenter"]
    if vcenter:
        places.insert(0, (vcenter["host"], vcenter["port"]))
    with concurrent.futures.ThreadPoolExecutor(max_workers=32) as pool:
        peers = list(pool.map(lambda place: peer(*place, timeout), dict.fromkeys(places)))
    return {
        "changed": False,
        "compute_host": {
            "versions": versions(params["python"]),
            "peers": peers,
            "clock_skew_seconds": clock_skew(vcenter["host"], vcenter["port"], timeout) if vcenter else None,
            "compute_ids": [{"state_path": path, "compute_id": is_there(os.path.join(path, "compute_id"))} for path in params["state_paths"]],
        },
    }


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
    """Returns ``{library: version}`` of what a Python has, None for what it has not."""
    try:
        done = subprocess.run([python, "-c", _ASK, *LIBRARIES], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return dict.fromkeys(LIBRARIES)
    return json.loads(done.stdout)


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
        date = connection.getresponse().getheader("Date")
        there = email.utils.parsedate_to_datetime(date)
    except (OSError, http.client.HTTPException, TypeError, ValueError):
        return None
    finally:
        connection.close()
    # The header has whole seconds, cut off: on average half a second is missing.
    return round((datetime.datetime.now(datetime.timezone.utc) - there).total_seconds() - 0.5, 1)
