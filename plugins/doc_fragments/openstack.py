# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  openstack:
    description:
      - How to reach OpenStack, with the options of the modules of openstack.cloud. They are in a dict of their own since some of them
        would clash with those for the vCenter.
      - With O(openstack.auth) and without O(openstack.cloud) nothing comes from elsewhere.
      - Without both, C(clouds.yaml) and the E(OS_CLOUD), E(OS_AUTH_URL) and other C(OS_*) variables count, as with any tool that is built
        on openstacksdk.
    type: dict
    suboptions:
      cloud:
        description: Name of the cloud in C(clouds.yaml).
        type: str
      clouds_file:
        description:
          - A C(clouds.yaml) to read before those of the working directory, of the user and of the machine. A C(secure.yaml) beside it is read, too.
          - The environment variable E(OS_CLIENT_CONFIG_FILE) wins over it.
        type: path
      auth:
        description: What the auth plugin needs, for example C(auth_url), C(username), C(password), C(project_name).
        type: dict
      auth_type:
        description: Name of the auth plugin, for example V(password) or V(v3applicationcredential).
        type: str
      region_name:
        description: Name of the region.
        type: str
      interface:
        description: Which of the endpoints to use.
        type: str
        choices: [admin, internal, public]
      validate_certs:
        description: Whether the certificates of OpenStack's endpoints are checked. Unset means that they are, unless C(clouds.yaml) says otherwise.
        type: bool
      ca_cert:
        description: File with the CA certificates to trust for OpenStack's endpoints.
        type: path
      api_timeout:
        description: Seconds to wait for an answer of an endpoint.
        type: int
requirements:
  - openstacksdk >= 1.0.0
"""
