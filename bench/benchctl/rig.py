"""What the cases stand on: simulators of their own, images in the lab's Glance, and commands whose cost is measured."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import requests
import yaml
from labctl import base, services

HERE = Path(__file__).resolve().parents[1]
BENCH = base.LAB / "bench"
# Datastores are kept in memory: the cases compare programs, not this machine's disk.
MEMORY = Path("/dev/shm")
PREFIX = "bench"
MIB = 1 << 20
HOSTS = ("127.1.1.11", "127.1.1.12")  # ESXi hosts of the lab's certificate


def scenario(count, datastore_type="VMFS"):
    """Gives the scenario of a vCenter with one cluster of two hosts, which mount ``count`` datastores ds-001, ds-002 and so on."""
    vcenter = base.scenario()["vcenter"]
    return {
        "vcenter": {**vcenter, "name": PREFIX},
        "datacenters": [
            {
                "name": "dc1",
                "clusters": [{"name": "cluster-a", "hosts": [{"name": name} for name in HOSTS]}],
                "datastores": [
                    {"name": f"ds-{number:03}", "type": datastore_type, "capacity_gb": 2000, "clusters": ["cluster-a"]}
                    for number in range(1, count + 1)
                ],
            }
        ],
    }


class VCenter:
    """A simulator that runs for one case."""

    def __init__(self, folder, port, datastores):
        self.port = port
        self.datastores = datastores  # folder of folders
        self.log = folder / "requests.log"
        known = base.scenario()["vcenter"]
        self.username, self.password = known["username"], known["password"]
        self.options = {
            "hostname": "127.0.0.1", "port": port, "username": self.username, "password": self.password,
            "ca_path": str(base.TLS / "ca.pem"), "cache_prefix": PREFIX, "clusters": [{"cluster_name": "cluster-a"}],
        }  # fmt: skip

    def clear(self):
        """Empties all datastores."""
        for store in self.datastores.glob("ds-*"):
            for item in store.iterdir():
                shutil.rmtree(item) if item.is_dir() else item.unlink()

    def requests(self, since=0):
        """Gives the request log as a list of dicts, from that byte on."""
        with open(self.log, encoding="utf-8") as log:
            log.seek(since)
            return [json.loads(line) for line in log]

    def mark(self):
        """Gives the end of the request log, for :meth:`requests`."""
        return self.log.stat().st_size

    def wire_bytes(self, since):
        """Gives the bytes of all uploads since :meth:`mark`."""
        return sum(one["bytes_in"] for one in self.requests(since) if one.get("http") in ("PUT", "POST") and one.get("path") != "/sdk")


@contextlib.contextmanager
def vcenter(count, memory=True, prefix=()):
    """Runs a simulator with ``count`` datastores. Gives a :class:`VCenter`.

    :arg memory: keep the datastores in memory; else below .lab.
    :arg prefix: words before its command, such as ``ip netns exec far``.
    """
    port = next(port for port in random.sample(range(10000, 20000), 100) if base.ports_free({"vcenter": port}))
    BENCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=MEMORY if memory else BENCH) as name:
        folder = Path(name)
        (folder / "scenario.yml").write_text(yaml.safe_dump(scenario(count)), encoding="utf-8")
        one = VCenter(folder, port, folder / "datastores")
        command = [
            *prefix, base.BIN / "vcsim", "-scenario", folder / "scenario.yml", "-listen", f"127.0.0.1:{port}",
            "-cert", base.TLS / "vcenter.pem", "-key", base.TLS / "vcenter.key", "-wsdl", base.LAB / "wsdl",
            "-datastores", one.datastores, "-request-log", one.log,
        ]  # fmt: skip
        with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as process:
            try:
                if not process.stdout.readline().startswith("vcsim ready"):
                    raise base.LabError("the simulator did not start")
                yield one
            finally:
                process.terminate()
                process.wait(30)


def random_file(size):
    """Gives a file of random bytes in memory; made once a size."""
    folder = BENCH / "files"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"random-{size}"
    if not path.exists() or path.stat().st_size != size:
        with open(path, "wb") as out:
            for _chunk in range(size // MIB):
                out.write(os.urandom(MIB))
            out.write(os.urandom(size % MIB))
    return path


def partly_used_file(size, share):
    """Gives a thick image of which ``share`` holds random bytes, in runs of 4 MiB spread over it; the rest reads as zeros."""
    path = BENCH / "files" / f"partly-{size}-{share}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_size != size:
        run = 4 * MIB
        with open(path, "wb") as out:
            out.truncate(size)
            for at in range(0, size, int(run / share)):
                out.seek(at)
                out.write(os.urandom(min(run, size - at)))
    return path


def image(cloud, name, path, disk_type="preallocated"):
    """Uploads a file as an image, unless an image of this name and size is there. Gives its document."""
    size = path.stat().st_size
    for known in cloud.image.images(name=name):
        if known.status == "active" and known.size == size:
            return known
        cloud.image.delete_image(known)
    made = cloud.image.create_image(
        name=name, disk_format="vmdk", container_format="bare", validate_checksum=False, allow_duplicates=True,
        hw_disk_type=disk_type, hw_disk_bus="scsi", hw_scsi_model="lsilogic", os_distro="otherGuest64",
    )  # fmt: skip
    with open(path, "rb") as data:
        made.upload(cloud.image, data=data)
    return cloud.image.get_image(made.id)


def sparse_image(cloud, name, size, algorithm="sha256"):
    """Makes an image of ``size`` bytes of which only the first 64 MiB in each 10 GiB are not zero, without sending it through the API.

    Its file in Glance's store is a sparse one, so 100 GiB take next to no disk.
    """
    for known in cloud.image.images(name=name):
        cloud.image.delete_image(known)
    tiny = BENCH / "files" / "tiny"
    tiny.parent.mkdir(parents=True, exist_ok=True)
    tiny.write_bytes(os.urandom(MIB))
    made = image(cloud, name, tiny)
    stored = base.RUN / "glance/images" / made.id
    with open(stored, "r+b") as out:
        out.truncate(size)
        for at in range(0, size, 10 << 30):
            out.seek(at)
            for _chunk in range(64):
                out.write(os.urandom(MIB))
    with open(stored, "rb") as data:
        value = hashlib.file_digest(data, algorithm).hexdigest()
    with services.database("glance") as connection, connection.cursor() as cursor:
        cursor.execute(
            "update images set size=%s, checksum=null, os_hash_algo=%s, os_hash_value=%s where id=%s", (size, algorithm, value, made.id)
        )
    return cloud.image.get_image(made.id)


def glance_bytes(image_id, since):
    """Gives the bytes of an image's data that Glance has sent, by the lines of its access log from that byte on."""
    with open(base.LOG / "glance-access.log", encoding="utf-8") as log:
        log.seek(since)
        words = [line.split() for line in log]
    return sum(int(word[3]) for word in words if len(word) > 3 and word[:2] == ["GET", f"/v2/images/{image_id}/file"])


def glance_mark():
    """Gives the end of Glance's access log, for :func:`glance_bytes`."""
    return (base.LOG / "glance-access.log").stat().st_size


def run(command, stdin="", env=None, prefix=()):
    """Runs a command to its end. Gives ``(seconds, standard output)``. Raises LabError when it fails."""
    command = [str(word) for word in (*prefix, *command)]
    began = time.monotonic()
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=3600, check=False, cwd=BENCH,
        env={**os.environ, **{key: str(value) for key, value in (env or {}).items()}},
    )  # fmt: skip
    seconds = time.monotonic() - began
    if done.returncode:
        raise base.LabError(f"{' '.join(command[:6])} failed ({done.returncode}):\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return seconds, done.stdout


def session_cookie(one):
    """Logs in to the simulator with one SOAP call. Gives the cookie, for curl."""
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Login xmlns="urn:vim25">'
        f'<_this type="SessionManager">SessionManager</_this><userName>{one.username}</userName><password>{one.password}</password>'
        "</Login></e:Body></e:Envelope>"
    )
    answer = requests.post(f"https://127.0.0.1:{one.port}/sdk", data=body, verify=str(base.TLS / "ca.pem"), timeout=60)
    answer.raise_for_status()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies)
