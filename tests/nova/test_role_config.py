# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles/nova_vcdriver renders is what Nova's own parser reads, and its check of nova.conf says what Nova would not say."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nova.conf import vmware
from oslo_config import cfg, types

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment import computes

ROOT = Path(__file__).resolve().parents[2]
GIVEN = {
    "nova_vcdriver_vcenters": [
        {"name": "vc1", "host_ip": "vc1.example.com", "host_port": 8443, "host_username": "no$va@vsphere.local", "host_password": "pa'ss$1\"#;\\",
         "ca_file": str(ROOT / "galaxy.yml")}
    ],
    "nova_vcdriver_computes": [{"cluster_name": "cluster-a", "datastore_regex": "^nova-[0-9]+$"}],
    "nova_vcdriver_transport_url": "rabbit://nova:secret@rabbit/",
    "nova_vcdriver_auth": {
        "auth_url": "https://keystone/v3", "username": "nova", "password": "x$y", "project_name": "service", "user_domain_name": "Default",
        "project_domain_name": "Default", "region_name": "RegionOne",
    },
    "nova_vcdriver_my_ip": "192.0.2.11",
}  # fmt: skip
# Those of [vmware] that the role has a variable for, and what Nova must read.
OWN = {
    "host_ip": "vc1.example.com", "host_port": 8443, "host_username": "no$va@vsphere.local", "host_password": "pa'ss$1\"#;\\",
    "ca_file": "/etc/nova/vmware/vc1-cluster-a/ca.pem", "insecure": False, "cluster_name": "cluster-a", "datastore_regex": "^nova-[0-9]+$",
}  # fmt: skip
FREE = sorted(option.dest for option in vmware.ALL_VMWARE_OPTS if option.dest not in OWN)


