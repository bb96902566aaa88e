"""The ways to bring an image to a datastore that are compared: ours, Nova's, curl, govc, community.vmware. Each gives what it cost."""

from __future__ import annotations

import json

from labctl import base, clients, outputs

from . import rig

COLLECTIONS = base.LAB / "collections"


class Peers:
    """All of them, against one simulator. ``prefix``: words before each client's command, such as ``ip netns exec near``."""

    def __init__(self, cloud, vcenter, prefix=()):
        self.cloud = cloud
        self.vcenter = vcenter
        self.prefix = prefix
        self._tls = {"SSL_CERT_FILE": base.TLS / "ca.pem"}

    def _python(self, script, asked, *words):
        environment = {**outputs.environment(), "PYTHONPATH": COLLECTIONS}
        _seconds, output = rig.run([base.VENV / "bin/python", rig.HERE / script, *words], json.dumps(asked), environment, self.prefix)
        return json.loads(output)

    def seed(self, images, **options):
        """Runs the module image_cache in a process. Gives its result, ``seconds``, ``cpu`` and ``peak_kib``.

        :arg images: names or ids.
        """
        answer = self._python("seed.py", {**self.vcenter.options, "images": images, "openstack": {"cloud": "lab"}, **options})
        if answer["result"].get("failed"):
            raise base.LabError(f"image_cache failed: {answer['result'].get('msg')}")
        return answer

    def bare_imports(self):
        """Gives the peak memory in KiB of a process that imports pyVmomi and does nothing."""
        return self._python("seed.py", {}, "imports")["peak_kib"]

    def task(self, name, options, collections=COLLECTIONS):
        """Runs a module as a whole Ansible command. Gives the seconds. Options go through a file: they have passwords."""
        play = rig.BENCH / "task.json"
        module = {"module_defaults": {}, "hosts": "localhost", "gather_facts": False, "tasks": [{name: options}]}
        base.write_private(play, json.dumps([module]))
        environment = {
            **outputs.environment(), **self._tls, "ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_PYTHON_INTERPRETER": base.VENV / "bin/python",
            "ANSIBLE_LOCALHOST_WARNING": "false",
        }  # fmt: skip
        seconds, _output = rig.run([base.VENV / "bin/ansible-playbook", "-i", "localhost,", "-c", "local", play], env=environment, prefix=self.prefix)
        play.unlink()
        return seconds

    def seed_task(self, images, **options):
        """Runs image_cache as a whole Ansible command. Gives the seconds."""
        return self.task("openstack_vmware.nova.image_cache", {**self.vcenter.options, "images": images, "openstack": {"cloud": "lab"}, **options})

    def empty_task(self):
        """Gives the seconds of an Ansible command whose task does nothing."""
        return self.task("ansible.builtin.ping", {})

    def vsphere_copy(self, path, datastore="ds-001"):
        """Uploads a local file with community.vmware. Gives the seconds of the whole Ansible command."""
        one = self.vcenter
        return self.task(
            "community.vmware.vsphere_copy",
            {
                "hostname": f"127.0.0.1:{one.port}", "username": one.username, "password": one.password, "src": str(path),
                "datacenter": "dc1", "datastore": datastore, "path": "copied.bin", "timeout": 600,
            },
            clients.collections(),
        )  # fmt: skip

    def govc(self, path, datastore="ds-001"):
        """Uploads a local file with govc. Gives the seconds of the process."""
        one = self.vcenter
        environment = {
            "GOVC_URL": f"https://127.0.0.1:{one.port}/sdk", "GOVC_USERNAME": one.username, "GOVC_PASSWORD": one.password,
            "GOVC_TLS_CA_CERTS": base.TLS / "ca.pem", "GOVC_DATACENTER": "dc1", "HOME": rig.BENCH,
        }  # fmt: skip
        seconds, _output = rig.run([clients.govc(), "datastore.upload", "-ds", datastore, path, "govc.bin"], env=environment, prefix=self.prefix)
        return seconds

    def curl_read(self, image_id):
        """Reads an image from Glance to nowhere with curl. Gives the seconds."""
        header = rig.BENCH / "token"
        base.write_private(header, f"X-Auth-Token: {self.cloud.auth_token}\n")
        seconds, _output = rig.run(
            ["curl", "-sSf", "-o", "/dev/null", "-H", f"@{header}", f"{base.urls()['glance']}/v2/images/{image_id}/file"], prefix=self.prefix
        )
        return seconds

    def curl_write(self, path, datastore="ds-001"):
        """Sends a local file to the simulator with curl. Gives the seconds."""
        header = rig.BENCH / "cookie"
        base.write_private(header, f"Cookie: {rig.session_cookie(self.vcenter, self.prefix)}\n")
        url = f"https://127.0.0.1:{self.vcenter.port}/folder/curl.bin?dcPath=dc1&dsName={datastore}"
        seconds, _output = rig.run(
            ["curl", "-sSf", "-o", "/dev/null", "--cacert", base.TLS / "ca.pem", "-H", f"@{header}", "-H", "Expect:", "-T", path, url],
            prefix=self.prefix,
        )
        return seconds

    def nova(self, image, datastores=1):
        """Lets Nova's driver code fetch an image to the caches of datastores, one after the other. Gives lists of seconds, fetch and total, and ``cpu``."""
        one = self.vcenter
        asked = {
            "vmware": {
                "host_ip": "127.0.0.1", "host_port": one.port, "host_username": one.username, "host_password": one.password,
                "ca_file": str(base.TLS / "ca.pem"), "cache_prefix": rig.PREFIX,
            },
            "glance": base.urls()["glance"], "token": self.cloud.auth_token, "image_id": image.id, "size": image.size,
            "disk_type": image.properties["hw_disk_type"], "cluster_name": "cluster-a", "datastores": datastores,
        }  # fmt: skip
        _seconds, output = rig.run([base.OPENSTACK / "bin/python", "-W", "ignore", rig.HERE / "nova_fetch.py"], json.dumps(asked), prefix=self.prefix)
        return json.loads(output.splitlines()[-1])
