# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account with the role of vsphere_role seeds every kind of image; without one of its privileges the doctor names it before, the module when it is met.

The simulated vCenter refuses what the vSphere API documents a privilege for.
"""

from __future__ import annotations

import ssl

import pytest
from pyVim.connect import Disconnect, SmartConnect
from simulated import CLUSTERS, PASSWORD, PREFIX, USER, VCenter, call, options, run, scenario

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova import privileges

ROLE, ACCOUNT, SECRET = "OpenStack Nova", "nova@vsphere.local", "lab-only-nobody"
# With the nova.conf the doctor looks into the image caches too.
SERVICES = [{**one, "nova_conf": f"[DEFAULT]\nhost = c1\n[vmware]\ncache_prefix = {PREFIX}\n"} for one in CLUSTERS]


class Granted(VCenter):
    """A vCenter with an account that has the role. ``connection`` stays the administrator's."""

    def __init__(self, folder, setup=None):
        super().__init__(folder, setup)
        self.ask("POST", "/do", {"account": {"username": ACCOUNT, "password": SECRET}})
        call("vsphere_role", **self.connection, principal=ACCOUNT, datacenters=["dc1"])
        self.poor = {**self.connection, "username": ACCOUNT, "password": SECRET}
        trust = ssl.create_default_context(cafile=self.connection["ca_path"])
        self._instance = SmartConnect(host="127.0.0.1", port=self.port, user=USER, pwd=PASSWORD, sslContext=trust)
        self._manager = self._instance.RetrieveContent().authorizationManager
        self._role = next(role for role in self._manager.roleList if role.name == ROLE)

    def without(self, *lacking):
        """Leaves the role all of its privileges but these."""
        left = [one for one in privileges.all_privileges() if one not in lacking]
        self._manager.UpdateAuthorizationRole(roleId=self._role.roleId, newName=ROLE, privIds=left)

    def machines(self):
        """Gives the names of what stands in the VM folder."""
        (datacenter,) = self._instance.RetrieveContent().rootFolder.childEntity
        return [one.name for one in datacenter.vmFolder.childEntity]

    def close(self):
        Disconnect(self._instance)
        super().close()


@pytest.fixture(scope="module")
def vcenter(tmp_path_factory):
    with Granted(tmp_path_factory.mktemp("privileges")) as one:
        yield one


def seed(vcenter, images):
    """Seeds all images with the account. Gives the result, the error's code and its text."""
    vcenter.empty()
    made, _content = images
    return run(options(vcenter.poor, list(made.values())))


def lacking(vcenter):
    """Gives what the doctor says that the account lacks: ``{object: evidence}``."""
    result = call("compute_check", **vcenter.poor, services=SERVICES, fail_on="never")
    found = {one["object"]: one["evidence"] for one in result["findings"] if one["id"] == "PRIVILEGES_MISSING"}
    # What the account may not list can't be judged, which must not look well.
    unread = any("Datastore.Browse" in evidence for evidence in found.values())
    not_checked = {one["id"]: one["reason"] for one in result["not_checked"]}
    assert ("CACHE_ENTRY_BROKEN" in not_checked) is unread
    # The role leaves this one out on purpose.
    assert "Certificate.Manage" in not_checked["HOST_CERTIFICATE_ENDS_SOON"]
    return found


def test_the_role_is_enough(vcenter, images):
    vcenter.without()
    assert lacking(vcenter) == {}
    result, code, text = seed(vcenter, images)
    assert code is None, text
    assert result["changed"]
    for image_id in images[0].values():
        assert vcenter.wrong(image_id, images[1]) == [] and len(vcenter.whole(image_id)) == 2


# Those that a seed of these images uses. Of the rest, which only Nova uses, the doctor's word is enough.
MET = {
    "Datastore.AllocateSpace", "Datastore.Browse", "Datastore.FileManagement", "VApp.Import", "VirtualMachine.Config.AddNewDisk",
    "VirtualMachine.Inventory.Unregister",
}  # fmt: skip


def test_the_rest_is_novas_alone(vcenter, images):
    """Without all of these at once images are put there and removed all the same."""
    vcenter.without(*set(privileges.all_privileges()) - MET)
    try:
        for state in ("present", "absent"):
            _result, code, text = run(options(vcenter.poor, list(images[0].values()), state=state))
            assert code is None, (state, text)
    finally:
        vcenter.without()
    assert vcenter.left() == [] and vcenter.machines() == []


@pytest.mark.parametrize("privilege", privileges.all_privileges())
def test_without_one(vcenter, images, privilege):
    vcenter.without(privilege)
    try:
        assert any(privilege in evidence for evidence in lacking(vcenter).values())
        if privilege in MET:
            _result, code, text = seed(vcenter, images)
            assert code is not None and privilege in text, (code, text)
            for image_id in images[0].values():
                assert vcenter.wrong(image_id, images[1]) == []
    finally:
        vcenter.without()
    assert vcenter.left() == [] and vcenter.machines() == []


@pytest.mark.parametrize("parents_view", ["refused", "granted"])
def test_a_datacenter_in_folders(tmp_path, images, parents_view):
    """The way to it leads through folders that the account must see: the role is granted on each of them, there alone."""
    setup = scenario()
    setup["vcenter"]["behaviour"] = {"parents_view": parents_view}
    setup["datacenters"][0]["folder"] = "region/north"
    with Granted(tmp_path / "vc", setup) as vcenter:
        assert lacking(vcenter) == {}
        _result, code, text = seed(vcenter, images)
        assert code is None, text
        again = call("vsphere_role", **vcenter.connection, principal=ACCOUNT, datacenters=["dc1"])
        assert not again["changed"]
        assert [(one["object"], one["propagate"]) for one in again["grants"]] == [
            ("/", False), ("/region", False), ("/region/north", False), ("/region/north/dc1", True),
        ]  # fmt: skip


def test_what_only_some_vcenters_need(tmp_path, images):
    """Hosts in crypto-safe mode and a vSAN datastore: the doctor asks for the features of the role, and with them everything arrives."""
    setup = scenario()
    (datacenter,) = setup["datacenters"]
    for host in datacenter["clusters"][0]["hosts"]:
        host["crypto_state"] = "safe"
    datacenter["datastores"].append({"name": "n-vsan", "type": "vsan", "clusters": ["c1"]})
    with Granted(tmp_path / "vc", setup) as vcenter:
        assert lacking(vcenter) == {
            "datastore n-vsan": f"'{ACCOUNT}' lacks Datastore.Config (vCenter '127.0.0.1')",
            **{f"host {host['name']}": f"'{ACCOUNT}' lacks Cryptographer.Access (vCenter '127.0.0.1')" for host in datacenter["clusters"][0]["hosts"]},
        }
        _result, code, text = seed(vcenter, images)
        assert code is not None and ("Cryptographer.Access" in text or "Datastore.Config" in text), (code, text)
        assert vcenter.left() == [] and vcenter.machines() == []
        call("vsphere_role", **vcenter.connection, principal=ACCOUNT, datacenters=["dc1"], features=["vsan", "encryption"])
        assert lacking(vcenter) == {}
        _result, code, text = seed(vcenter, images)
        assert code is None, text
