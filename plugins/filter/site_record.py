# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: site_record
short_description: The record of a run over a whole site
version_added: 0.1.0
description:
  - Makes one record of what the compute hosts of a run tell. It has no secret.
author:
  - The openstack_vmware.nova authors (@openstack-vmware)
positional: playbook, time, check_mode, checks
options:
  _input:
    description:
      - What each compute host tells, with C(name) and C(reached), and where it is known with C(computes), C(did), C(seeds), C(drift), C(changes)
        and C(needs).
    type: list
    elements: dict
    required: true
  playbook:
    description: Name of the playbook.
    type: str
    required: true
  time:
    description: When it was.
    type: str
    required: true
  check_mode:
    description: Whether it only said what it would do.
    type: bool
    required: true
  checks:
    description: Results of M(openstack_vmware.nova.compute_check) of the whole site.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Count what needs somebody
  ansible.builtin.debug:
    msg: "{{ record.needs | length }}"
  vars:
    record: "{{ [{'name': 'compute-1', 'reached': true}] | openstack_vmware.nova.site_record(playbook='preflight', time='today', check_mode=false) }}"
"""

RETURN = r"""
---
_value:
  description: The record.
  type: dict
  contains:
    playbook: {description: Name of the playbook., type: str}
    time: {description: When it was., type: str}
    check_mode: {description: Whether it only said what it would do., type: bool}
    compute_hosts: {description: The compute hosts with C(name) and C(reached)., type: list, elements: dict}
    vcenters: {description: Names of the vCenters., type: list, elements: str}
    computes:
      description: The nova-computes with C(host), C(compute_host), C(vcenter), C(cluster_name) and C(did), what the run did to it.
      type: list
      elements: dict
    checked: {description: Whether rules were judged., type: bool}
    findings: {description: As M(openstack_vmware.nova.compute_check) returns them., type: list, elements: dict}
    not_checked: {description: As M(openstack_vmware.nova.compute_check) returns them., type: list, elements: dict}
    passed: {description: As M(openstack_vmware.nova.compute_check) returns them., type: list, elements: str}
    seeds:
      description: Each image on each datastore, with C(vcenter), C(datastore), C(image), C(id), C(state), C(action), C(done) and C(bytes). Null where
        nobody looked.
      type: list
      elements: dict
    drift:
      description: Differences with C(compute_host), C(host), C(what), C(expected) and C(found). Null where nobody looked.
      type: list
      elements: dict
    changes: {description: What else was changed., type: list, elements: str}
    more: {description: What compute hosts have told of that needs somebody., type: list, elements: str}
    needs: {description: All that needs somebody., type: list, elements: str}
"""

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.summary import record


class FilterModule:
    """What Ansible asks a file of filters for."""

    def filters(self):
        """Returns the filter by its name."""
        return {"site_record": record}
