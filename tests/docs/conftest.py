# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the pages. The stage `docs` (tests/runner/stages.py) starts them, and names its copy of the collection in COLLECTION."""
