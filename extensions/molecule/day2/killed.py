"""Runs a command and kills it, with all that it has started, as soon as it prints a text.

usage: killed.py TEXT COMMAND...

Exit code 0: it was killed. 1: it ended before. Its output goes to standard output.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

text, *command = sys.argv[1:]
with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
    for line in process.stdout:
        print(line, end="")
        if text in line:
            os.killpg(process.pid, signal.SIGKILL)
            sys.exit(0)
sys.exit(1)