def load_check():
    """Gives the role's validate_config.py as a module."""
    spec = importlib.util.spec_from_file_location("validate_config", ROOT / "roles" / "nova_vcdriver" / "files" / "validate_config.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = load_check()
DEFINITIONS = check.definitions()


def render(**given):
    """Gives the files of a nova-compute, {name: text}. :arg given: variables above those of GIVEN."""
    python = os.environ.get("CONTROL_PYTHON") or shutil.which("python")
    done = subprocess.run(
        [python, ROOT / "tests" / "nova" / "render_role.py"], input=json.dumps({**GIVEN, **given}), capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": "", "ANSIBLE_COLLECTIONS_PATH": os.environ["PYTHONPATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(files, folder):
    """Gives what Nova's own parser reads from the files: a function of section and option."""
    conf = cfg.ConfigOpts()
    for (group, name), option in DEFINITIONS[0].items():
        if name in ("config_file", "config_dir", "config_source"):  # the parser has these by itself
            continue
        option = copy.copy(option)
        option.required = False  # of sections that this nova-compute does not use
        conf.register_opt(option, group=None if group == "DEFAULT" else group)
    arguments = []
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        arguments += ["--config-file", str(folder / name)]
    conf(arguments, project="nova", default_config_files=[], default_config_dirs=[])
    return lambda section, option: getattr(conf if section == "DEFAULT" else conf[section], option)


def other_value(option):
    """Gives a valid value that is not the default, as a user writes it in YAML."""
    kind = option.type
    if isinstance(kind, types.Boolean):
        return not option.default
    if isinstance(kind, (types.Integer, types.Port)):
        return (option.default or 0) + 7
    if isinstance(kind, types.Float):
        return option.default + 0.25
    if isinstance(kind, types.URI):
        return "telnet://vspc.example.com:13370"
    return "other-value"


def test_free_options_are_found():
    """With no option the next test would say nothing."""
    assert len(FREE) >= 17 and {"cache_prefix", "pbm_enabled", "serial_port_proxy_uri", "vnc_keymap"} <= set(FREE)


@pytest.mark.parametrize("level", ["config", "vcenter", "cluster"])
def test_every_option_of_vmware(level, tmp_path):
    """Each option of [vmware] that this Nova has gets through, from each tree, and the check finds nothing wrong."""
    options = {option.dest: option for option in vmware.ALL_VMWARE_OPTS}
    tree = {"vmware": {name: other_value(options[name]) for name in FREE}}
    files = render(**{
        "config": {"nova_vcdriver_config": tree},
        "vcenter": {"nova_vcdriver_vcenters": [{**GIVEN["nova_vcdriver_vcenters"][0], "config": tree}]},
        "cluster": {"nova_vcdriver_computes": [{**GIVEN["nova_vcdriver_computes"][0], "config": tree}]},
    }[level])  # fmt: skip
    assert check.check(files, *DEFINITIONS) == ([], [])
    get = read(files, tmp_path)
    assert {name: get("vmware", name) for name in FREE} == tree["vmware"]
    assert {name: get("vmware", name) for name in OWN} == OWN


# contract of the role with the driver: options outside the section, with values that are not Nova's defaults.
OUTSIDE = {
    "DEFAULT": {
        "reserved_host_memory_mb": 512, "reserved_host_disk_mb": 7, "reserved_host_cpus": 1, "cpu_allocation_ratio": 2.5, "ram_allocation_ratio": 1.25,
        "disk_allocation_ratio": 1.5, "initial_cpu_allocation_ratio": 3.0, "initial_ram_allocation_ratio": 1.5, "initial_disk_allocation_ratio": 1.25,
        "allow_resize_to_same_host": True, "flat_injected": True, "mkisofs_cmd": "mkisofs", "max_concurrent_builds": 3, "sync_power_state_interval": 300,
        "update_resources_interval": 120, "service_down_time": 90, "report_interval": 15, "running_deleted_instance_action": "log",
        "vif_plugging_timeout": 60, "vif_plugging_is_fatal": False, "instances_path": "/var/lib/nova/vc1-cluster-a/other",
    },
    "mks": {"enabled": True, "mksproxy_base_url": "http://mks.example.com:6090/"},
    "vnc": {"enabled": True},
    "compute": {"live_migration_wait_for_vif_plug": False, "consecutive_build_service_disable_threshold": 5},
    "image_cache": {"manager_interval": 600, "subdirectory_name": "_images", "remove_unused_base_images": True,
                    "remove_unused_original_minimum_age_seconds": 7200, "precache_concurrency": 2},
    "scheduler": {"max_attempts": 5, "query_placement_for_image_type_support": True, "discover_hosts_in_cells_interval": 300},
    "workarounds": {"reserve_disk_resource_for_image_cache": True},
    "glance": {"num_retries": 5, "endpoint_override": "https://glance.example.com"},
}  # fmt: skip


def test_every_option_outside_that_matters(tmp_path):
    """Options of other sections that change what this driver does get through as well."""
    files = render(nova_vcdriver_config=OUTSIDE)
    assert check.check(files, *DEFINITIONS) == ([], [])
    get = read(files, tmp_path)
    assert {section: {name: get(section, name) for name in options} for section, options in OUTSIDE.items()} == OUTSIDE
    assert get("DEFAULT", "transport_url") == GIVEN["nova_vcdriver_transport_url"]
    assert get("DEFAULT", "log_file") == "/var/log/nova/vc1-cluster-a/nova-compute.log" and get("DEFAULT", "use_stderr")
    assert get("DEFAULT", "log_rotation_type") == "size"


# Texts that oslo.config, or a careless writer, makes something else of.
HARD = [
    "a$b", "$", "$$", "${x}", "$x", "a$$b", " a", "a ", "\ta", '"a"', "'a'", '"', "''", "'a\"", "#a", ";a", "[a]", "a=b", "a:b", "%s", "%(a)s",
    "\\", "a\\", "\\\\",
    "\u00fc\u20ac", "a,b", "{{ a }}", "null", "true", "0123",
]  # fmt: skip


def hard_texts():
    """Gives those and more of the same kind, without what the role refuses (VALUE_UNWRITABLE)."""
    chosen = random.Random(7)
    made = ["".join(chosen.choice("$\\\"' \t#;=:{}ab1") for _character in range(chosen.randint(1, 8))) for _text in range(300)]
    return [*HARD, *(text for text in made if "\\$" not in text)]


def test_nothing_is_lost(tmp_path):
    """Each text reaches Nova as it was given: of the vCenter, of the cluster, of the service user, and of a config tree but for its references."""
    (folder := tmp_path / "x").mkdir()
    for text in hard_texts():
        site = {
            "vcenters": [{"name": "vc1", "host_ip": "vc", "host_username": text, "host_password": text}],
            "computes": [{"cluster_name": text, "datastore_regex": text, "host": "c"}],
            "config": {"vmware": {"vnc_keymap": text.replace("$", "$$")}}, "auth": {"password": text, "username": text}, "transport_url": text,
            "my_ip": "192.0.2.11", "cluster_settings": {}, "release": "34.0.0", "only": [], "etc": "/e", "state": "/s", "log": "/l", "files": {}, "pinned": [],
        }  # fmt: skip
        (one,) = computes.run(site)["files"]
        files = {os.path.basename(path): content for path, content in one["files"].items()}
        assert check.check(files, *DEFINITIONS, literal=one["literal"]) == ([], []), text
    get = read(files, folder)
    assert (get("vmware", "host_password"), get("vmware", "vnc_keymap"), get("vmware", "cluster_name")) == (text, text, text)


def test_what_would_be_lost_is_found():
    """The check reads each value back, and says which one Nova would read as something else, without its value."""
    text = "[vmware]\ncluster_name = 'geheim'\nhost_username = a\\$b\nhost_ip = vc\n"
    literal = {"vmware": {"cluster_name": "'geheim'", "host_username": r"a\$b", "host_ip": "vc"}}
    errors, _warnings = check.check({"nova.conf": text}, *DEFINITIONS, literal=literal)
    said = "Nova would read something else than what was given: change the value"
    assert errors == [f"nova.conf:2: [vmware] cluster_name: {said}", f"nova.conf:3: [vmware] host_username: {said}"]


# text of nova.conf: the finding that must be there, with its line.
FINDINGS = {
    "[vmware]\nhost_ip = x\napi_retry_cuont = 3\n": "nova.conf:3: [vmware] api_retry_cuont: unknown option, did you mean api_retry_count?",
    "[vmwaer]\nhost_ip = x\n": "nova.conf:2: [vmwaer] host_ip: unknown section, did you mean vmware?",
    "[vmware]\n\nhost_port = many\n": "nova.conf:3: [vmware] host_port: ",
    "[vmware]\nconnection_pool_size = 3\n": "nova.conf:2: [vmware] connection_pool_size: Should be greater than or equal to 10",
    "[vmware]\nserial_port_proxy_uri = http://x\n": "nova.conf:2: [vmware] serial_port_proxy_uri: ",
    "[DEFAULT]\nrunning_deleted_instance_action = explode\n": "nova.conf:2: [DEFAULT] running_deleted_instance_action: ",
    "[DEFAULT]\nremove_unused_base_images = false\n": "nova.conf:2: [DEFAULT] remove_unused_base_images: deprecated name, use [image_cache] remove_unused",
    "[DEFAULT]\ndebug = true\nconfig_drive_format = vfat\n": "nova.conf:3: [DEFAULT] config_drive_format: deprecated, Nova will remove it",
    "[vmware]\nwsdl_location = http://x\n": "nova.conf:2: [vmware] wsdl_location: Nova 16.0.0 has removed it; remove it: Nova reads the WSDL",
    "[vnc]\nkeymap = de\n": "nova.conf:2: [vnc] keymap: Nova 19.0.0 has removed it; use [vmware] vnc_keymap",
    "[vmware]\nhost_password = x\n": "nova.conf:2: [vmware] host_password: a secret, which belongs in secrets.conf",
    "[placement]\nauth_type = pasword\n": "nova.conf:2: [placement] auth_type: ",
    "[placement]\nauth_type = password\nusernaem = nova\n": "nova.conf:3: [placement] usernaem: unknown option, did you mean username?",
    "[vmware\nhost_ip = x\n": "nova.conf:1: ",
    "[vmware]\nvnc_keymap = de$x\n": "nova.conf:2: [vmware] vnc_keymap: refers to an option that is not there ($name)",
    "[vmware]\ndatastore_regex = ^x\\$$y\n": "nova.conf:2: [vmware] datastore_regex: refers to an option that is not there",
    "[DEFAULT]\nmax_concurrent_builds = $debug\n": "nova.conf:2: [DEFAULT] max_concurrent_builds: not a valid value of type",
}


@pytest.mark.parametrize("text", FINDINGS)
def test_findings(text):
    """Each mistake is one error, with the file's line."""
    errors, warnings = check.check({"nova.conf": text}, *DEFINITIONS)
    assert [error for error in errors if error.startswith(FINDINGS[text])] != [], errors
    assert len(errors) == 1 and warnings == []


def test_no_secret_is_printed():
    """A secret of a wrong kind is named, not shown."""
    text = "[DEFAULT]\ntransport_url = rabbit://u:very-secret@[::1\n[vmware]\nhost_password = very-secret\n"
    errors, _warnings = check.check({"secrets.conf": text}, *DEFINITIONS)
    assert "very-secret" not in " ".join(errors)


def test_deprecated_on_request():
    """Only what Nova will remove can be allowed, not an old name of an option."""
    text = "[DEFAULT]\nconfig_drive_format = iso9660\nremove_unused_base_images = false\n"
    errors, warnings = check.check({"nova.conf": text}, *DEFINITIONS, allow_deprecated=True)
    assert [error.split(": ")[0] for error in errors] == ["nova.conf:3"]
    assert [warning.split(": ")[0] for warning in warnings] == ["nova.conf:2"]


@pytest.mark.parametrize(
    ("text", "code", "said"), [("[vmware]\nhost_ip = x\n", 0, ""), ("[vmware]\nhost_pi = x\n", 2, "host_pi: unknown option"), (None, 1, "")]
)  # fmt: skip
def test_exit_code(text, code, said):
    """The role tells findings, which are on standard output, from a check that could not run."""
    script = ROOT / "roles" / "nova_vcdriver" / "files" / "validate_config.py"
    given = "no json" if text is None else json.dumps([{"files": {"nova.conf": text}, "literal": {}}])
    done = subprocess.run([sys.executable, "-W", "ignore", script], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stdout and bool(done.stdout) == bool(said)
