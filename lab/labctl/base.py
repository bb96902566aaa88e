"""What every part of the lab shares: places, ports, passwords, stages and how commands are run."""

import concurrent.futures
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import random
import secrets
import socket
import subprocess
import sys
import threading
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = ROOT / ".lab"
SOURCES = ROOT / "lab"
LOG = LAB / "log"
ETC = LAB / "etc"
RUN = LAB / "run"
BIN = LAB / "bin"
TLS = LAB / "tls"
VENV = LAB / "venv"
OPENSTACK = LAB / "openstack"
SCENARIO = SOURCES / "scenarios" / "demo.yml"

# Offsets in the lab's block of ports. vCenter's port is also the port of each ESXi host, on the host's own address.
PORTS = ("keystone", "glance", "placement", "nova", "neutron", "rabbit", "rabbit_dist", "epmd", "vcenter")
USERS = ("admin", "nova", "glance", "placement", "neutron", "rabbit", "integration")


class LabError(Exception):
    """Something that the user must know; printed without a traceback."""


def say(text):
    """Prints one line of progress at once."""
    print(f"lab: {text}", flush=True)


def run(command, log=None, env=None, timeout=900, cwd=None):
    """Runs a command to its end.

    command: list of strings or paths. log: name of a file in .lab/log that gets its output (None: captured).
    env: variables on top of the environment. timeout: seconds.
    Returns its standard output ("" with a log). Raises LabError with the last lines of output when it fails.
    """
    command = [str(word) for word in command]
    environment = {**os.environ, **{key: str(value) for key, value in (env or {}).items()}}
    with contextlib.ExitStack() as stack:
        if log:
            LOG.mkdir(parents=True, exist_ok=True)
            stdout = stack.enter_context(open(LOG / log, "ab"))
            stderr = subprocess.STDOUT
        else:
            stdout = stderr = subprocess.PIPE
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment, timeout=timeout, cwd=cwd, check=False)
        except FileNotFoundError as error:
            raise LabError(f"no such command: {command[0]}") from error
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{command[0]} took more than {timeout} s") from error
    output = "" if log else done.stdout.decode(errors="replace")
    if done.returncode:
        text = (LOG / log).read_text(errors="replace") if log else output + done.stderr.decode(errors="replace")
        tail = "\n".join(text.splitlines()[-15:])
        raise LabError(f"{' '.join(command[:4])} failed ({done.returncode})" + (f", see .lab/log/{log}" if log else "") + f":\n{tail}")
    return output


def write_private(path, text):
    """Writes a file that only root can read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    new.replace(path)


@contextlib.contextmanager
def lock(name="lock"):
    """Holds the lab's lock, or one of another name: one run changes the lab at a time. Raises LabError after 15 minutes of waiting."""
    LAB.mkdir(exist_ok=True)
    with open(LAB / name, "w", encoding="utf-8") as handle:
        for attempt in range(900):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == 0:
                    say("waits for another run of lab/lab")
                time.sleep(1)
        else:
            raise LabError("another run of lab/lab has not ended for 15 minutes")
        yield


def _load(name, make):
    """Reads the JSON file .lab/NAME, or makes it (mode 0600) from what make() gives."""
    path = LAB / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        value = make()
        write_private(path, json.dumps(value, indent=2) + "\n")
        return value


def scenario():
    """Returns the vCenter's scenario file as a dict."""
    return yaml.safe_load(SCENARIO.read_text(encoding="utf-8"))


def clusters():
    """Returns the clusters of the scenario: [{name, hosts: [{name, ...}]}]."""
    return [cluster for datacenter in scenario()["datacenters"] for cluster in datacenter.get("clusters", [])]


def esxi_addresses():
    """Returns the addresses of all ESXi hosts of the scenario."""
    return sorted(host["name"] for cluster in clusters() for host in cluster["hosts"])


def ports_free(ports):
    """True if nothing listens on any of the lab's ports ({name: port}), on each address where the lab will."""
    for name, port in ports.items():
        for address in ["127.0.0.1", *(esxi_addresses() if name == "vcenter" else [])]:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError:
                    return False
    return True


def free_port():
    """Returns a port that is free on every address: a simulated vCenter's hosts listen on its port, each on an address of its own."""
    for port in random.sample(range(10000, 20000), 100):  # below Linux's ephemeral ports and those of the labs
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port
    raise LabError("no free port between 10000 and 20000")


def _find_ports():
    # Below Linux's ephemeral ports (32768 and up). At random, since another lab may look at the same moment.
    for start in random.sample(range(21000, 32000, 20), 100):
        found = {name: start + offset for offset, name in enumerate(PORTS)}
        if ports_free(found):
            return found
    raise LabError("no free block of ports between 21000 and 32000")


def ports(new=False):
    """Returns the lab's ports as {name: port}, found free at the first call and kept in .lab/ports.json.

    new: look for another block.
    """
    if new:
        (LAB / "ports.json").unlink(missing_ok=True)
    return _load("ports.json", _find_ports)


