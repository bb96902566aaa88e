# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md explains each error code that the code can raise, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UTILS = ROOT / "plugins" / "module_utils"
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|CANCELLED")
# Words of that form in the code that are no error codes, by the file (or folder) that has them.
OTHER_WORDS = {
    "argument_spec.py": None,  # names of environment variables
    "doctor/rules": None,  # ids of rules: docs/checks.md has them
    "deployment/rules.py": None,  # as above
    "cache/prune.py": {"AGE_UNKNOWN", "DELETED_IN_GLANCE", "IN_GLANCE", "IN_USE", "NOT_RECOGNISED", "NOT_WANTED", "TOO_YOUNG", "USE_UNKNOWN"},  # verdicts
    "conversion/qemu.py": {"LC_ALL"},
    "deployment/missing.py": {"DISK_GB", "MEMORY_MB"},  # resource classes of Placement
    "progress.py": {"OPENSTACK_VMWARE_NOVA_PROGRESS"},  # an environment variable
    "vsphere/lease.py": {"ALREADY_EXISTS", "DUPLICATE_NAME", "FILE_ALREADY_EXISTS", "TASK_IN_PROGRESS"},  # faults of vSphere
    "openstack/connection.py": {"OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"},  # environment variables
    "vsphere/pull.py": {"HTTP_FAULT", "SSLVERIFY_FAULT", "SYSTEM_ERROR"},  # faults of vSphere
    "vsphere/pyvmomi.py": {"IMPORT_ERROR"},
    "vsphere/tls.py": {"VERIFY_X509_PARTIAL_CHAIN"},
}
# Codes that the code puts together, and where: openstack/compute_canary.py and vsphere/transfer.py.
COMPOSED = {"{}_NOT_FOUND": {"FLAVOR_NOT_FOUND", "IMAGE_NOT_FOUND"}, "{}_NOT_PERMITTED": {"DOWNLOAD_NOT_PERMITTED", "UPLOAD_NOT_PERMITTED"}}


def ignored(name):
    """Returns the words of a file that are no error codes; None means all of them."""
    for place, words in OTHER_WORDS.items():
        if name == place or name.startswith(f"{place}/"):
            return words
    return set()


def composed(node):
    """Returns the codes that an f-string such as ``f"{verb}_NOT_PERMITTED"`` stands for."""
    pattern = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if not re.fullmatch(r"\{\}(_[A-Z]+)+|([A-Z]+_)+\{\}", pattern):
        return set()
    return COMPOSED[pattern]


def raised():
    """Returns every error code of module_utils."""
    found = {"CANCELLED"}  # module.py
    for path in sorted(UTILS.rglob("*.py")):
        name = path.relative_to(UTILS).as_posix()
        not_codes = ignored(name)
        if not_codes is None:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                found |= {node.value} - not_codes
            elif isinstance(node, ast.JoinedStr):
                found |= composed(node)
    return found


def documented():
    """Returns the codes in the first cells of the page's tables, and the other cells of their rows."""
    rows = re.findall(r"^\| (`[A-Z_0-9`, ]+`) \| (.+) \| (.+) \|$", (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {code: cells for codes, *cells in rows for code in re.findall(r"`([A-Z_0-9]+)`", codes)}


def test_each_error_code_is_explained():
    codes = raised()
    assert len(codes) > 100
    assert sorted(codes - set(documented())) == [], "raised, but not in docs/troubleshooting.md"
    # vSphere's own faults become codes, too; of these the page has one that is no constant elsewhere.
    assert sorted(set(documented()) - codes - {"NO_PERMISSION"}) == [], "in docs/troubleshooting.md, but never raised"


def test_each_explanation_says_what_to_do():
    assert [code for code, (meaning, action) in documented().items() if not (meaning.endswith(".") and action.endswith("."))] == []


def test_words_that_are_no_codes_are_there():
    """An entry of the list above that has become wrong would hide a code."""
    for place, words in OTHER_WORDS.items():
        assert (UTILS / place).exists(), place
        text = (UTILS / place).read_text(encoding="utf-8") if words else ""
        assert [word for word in words or () if f'"{word}"' not in text] == [], place
