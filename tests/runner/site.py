"""The documentation's site: the pages of the repository and the reference of the plugins, by antsibull-docs and Sphinx."""

from __future__ import annotations

import shutil
import zlib

from .stage import VENV, WORK

# Labels of Ansible's own manual that the reference links to. Their inventory would come from the Internet, so here is one with just these.
ANSIBLE_LABELS = ("common_return_values", "ansible_configuration_settings", "action_plugins")
# Files that pages link to and that are no pages: they are copied, to be downloaded.
LINKED = ("LICENSE", "galaxy.yml", "requirements.txt")


def build(stage):
    """Builds the site; a warning is an error.

    :returns: the path of its first page.
    :raises Failure: a page can't be made, or Sphinx warns.
    """
    source, output = WORK / "site" / "source", WORK / "site" / "html"
    shutil.rmtree(WORK / "site", ignore_errors=True)
    (source / "reference").mkdir(mode=0o700, parents=True)
    pages = [*stage.copy.glob("*.md"), *stage.copy.glob("docs/*.md"), *stage.copy.glob("roles/*/README.md"), *(stage.copy / name for name in LINKED)]
    for page in pages:
        target = source / page.relative_to(stage.copy)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(page, target)
    for page in (stage.copy / "docs" / "site").iterdir():
        shutil.copy2(page, source / page.name)
    stage.run("antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error", "--no-add-antsibull-docs-version",
              "--dest-dir", source / "reference", "openstack_vmware.nova")  # fmt: skip
    inventory = WORK / "site" / "ansible.inv"
    listed = "".join(f"{label} std:label -1 {label}.html {label}\n" for label in ANSIBLE_LABELS)
    header = "# Sphinx inventory version 2\n# Project: Ansible\n# Version:\n# The remainder of this file is compressed using zlib.\n"
    inventory.write_bytes(header.encode() + zlib.compress(listed.encode()))
    stage.check(VENV / "python", "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "--builder", "html", source, output,
                GALAXY_YML=str(stage.copy / "galaxy.yml"), ANSIBLE_INVENTORY_FILE=str(inventory))  # fmt: skip
    return output / "index.html"
