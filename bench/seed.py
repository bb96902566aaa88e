"""Runs the module image_cache in a process of its own, as Ansible does, and says what it cost.

Reads JSON from standard input: the module's options. Prints JSON: the module's ``result``, ``seconds`` and ``cpu`` seconds of its main function,
and ``peak_kib``, the process's peak memory (VmHWM). With the argument ``imports`` it only imports pyVmomi, for comparison.
"""

import contextlib
import importlib
import io
import json
import sys
import time


def peak():
    """Gives VmHWM in KiB."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def main():
    """Runs the module."""
    if sys.argv[1:] == ["imports"]:
        importlib.import_module("pyVim.connect")  # what a module that talks to a vCenter imports, at the least
        print(json.dumps({"peak_kib": peak()}))
        return
    from ansible.module_utils import basic

    from ansible_collections.openstack_vmware.nova.plugins.modules import image_cache

    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.load(sys.stdin)}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    output = io.StringIO()
    began, used = time.monotonic(), time.process_time()
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        image_cache.main()
    seconds = time.monotonic() - began
    cpu = time.process_time() - used
    print(json.dumps({"result": json.loads(output.getvalue()), "seconds": seconds, "cpu": cpu, "peak_kib": peak()}))


main()
