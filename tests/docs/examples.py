# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the pages: each fenced block, and of which kind it is."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import yaml

ROOT = Path(os.environ["COLLECTION"])
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("roles/*/README.md"))]
COLLECTION = "openstack_vmware.nova."
# Languages of blocks that say what is printed, or how something is arranged: there is nothing to run.
SHOWN = ("text", "mermaid")
NOT_RUN = re.compile(r"<!-- not run: (.+) -->")


@dataclasses.dataclass(frozen=True)
class Example:
    """A fenced block of a page.

    :ivar page: the page, below the collection's root. :ivar line: number of its first line. :ivar language: the word after the fence.
    :ivar text: what is in it. :ivar not_run: why it is not run, or an empty text.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str

    def __str__(self):
        return f"{self.page}:{self.line}"

    @property
    def data(self):
        """What a YAML block says."""
        return yaml.safe_load(self.text)

    @property
    def kind(self):
        """Of which kind it is; "unknown" is a defect of the page."""
        if self.language in SHOWN:
            return "shown"
        if self.not_run:
            return "not run"
        if self.language in ("console", "json"):
            return self.language
        return yaml_kind(self.data) if self.language == "yaml" else "unknown"

    @property
    def commands(self):
        """The commands of a console block, as a shell takes them."""
        joined = self.text.replace("\\\n", "")
        found = re.findall(r"^[$#] (.+)$", joined, re.MULTILINE)
        return [re.sub(r"\s+# .*$", "", command) for command in found]


def yaml_kind(data):
    """Says what a YAML document of a page is."""
    if isinstance(data, list):
        if all("hosts" in play for play in data):
            return "playbook"
        return "tasks" if all(any("." in key for key in task) for task in data) else "unknown"
    names = set(data)
    if names <= {"nova_vcdriver", "nova_controller"} and "nova_vcdriver" in names:
        return "inventory"
    if all(name.startswith(("nova_vcdriver_", "image_seed_")) for name in names):
        return "variables"
    if all(name.startswith("vault_") for name in names):
        return "vault"
    if names <= {"vcenter", "datacenters"}:
        return "scenario"
    return "changelog" if "minor_changes" in names else "unknown"


def examples():
    """Returns each fenced block of each page, in order."""
    found = []
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        start = None
        for number, line in enumerate(lines):
            fence = re.fullmatch(r"(\s*)```(\w*)", line)
            if not fence:
                continue
            if start is None:
                start, indent, language = number, fence[1], fence[2]
                above = [text for text in lines[max(0, number - 2) : number] if text.strip()]
                why = NOT_RUN.fullmatch(above[-1].strip()) if above else None
            else:
                text = "\n".join(line.removeprefix(indent) for line in lines[start + 1 : number]) + "\n"
                found.append(Example(str(page.relative_to(ROOT)), start + 1, language, text, why[1] if why else ""))
                start = None
    return found
