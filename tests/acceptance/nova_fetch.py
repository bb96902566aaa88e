# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does with Nova's own driver code what a boot does about an image: fetches it when it is missing, then finds the parent of a linked clone.

Runs where Nova is installed, as a nova-compute would: one process and one session for all boots. Each line of standard input is a boot in JSON: the
options of the vCenter in the words of nova.conf, ``cluster_name``, ``datastore``, ``image`` (id, size, disk_type), ``root_gb``, and ``glance``
(endpoint, token). vCenter and Glance are those of the first. Each line of the output is an answer in JSON: ``fetched`` (whether Nova downloaded the
image), ``copied`` (whether it made the sized copy), and ``parent`` (the datastore path of the disk); or ``error``.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from types import SimpleNamespace

import nova.conf
from nova import objects

asked = json.loads(sys.stdin.readline())
CONF = nova.conf.CONF
CONF([], project="nova", default_config_files=[])
for option in ("host_ip", "host_port", "host_username", "host_password", "ca_file", "cache_prefix"):
    CONF.set_override(option, asked[option], "vmware")
CONF.set_override("endpoint_override", asked["glance"]["endpoint"], "glance")
CONF.set_override("lock_path", asked["lock_path"], "oslo_concurrency")
objects.register_all()

# These read the options as default arguments when they are imported.
from nova import context as nova_context  # noqa: E402
from nova.virt.vmwareapi import ds_util, imagecache, images, session, vm_util, vmops  # noqa: E402

vim = session.VMwareAPISession(
    host_ip=asked["host_ip"], host_port=asked["host_port"], username=asked["host_username"], password=asked["host_password"],
    cacert=asked["ca_file"], insecure=False,
)  # fmt: skip
answer = {}


class Compute(vmops.VMwareVMOps):
    """The driver without the start of its service. What it is asked to do is noted, then done by the driver's own code."""

    def __init__(self, cluster):
        self._session = vim
        self._cluster = cluster
        self._root_resource_pool = vm_util.get_res_pool_ref(vim, cluster)
        self._base_folder = self._get_base_folder()
        self._tmp_folder = "vmware_temp"
        self._imagecache = imagecache.ImageCacheManager(vim, self._base_folder)
        self._datastore_browser_mapping = {}
        self._datastore_dc_mapping = {}
        self._volumeops = SimpleNamespace(attach_disk_to_vm=self._attach)

    def _get_image_callbacks(self, vi):
        prepare, fetch, cache = super()._get_image_callbacks(vi)

        def noted(*arguments):
            answer["fetched"] = True
            fetch(*arguments)

        return prepare, noted, cache

    @staticmethod
    def _attach(_vm, _instance, _adapter, _disk_type, path, *_more, **_named):
        answer["parent"] = path


copy = vm_util.copy_virtual_disk


def copy_virtual_disk(_session, _dc, source, dest):
    """Nova's copy, noted where it makes a disk for linked clones."""
    answer["copied"] = answer["copied"] or "tmp-sparse" not in source
    copy(_session, _dc, source, dest)


vm_util.copy_virtual_disk = copy_virtual_disk


def boot(wish):
    """Does what a boot does about an image; notes it in the answer."""
    cluster = vm_util.get_cluster_ref_by_name(vim, wish["cluster_name"])
    compute = Compute(cluster)
    (datastore,) = ds_util.get_available_datastores(vim, cluster, re.compile(f"^{wish['datastore']}$"))
    wanted = wish["image"]
    image = images.VMwareImage(image_id=wanted["id"], file_type="vmdk", file_size=wanted["size"], disk_type=wanted["disk_type"], linked_clone=True)
    instance = SimpleNamespace(flavor=SimpleNamespace(root_gb=wish["root_gb"]), image_ref=wanted["id"], uuid=wanted["id"])
    info = vmops.VirtualMachineInstanceConfigInfo(
        instance, image, datastore, compute.get_datacenter_ref_and_name(datastore.ref), compute._imagecache,
        SimpleNamespace(disk_io_limits=None),
    )  # fmt: skip
    context = nova_context.RequestContext(user_id="tests", project_id="tests", auth_token=wish["glance"]["token"])
    compute._fetch_image_if_missing(context, info)
    if wish["root_gb"]:
        compute._use_disk_image_as_linked_clone(None, info)


while True:
    answer.update(fetched=False, copied=False, parent=None)
    try:
        boot(asked)
        print(json.dumps(answer), flush=True)
    except Exception:  # pylint: disable=broad-except
        print(json.dumps({"error": traceback.format_exc()}), flush=True)
    line = sys.stdin.readline()
    if not line:
        break
    asked = json.loads(line)
