# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nova.conf says, of one nova-compute, of several, and of nova-api. Pure."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules import versions
from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.rules.rule import ERROR, WARNING, quoted, rule


@rule(
    ERROR,
    "A driver other than the VC driver",
    ["nova_conf"],
    "nova/virt/driver.py (load_compute_driver)",
    "Set [DEFAULT]compute_driver = vmwareapi.VMwareVCDriver.",
    driver="vc",
)
def compute_driver_wrong(facts, service):
    driver = service.conf.value("DEFAULT", "compute_driver")
    if driver != "vmwareapi.VMwareVCDriver":
        yield service.name, "[DEFAULT]compute_driver is " + (f"'{driver}'" if driver else "not set")


@rule(
    ERROR,
    "A required option is not set",
    ["nova_conf"],
    "nova/virt/vmwareapi/driver.py (__init__)",
    "Set it; nova-compute does not start without it.",
    driver="vc",
)
def required_option_unset(facts, service):
    missing = [f"[vmware]{option}" for option in ("host_ip", "host_username", "cluster_name") if not service.conf.value("vmware", option)]
    if missing:
        yield service.name, f"not set: {', '.join(missing)}"


@rule(
    ERROR,
    "A value that Nova does not take",
    ["nova_conf"],
    "oslo_config/cfg.py (ConfigFileValueError), oslo_config/types.py",
    "Correct it: Nova fails with ConfigFileValueError as soon as it reads the option. Rules that read it judge Nova's default.",
)
def option_invalid(facts, service):
    for text in service.conf.errors():
        yield service.name, text


@rule(
    WARNING,
    "An option that Nova does not know",
    ["nova_conf"],
    "nova/conf/vmware.py; oslo.config reads past what is not registered",
    "Remove it, or correct its name: it has no effect. [vmware]wsdl_location is gone since Nova 16.0.0, which reads the WSDL from the vCenter.",
)
def option_unknown(facts, service):
    for text in service.conf.unknown():
        yield service.name, f"{text} is no option of Nova"


@rule(
    ERROR,
    "Another vCenter than the one that was checked",
    ["nova_conf", "host_ip", "addresses"],
    "nova/virt/vmwareapi/session.py ([vmware]host_ip, host_port)",
    "Check the vCenter that nova.conf names: all findings about a vCenter are about the other one. Two names of one vCenter must resolve to one address.",
)
def host_ip_differs(facts, service):
    name, port = service.conf.value("vmware", "host_ip"), service.conf.value("vmware", "host_port")
    if (name, port) not in facts.vcenter.addresses:
        server = facts.vcenter.server
        yield service.name, f"[vmware]host_ip is '{name}' and host_port {port}; '{server}' was checked, which has another name, and no address in common"


@rule(
    ERROR,
    "Storage policies (PBM) are on",
    ["nova_conf"],
    "nova/virt/vmwareapi/ds_util.py (vim_util.get_moref_value is not there since Nova 24.0.0)",
    "Set [vmware]pbm_enabled = false and choose datastores by datastore_regex.",
)
def pbm_enabled(facts, service):
    if service.conf.value("vmware", "pbm_enabled") and versions.at_least(facts, "nova", (24,)):
        yield (
            service.name,
            "[vmware]pbm_enabled is true: each boot fails with AttributeError, while start and resource reports look healthy",
        )


@rule(
    ERROR,
    "Storage policies (PBM) with a vCenter that oslo.vmware has no description of",
    ["nova_conf", "vcenter"],
    "oslo_vmware/wsdl (PBM of 5.5 to 8.0 only), nova/virt/vmwareapi/driver.py",
    "Set [vmware]pbm_enabled = false.",
)
def pbm_vcenter_version(facts, service):
    if service.conf.value("vmware", "pbm_enabled") and not service.conf.value("vmware", "pbm_wsdl_location") and versions.parse(facts.vcenter.version) >= (9,):
        yield (
            service.name,
            f"[vmware]pbm_enabled is true and the vCenter has version {facts.vcenter.version}: nova-compute dies at its start",
        )


@rule(
    ERROR,
    "Config drives are forced",
    ["nova_conf"],
    "nova/virt/vmwareapi/images.py (upload_iso_to_datastore reads the ISO as text, which Python 3 refuses)",
    "Set [DEFAULT]force_config_drive = false and use the metadata service.",
)
def config_drive_forced(facts, service):
    if service.conf.value("DEFAULT", "force_config_drive"):
        yield service.name, "[DEFAULT]force_config_drive is true: each boot fails"


