"""Environments of tools, each from a lock of its own, and the interpreters that the machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from labctl import base
from labctl import stages as prepare

from .stage import Failure

RUNS = "import sys; print('%d.%d' % sys.version_info[:2], sys.version, sep='\\n')"


def find_python(version):
    """Returns a Python of a version: the system's, one in PATH, pyenv's, or one that uv fetches where it may.

    :arg version: such as ``3.12``.
    :returns: the path of the interpreter, and its ``sys.version``.
    :raises Failure: there is none, and uv can't fetch one.
    """
    candidates = [Path("/usr/bin", f"python{version}"), shutil.which(f"python{version}")]
    if shutil.which("pyenv"):  # its shims run only the version that is set
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
        candidates += sorted(Path(root).glob(f"versions/{version}.*/bin/python"))
    own = base.LAB / "python"
    candidates += sorted(own.glob(f"cpython-{version}.*/bin/python{version}"))
    for path in filter(None, candidates):
        if text := _runs(path, version):
            return path, text
    try:
        prepare.uv("python", "install", "--no-bin", "--install-dir", own, version)
    except base.LabError as error:
        raise Failure(
            f"there is no Python {version} on this machine, and uv can't fetch one: install python{version}, by pyenv for instance. {error}"
        ) from error
    for path in own.glob(f"cpython-{version}.*/bin/python{version}"):
        if text := _runs(path, version):
            return path, text
    raise Failure(f"uv has fetched a Python {version} that does not run")


def _runs(path, version):
    """Returns the sys.version of an interpreter, or nothing if it is no Python of this version."""
    try:
        found = subprocess.run([path, "-c", RUNS], capture_output=True, text=True, check=False, env={"PATH": os.defpath}).stdout.split("\n", 1)
    except OSError:
        return ""
    return found[1] if found[0] == version else ""


def environment(name, lock, version):
    """Makes an environment below .lab, unless it is there from the same lock and Python.

    :arg name: its name in .lab/environments.
    :arg lock: path of the lock, below requirements/.
    :arg version: of Python, such as ``3.12``.
    :returns: the path of its ``bin`` folder.
    """
    folder, lock = base.LAB / "environments" / name, base.ROOT / "requirements" / lock
    with base.lock("environments.lock"):
        python, text = find_python(version)
        if not (base.fresh(name, lock, text) and (folder / "bin" / "python").exists()):
            base.undone(name)
            prepare.uv("venv", "-q", "--clear", "--python", python, folder)
            prepare.uv("pip", "sync", "-q", "--compile-bytecode", "--python", folder / "bin" / "python", lock)
            base.done(name, lock, text)
    return folder / "bin"
