"""The cases. Each gives its figures and the goals that they must meet."""

from __future__ import annotations

import contextlib
import shutil
from concurrent.futures import ThreadPoolExecutor

from labctl import base, large

from . import rig
from .peers import Peers
from .report import Goal, alternate, figure, figures

MIB = rig.MIB
OURS = "image_cache"
NOVA = "Nova"


def _median(measured, subject, what):
    return next(one.median for one in measured if one.subject == subject and one.what == what)


def _ratio(measured, what, slower, faster):
    return round(_median(measured, slower, what) / _median(measured, faster, what), 3)


def _clean(vcenter, measure):
    """Gives ``measure``, preceded by the emptying of all datastores."""

    def measured():
        vcenter.clear()
        return measure()

    return measured


def one_datastore(cloud, rounds, size):
    """One flat image to one datastore, hash on, against the two wires, Nova and govc."""
    case = "one datastore"
    path = rig.random_file(size)
    image = rig.image(cloud, f"bench-flat-{size}", path)
    with rig.vcenter(1) as vcenter:
        peers = Peers(cloud, vcenter)

        def ours():
            answer = peers.seed([image.id])
            (row,) = answer["result"]["images"][0]["datastores"]
            return {"transfer [s]": row["seconds"], "module [s]": answer["seconds"]}

        def nova():
            answer = peers.nova(image)
            return {"transfer [s]": answer["total"][0], "fetch_image [s]": answer["fetch"][0]}

        subjects = {
            "curl, Glance to null": lambda: {"transfer [s]": peers.curl_read(image.id)},
            "curl, file to the simulator": lambda: {"transfer [s]": peers.curl_write(path)},
            OURS: ours,
            NOVA: nova,
            "govc, file": lambda: {"transfer [s]": peers.govc(path)},
        }
        measured = figures(case, alternate({name: _clean(vcenter, one) for name, one in subjects.items()}, rounds, base.say))
    wires = [_median(measured, name, "transfer [s]") for name in list(subjects)[:2]]
    ours_seconds = _median(measured, OURS, "transfer [s]")
    measured.append(figure(case, OURS, "speed of the transfer [MB/s]", [size / ours_seconds / 1e6]))
    measured.append(figure(case, OURS, "share of the slower wire", [max(wires) / ours_seconds]))
    fetch = _median(measured, NOVA, "fetch_image [s]")
    return measured, [
        Goal(case, "times Nova's fetch_image alone, with our staging, check and publishing counted", round(fetch / ours_seconds, 3), ">=", 1.25),
        Goal(case, "times Nova's way to a cached image", _ratio(measured, "transfer [s]", NOVA, OURS), ">=", 1.25),
    ]


def whole_task(cloud, rounds, size):
    """The same as a whole Ansible command with one task, against community.vmware and against a task that does nothing."""
    case = "one datastore, whole task"
    path = rig.random_file(size)
    image = rig.image(cloud, f"bench-flat-{size}", path)
    with rig.vcenter(1) as vcenter:
        peers = Peers(cloud, vcenter)
        subjects = {
            "empty task": lambda: {"time [s]": peers.empty_task()},
            OURS: lambda: {"time [s]": peers.seed_task([image.id])},
            "vsphere_copy, file": lambda: {"time [s]": peers.vsphere_copy(path)},
        }
        return figures(case, alternate({name: _clean(vcenter, run) for name, run in subjects.items()}, rounds, base.say)), []


def many_datastores(cloud, rounds, size, count):
    """One flat image to ``count`` datastores, against Nova's way: a fetch on each when the first server boots there."""
    case = f"{count} datastores"
    image = rig.image(cloud, f"bench-flat-{size}", rig.random_file(size))
    with rig.vcenter(count) as vcenter:
        peers = Peers(cloud, vcenter)

        def ours():
            mark = rig.glance_mark()
            answer = peers.seed([image.id])
            return {"time [s]": answer["seconds"], "read from Glance [bytes]": rig.glance_bytes(image.id, mark)}

        def nova():
            mark = rig.glance_mark()
            answer = peers.nova(image, count)
            return {"time [s]": sum(answer["total"]), "read from Glance [bytes]": rig.glance_bytes(image.id, mark)}

        measured = figures(case, alternate({OURS: _clean(vcenter, ours), NOVA: _clean(vcenter, nova)}, rounds, base.say))
    return measured, [
        Goal(case, "image sizes read from Glance", _median(measured, OURS, "read from Glance [bytes]") / size, "==", 1),
        Goal(case, "times Nova's way", _ratio(measured, "time [s]", NOVA, OURS), ">=", 3.5),
    ]