@rule(
    ERROR,
    "Signatures of images are verified",
    ["nova_conf"],
    "nova/image/glance.py (the check reads the image to its end and hands the exhausted stream on)",
    "Leave both off; image_cache compares the image's hash before it publishes an image.",
)
def glance_signatures_verified(facts, service):
    on = [name for name in ("verify_glance_signatures", "enable_certificate_validation") if service.conf.value("glance", name)]
    if on:
        yield service.name, f"on: {', '.join('[glance]' + name for name in on)}: no byte of an image reaches the datastore"


@rule(
    ERROR,
    "The bridge of a plugin that is gone",
    ["nova_conf"],
    "nova/virt/vmwareapi/vif.py",
    "Remove [vmware]integration_bridge; Nova then finds port groups by the network's name.",
)
def integration_bridge_set(facts, service):
    bridge = service.conf.value("vmware", "integration_bridge")
    if bridge:
        yield service.name, f"[vmware]integration_bridge is '{bridge}': Nova looks for an opaque network that does not exist"


@rule(
    ERROR,
    "No folder for locks",
    ["nova_conf"],
    "nova/virt/vmwareapi/imagecache.py, oslo_concurrency/lockutils.py",
    "Set [oslo_concurrency]lock_path to a folder of this nova-compute alone.",
)
def lock_path_unset(facts, service):
    if not service.conf.value("oslo_concurrency", "lock_path"):
        yield service.name, "[oslo_concurrency]lock_path is not set: the first boot fails with RequiredOptError"


@rule(
    WARNING,
    "The VNC console is on",
    ["nova_conf"],
    "nova/virt/vmwareapi/vmops.py (get_vnc_console, get_mks_console), nova/conf/vnc.py; ESXi has no VNC server since 7.0",
    "Set [vnc]enabled = false. Nova then has no console for these servers: [mks] needs nova-mksproxy, which nobody has maintained since 2017, and a kind of "
    "ticket that vSphere 8.0 deprecates. Use the console of the vSphere Client, and for the log [vmware]serial_port_service_uri with a VSPC.",
)
def vnc_enabled(facts, service):
    if service.conf.value("vnc", "enabled"):
        yield (
            service.name,
            f"{service.conf.place('vnc', 'enabled')} is true, also where it is not set: servers get a console that no ESXi since 7.0 serves",
        )


@rule(
    WARNING,
    "The vCenter is not verified",
    ["nova_conf"],
    "nova/virt/vmwareapi/session.py, oslo_vmware/service.py",
    "Set [vmware]ca_file and insecure = false.",
)
def tls_not_verified(facts, service):
    if service.conf.value("vmware", "insecure") and not service.conf.value("vmware", "ca_file"):
        yield service.name, "[vmware]insecure is true: whoever can answer in the vCenter's place gets the password of its account"


@rule(
    ERROR,
    "nova-api does not let servers be resized in their cluster",
    ["api_conf"],
    "nova/virt/vmwareapi/vmops.py (migrate_disk_and_power_off ignores dest)",
    "Set [DEFAULT]allow_resize_to_same_host = true in nova-api's nova.conf.",
    scope="all",
    site=True,
)
def resize_to_same_host_off(facts):
    if not facts.api_conf.value("DEFAULT", "allow_resize_to_same_host"):
        yield (
            "nova-api",
            ("[DEFAULT]allow_resize_to_same_host is false: a resize goes to another nova-compute, and the VM stays where it is: Nova and vSphere disagree"),
        )


@rule(
    ERROR,
    "Two nova-computes of one name",
    ["host"],
    "nova/compute/manager.py (_check_for_host_rename)",
    "Give each [DEFAULT]host a value of its own.",
)
def host_not_unique(facts, service):
    others = [other.name for other in facts.services if other is not service and other.host == service.host]
    if others:
        yield service.name, f"its name in Nova is '{service.host}', as that of {quoted(others)}"


@rule(
    ERROR,
    "Two nova-computes share their state",
    ["nova_conf"],
    "nova/virt/node.py (compute_id)",
    "Give each a [DEFAULT]state_path of its own.",
    alone=True,
)
def state_path_shared(facts, service):
    value = service.conf.value("DEFAULT", "state_path")
    others = [other.name for other in facts.services if other is not service and other.conf and other.conf.value("DEFAULT", "state_path") == value]
    if others:
        yield service.name, f"[DEFAULT]state_path is '{value}', as for {quoted(others)}"
