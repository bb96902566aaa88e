"""Clients that others wrote, for the tests and the benchmark: govc, and the collections community.vmware and vmware.vmware."""

import glob
import os
import shutil
import zipfile

from . import base, stages

COLLECTIONS = base.LAB / "clients"
FOLDERS = ("ansible_collections/community/vmware/", "ansible_collections/vmware/vmware/")


def govc():
    """Builds govc from lab/govc, of the same version of govmomi as the simulator. Gives its path."""
    source, program = base.SOURCES / "govc", base.BIN / "govc"
    if not (base.fresh("govc", source) and program.exists()):
        base.undone("govc")
        environment = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-modcacherw"}
        environment |= {"GOCACHE": base.LAB / "cache/go-build", "GOMODCACHE": base.LAB / "cache/go-mod"}
        base.BIN.mkdir(exist_ok=True)
        base.run([stages.go(), "build", "-trimpath", "-o", program, "."], log="go-build.log", env=environment, cwd=source)
        base.done("govc", source)
    return program


def collections():
    """Takes the collections out of the PyPI package `ansible`, which has them. Gives the folder for ANSIBLE_COLLECTIONS_PATH."""
    wanted = base.ROOT / "requirements/clients.txt"
    if base.fresh("clients", wanted) and COLLECTIONS.exists():
        return COLLECTIONS
    base.undone("clients")
    shutil.rmtree(COLLECTIONS, ignore_errors=True)
    COLLECTIONS.mkdir(parents=True)
    environment = {"PIP_CACHE_DIR": base.LAB / "cache/pip", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    base.run([base.LAB / "bootstrap/bin/pip", "download", "-q", "--no-deps", "-d", COLLECTIONS, "-r", wanted], env=environment)
    (wheel,) = glob.glob(str(COLLECTIONS / "*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(COLLECTIONS, [name for name in archive.namelist() if name.startswith(FOLDERS)])
    os.unlink(wheel)
    base.done("clients", wanted)
    return COLLECTIONS
