"""Runs a stage in this process, or lanes of stages side by side, each stage in a process of its own."""

from __future__ import annotations

import concurrent.futures
import fcntl
import json
import subprocess
import sys
import threading
import time

from labctl import base

from .stage import LOG, WORK, Failure, Stage, copy_tree
from .stages import PATIENT, STAGES

NICE = 5


def run_stage(function, seconds):
    """Runs a stage.

    :returns: the stage, and what ended it early, or an empty text.
    """
    stage = Stage(function.__name__, time.monotonic() + seconds)
    print(f"\n=== {stage.name}: {function.__doc__.splitlines()[0]}", flush=True)
    why = ""
    try:
        # A second run of the same stage waits: both would use the same copy.
        with open(WORK / f"{stage.name}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            copy_tree(stage.copy)
            function(stage)
        if not stage.passed and not stage.failed:
            raise Failure("no test was found")
    except (Failure, base.LabError, OSError, subprocess.SubprocessError) as error:
        why = str(error)
        stage.failed += 1
        stage.say(f"{stage.name}: {why}")
    stage.log.close()
    return stage, why


class Row:
    """How a stage ended: its counts, its seconds, and what ended it early or an empty text."""

    def __init__(self, passed, failed, seconds, why):
        self.passed, self.failed, self.seconds, self.why = passed, failed, seconds, why


def run_here(function):
    """Runs a stage in this process. Gives its :class:`Row`."""
    begin = time.monotonic()
    stage, why = run_stage(function, STAGES[function])
    return Row(stage.passed, stage.failed, time.monotonic() - begin, why)


class Lanes:
    """Stages side by side, each in a process of its own. The first that fails ends the others, unless told to keep going."""

    def __init__(self, keep_going):
        self._keep_going = keep_going
        self._over = threading.Event()
        self._shown = threading.Lock()
        self.rows = {}

    def run(self, lanes):
        """Runs the lanes to their ends; what this process is told to end by takes them along.

        :arg lanes: lists of stages.
        """
        with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
            try:
                for future in [pool.submit(self._lane, lane) for lane in lanes]:
                    future.result()
            finally:
                self._over.set()

    def _lane(self, lane):
        for function in lane:
            if self._over.is_set():
                return
            row = self.rows[function] = self._stage(function.__name__, STAGES[function], NICE if function in PATIENT else 0)
            if row.failed and not self._keep_going:
                self._over.set()

    def _stage(self, name, seconds, nice):
        result = WORK / f"{name}.json"
        result.unlink(missing_ok=True)
        begin = time.monotonic()
        command = ["nice", "-n", str(nice), sys.executable, "-m", __package__, "--result", str(result), name]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        while process.poll() is None:
            if self._over.wait(0.5) or time.monotonic() - begin > seconds + 60:
                process.terminate()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
        seconds = time.monotonic() - begin
        with self._shown:  # the stage's log has all that it printed
            print((LOG / f"{name}.log").read_text(encoding="utf-8", errors="replace"), flush=True)
        if not result.exists():
            return Row(0, 1, seconds, "it was ended")
        return Row(**json.loads(result.read_text(encoding="utf-8")), seconds=seconds)
