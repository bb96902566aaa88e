# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images are seeded in vCenters with difficult names, with an account that may not read all, and through clusters of which one can't."""

from __future__ import annotations

import pytest
from simulated import CACHE, CLUSTERS, DATASTORES, HOSTS, PASSWORD, PREFIX, VCenter, call, options, run, scenario

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges

POOR = "nova@vsphere.local"
ODD = "n1 (50% off) [x", "n/2 ä+&?#'"  # names of datastores
NAME, SPELT = "c/1\\50%", "c%2f1%5c50%25"  # of a cluster: as people write it, and as vSphere and Nova do


def with_account():
    """Gives a scenario with an account that may use one cluster: of its datastores it may not read one, and of those of another it may not list one."""
    setup = scenario(HOSTS[:1], [*DATASTORES, "n-hidden"])
    (center,) = setup["datacenters"]
    center["clusters"].append({"name": "c2", "hosts": [{"name": HOSTS[1]}]})
    center["datastores"] += [{"name": "far", "clusters": ["c2"]}, {"name": "gone", "clusters": ["c2"], "accessible": False}]
    setup["vcenter"]["accounts"] = [
        {
            "username": POOR,
            "password": PASSWORD,
            "permissions": [
                {"entity": "/", "privileges": ["Sessions.ValidateSession"], "propagate": False},
                {"entity": "/dc1", "privileges": privileges.all_privileges()},
                {"entity": "/dc1/datastore/n-hidden", "role": "NoAccess"},
                {"entity": "/dc1/datastore/far", "privileges": []},
            ],
        }
    ]
    return setup


def test_what_may_not_be_read_is_no_source(images, tmp_path):
    """The seed goes on; what is passed over in the cluster that was asked for is named, once."""
    ids, content = images
    with VCenter(tmp_path, with_account()) as vcenter:
        poor = {**vcenter.connection, "username": POOR}
        for kind, image_id in ids.items():
            result, error, text = run(options(poor, [image_id]))
            assert error is None, text
            assert vcenter.whole(image_id) == list(DATASTORES) and vcenter.wrong(image_id, content) == []
            (hidden,) = [told for told in result["warnings"] if "may not read" in told]
            assert "datastores datastore-" in hidden
            (far,) = [told for told in result["warnings"] if "far was not looked at for copies" in told]
            assert "NoPermission" in far or "Datastore.Browse" in far, (kind, far)
        for name, given in (("image_cache_info", {"cache_prefix": PREFIX}), ("hypervisor_info", {})):
            told = call(name, hypervisors=CLUSTERS, **given, **poor)["warnings"]
            assert len(told) == 1 and "may not read" in told[0]


def test_a_source_that_can_be_seen_and_not_copied_from(images, tmp_path):
    """An image that only another cluster holds is read from Glance when the account may look there and no more."""
    ids, content = images
    setup = with_account()
    setup["vcenter"]["accounts"][0]["permissions"][-1]["privileges"] = ["Datastore.Browse"]
    with VCenter(tmp_path, setup) as vcenter:
        _result, error, text = run(options(vcenter.connection, list(ids.values()), hypervisors=[{"cluster_name": "c2", "datastore_regex": "far"}]))
        assert error is None, text
        result, error, text = run(options({**vcenter.connection, "username": POOR}, list(ids.values())))
        assert error is None, text
        assert sum("was read from Glance, since it could not be copied" in told for told in result["warnings"]) == len(ids)
        for image, image_id in zip(result["images"], ids.values()):
            assert sorted(row["action"] for row in image["datastores"]) == ["copy", "push"]
            assert image["bytes_from_glance"] == image["size"]
            assert [row["seconds"] is None for row in image["datastores"]] == [False, False]
            assert vcenter.whole(image_id) == ["far", *DATASTORES] and vcenter.wrong(image_id, content) == []
        assert vcenter.left() == []


