"""usage: python -m labctl up|down|status|demo. Started by lab/lab."""

import shutil
import sys
import time

import openstack.exceptions

from . import base, demo, outputs, services, stages

HOSTS = base.SOURCES / "hosts/hosts"


def running():
    """True if every service of the lab runs and is well."""
    found = services.states()
    if set(found) != set(services.programs()) or set(found.values()) != {"RUNNING"}:
        return False
    if any(services.ask(name) for name in services.ASKED):
        return False
    try:
        return set(services.agents().values()) == {"up"}
    except openstack.exceptions.SDKException:
        return False


def hosts_complete():
    """True unless Nova knows a nova-compute of the lab whose compute host is gone: Nova refuses a new host under an old name.

    The molecule scenarios register others, on hosts of their own.
    """
    # A line is NAME ADDRESS SUITE STATE; podman's word for the state depends on its version.
    lines = [line.split() for line in base.run([HOSTS, "list"]).splitlines()]
    running_hosts = {words[0] for words in lines if words[3] in ("Up", "running")}
    with services.connect() as cloud:
        known = {service.host for service in cloud.compute.services(binary="nova-compute")}
    vcenter = base.scenario()["vcenter"]["name"]
    return not known & {f"{vcenter}-{cluster['name']}" for cluster in base.clusters()} or running_hosts >= set(outputs.COMPUTE)


def up(with_host=False):
    """Starts the lab, or says that it runs. with_host: also makes the image of the compute hosts, at the same time."""
    began = time.monotonic()
    if f"{base.LAB}/" in _owner() and running() and (not with_host or hosts_complete()):
        base.say(f"the lab runs ({time.monotonic() - began:.1f} s)")
        return
    down(quiet=True)
    base.sockets()
    # A process that was just ended may hold its ports for a moment longer.
    patience = time.monotonic() + 5
    while not (free := base.ports_free(base.ports())) and time.monotonic() < patience:
        time.sleep(0.2)
    if not free:
        base.say("others took the lab's ports; it moves to a free block")
        base.ports(new=True)
    for folder in (base.RUN, base.LOG):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
    services.write_configuration()
    outputs.write()
    plan = {
        "Debian packages": (stages.apt, []),
        "Python environment of OpenStack": (stages.openstack_venv, []),
        "vCenter simulator": (stages.simulator, []),
        "certificates": (stages.certificates, []),
        "databases": (stages.databases, ["Debian packages", "Python environment of OpenStack"]),
    }
    if with_host:
        plan["image of the compute host"] = (host_image, ["Debian packages"])
        plan["image files"] = (demo.make_files, ["Debian packages"])
    base.parallel(plan)
    start()
    base.say(f"the lab is up ({time.monotonic() - began:.1f} s)")


def _owner():
    """Returns the text of supervisord's configuration, which names the place of the checkout that it was made for."""
    path = base.ETC / "supervisord.conf"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def host_image():
    """Makes the root file system of the compute hosts."""
    base.run([HOSTS, "image", "bookworm"], log="hosts.log")
    return True


def start():
    """Starts all services on a fresh copy of the databases and waits until they are well."""
    for name in ("mysql", "keystone"):
        base.run(["cp", "-a", "--reflink=auto", stages.TEMPLATE / name, base.RUN / name])
    for folder in ("rabbit", "glance/images", "glance/staging", "glance/tasks", "nova", "neutron", "locks", "datastores"):
        (base.RUN / folder).mkdir(parents=True)
    (base.RUN / "rabbit/enabled_plugins").write_text("[].\n", encoding="utf-8")
    services.start_supervisor()
    with base.timed("broker, database, simulator, APIs"):
        services.supervisor("start", *(name for name in services.programs() if name not in ("nova-conductor", "nova-scheduler")))
        services.wait(services.ASKED)
    with base.timed("Nova's conductor and scheduler"):
        services.supervisor("start", "nova-conductor", "nova-scheduler")
        services.wait_agents()
    dead = [name for name, state in services.states().items() if state != "RUNNING"]
    if dead:
        raise base.LabError(f"{', '.join(dead)} ended, see .lab/log/")


def down(quiet=False):
    """Ends every process of the lab and removes its compute hosts, and only those. quiet: say nothing if there were none."""
    hosts = [name for name in outputs.COMPUTE if (base.LAB / "hosts" / name).exists()]
    for name in hosts:
        base.run([HOSTS, "down", name], log="hosts.log")
    count = services.end_processes()
    shutil.rmtree(base.sockets(), ignore_errors=True)
    if count or hosts or not quiet:
        base.say(f"ended {count} processes and {len(hosts)} compute hosts")


def status():
    """Prints a line a service: what supervisord says and how it answers. Returns the exit status."""
    found = services.states()
    if not found:
        print("The lab is down. lab/lab up starts it.")
        return 1
    for name in services.programs():
        wrong = services.ask(name) if name in services.ASKED and found.get(name) == "RUNNING" else ""
        print(f"{name:<16} {found.get(name, 'missing'):<9} {base.urls().get(name, ''):<25} {wrong}".rstrip())
    return 0 if running() else 1


def main():
    """Runs a verb; returns the exit status."""
    verb = sys.argv[1]
    if len(sys.argv) != 2:
        raise base.LabError(f"{verb} takes no arguments")
    if verb == "status":
        return status()
    if verb == "up":
        with base.lock():
            up()
        return 0
    # The demo needs the lab for minutes. Nobody takes it down meanwhile, and there is no second demo; who only wants that it runs need not wait.
    with base.lock("demo.lock"):
        with base.lock():
            if verb == "demo":
                up(with_host=True)
            else:
                down()
        return demo.demo() if verb == "demo" else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except base.LabError as error:
        base.die(error)
    except KeyboardInterrupt:
        base.die("interrupted; the next run cleans up")
