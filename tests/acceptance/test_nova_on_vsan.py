# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova's own driver code on a simulated vsan datastore: the simulator is not so strict there that real Nova could not boot."""

from __future__ import annotations

import pytest
from simulated import CACHE, HOSTS, VCenter, scenario
from test_neighbours import Nova

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.session import Session


@pytest.fixture
def nova(request, cloud, tmp_path):
    """Nova, and the vCenter, with the cache's folder where MakeDirectory does not make it."""
    setup = scenario(HOSTS[:1], ("n1",))
    setup["vcenter"]["behaviour"] = request.param
    setup["datacenters"][0]["datastores"][0]["type"] = "vsan"
    with VCenter(tmp_path / "vcenter", setup) as vcenter:
        if request.param["vsan_root_folder"] == "refused":
            make_namespace(vcenter, CACHE)
        one = Nova(cloud, vcenter, tmp_path)
        yield one, vcenter
        one.close()


def make_namespace(vcenter, name):
    """Makes a top-level folder on the vsan datastore, as its operator would."""
    with Session(**vcenter.connection) as session:
        (datastore,) = session.content.rootFolder.childEntity[0].datastore
        session.content.datastoreNamespaceManager.CreateDirectory(datastore=datastore, displayName=name)


@pytest.mark.parametrize(
    "nova",
    [{"vsan_root_folder": "refused"}, {"vsan_root_folder": "made", "vsan_disk_path": "name", "vsan_listing": "name", "vsan_folder_delete": "deleted"}],
    indirect=True, ids=("harmful", "kind"),
)  # fmt: skip
def test_boot(nova, images):
    """The first boot downloads the image and the second finds it. The disk for linked clones is a copy of it."""
    nova, vcenter = nova
    ids, content = images
    for first in (True, False):
        nova.start(ids["stream"], "stream", root_gb=1)
        answer = nova.answer()
        assert (answer["fetched"], answer["copied"]) == (first, first)
        assert answer["parent"] == f"[n1] {CACHE}/{ids['stream']}/{ids['stream']}.1.vmdk"
    assert vcenter.disk("n1", ids["stream"]) == content
    assert list(vcenter.datastores.glob("n1/OSTACK_IMG_*")) == []
