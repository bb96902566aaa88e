# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's switches: each is documented with its source, has a value in both profiles, and a test that knows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SWITCHES = {
    name: (values or "").split()
    for name, values in re.findall(r'yaml:"(\w+)"(?: values:"([^"]*)")?', (ROOT / "lab/vcsim/behaviour.go").read_text(encoding="utf-8"))
}


def test_each_switch_is_documented_with_its_source():
    page = (ROOT / "docs/simulator.md").read_text(encoding="utf-8")
    rows = {match[1]: (match[2], match[4]) for match in re.finditer(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", page, re.MULTILINE)}
    assert set(SWITCHES) <= set(rows)
    for name, values in SWITCHES.items():
        documented, source = rows[name]
        assert re.split(r"[,;]\s*", documented)[: len(values)] == values or not values, name
        assert source.strip(), name


@pytest.mark.parametrize("profile", ["harmful", "kind"])
def test_each_profile_has_all_switches(profile):
    behaviour = yaml.safe_load((ROOT / f"lab/profiles/{profile}.yml").read_text(encoding="utf-8"))["behaviour"]
    assert set(behaviour) == set(SWITCHES)
    for name, value in behaviour.items():
        assert not SWITCHES[name] or value in SWITCHES[name], name


def test_the_extremes_differ_in_each_switch():
    harmful, kind = (yaml.safe_load((ROOT / f"lab/profiles/{name}.yml").read_text(encoding="utf-8"))["behaviour"] for name in ("harmful", "kind"))
    assert [name for name in SWITCHES if harmful[name] == kind[name]] == []
    by_version = {"host_certificate"}
    assert [name for name, values in SWITCHES.items() if values and name not in by_version and harmful[name] != values[0]] == []


# The tests that docs/simulator.md names: {switch: (test of the simulator, test of the collection)}.
TESTS = {
    match[1]: (match[2], match[3])
    for match in re.finditer(
        r"^\| `(\w+)` \| (Test\w+) \| (test_\w+\.py::test_\w+) \|$", (ROOT / "docs/simulator.md").read_text(encoding="utf-8"), re.MULTILINE
    )
}


def test_each_switch_names_its_tests():
    assert list(TESTS) == list(SWITCHES)


@pytest.mark.parametrize("switch", sorted(SWITCHES))
def test_the_simulators_test_is_about_the_switch(switch):
    bodies = [body for path in (ROOT / "lab/vcsim").glob("*_test.go") for body in re.split(r"^func ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]]
    (body,) = [body for body in bodies if body.startswith(f"{TESTS[switch][0]}(")]
    assert switch in body


@pytest.mark.parametrize("switch", sorted(SWITCHES))
def test_the_collections_test_runs_the_other_values(switch):
    """The default is run where nothing is said, so the test's file names the switch with each other value."""
    file, name = TESTS[switch][1].split("::")
    text = (ROOT / "tests/acceptance" / file).read_text(encoding="utf-8")
    assert f"def {name}(" in text and re.search(rf"\b{switch}\b", text)
    others = [f'"{value}"' for value in SWITCHES[switch][1:]] or ["0.0"]
    assert [value for value in others if value not in text] == []
