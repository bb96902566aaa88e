# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a resource provider in Placement and prints its UUID. AUTH in the environment: the option auth, as JSON."""

from __future__ import annotations

import json
import os
import uuid

import openstack

cloud = openstack.connect(auth=json.loads(os.environ["AUTH"]), region_name="RegionOne", load_envvars=False, load_yaml_config=False)
print(cloud.placement.create_resource_provider(name=f"left-{uuid.uuid4()}").id)
