# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What package managers print; the role's own tests have the whole answers of several distributions."""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.deployment.packages import offered


def test_apt():
    """What is installed counts before what would be; what is neither is left out."""
    text = "python3-nova:\n  Installed: (none)\n  Candidate: 2:31.0.0-6\npython3-urllib3:\n  Installed: 2.3.0-3\n  Candidate: 2.4.0\n"
    assert offered(text + "python3-oslo.vmware:\n  Installed: (none)\n  Candidate: (none)\n", "Debian") == {"nova": "31.0.0", "urllib3": "2.3.0"}


def test_dnf():
    assert offered("python3-nova 31.1.0\npython3-oslo-vmware 4.5.1", "RedHat") == {"nova": "31.1.0", "oslo.vmware": "4.5.1"}
