# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the playbooks of day 2 on the lab that the demo has left, and looks at what they changed."""

from __future__ import annotations

import json
import os
import re
import subprocess

from conftest import LAB, ROOT, recap
from killed import killed
from labctl import base, simulator

A, B = "vc1-cluster-a", "vc1-cluster-b"
# The beginnings of the names of the nova-computes that extensions/molecule registers, by its vCenters.
MOLECULE = ("east-", "west-", "day2-", "north-")
HOST_STATE = """
find /etc/nova/vmware /etc/systemd/system/nova-vmware@.service /opt/nova-vmware -maxdepth 2 -type f -exec sha256sum {} + | sort
find /opt/nova-vmware /etc/nova/vmware /var/lib/nova /var/log/nova -maxdepth 2 -printf '%y %m %u %g %p %l\\n' | sort
for unit in /etc/nova/vmware/*/; do
  systemctl show -p ActiveState,UnitFileState,ExecMainStartTimestampMonotonic nova-vmware@$(basename $unit)
done
"""


def command(verb, *options):
    """Gives the command that runs a verb's playbook."""
    return [LAB / "venv/bin/ansible-playbook", f"playbooks/{verb}.yml", *options]


def environment():
    """Gives the environment for it."""
    return {**os.environ, "ANSIBLE_CONFIG": str(LAB / "ansible.cfg"), "NO_COLOR": "1"}


def play(verb, *options, code=0):
    """Runs a verb's playbook on the lab. Gives its output; fails the test unless it ends with that exit code."""
    done = subprocess.run(
        command(verb, *options), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=900, check=False
    )  # fmt: skip
    output = done.stdout + done.stderr
    with open(LAB / "log" / "verbs.log", "a", encoding="utf-8") as log:
        log.write(f"$ ansible-playbook playbooks/{verb}.yml {' '.join(options)}\n{output}\n")
    for line in [f"$ {verb} {' '.join(options)}", *output[output.find("PLAY RECAP") :].splitlines()]:
        print(line)
    assert done.returncode == code, output[-6000:]
    return output


def kill(verb, *options, at):
    """Runs a verb's playbook and kills it, with all its processes on the control node, at the first line that has ``at``."""
    was_killed, output = killed(at, command(verb, *options), cwd=ROOT, env=environment())
    assert was_killed, output[-6000:]
    print(f"$ {verb} {' '.join(options)}\nkilled at: {output.splitlines()[-1]}")


def changes(output):
    """Gives how much a playbook changed."""
    return sum(counts["changed"] for counts in recap(output).values())


def changed_tasks(output):
    """Gives (task, host, item) of each change that a playbook's output names, in order."""
    found, task = [], None
    for line in output.splitlines():
        head = re.match(r"TASK \[(?:openstack_vmware\.nova\.\w+ : )?(.*)\] \*+$", line)
        change = re.match(r"changed: \[([^\] ]+)[^\]]*\](?: => \(item=(.*)\))?", line)
        if head:
            task = head.group(1)
        elif change:
            found.append((task, *change.groups()))
    return found


def twice(lab, verb, *options):
    """Runs a verb's playbook in check mode, for real, and once more.

    Check mode changes nothing and names the same changes as the real run; the last run changes nothing. Gives the output of the real run.
    """
    foreseen = checked(lab, verb, *options)
    first = play(verb, *options)
    assert changes(first) > 0
    assert changed_tasks(foreseen) == changed_tasks(first)
    assert changes(play(verb, *options)) == 0
    return first


def checked(lab, verb, *options, code=0):
    """Runs a verb's playbook in check mode with a diff, which must change nothing and show no secret. Gives its output."""
    before, requests = state(lab), len(vcenter_requests())
    output = play(verb, *options, "--check", "--diff", code=code)
    assert state(lab) == before
    changing = [one for one in vcenter_requests()[requests:] if simulator.changes(one)]
    assert changing == [], changing  # pytest shows values only in files of tests
    for secret in secrets(lab):
        assert secret not in output
    return output


def state(lab):
    """Gives all that a verb could change: files, links and units of the compute host, Nova's services, Placement's providers.

    What the molecule scenarios, which run at the same time, have in the same Nova is left out.
    """
    services = sorted((one.host, one.id, one.status, one.disabled_reason or "") for one in lab.cloud.compute.services() if not one.host.startswith(MOLECULE))
    # A provider's name is CLUSTER.VCENTER, by the ids that vSphere gives both.
    vcenter = lab.hypervisors()[A].partition(".")[2]
    providers = sorted((one.id, one.name) for one in lab.cloud.placement.resource_providers() if one.name.endswith(f".{vcenter}"))
    return on_host(lab, HOST_STATE), services, providers


def vcenter_requests():
    """Gives the entries of the simulator's request log."""
    return simulator.requests(base.LOG / "vcenter-requests.log")


def secrets(lab):
    """Gives the passwords of the inventory."""
    vcenters = lab.variables["nova_vcdriver_vcenters"]
    broker = re.search(r":([^:@]+)@", lab.variables["nova_vcdriver_transport_url"]).group(1)
    return [vcenters[0]["host_password"], lab.variables["nova_vcdriver_auth"]["password"], broker]


def variables(tmp_path, **values):
    """Gives the option that sets variables from a file, as they may be secret."""
    path = tmp_path / "variables.json"
    base.write_private(path, json.dumps(values))
    return "-e", f"@{path}"


def on_host(lab, text):
    """Runs a shell command on the compute host. Gives its output."""
    return lab.shell(text)


def started(lab):
    """Gives since when each nova-compute runs."""
    show = "systemctl show --value -p ExecMainStartTimestampMonotonic nova-vmware@"
    return on_host(lab, f"{show}{A} nova-vmware@{B}").split()
