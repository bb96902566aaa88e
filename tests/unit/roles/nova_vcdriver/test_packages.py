# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role installs where, and what it thinks of a distribution's versions."""

from __future__ import annotations

import pytest

BOOKWORM = {"distribution": "Debian", "os_family": "Debian", "distribution_major_version": "12"}
TRIXIE = {**BOOKWORM, "distribution_major_version": "13"}
NOBLE = {"distribution": "Ubuntu", "os_family": "Debian", "distribution_major_version": "24"}
ROCKY = {"distribution": "Rocky", "os_family": "RedHat", "distribution_major_version": "9"}
CENTOS = {"distribution": "CentOS", "os_family": "RedHat", "distribution_major_version": "10"}
ARCH = {"distribution": "Archlinux", "os_family": "Archlinux", "distribution_major_version": "rolling"}


@pytest.mark.parametrize(
    ("facts", "first", "service"),
    [
        (BOOKWORM, "nova-compute", "nova-compute.service"), (TRIXIE, "nova-compute", "nova-compute.service"),
        (NOBLE, "nova-compute-vmware", "nova-compute.service"),
        (ROCKY, "openstack-nova-compute", "openstack-nova-compute.service"), (CENTOS, "openstack-nova-compute", "openstack-nova-compute.service"),
    ],
)  # fmt: skip
def test_packages(evaluate, facts, first, service):
    """Each distribution's own names, always with oslo.vmware, which Nova's packages do not ask for."""
    found = evaluate("__nova_vcdriver_distribution", ansible_facts=facts)
    assert found["packages"][0] == first
    assert [name for name in found["packages"] if name.replace("-", ".") == "python3.oslo.vmware"]
    assert found["service"] == service


def test_python(evaluate):
    """The Python of a venv is one that Nova 34 takes."""
    assert "python" not in evaluate("__nova_vcdriver_distribution", ansible_facts=BOOKWORM)
    assert evaluate("__nova_vcdriver_distribution", ansible_facts=ROCKY)["python"] == "/usr/bin/python3.12"
    assert evaluate("__nova_vcdriver_distribution", ansible_facts=CENTOS)["python"] == "/usr/bin/python3"


def test_any_distribution(evaluate):
    """One that the role does not know has a venv and no packages."""
    assert evaluate("__nova_vcdriver_distribution", ansible_facts=ARCH) == {"venv_packages": ["ca-certificates", "python3"]}


def apt(nova, vmware, urllib3, installed="(none)"):
    """What `apt-cache policy` prints."""
    return "".join(
        f"{name}:\n  Installed: {installed}\n  Candidate: {version}\n  Version table:\n     {version} 500\n        500 http://deb.example.com/debian x/main\n"
        for name, version in [("python3-nova", nova), ("python3-oslo.vmware", vmware), ("python3-urllib3", urllib3)]
    )


@pytest.mark.parametrize(
    ("facts", "answer", "offered", "hangs"),
    [
        (BOOKWORM, apt("2:26.2.2-1~deb12u5", "4.0.1-3", "1.26.12-1+deb12u4"), {"nova": "26.2.2", "oslo.vmware": "4.0.1", "urllib3": "1.26.12"}, False),
        (TRIXIE, apt("2:31.0.0-6+deb13u2", "4.6.0-3", "2.3.0-3+deb13u2"), {"nova": "31.0.0", "oslo.vmware": "4.6.0", "urllib3": "2.3.0"}, True),
        (TRIXIE, apt("2:31.0.0-6", "4.6.0-3", "2.3.0-3", installed="4.10.1-1"), {"nova": "4.10.1", "oslo.vmware": "4.10.1", "urllib3": "4.10.1"}, False),
        (TRIXIE, apt("(none)", "(none)", "(none)"), {}, False),
        (ROCKY, "python3-nova 31.1.0\npython3-oslo-vmware 4.5.1\npython3-urllib3 1.26.5",
         {"nova": "31.1.0", "oslo.vmware": "4.5.1", "urllib3": "1.26.5"}, False),
        (CENTOS, "python3-nova 32.0.0\npython3-oslo-vmware 4.7.0\npython3-urllib3 2.2.3", {"nova": "32.0.0", "oslo.vmware": "4.7.0", "urllib3": "2.2.3"}, True),
        (CENTOS, "python3-oslo-vmware 4.10.0\npython3-urllib3 2.2.3", {"oslo.vmware": "4.10.0", "urllib3": "2.2.3"}, False),
    ],
)  # fmt: skip
def test_versions(evaluate, facts, answer, offered, hangs):
    """The package manager's answer is read right, and the rule on oslo.vmware and urllib3 follows it."""
    given = {"ansible_facts": facts, "__nova_vcdriver_answer": {"stdout": answer}}
    assert evaluate("__nova_vcdriver_offered", **given) == offered
    assert evaluate("__nova_vcdriver_hangs", **given) is hangs


def test_paths(evaluate):
    """A unit starts bin/nova-compute below this folder, whichever way Nova came."""
    assert evaluate("__nova_vcdriver_venv", nova_vcdriver_install_method="package") == "/usr"
    assert evaluate("__nova_vcdriver_mark", nova_vcdriver_install_method="package") == "/usr/bin/nova-compute"