def _compute_free(net):
    """True if no compute host of another checkout listens on {net}.11, where lab/hosts puts ssh on port 2222."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((f"{net}.11", 2222))
        except OSError:
            return False
    return True


def free_compute_net():
    """Returns a loopback network such as 127.2.44 that no compute host uses. At random, since another may look at the same moment."""
    for number in random.sample(range(10, 255), 100):
        if _compute_free(net := f"127.2.{number}"):
            return net
    raise LabError("no free loopback network for compute hosts below 127.2")


def compute_net(new=False):
    """Returns the network of the lab's compute hosts, found free at the first call and kept in .lab/compute.json.

    new: take another where something that is not of this checkout has it. For the time before the compute hosts are made.
    """
    if new and not _compute_free(_load("compute.json", free_compute_net)) and not list((LAB / "hosts").glob("compute-*")):
        (LAB / "compute.json").unlink()
    return _load("compute.json", free_compute_net)


def passwords():
    """Returns {user: password}; made at the first call and kept in .lab/secrets.json (0600)."""
    new = {user: secrets.token_hex(16) for user in USERS}
    found = _load("secrets.json", lambda: new)
    if new.keys() - found.keys():  # of a lab from before a user came
        found = {**new, **found}
        write_private(LAB / "secrets.json", json.dumps(found, indent=2) + "\n")
    return found


def lab_id():
    """Returns a name that marks this lab's processes, also after the checkout was moved. A copy of the checkout gets its own."""
    root = pathlib.Path(_load("root.json", lambda: str(ROOT)))
    if root != ROOT:
        if (root / ".lab/id.json").exists():
            (LAB / "id.json").unlink(missing_ok=True)
        write_private(LAB / "root.json", json.dumps(str(ROOT)) + "\n")
    return _load("id.json", lambda: secrets.token_hex(8))


def sockets():
    """Returns the folder of unix sockets: outside the checkout, since a socket's path is limited to 107 characters."""
    path = pathlib.Path("/run") / f"lab-{lab_id()}"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def urls():
    """Returns {service: base URL} of everything that speaks HTTP."""
    port = ports()
    result = {name: f"http://127.0.0.1:{port[name]}" for name in ("keystone", "glance", "placement", "nova", "neutron")}
    result["vcenter"] = f"https://127.0.0.1:{port['vcenter']}"
    return result


def digest(*inputs):
    """Returns a hash of inputs: a Path of a file or a folder stands for its names and bytes, anything else for its text."""
    total = hashlib.sha256()
    for item in inputs:
        if isinstance(item, pathlib.Path):
            for path in sorted(item.rglob("*")) if item.is_dir() else [item]:
                if path.is_file() and "__pycache__" not in path.parts:
                    total.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
        else:
            total.update(json.dumps(item, sort_keys=True, default=str).encode() + b"\0")
    return total.hexdigest()


def fresh(name, *inputs):
    """True if the stage NAME was done with these inputs. See done()."""
    try:
        return (LAB / "stamps" / name).read_text(encoding="utf-8") == digest(str(ROOT), *inputs)
    except FileNotFoundError:
        return False


def done(name, *inputs):
    """Remembers that the stage NAME was done with these inputs, in this place."""
    (LAB / "stamps").mkdir(parents=True, exist_ok=True)
    (LAB / "stamps" / name).write_text(digest(str(ROOT), *inputs), encoding="utf-8")


def undone(name):
    """Forgets that the stage NAME was done; called before it starts, so that a killed run is not taken for a done one."""
    (LAB / "stamps" / name).unlink(missing_ok=True)


@contextlib.contextmanager
def timed(title):
    """Prints how long a stage took."""
    start = time.monotonic()
    yield
    say(f"{title:<44} {time.monotonic() - start:6.1f} s")


def parallel(stages):
    """Runs stages at the same time, each as soon as the stages that it needs are done.

    stages: {name: (function, [names of stages that it needs])}. A function returns True if it had work to do; then its
    time is printed. Raises the first error, after the stages that run have ended.
    """
    finished = {name: threading.Event() for name in stages}
    failed = threading.Event()

    def one(name):
        function, needs = stages[name]
        try:
            for need in needs:
                finished[need].wait()
            if failed.is_set():
                return
            start = time.monotonic()
            if function():
                say(f"{name:<44} {time.monotonic() - start:6.1f} s")
        except BaseException:
            failed.set()
            raise
        finally:
            finished[name].set()

    with concurrent.futures.ThreadPoolExecutor(max_workers=len(stages)) as pool:
        futures = [pool.submit(one, name) for name in stages]
    for future in futures:
        future.result()


def die(error):
    """Prints an error and ends with status 1."""
    print(f"lab: error: {error}", file=sys.stderr, flush=True)
    sys.exit(1)
