"""The services: their configuration, how they are started, asked and ended."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import jinja2
import openstack
import pymysql
import requests

from . import base, simulator

# Every process of the lab has this variable, with the lab's id, in its environment: so `down` finds them all, and only them.
MARK = "OPENSTACK_VMWARE_LAB"

APIS = {
    "keystone": ("keystone.wsgi.api", {"OS_KEYSTONE_CONFIG_FILES": "{etc}/keystone.conf"}),
    "glance": ("glance.wsgi.api", {"OS_GLANCE_CONFIG_DIR": "{etc}", "OS_GLANCE_CONFIG_FILES": "glance-api.conf"}),
    "placement": ("placement.wsgi.api", {"OS_PLACEMENT_CONFIG_DIR": "{etc}"}),
    "neutron": ("neutron.wsgi.api", {"OS_NEUTRON_CONFIG_DIR": "{etc}", "OS_NEUTRON_CONFIG_FILES": "neutron.conf;ml2.ini"}),
    "nova": (
        "nova.wsgi.osapi_compute",
        {
            "OS_NOVA_CONFIG_DIR": "{etc}",
            "OS_NOVA_CONFIG_FILES": "{openstack}/etc/nova/api-paste.ini;nova.conf;nova-db.conf",
        },
    ),
}
HEALTH = {"keystone": "/v3", "glance": "/", "placement": "/", "neutron": "/", "nova": "/", "vcenter": "/sdk/vimService.wsdl"}
DATABASES = ("keystone", "glance", "placement", "neutron", "nova", "nova_api", "nova_cell0")


def environment():
    """Returns the environment of the lab's processes, on top of the machine's. HOME keeps caches below .lab.

    SPT_NOENV: gunicorn's process titles would overwrite the environment that processes() reads.
    """
    return {MARK: base.lab_id(), "SPT_NOENV": "1", "HOME": base.LAB / "home", "PYTHONWARNINGS": "ignore", "PATH": f"{base.OPENSTACK}/bin:{os.environ['PATH']}"}


def mariadb_command(data):
    """Returns the command of a database server on the data folder: socket only, durability given up for speed."""
    return [
        "/usr/sbin/mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={base.sockets()}/mysql.sock",
        f"--pid-file={base.sockets()}/mysql.pid", "--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0",
        "--innodb-doublewrite=0", "--innodb-buffer-pool-size=128M", "--character-set-server=utf8mb4", "--max-connections=500",
    ]  # fmt: skip


def api_command(name):
    """Returns the command and the environment of an API service."""
    module, variables = APIS[name]
    values = {key: text.format(etc=base.ETC, openstack=base.OPENSTACK) for key, text in variables.items()}
    command = [
        base.OPENSTACK / "bin/python", base.SOURCES / "openstack/wsgi.py", name, base.ports()[name], module,
        base.LOG / f"{name}-access.log",
    ]  # fmt: skip
    return command, values


def programs():
    """Returns {name: (command, environment)} of everything that supervisord runs."""
    port = base.ports()
    run = base.RUN
    rabbit = {
        "HOME": run / "rabbit",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": port["epmd"],
        "RABBITMQ_NODENAME": "lab@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": port["rabbit_dist"],
        "RABBITMQ_MNESIA_BASE": run / "rabbit/mnesia",
        "RABBITMQ_LOG_BASE": run / "rabbit",
        "RABBITMQ_CONFIG_FILE": base.ETC / "rabbitmq",
        "RABBITMQ_ENABLED_PLUGINS_FILE": run / "rabbit/enabled_plugins",
        "RABBITMQ_PID_FILE": run / "rabbit/pid",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
    }
    nova = ["--config-file", base.ETC / "nova.conf", "--config-file", base.ETC / "nova-db.conf"]
    result = {
        "epmd": (["/usr/bin/epmd", "-address", "127.0.0.1", "-port", port["epmd"]], {}),
        "mariadb": (mariadb_command(run / "mysql"), {}),
        "rabbitmq": (["/usr/lib/rabbitmq/bin/rabbitmq-server"], rabbit),
        "vcenter": (
            simulator.command(
                base.SCENARIO, port["vcenter"], run / "datastores", base.LOG / "vcenter-requests.log", "-control", base.sockets() / "vcenter.sock"
            ),
            {},
        ),
    }
    result.update({name: api_command(name) for name in APIS})
    for name in ("nova-conductor", "nova-scheduler"):
        result[name] = ([base.OPENSTACK / "bin" / name, *nova], {})
    return result


def transport_url():
    """Returns the URL of the message broker. It holds a password."""
    return f"rabbit://nova:{base.passwords()['rabbit']}@127.0.0.1:{base.ports()['rabbit']}/"


def write_configuration():
    """Writes .lab/etc: the configuration of every service, readable by root only."""
    shutil.rmtree(base.ETC, ignore_errors=True)
    base.ETC.mkdir(mode=0o700, parents=True)
    for folder in (base.LOG, base.LAB / "home"):
        folder.mkdir(parents=True, exist_ok=True)
    supervised = {
        name: {
            "command": " ".join(str(word) for word in command),
            "environment": {key: str(value).replace("%", "%%") for key, value in {**environment(), **variables}.items()},
        }
        for name, (command, variables) in programs().items()
    }
    loader = jinja2.FileSystemLoader(base.SOURCES / "openstack/etc")
    templates = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    for name in templates.list_templates():
        if name == "macros.j2":
            continue
        text = templates.get_template(name).render(
            urls=base.urls(), ports=base.ports(), passwords=base.passwords(), run=base.RUN, etc=base.ETC, log=base.LOG,
            openstack=base.OPENSTACK, sockets=base.sockets(), transport_url=transport_url(), programs=supervised,
        )  # fmt: skip
        base.write_private(base.ETC / name.removesuffix(".j2"), text)


def processes():
    """Returns the process ids of everything that this lab started, found by the mark in their environment."""
    mark = f"{MARK}={base.lab_id()}".encode()
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (path / "environ").read_bytes().split(b"\0") and int(path.name) != os.getpid():
                found.append(int(path.name))
    return found


def end_processes():
    """Ends every process of the lab, at once and hard: `up` starts from fresh copies, so nothing that they hold is kept.

    Returns how many there were. Raises LabError if one is left after 15 seconds.
    """
    ended = set()
    deadline = time.monotonic() + 15
    while found := processes():
        if time.monotonic() > deadline:
            raise base.LabError(f"these processes cannot be ended: {found}")
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended.update(found)
        time.sleep(0.1)
    return len(ended)


def supervisor(*words):
    """Runs supervisorctl; returns its output. Raises LabError if supervisord does not answer."""
    return base.run([base.OPENSTACK / "bin/supervisorctl", "-c", base.ETC / "supervisord.conf", *words], timeout=90)


def states():
    """Returns {program: state} as supervisord says, or {} if it does not run."""
    done = subprocess.run(
        [base.OPENSTACK / "bin/supervisorctl", "-c", base.ETC / "supervisord.conf", "status"],
        capture_output=True, text=True, timeout=30, check=False,
    ) if (base.OPENSTACK / "bin/supervisorctl").exists() else None  # fmt: skip
    if done is None or done.returncode not in (0, 3):
        return {}
    return {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if len(line.split()) > 1}


def start_supervisor():
    """Starts supervisord with no program running."""
    base.run(
        [base.OPENSTACK / "bin/supervisord", "-c", base.ETC / "supervisord.conf"],
        log="supervisord.out", env=environment(), cwd=base.RUN,
    )  # fmt: skip


def ask(name):
    """Asks a service over its own protocol. Returns "" if it is well, else what is wrong."""
    try:
        if name in HEALTH:
            verify = str(base.TLS / "ca.pem")
            session = requests.Session()
            session.trust_env = False  # no proxy, no other CA
            status = session.get(base.urls()[name] + HEALTH[name], timeout=10, verify=verify).status_code
            return "" if status in (200, 300) else f"HTTP {status}"
        if name == "mariadb":
            with database() as connection, connection.cursor() as cursor:
                cursor.execute("select 1")
            return ""
        if name == "rabbitmq":
            with socket.create_connection(("127.0.0.1", base.ports()["rabbit"]), timeout=5) as broker:
                broker.sendall(b"AMQP\x00\x00\x09\x01")
                # A method frame on channel 0: Connection.Start, class 10, method 10.
                answer = broker.recv(11)
            return "" if answer[:3] == b"\x01\x00\x00" and answer[7:11] == b"\x00\x0a\x00\x0a" else f"answered {answer!r}"
    except (OSError, requests.RequestException, pymysql.MySQLError) as error:
        return str(error)
    raise ValueError(name)


ASKED = ("mariadb", "rabbitmq", *HEALTH)


def wait(names, seconds=120):
    """Waits until each of the services is well. Raises LabError with what is wrong after that many seconds."""
    deadline = time.monotonic() + seconds
    for name in names:
        while wrong := ask(name):
            if time.monotonic() > deadline:
                raise base.LabError(f"{name} is not well after {seconds} s: {wrong}; see .lab/log/{name}.log")
            time.sleep(0.2)


def agents():
    """Returns {binary: state} of Nova's own services (conductor, scheduler): their heartbeats go through broker and database."""
    with connect() as cloud:
        return {service.binary: service.state for service in cloud.compute.services() if service.binary != "nova-compute"}


def wait_agents(seconds=90):
    """Waits until Nova's conductor and scheduler report themselves as up."""
    deadline = time.monotonic() + seconds
    while True:
        found = agents()
        if found.get("nova-conductor") == "up" and found.get("nova-scheduler") == "up":
            return
        if time.monotonic() > deadline:
            raise base.LabError(f"nova-conductor or nova-scheduler is not up: {found}; see .lab/log/")
        time.sleep(0.5)


def database(name=None):
    """Returns a connection to the lab's database server."""
    return pymysql.connect(unix_socket=f"{base.sockets()}/mysql.sock", user="root", database=name, autocommit=True)


def connect():
    """Returns an openstacksdk connection as admin."""
    return openstack.connect(
        auth_url=base.urls()["keystone"] + "/v3", username="admin", password=base.passwords()["admin"], project_name="admin",
        user_domain_id="default", project_domain_id="default", region_name="RegionOne", app_name="lab",
        compute_default_microversion="2.90",
    )  # fmt: skip
