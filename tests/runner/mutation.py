"""Changes the pure rooms in thousands of ways, one at a time, and counts the changes that the unit tests notice: `make mutation`.

usage: make mutation [MINUTES=60]

mutmut makes the mutants and runs, for each, the tests that call the function. What has been judged is kept in .work/mutation, so the next run goes on
where this one stopped; delete the folder after a change of the code. `mutmut show NAME`, run there, shows one.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys

from labctl import base

from .environments import environment
from .stage import LOG, WORK, copy_tree
from .stages import python_version

ROOMS = (
    "cache/audit.py", "disks/encoding.py", "disks/grains.py", "disks/vmdk.py", "nova/cache.py", "nova/image.py", "seeding/plan.py", "seeding/work.py",
)  # fmt: skip
COLLECTION = "ansible_collections/openstack_vmware/nova"


def main():
    """Judges mutants until all are or the time is over, and prints the score. The exit code is 1 if none was judged."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    LOG.mkdir(parents=True, exist_ok=True)
    tools = environment("mutation", "mutation.lock", python_version())
    folder = WORK / "mutation"
    if not (folder / "mutants").exists():
        shutil.rmtree(folder, ignore_errors=True)
        copy_tree(folder / COLLECTION)
        shutil.rmtree(folder / COLLECTION / ".git")
        tests = sorted({f"{COLLECTION}/tests/unit/plugins/module_utils/{room.split('/', maxsplit=1)[0]}" for room in ROOMS})
        settings = {
            "source_paths": [f"{COLLECTION}/plugins/module_utils"],
            "only_mutate": [f"*/module_utils/{room}" for room in ROOMS],
            "also_copy": ["ansible_collections"],
            "pytest_add_cli_args": ["-p", "no:cacheprovider", "-x", "-q"],
            "pytest_add_cli_args_test_selection": tests,
        }
        lines = "".join(f"{key} = {value!r}\n" for key, value in settings.items())
        (folder / "pyproject.toml").write_text(f"[tool.mutmut]\nuse_git_change_detection = false\n{lines}", encoding="utf-8")
    with open(LOG / "mutation.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([tools / "python", "-m", "mutmut", "run", "--max-children", "2"], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            process.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    text = subprocess.run([tools / "python", "-m", "mutmut", "results", "--all", "true"], cwd=folder, capture_output=True, text=True, check=True).stdout
    judged = {}
    for room, state in re.findall(r"module_utils\.(\w+\.\w+)\.\S+__mutmut_\d+: (.+)", text):
        counts = judged.setdefault(room, {})
        counts[state] = counts.get(state, 0) + 1
    print(f"{'room':<20} {'mutants':>8} {'judged':>8} {'killed':>8} {'score':>6}")
    whole = [0, 0, 0]
    for room, counts in sorted(judged.items()):
        killed = counts.get("killed", 0) + counts.get("timeout", 0)
        row = [sum(counts.values()), sum(counts.values()) - counts.get("not checked", 0), killed]
        whole = [one + more for one, more in zip(whole, row)]
        _show(room, row)
    _show("all", whole)
    print(f"Survivors: cd {folder.relative_to(base.ROOT)}, then {tools}/python -m mutmut results")
    return 0 if whole[1] else 1


def _show(room, row):
    mutants, judged, killed = row
    print(f"{room:<20} {mutants:>8} {judged:>8} {killed:>8} {f'{killed / judged:.0%}' if judged else '-':>6}")


if __name__ == "__main__":
    sys.exit(main())
