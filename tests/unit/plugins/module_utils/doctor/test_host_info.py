# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the compute host says of itself."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import host_info


def test_a_file_that_may_not_be_looked_for_is_not_missing(tmp_path, monkeypatch):
    """Without root's rights nothing is known of Nova's state, and that is no finding."""
    (tmp_path / "compute_id").write_text("1")
    assert host_info.is_there(str(tmp_path / "compute_id")) is True
    assert host_info.is_there(str(tmp_path / "none" / "compute_id")) is False

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(host_info.os, "stat", refuse)
    assert host_info.is_there("/var/lib/nova/vc1-cluster-a/compute_id") is None