def idle(cloud, rounds, images=30, count=100):
    """A repeated seed with nothing to do."""
    case = f"{images} images on {count} datastores, nothing to do"
    path = rig.random_file(64 << 10)
    names = [rig.image(cloud, f"bench-tiny-{number:02}", path).id for number in range(images)]
    with rig.vcenter(count) as vcenter:
        peers = Peers(cloud, vcenter)
        first = peers.seed(names)

        def again():
            mark = vcenter.mark()
            answer = peers.seed(names)
            if answer["result"]["changed"]:
                raise AssertionError("a repeated seed changed something")
            return {"time [s]": answer["seconds"], "requests a datastore": sum("http" in one for one in vcenter.requests(mark)) / count}

        measured = [figure(case, OURS, "time of the first run [s]", [first["seconds"]])]
        measured += figures(case, alternate({OURS: again}, rounds, base.say))
    return measured, [Goal(case, "requests a datastore", _median(measured, OURS, "requests a datastore"), "<=", 3)]


def thick(cloud, rounds, size, share=0.1):
    """A thick flat image of which a tenth is used: what goes over the wire, and how long it takes against a PUT of all of it."""
    case = f"thick image, {share:.0%} used"
    path = rig.partly_used_file(size, share)
    used = path.stat().st_blocks * 512
    hashed = rig.image(cloud, f"bench-thick-{size}", path)
    light = rig.image(cloud, f"bench-thick-sha256-{size}", path)
    rig.rehash(light, path, "sha256")
    with rig.vcenter(1) as vcenter:
        peers = Peers(cloud, vcenter)

        def ours(image, **options):
            def measure():
                mark = vcenter.mark()
                answer = peers.seed([image.id], **options)
                (row,) = answer["result"]["images"][0]["datastores"]
                return {"transfer [s]": row["seconds"], "on the wire [bytes]": vcenter.wire_bytes(mark)}

            return measure

        curl, quick = "curl, file to the simulator", f"{OURS}, sha256"
        subjects = {
            OURS: ours(hashed), f"{OURS}, encoding none": ours(hashed, encoding="none"), quick: ours(light),
            "curl, Glance to null": lambda: {"transfer [s]": peers.curl_read(hashed.id)},
            curl: lambda: {"transfer [s]": peers.curl_write(path)},
        }  # fmt: skip
        measured = figures(case, alternate({name: _clean(vcenter, one) for name, one in subjects.items()}, rounds, base.say))
    measured.append(figure(case, "the image", "used [bytes]", [used]))
    wire = _median(measured, OURS, "on the wire [bytes]")
    return measured, [
        Goal(case, "bytes on the wire for a used byte", round(wire / used, 4), "<=", 1.1),
        Goal(case, "times a flat PUT by curl", _ratio(measured, "transfer [s]", curl, OURS), ">=", 2.5),
        Goal(case, "times a flat PUT by curl, hash sha256", _ratio(measured, "transfer [s]", curl, quick), ">=", 2.5),
    ]


