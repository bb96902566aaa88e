# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each molecule scenario is a test, by pytest-ansible. `tests/run molecule` makes the hosts and sets the environment.

pytest-ansible calls its fixture `molecule_scenario` deprecated since 26.10: it runs `molecule test -s NAME` in the scenario's project, no more.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re


def test_integration(molecule_scenario, tmp_path, monkeypatch):
    """A folder of its own each: scenarios that run at the same time must not share molecule's state, and each is prepared."""
    monkeypatch.setenv("MOLECULE_EPHEMERAL_DIRECTORY", str(tmp_path))
    log = pathlib.Path(os.environ["MOLECULE_LOGS"], f"molecule-{molecule_scenario.name}.log")
    with output_to(log):
        process = molecule_scenario.test()
    output = log.read_text(encoding="utf-8", errors="replace")
    print(output[-20000:])
    assert process.returncode == 0
    assert changed_by_last_check(output) == 0


@contextlib.contextmanager
def output_to(path):
    """Writes what this process and its children print into a file: both streams in their order, and at once."""
    saved = {number: os.dup(number) for number in (1, 2)}
    try:
        with open(path, "wb") as log:
            for number in saved:
                os.dup2(log.fileno(), number)
        yield
    finally:
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)


def changed_by_last_check(output):
    """Gives how much the last step `check` would change; molecule itself does not look."""
    last = re.findall(r"> check\] Executing\n(.*?)> check\] Executed", output, re.DOTALL)[-1]
    return sum(map(int, re.findall(r"\bchanged=(\d+)", last)))
