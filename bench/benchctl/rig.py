"""What the cases stand on: simulators of their own, images in the lab's Glance, and commands whose cost is measured."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import yaml
from labctl import base, services, simulator
from labctl import large as large_site

from ansible_collections.openstack_vmware.nova.plugins.module_utils.disks import encoding, known

HERE = Path(__file__).resolve().parents[1]
BENCH = base.LAB / "bench"
# Datastores are kept in memory: the cases compare programs, not this machine's disk.
MEMORY = Path("/dev/shm")
PREFIX = "bench"
MIB = 1 << 20
HOSTS = ("127.1.1.11", "127.1.1.12")  # ESXi hosts of the lab's certificate


def scenario(count, pull_mib=None):
    """Gives the scenario of a vCenter with one cluster of two hosts, which mount ``count`` datastores ds-001, ds-002 and so on.

    :arg pull_mib: MiB a second that each host fetches, 0 for any; the vCenter then tells what was fetched. None: hosts may not fetch anything.
    """
    vcenter, host = dict(base.scenario()["vcenter"]), {}
    if pull_mib is not None:
        vcenter["behaviour"] = {**vcenter.get("behaviour", {}), "pull_manifest": "checksum"}
        host = {"http_client": True, "pull_mib_per_second": pull_mib}
    return {
        "vcenter": {**vcenter, "name": PREFIX},
        "datacenters": [
            {
                "name": "dc1",
                "clusters": [{"name": "cluster-a", "hosts": [{"name": name, **host} for name in HOSTS]}],
                "datastores": [{"name": f"ds-{number:03}", "type": "VMFS", "capacity_gb": 2000, "clusters": ["cluster-a"]} for number in range(1, count + 1)],
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
            "ca_path": str(base.TLS / "ca.pem"), "cache_prefix": PREFIX, "hypervisors": [{"cluster_name": "cluster-a"}],
        }  # fmt: skip

    def clear(self):
        """Empties all datastores."""
        for store in self.datastores.glob("ds-*"):
            for item in store.iterdir():
                if item.is_dir():
                    shutil.rmtree(item)
                else:
                    item.unlink()

    def requests(self, since=0):
        """Gives the request log as a list of dicts, from that byte on."""
        return simulator.requests(self.log, since)

    def mark(self):
        """Gives the end of the request log, for :meth:`requests`."""
        return self.log.stat().st_size

    def wire_bytes(self, since):
        """Gives the bytes of all uploads since :meth:`mark`."""
        return sum(one["bytes_in"] for one in self.requests(since) if one.get("http") in ("PUT", "POST") and one.get("path") != "/sdk")


@contextlib.contextmanager
def vcenter(count, memory=True, prefix=(), pull_mib=None):
    """Runs a simulator with ``count`` datastores. Gives a :class:`VCenter`.

    :arg memory: keep the datastores in memory; else below .lab.
    :arg prefix: words before its command, such as ``ip netns exec far``.
    :arg pull_mib: as :func:`scenario`.
    """
    port = base.free_port()
    BENCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=MEMORY if memory else BENCH) as name:
        folder = Path(name)
        (folder / "scenario.yml").write_text(yaml.safe_dump(scenario(count, pull_mib)), encoding="utf-8")
        one = VCenter(folder, port, folder / "datastores")
        process = simulator.start([*prefix, *simulator.command(folder / "scenario.yml", port, one.datastores, one.log)])
        try:
            yield one
        finally:
            simulator.end(process)


@contextlib.contextmanager
def large(clusters, hosts):
    """Runs a simulator of a large site (labctl/large.py). Gives a :class:`VCenter` with a ``folder`` for files."""
    port = base.free_port()
    BENCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BENCH) as name:
        folder = Path(name)
        (folder / "scenario.yml").write_text(yaml.safe_dump(large_site.scenario(clusters, hosts)), encoding="utf-8")
        one = VCenter(folder, port, folder / "datastores")
        one.folder = folder
        process = simulator.start(simulator.command(folder / "scenario.yml", port, one.datastores, one.log))
        try:
            yield one
        finally:
            simulator.end(process)


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


def stream_file(size):
    """Gives a streamOptimized file whose disk is :func:`random_file`; made once a size."""
    path = BENCH / "files" / f"stream-{size}"
    if not path.exists():
        encoder = encoding.Encoder(size, str(size))
        with open(random_file(size), "rb") as disk, open(path.with_suffix(".new"), "wb") as out:
            out.write(encoder.start())
            for chunk in iter(lambda: disk.read(MIB), b""):
                out.writelines(encoder.feed(chunk))
            out.writelines(encoder.finish())
        path.with_suffix(".new").rename(path)
    return path


def stream_image(cloud, size):
    """Uploads :func:`stream_file` as an image that a host may fetch: its SHA-256 is known, as if image_vmdk had made it. Gives its document."""
    path = stream_file(size)
    made = image(cloud, f"bench-stream-{size}", path, "streamOptimized")
    with open(path, "rb") as data:
        facts = known.Known(path.stat().st_size, hashlib.file_digest(data, "sha256").hexdigest(), size, size)
    cloud.image.update_image(made.id, **{known.PROPERTY: known.write(made.id, facts)})
    return cloud.image.get_image(made.id)


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
    for there in cloud.image.images(name=name):
        if there.status == "active" and there.size == size:
            return there
        cloud.image.delete_image(there)
    made = cloud.image.create_image(
        name=name, disk_format="vmdk", container_format="bare", validate_checksum=False, allow_duplicates=True,
        hw_disk_type=disk_type, hw_disk_bus="scsi", hw_scsi_model="lsilogic", os_distro="otherGuest64",
    )  # fmt: skip
    with open(path, "rb") as data:
        made.upload(cloud.image, data=data)
    return cloud.image.get_image(made.id)


def sparse_image(cloud, name, size, algorithm="sha256"):
    """Makes an image of ``size`` bytes of which only the first 64 MiB in each 8 GiB are not zero, without sending it through the API.

    Its file in Glance's store is a sparse one, so 100 GiB take next to no disk.
    """
    for there in cloud.image.images(name=name):
        cloud.image.delete_image(there)
    tiny = BENCH / "files" / "tiny"
    tiny.parent.mkdir(parents=True, exist_ok=True)
    tiny.write_bytes(os.urandom(MIB))
    made = image(cloud, name, tiny)
    stored = base.RUN / "glance/images" / made.id
    with open(stored, "r+b") as out:
        out.truncate(size)
        for at in range(0, size, 8 << 30):
            out.seek(at)
            for _chunk in range(64):
                out.write(os.urandom(MIB))
    rehash(made, stored, algorithm)
    with services.database("glance") as connection, connection.cursor() as cursor:
        cursor.execute("update images set size=%s where id=%s", (size, made.id))
    return cloud.image.get_image(made.id)


def rehash(image, path, algorithm):
    """Gives an image another hash, as Glance does where hashing_algorithm is set to it."""
    with open(path, "rb") as data:
        value = hashlib.file_digest(data, algorithm).hexdigest()
    with services.database("glance") as connection, connection.cursor() as cursor:
        cursor.execute("update images set checksum=null, os_hash_algo=%s, os_hash_value=%s where id=%s", (algorithm, value, image.id))


def glance_bytes(image_id, since):
    """Gives the bytes of an image's data that Glance has sent, by the lines of its access log from that byte on."""
    with open(base.LOG / "glance-access.log", encoding="utf-8") as log:
        log.seek(since)
        words = [line.split() for line in log]
    return sum(int(word[3]) for word in words if len(word) > 3 and word[:2] == ["GET", f"/v2/images/{image_id}/file"])