def memory(cloud, _rounds, sizes, flat_up_to):
    """The peak memory of the module's process by the size of the image, against that of a bare import of pyVmomi. One run a size: it hardly varies."""
    case = "peak memory"
    measured, goals = [], []
    for size in sizes:
        name = f"{size / (1 << 30):g} GiB"
        # Where the image is not sent without its holes, the simulator writes all of it.
        if shutil.disk_usage(rig.BENCH).free < size * 1.1:
            base.say(f"NOT measured: {name} needs {size * 1.1 / (1 << 30):.0f} GiB of free disk")
            continue
        image = rig.sparse_image(cloud, "bench-sparse", size)
        for encoding in ("auto", "none") if size <= flat_up_to else ("auto",):
            with rig.vcenter(1, memory=False) as vcenter:
                peers = Peers(cloud, vcenter)
                bare = peers.bare_imports() / 1024
                answer = peers.seed([image.id], encoding=encoding)
            above = answer["peak_kib"] / 1024 - bare
            subject = f"{OURS}, {name}, {'without its holes' if encoding == 'auto' else 'as it is'}"
            measured += [
                figure(case, subject, "peak [MiB]", [answer["peak_kib"] / 1024]), figure(case, subject, "above a bare import of pyVmomi [MiB]", [above]),
                figure(case, subject, "time [s]", [answer["seconds"]]),
            ]  # fmt: skip
            goals.append(Goal(case, f"MiB above a bare import of pyVmomi, {subject.partition(', ')[2]}", round(above, 2), "<=", 40))
        cloud.image.delete_image(image)
    return measured, goals


def slow_link(cloud, rounds, size, many_size, rate="1gbit"):
    """A link of 1 Gbit/s between the control node and all the others: one datastore against the wires, 16 against Nova's way."""
    case, many = f"{rate} link, one datastore", f"{rate} link, 16 datastores"
    path = rig.random_file(size)
    image = rig.image(cloud, f"bench-flat-{size}", path)
    small = rig.image(cloud, f"bench-flat-{many_size}", rig.random_file(many_size))
    with rig.link(rate) as (near, far):
        with rig.vcenter(16, prefix=far) as vcenter:
            peers = Peers(cloud, vcenter, near)
            one = {"hypervisors": [{"cluster_name": "cluster-a", "datastore_regex": "^ds-001$"}]}

            def ours():
                (row,) = peers.seed([image.id], **one)["result"]["images"][0]["datastores"]
                return {"transfer [s]": row["seconds"]}

            def nova():
                answer = peers.nova(image)
                return {"transfer [s]": answer["total"][0], "fetch_image [s]": answer["fetch"][0]}

            def ours_many():
                return {"time [s]": peers.seed([small.id])["seconds"]}

            subjects = {
                "curl, Glance to null": lambda: {"transfer [s]": peers.curl_read(image.id)},
                "curl, file to the simulator": lambda: {"transfer [s]": peers.curl_write(path)},
                OURS: ours, NOVA: nova,
            }  # fmt: skip
            measured = figures(case, alternate({name: _clean(vcenter, run) for name, run in subjects.items()}, rounds, base.say))
            all_of_them = {OURS: ours_many, NOVA: lambda: {"time [s]": sum(peers.nova(small, 16)["total"])}}
            fan_out = figures(many, alternate({name: _clean(vcenter, run) for name, run in all_of_them.items()}, rounds, base.say))
    wires = [_median(measured, name, "transfer [s]") for name in list(subjects)[:2]]
    return measured + fan_out, [
        Goal(case, "share of the slower wire", round(max(wires) / _median(measured, OURS, "transfer [s]"), 3), ">=", 0.95),
        Goal(many, "times Nova's way", _ratio(fan_out, "time [s]", NOVA, OURS), ">=", 10),
    ]


def preflight(_cloud, rounds, clusters, hosts):
    """The playbook preflight on a large site: its lines, its log-ins at the vCenter, and the CPU time of all its processes, also on compute hosts."""
    case = f"preflight, {clusters} clusters with {clusters * hosts} ESXi hosts, {large.COMPUTE_HOSTS} compute hosts"
    with rig.large(clusters, hosts) as vcenter:

        def measure():
            mark = vcenter.mark()
            run = large.playbook(vcenter.folder, "preflight", vcenter.port, "-e", "nova_vcdriver_check_fail_on=never", clusters=clusters)
            if run.code:
                raise AssertionError(run.output)
            logins = sum(one.get("method") == "Login" for one in vcenter.requests(mark))
            return {"CPU [s]": run.cpu_seconds, "time [s]": run.seconds, "lines": run.lines, "log-ins": logins}

        measured = figures(case, alternate({"preflight": measure}, rounds, base.say))
    return measured, [
        Goal(case, "CPU seconds of the control node", _median(measured, "preflight", "CPU [s]"), "<=", 20),
        Goal(case, "lines of output", _median(measured, "preflight", "lines"), "<=", 99),
        Goal(case, "log-ins at the vCenter", _median(measured, "preflight", "log-ins"), "<=", 2),
    ]


