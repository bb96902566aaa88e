# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark still runs. What takes how long is not judged here: that is for a quiet machine."""

from __future__ import annotations

import json
import subprocess

from conftest import LAB, ROOT


def test_a_small_benchmark(lab):
    done = subprocess.run(
        [ROOT / "bench" / "run", "--small", "--rounds", "1", "--cases", "many"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads((LAB / "bench" / "report.json").read_text(encoding="utf-8"))
    counts = {goal["claim"]: goal for goal in report["goals"]}
    assert counts["image sizes read from Glance"]["value"] == 1
    read = {one["subject"]: one["median"] for one in report["figures"] if one["what"] == "read from Glance [bytes]"}
    assert read["Nova"] >= 4 * read["image_cache"] > 0, "a peer that reads nothing shows nothing"