def glance_mark():
    """Gives the end of Glance's access log, for :func:`glance_bytes`."""
    return (base.LOG / "glance-access.log").stat().st_size


def cpu():
    """Gives the CPU seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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


def session_cookie(one, prefix=()):
    """Logs in to the simulator with one SOAP call. Gives the cookie, for curl."""
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Login xmlns="urn:vim25">'
        f'<_this type="SessionManager">SessionManager</_this><userName>{one.username}</userName><password>{one.password}</password>'
        "</Login></e:Body></e:Envelope>"
    )
    _seconds, head = run(
        ["curl", "-sSf", "-D", "-", "-o", "/dev/null", "--cacert", base.TLS / "ca.pem", "--data-binary", "@-", f"https://127.0.0.1:{one.port}/sdk"],
        body, prefix=prefix,
    )  # fmt: skip
    return next(line.partition(":")[2].strip().partition(";")[0] for line in head.splitlines() if line.lower().startswith("set-cookie:"))


NEAR, FAR = "bench-near", "bench-far"


@contextlib.contextmanager
def link(rate):
    """Makes two network namespaces with one link between them, and runs Keystone and Glance in the far one.

    The near one has no loopback of its own: what is on 127.0.0.0/8 there is at the other end of the link. So every address and certificate of the
    lab is good on both sides. The services share the lab's databases, through their socket.

    :arg rate: as tc-tbf(8) takes it, for example ``1gbit``; both directions have it.
    :returns: the words before a command for the near and for the far end.
    """
    near, far = ("ip", "netns", "exec", NEAR), ("ip", "netns", "exec", FAR)
    started = []
    with contextlib.ExitStack() as stack:
        for name in (NEAR, FAR):
            base.run(["ip", "netns", "add", name])
            stack.callback(base.run, ["ip", "netns", "del", name])
        base.run(["ip", "link", "add", "bench", "netns", NEAR, "type", "veth", "peer", "name", "bench", "netns", FAR])
        base.run(["ip", "-n", FAR, "link", "set", "lo", "up"])
        for name, address in ((NEAR, "198.18.77.1"), (FAR, "198.18.77.2")):
            base.run(["ip", "-n", name, "addr", "add", f"{address}/30", "dev", "bench"])
            base.run(["ip", "-n", name, "link", "set", "bench", "up"])
            base.run(["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.conf.bench.route_localnet=1"])
            base.run(["tc", "-n", name, "qdisc", "add", "dev", "bench", "root", "tbf", "rate", rate, "burst", "256kb", "latency", "50ms"])
        base.run(["ip", "-n", NEAR, "route", "add", "127.0.0.0/8", "via", "198.18.77.2", "src", "198.18.77.1"])
        try:
            for name in ("keystone", "glance"):
                command, variables = services.api_command(name)
                environment = {**os.environ, **{key: str(value) for key, value in {**services.environment(), **variables}.items()}}
                with open(BENCH / f"far-{name}.log", "wb") as log:
                    started.append(subprocess.Popen([str(word) for word in (*far, *command)], env=environment, stdout=log, stderr=log))
            _wait_for(near, [base.urls()["keystone"] + "/v3", base.urls()["glance"] + "/"])
            yield near, far
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(30)


def _wait_for(prefix, urls, seconds=90):
    deadline = time.monotonic() + seconds
    for url in urls:
        while subprocess.run([*prefix, "curl", "-s", "-m", "5", "-o", "/dev/null", url], check=False).returncode:
            if time.monotonic() > deadline:
                raise base.LabError(f"{url} does not answer through the link")
            time.sleep(0.3)


def delay_is_possible():
    """Says whether this kernel can delay packets (netem), as text: tc's own words when it can't."""
    name = "bench-netem"
    base.run(["ip", "netns", "add", name])
    try:
        done = subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "30ms"], capture_output=True, text=True, check=False)
        return "yes" if done.returncode == 0 else f"no: {done.stderr.strip()}"
    finally:
        base.run(["ip", "netns", "del", name])
