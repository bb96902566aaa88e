"""Lets Nova's own driver code put an image into its cache on each datastore, as the first boot there would. Runs where Nova is installed.

Reads JSON from standard input: ``vmware`` (options of nova.conf's group), ``glance`` (URL), ``token``, ``image_id``, ``size``, ``disk_type``,
``cluster_name``. Prints JSON: ``{"fetch": seconds of images.fetch_image, "total": seconds of _fetch_image_if_missing}``, each a list with an
element a datastore, and ``cpu`` seconds of all. Imports and log-in come before the clock starts: nova-compute is up already when somebody boots.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from types import SimpleNamespace

import nova.conf

asked = json.load(sys.stdin)
CONF = nova.conf.CONF
CONF([], project="nova", default_config_files=[])
for option, value in asked["vmware"].items():
    CONF.set_override(option, value, "vmware")
CONF.set_override("endpoint_override", asked["glance"], "glance")
CONF.set_override("lock_path", tempfile.mkdtemp(), "oslo_concurrency")

# These read the options as default arguments when they are imported.
from nova import context  # noqa: E402
from nova.virt.vmwareapi import ds_util, imagecache, images, session, vm_util, vmops  # noqa: E402

vim = session.VMwareAPISession()


class Ops(vmops.VMwareVMOps):
    """Only what _fetch_image_if_missing needs of the driver's state; all that it does is Nova's."""

    def __init__(self):
        self._session = vim
        self._base_folder = self._get_base_folder()
        self._tmp_folder = "vmware_temp"
        self._imagecache = imagecache.ImageCacheManager(vim, self._base_folder)
        self._datastore_browser_mapping = {}
        self._datastore_dc_mapping = {}
        self._root_resource_pool = vm_util.get_res_pool_ref(vim, cluster)
        self._cluster = cluster


cluster = vm_util.get_cluster_ref_by_name(vim, asked["cluster_name"])
ops = Ops()
fetches = []
original = images.fetch_image


def timed_fetch(*args, **kwargs):
    """Nova's fetch_image with a clock."""
    began = time.monotonic()
    original(*args, **kwargs)
    fetches.append(time.monotonic() - began)


images.fetch_image = timed_fetch
who = context.RequestContext(user_id="bench", project_id="bench", auth_token=asked["token"], is_admin=True)
totals, used = [], time.process_time()
datastores = sorted(ds_util.get_available_datastores(vim, cluster, re.compile("^ds-")), key=lambda one: one.name)
for datastore in datastores[: asked["datastores"]]:
    image = images.VMwareImage(image_id=asked["image_id"], file_type="vmdk", file_size=asked["size"], disk_type=asked["disk_type"], adapter_type="lsiLogic")
    vi = vmops.VirtualMachineInstanceConfigInfo(
        SimpleNamespace(flavor=SimpleNamespace(root_gb=0), image_ref=image.image_id, uuid=image.image_id),
        image, datastore, ops.get_datacenter_ref_and_name(datastore.ref), ops._imagecache,
    )  # fmt: skip
    began = time.monotonic()
    ops._fetch_image_if_missing(who, vi)
    totals.append(time.monotonic() - began)
print(json.dumps({"fetch": fetches, "total": totals, "cpu": time.process_time() - used}))
