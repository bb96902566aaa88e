"""usage: bench/run [--cases one,many,...] [--rounds N] [--small]. See docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time

from labctl import base, services, stages

from . import cases, report, rig

GIB, MIB = 1 << 30, 1 << 20
# What each case is given after the connection and the rounds, in bytes or counts; the second is for --small.
SIZES = {
    "one": ((GIB,), (64 * MIB,)),
    "task": ((GIB,), (64 * MIB,)),
    "many": ((256 * MIB, 16), (16 * MIB, 4)),
    "thick": ((4 * GIB,), (160 * MIB,)),
    "idle": ((30, 100), (3, 5)),
    "memory": (((GIB, 10 * GIB, 100 * GIB), 10 * GIB), ((160 * MIB,), 160 * MIB)),
    "preflight40": ((40, 8), (4, 2)),
    "pull": ((GIB, 128 * MIB, 16, 4), (64 * MIB, 16 * MIB, 4, 8)),
    "link": ((GIB, 256 * MIB), (64 * MIB, 16 * MIB)),
}


def machine():
    """Describes what the figures were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    with open("/proc/meminfo", encoding="ascii") as info:
        memory = int(info.readline().split()[1]) / (1 << 20)
    return {
        "CPU": f"{len(os.sched_getaffinity(0))} cores, {model}", "memory": f"{memory:.0f} GiB", "kernel": platform.release(),
        "Python": platform.python_version(), "packets can be delayed (netem)": rig.delay_is_possible(),
        "load average before": f"{os.getloadavg()[0]:.1f}", "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }  # fmt: skip


def main():
    """Runs the chosen cases. The exit status says whether they ran, not whether goals were met."""
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures what docs/performance.md claims, side by side with the peers.")
    parser.add_argument("--cases", default=",".join(cases.CASES), help="comma-separated: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of alternating runs (%(default)s)")
    parser.add_argument("--small", action="store_true", help="small images, to try the benchmark itself")
    options = parser.parse_args()
    chosen = options.cases.split(",")
    if unknown := set(chosen) - set(cases.CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    rig.BENCH.mkdir(parents=True, exist_ok=True)
    measured, goals = [], []
    about = {**machine(), "rounds": options.rounds, "small": options.small}
    stages.simulator()  # a lab that runs already may be of older sources
    with services.connect() as cloud:
        for name in chosen:
            base.say(f"bench: {name}")
            figures, claims = cases.CASES[name](cloud, options.rounds, *SIZES[name][options.small])
            measured += figures
            goals += claims
            # After each case: a run that is cut short keeps what it has.
            (rig.BENCH / "report.json").write_text(json.dumps(report.document(about, measured, goals), indent=1) + "\n", encoding="utf-8")
            (rig.BENCH / "report.md").write_text(report.markdown(about, measured, goals), encoding="utf-8")
    print((rig.BENCH / "report.md").read_text(encoding="utf-8"))
    print(f"Written to {rig.BENCH.relative_to(base.ROOT)}/report.json and report.md")


if __name__ == "__main__":
    try:
        main()
    except base.LabError as error:
        base.die(error)
