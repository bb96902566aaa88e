"""Runs a command and kills it, with all that it has started, as soon as it prints a text.

usage: killed.py TEXT COMMAND...

Exit code 0: it was killed. 1: it ended before. Its output goes to standard output.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys


def killed(text, command, **options):
    """Runs a command and kills its processes at the first line that has the text.

    :arg options: of :class:`subprocess.Popen`, for example ``cwd`` and ``env``.
    :returns: whether it was killed, and what it printed until then.
    """
    printed = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **options) as process:
        for line in process.stdout:
            printed.append(line)
            if text in line:
                os.killpg(process.pid, signal.SIGKILL)
                break  # without reading on: ssh keeps the pipe open for its ControlPersist
    return process.returncode == -signal.SIGKILL, "".join(printed)


if __name__ == "__main__":
    was_killed, output = killed(sys.argv[1], sys.argv[2:])
    print(output, end="")
    sys.exit(not was_killed)
