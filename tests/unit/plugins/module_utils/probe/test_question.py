# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the probe's answers."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.openstack_vmware.nova.plugins.module_utils.nova.datastore import SUPPORTED_TYPES
from ansible_collections.openstack_vmware.nova.plugins.module_utils.probe import question


def test_the_types_are_those_that_nova_uses():
    assert question.ALL == SUPPORTED_TYPES
    assert not question.FILES & question.VSAN


def test_the_worst_comes_first():
    assert question.LEVELS == (question.PROBLEM, question.UNKNOWN, question.NOTE, question.OK)


def test_a_question_is_a_switch_unless_told():
    one = question.Question("copy", "Does it copy?", question.ALL, ask=print, answers={"yes": question.Meaning(question.OK, "It does.")})
    assert one.switch and one.needs == () and one.seconds == 30
    assert "print" not in repr(one)
    assert replace(question.Finding(None, "It was not seen."), seconds=1.5).lacking == ""
