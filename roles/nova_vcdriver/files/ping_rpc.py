# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a nova-compute over the message broker whether it answers, as Nova's API does; a service that is up may still be deaf.

usage: python - FOLDER SECONDS < ping_rpc.py, with the Python of its Nova. FOLDER has its nova.conf and secrets.conf.
Standard output: one line. Exit code: 0 when it answered within that time, else 1.
"""

import sys
import time

import oslo_messaging
from nova import baserpc, config, context, rpc
from nova.conf import CONF


def main(folder, seconds):
    """Calls ``ping`` of nova/baserpc.py, which each service of Nova has, on this host's queue. Gives the exit code."""
    config.parse_args(["nova-compute", "--config-file", f"{folder}/nova.conf", "--config-file", f"{folder}/secrets.conf"])
    rpc.init(CONF)
    client = baserpc.BaseAPI(topic="compute").client.prepare(server=CONF.host, timeout=float(seconds))
    began = time.monotonic()
    try:
        answer = client.call(context.get_admin_context(), "ping", arg=CONF.host)
    except oslo_messaging.MessagingException as error:
        print(f"no answer by RPC within {seconds} s ({type(error).__name__})")
        return 1
    print(f"{answer['service']} answered by RPC in {(time.monotonic() - began) * 1000:.0f} ms")
    return 0 if answer["arg"] == CONF.host else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
