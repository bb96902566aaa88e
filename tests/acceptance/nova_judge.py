# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Nova's own driver code whether images are cached. Runs where Nova is installed.

Each line of standard input is a question in JSON: the options of the vCenter in the words of nova.conf, ``clusters`` (cluster_name,
datastore_regex) and ``images`` (Glance ids to disk formats). The vCenter is that of the first. Each line of the output is an answer in
JSON: ``{cluster: {datastore: {image id: size of the extent as Nova reads it, or null where Nova sees no cached image}}}``.
"""

from __future__ import annotations

import json
import re
import sys
from types import SimpleNamespace

import nova.conf

asked = json.loads(sys.stdin.readline())
CONF = nova.conf.CONF
CONF([], project="nova", default_config_files=[])
for option in ("host_ip", "host_port", "host_username", "host_password", "ca_file", "cache_prefix"):
    CONF.set_override(option, asked[option], "vmware")

# These read the options as default arguments when they are imported.
from nova.virt.vmwareapi import ds_util, imagecache, images, session, vm_util, vmops  # noqa: E402

vim = session.VMwareAPISession(
    host_ip=asked["host_ip"], host_port=asked["host_port"], username=asked["host_username"], password=asked["host_password"],
    cacert=asked["ca_file"], insecure=False,
)  # fmt: skip


class Judge(vmops.VMwareVMOps):
    """Only what _fetch_image_if_missing needs; a download is the answer "not cached"."""

    def __init__(self):
        self._session = vim
        self._base_folder = self._get_base_folder()
        self._imagecache = imagecache.ImageCacheManager(vim, self._base_folder)
        self._datastore_browser_mapping = {}

    def check_cache_folder(self, ds_name, ds_ref):
        """Nova would make the folder; a judge changes nothing."""

    def _get_image_callbacks(self, vi):
        def fetch(*_args):
            raise LookupError("Nova would download the image")

        return fetch, fetch, fetch


def answer(clusters, image_formats):
    """Gives Nova's view of the caches."""
    judge = Judge()
    views = {}
    for cluster in clusters:
        ref = vm_util.get_cluster_ref_by_name(vim, cluster["cluster_name"])
        found = views.setdefault(cluster["cluster_name"], {})
        for datastore in ds_util.get_available_datastores(vim, ref, re.compile(cluster["datastore_regex"])):
            for image_id, disk_format in image_formats.items():
                image = images.VMwareImage(image_id=image_id, file_type=disk_format, file_size=1, disk_type="sparse")
                vi = vmops.VirtualMachineInstanceConfigInfo(
                    SimpleNamespace(flavor=SimpleNamespace(root_gb=0), image_ref=image_id, uuid=image_id),
                    image, datastore, None, judge._imagecache,
                )  # fmt: skip
                try:
                    judge._fetch_image_if_missing(None, vi)
                except LookupError:
                    size = None
                else:
                    size = image.file_size
                found.setdefault(datastore.name, {})[image_id] = size
    return views


while True:
    print(json.dumps(answer(asked["clusters"], asked["images"])), flush=True)
    line = sys.stdin.readline()
    if not line:
        break
    asked = json.loads(line)