def pull(cloud, rounds, big, small, count, rate, vcenters=8):
    """Hosts fetch an image themselves, against a push, Nova and govc: one datastore, ``count``, and several vCenters at once.

    The CPU seconds are those of the machine that runs Ansible, for another GiB: of the big image less the small one, so that log-in and inventory
    do not count. With ``rate``, MiB a second for each host, the hosts' links are the slowest part.
    """
    case, many, at_once = "pull, one datastore", f"pull, {count} datastores", f"pull, {vcenters} vCenters at once"
    images = {size: rig.stream_image(cloud, size) for size in (big, small)}
    pulls, pushes = f"{OURS}, pull", f"{OURS}, push"

    with rig.vcenter(count, pull_mib=0) as vcenter:
        peers = Peers(cloud, vcenter)
        one = {"hypervisors": [{"cluster_name": "cluster-a", "datastore_regex": "^ds-001$"}]}

        def ours(way, **options):
            def measure(size):
                answer = peers.seed([images[size].id], upload_through=way, **options)
                rows = answer["result"]["images"][0]["datastores"]
                actions = [row["action"] for row in rows]
                if ("pull" in actions) != (way == "pull"):
                    raise AssertionError(f"{way}: {actions}")
                # Nova has logged in before its clock starts.
                return rows[0]["seconds"] if len(rows) == 1 else answer["seconds"], answer["cpu"]

            return measure

        def nova(size):
            answer = peers.nova(images[size])
            return answer["total"][0], answer["cpu"]

        def govc(size):
            used = rig.cpu()
            return peers.govc(rig.stream_file(size)), rig.cpu() - used

        def both(measure):
            def measured():
                vcenter.clear()
                _seconds, less = measure(small)
                vcenter.clear()
                mark = vcenter.mark()
                seconds, more = measure(big)
                return {
                    "time [s]": seconds,
                    "CPU [s]": more,
                    "CPU for another GiB [s]": (more - less) * (1 << 30) / (big - small),
                    "sent [bytes]": vcenter.wire_bytes(mark),
                }

            return measured

        subjects = {pulls: ours("pull", **one), pushes: ours("host", **one), NOVA: nova, "govc, file": govc}
        measured = figures(case, alternate({name: both(run) for name, run in subjects.items()}, rounds, base.say))
        fan_out = {pulls: ours("pull"), pushes: ours("host")}
        several = figures(many, alternate({name: both(run) for name, run in fan_out.items()}, rounds, base.say))
    with contextlib.ExitStack() as stack:
        crowd = [Peers(cloud, stack.enter_context(rig.vcenter(1, pull_mib=rate))) for _number in range(vcenters)]

        def together(number):
            def measure():
                for one in crowd:
                    one.vcenter.clear()
                with ThreadPoolExecutor(number) as threads:
                    answers = list(threads.map(lambda one: one.seed([images[small].id], upload_through="pull"), crowd[:number]))
                return {"time [s]": max(answer["seconds"] for answer in answers), "CPU [s]": sum(answer["cpu"] for answer in answers)}

            return measure

        alone, all_of_them = "one vCenter", f"{vcenters} vCenters"
        crowded = figures(at_once, alternate({alone: together(1), all_of_them: together(vcenters)}, rounds, base.say))
    return measured + several + crowded, [
        Goal(case, "CPU seconds of this machine for another GiB", _median(measured, pulls, "CPU for another GiB [s]"), "<=", 0.05),
        Goal(case, "times Nova's way", _ratio(measured, "time [s]", NOVA, pulls), ">=", 2),
        Goal(at_once, f"times the time of one, {rate} MiB/s a host", _ratio(crowded, "time [s]", all_of_them, alone), "<=", 1.2),
    ]


CASES = {
    "one": one_datastore, "task": whole_task, "many": many_datastores, "thick": thick, "idle": idle, "memory": memory, "link": slow_link,
    "preflight40": preflight,
    "pull": pull,
}  # fmt: skip