@pytest.mark.parametrize("through", ["host", "server"])
def test_names(images, tmp_path, through):
    """Datastores with any characters, of one name in two datacenters; a datacenter and a cluster in folders, with names that vSphere escapes."""
    ids, _content = images
    setup = scenario(HOSTS[:1], ODD)
    (center,) = setup["datacenters"]
    center["name"], center["folder"] = "dc%1/a", "yard/50%"
    center["clusters"][0]["folder"] = "shelf/low"
    center["clusters"][0]["name"] = NAME
    center["clusters"][0]["hosts"][0]["name"] = HOSTS[0]
    for datastore in center["datastores"]:
        datastore["clusters"] = [NAME]
    setup["datacenters"].append({
        "name": "dc2", "clusters": [{"name": "c2", "hosts": [{"name": HOSTS[1]}]}],
        "datastores": [{"name": name, "capacity_gb": 10, "free_gb": 9, "clusters": ["c2"]} for name in ODD],
    })  # fmt: skip
    clusters = [{"cluster_name": SPELT}, {"cluster_name": "c2"}]
    with VCenter(tmp_path, setup) as vcenter:
        for kind, image_id in ids.items():
            way = {"upload_through": through, "encoding": "none"}
            result, error, text = run(options(vcenter.connection, [image_id], hypervisors=clusters, linked_clone_sizes=[1], **way))
            assert error is None, (kind, text)
            assert result["totals"]["datastores"] == 4 and result["totals"]["pushes"] == 1 and result["totals"]["copies"] == 3
            again, error, text = run(options(vcenter.connection, [image_id], hypervisors=clusters, linked_clone_sizes=[1], **way))
            assert error is None and not again["changed"], text
        disks = [path.read_bytes() for path in vcenter.datastores.glob(f"*/{CACHE}/{ids['flat']}/{ids['flat']}-flat.vmdk")]
        assert len(disks) == 4 and len(set(disks)) == 1
        found = call("hypervisor_info", **vcenter.connection)["hypervisors"]
        paths = {one["cluster_name"]: one["path"] for one in found}
        assert paths == {"c2": "/dc2/host/c2", SPELT: f"/yard/50%25/dc%251%2fa/host/shelf/low/{SPELT}"}
        if through == "host":
            _result, error, text = run(options(vcenter.connection, [ids["flat"]], hypervisors=[{"cluster_name": NAME}]))
            assert error == "CLUSTER_NOT_FOUND" and f"Nova compares the name: '{SPELT}'" in text
            services = [{"cluster_name": name} for name in (SPELT, NAME, paths["c2"])]
            checked = call("compute_check", **vcenter.connection, fail_on="never", services=services)
            missing = {one["object"]: one["evidence"] for one in checked["findings"] if one["id"] == "CLUSTER_NOT_FOUND"}
            assert set(missing) == {NAME, paths["c2"]} and "Nova compares the name: 'c2'" in missing[paths["c2"]]


@pytest.mark.parametrize("drs", [True, False])
def test_a_shared_datastore_is_reached_through_the_cluster_that_can(images, tmp_path, drs):
    """The first cluster has no host for it: its only one is in maintenance mode. The second may be without DRS."""
    ids, content = images
    setup = scenario(HOSTS[:1], DATASTORES)
    (center,) = setup["datacenters"]
    center["clusters"][0]["hosts"] = [{"name": "127.1.1.13", "maintenance": True}]
    center["clusters"].append({"name": "c2", "drs": {"enabled": drs}, "hosts": [{"name": name} for name in HOSTS]})
    for datastore in center["datastores"]:
        datastore["clusters"] = ["c1", "c2"]
    with VCenter(tmp_path, setup) as vcenter:
        clusters = [{"cluster_name": name} for name in ("c1", "c2")]
        result, error, text = run(options(vcenter.connection, [ids["stream"]], hypervisors=clusters))
        assert error is None, text
        assert vcenter.whole(ids["stream"]) == list(DATASTORES) and vcenter.wrong(ids["stream"], content) == []
        _result, error, text = run(options(vcenter.connection, [ids["sparse"]], hypervisors=clusters, upload_through="host"))
        assert error is None, text
