"""Runs the tests: all stages, or those that are named. `make test` calls it.

usage: tests/run [--keep-going] [STAGE...]

Stages go in lanes side by side, what is quick first; a stage of a lane shows its output when it has ended, or at once where there is one lane only.
Each stage installs what it needs, writes .work/log/STAGE.log and counts its tests; a stage without a test is a failure.
Each stage works on its own copy of the tree, .work/STAGE/ansible_collections/openstack_vmware/nova, since Ansible's tools want a collection there and
must not see .lab. The last line is the sum: `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from .lanes import Lanes, run_here
from .stage import LOG
from .stages import STAGES, STEPS


def end_by_signal(*_):
    """Lets a signal run what stands in ``finally``: the commands under way end too."""
    raise SystemExit("ended by a signal")


def main():
    """Runs the stages and prints the table. The exit code is 1 if a test failed."""
    names = {function.__name__: function for function in STAGES}
    parser = argparse.ArgumentParser(prog="tests/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", metavar="STAGE", nargs="*", choices=[[], *names], help=", ".join(names))
    parser.add_argument("--keep-going", action="store_true", help="run the next stages after a failed one")
    parser.add_argument("--result", help=argparse.SUPPRESS)  # the file for the counts of one stage, in a lane
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end_by_signal)
    LOG.mkdir(parents=True, exist_ok=True)
    if arguments.result:
        row = run_here(names[arguments.stages[0]])
        Path(arguments.result).write_text(json.dumps({"passed": row.passed, "failed": row.failed, "why": row.why}), encoding="utf-8")
        return 0
    begin = time.monotonic()
    wanted = [function for name, function in names.items() if name in (arguments.stages or names)]
    rows = {}
    for step in STEPS:
        lanes = [lane for lane in ([function for function in lane if function in wanted] for lane in step) if lane]
        if len(lanes) > 1:
            beside = Lanes(arguments.keep_going)
            beside.run(lanes)
            rows.update(beside.rows)
        else:
            for function in (function for lane in lanes for function in lane):
                rows[function] = run_here(function)
                if rows[function].failed and not arguments.keep_going:
                    break
        if any(row.failed for row in rows.values()) and not arguments.keep_going:
            break
    print(f"\n{'stage':<12} {'passed':>7} {'failed':>7} {'seconds':>8}")
    for function in wanted:
        if row := rows.get(function):
            print(f"{function.__name__:<12} {row.passed:>7} {row.failed:>7} {row.seconds:>8.1f}  {row.why}".rstrip())
        else:
            print(f"{function.__name__:<12} {'not run':>15}")
    passed, failed = sum(row.passed for row in rows.values()), sum(row.failed for row in rows.values())
    print(f"in all {time.monotonic() - begin:.1f} s")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
