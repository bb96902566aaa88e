"""usage: bench/run [--cases one,many,...] [--rounds N] [--small]. See docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time

from labctl import base, services, stages

from . import cases, report, rig

# Bytes of the image in each case that takes one; --small is to try the benchmark itself.
SIZES = {"one": (1 << 30, 64 << 20), "many": (256 << 20, 16 << 20)}


def machine():
    """Describes what the figures were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    with open("/proc/meminfo", encoding="ascii") as info:
        memory = int(info.readline().split()[1]) / (1 << 20)
    return {
        "CPU": f"{len(os.sched_getaffinity(0))} cores, {model}", "memory": f"{memory:.0f} GiB", "kernel": platform.release(),
        "Python": platform.python_version(), "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
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
    stages.simulator()  # a lab that runs already may be of older sources
    with services.connect() as cloud:
        for name in chosen:
            base.say(f"bench: {name}")
            sizes = [SIZES[name][options.small]] if name in SIZES else []
            if name == "idle" and options.small:
                sizes = [3, 5]
            figures, claims = cases.CASES[name](cloud, options.rounds, *sizes)
            measured += figures
            goals += claims
            # After each case: a run that is cut short keeps what it has.
            about = {**machine(), "rounds": options.rounds, "small": options.small}
            (rig.BENCH / "report.json").write_text(json.dumps(report.document(about, measured, goals), indent=1) + "\n", encoding="utf-8")
            (rig.BENCH / "report.md").write_text(report.markdown(about, measured, goals), encoding="utf-8")
    print((rig.BENCH / "report.md").read_text(encoding="utf-8"))
    print(f"Written to {rig.BENCH.relative_to(base.ROOT)}/report.json and report.md")


if __name__ == "__main__":
    try:
        main()
    except base.LabError as error:
        base.die(error)
