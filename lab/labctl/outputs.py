"""What the lab gives to its users: lab/openrc, .lab/clouds.yaml, .lab/ansible.cfg and .lab/inventory."""

import os

import yaml

from . import base, services

COMPUTE = ("compute-1",)
OPENRC = base.SOURCES / "openrc"
# Every datastore of the scenario that is for Nova.
DATASTORE_REGEX = "^nova-.*"
SEEDED = ("demo-sparse", "demo-stream", "demo-flat", "demo-iso")


def _yaml(value):
    return "# Made by lab/lab.\n" + yaml.safe_dump(value, sort_keys=False)


def compute():
    """Returns the address of each compute host: {name: address}. Each checkout has its own network for them."""
    net = base.compute_net()
    return {name: f"{net}.{number}" for number, name in enumerate(COMPUTE, 11)}


def write():
    """Writes all of it; files with passwords are readable by root only."""
    base.compute_net(new=True)
    passwords, url = base.passwords(), base.urls()
    vcenter = base.scenario()["vcenter"]
    auth = {
        "auth_url": url["keystone"] + "/v3",
        "username": "admin",
        "password": passwords["admin"],
        "project_name": "admin",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    base.write_private(base.LAB / "clouds.yaml", _yaml({"clouds": {"lab": {"auth": auth, "region_name": "RegionOne"}}}))
    exports = {
        **{f"OS_{key.upper()}": value for key, value in auth.items()},
        "OS_IDENTITY_API_VERSION": "3",
        "OS_REGION_NAME": "RegionOne",
        "OS_COMPUTE_API_VERSION": "2.90",
        "OS_CLIENT_CONFIG_FILE": base.LAB / "clouds.yaml",
        "GOVC_URL": f"{url['vcenter']}/sdk",
        "GOVC_USERNAME": vcenter["username"],
        "GOVC_PASSWORD": vcenter["password"],
        "GOVC_TLS_CA_CERTS": base.TLS / "ca.pem",
        "ANSIBLE_CONFIG": base.LAB / "ansible.cfg",
    }
    text = "# Made by lab/lab. Load it with: . lab/openrc\n"
    base.write_private(OPENRC, text + "".join(f"export {key}='{value}'\n" for key, value in exports.items()))
    _ansible()
    _inventory(vcenter)


def _ansible():
    """Writes ansible.cfg and makes the checkout findable as the collection."""
    link = base.LAB / "collections/ansible_collections/openstack_vmware/nova"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to("../../../..")
    options = {
        "defaults": {
            "inventory": base.LAB / "inventory",
            "collections_path": base.LAB / "collections",
            "home": base.LAB / "ansible",
            "host_key_checking": True,
            "interpreter_python": "auto_silent",
        },
        "ssh_connection": {"pipelining": True, "ssh_args": "-o ControlMaster=auto -o ControlPersist=60s", "control_path_dir": base.sockets()},
    }
    text = "# Made by lab/lab.\n"
    for section, values in options.items():
        text += f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
    base.write_private(base.LAB / "ansible.cfg", text)


def _inventory(vcenter):
    """Writes the inventory for playbooks/site.yml."""
    passwords, port = base.passwords(), base.ports()
    ssh = f"-o UserKnownHostsFile={base.LAB / 'ssh/known_hosts'} -o StrictHostKeyChecking=yes"
    hosts = {name: {"ansible_host": address, "ansible_port": 2222, "nova_vcdriver_my_ip": address} for name, address in compute().items()}
    nova_manage = [base.OPENSTACK / "bin/nova-manage", "--config-file", base.ETC / "nova.conf", "--config-file", base.ETC / "nova-db.conf"]
    inventory = {
        "nova_vcdriver": {
            "hosts": hosts,
            "vars": {
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(base.LAB / "ssh/id_ed25519"),
                "ansible_ssh_common_args": ssh,
            },
        },
        "nova_controller": {"hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": str(base.VENV / "bin/python")}}},
    }
    shared = {
        "nova_vcdriver_version": "34.0.0",
        "nova_vcdriver_computes": [
            {"cluster_name": cluster["name"], "vcenter": vcenter["name"], "datastore_regex": DATASTORE_REGEX} for cluster in base.clusters()
        ],
        "nova_vcdriver_openstack": {"cloud": "lab"},
        "nova_vcdriver_nova_manage": [str(word) for word in nova_manage],
        "image_seed_images": list(SEEDED),
    }
    secret = {
        "nova_vcdriver_vcenters": [
            {
                "name": vcenter["name"],
                "host_ip": "127.0.0.1",
                "host_port": port["vcenter"],
                "host_username": vcenter["username"],
                "host_password": vcenter["password"],
                "ca_file": str(base.TLS / "ca.pem"),
                "insecure": False,
            }
        ],
        "nova_vcdriver_transport_url": services.transport_url(),
        "nova_vcdriver_auth": {
            "auth_url": base.urls()["keystone"] + "/v3",
            "username": "nova",
            "password": passwords["nova"],
            "project_name": "service",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
            "region_name": "RegionOne",
        },
    }
    folder = base.LAB / "inventory"
    base.write_private(folder / "hosts.yml", _yaml(inventory))
    base.write_private(folder / "group_vars/all/main.yml", _yaml(shared))
    base.write_private(folder / "group_vars/all/secrets.yml", _yaml(secret))


def environment():
    """Returns the environment for Ansible and openstacksdk on the lab."""
    return {
        "ANSIBLE_CONFIG": base.LAB / "ansible.cfg",
        "OS_CLIENT_CONFIG_FILE": base.LAB / "clouds.yaml",
        "PATH": f"{base.VENV}/bin:{os.environ['PATH']}",
    }
