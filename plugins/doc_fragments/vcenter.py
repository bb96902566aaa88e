# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  hostname:
    description:
      - Name or address of the vCenter.
      - If not set, the value of the environment variable E(VMWARE_HOST) is used.
    type: str
    required: true
  username:
    description:
      - Name of the account.
      - If not set, the value of the environment variable E(VMWARE_USER) is used.
    type: str
    required: true
    aliases: [user, admin]
  password:
    description:
      - Password of the account.
      - If not set, the value of the environment variable E(VMWARE_PASSWORD) is used.
    type: str
    required: true
    aliases: [pass, pwd]
  port:
    description:
      - Port of the vCenter. The ESXi hosts are expected to answer on the same one, as Nova expects it.
      - If not set, the value of the environment variable E(VMWARE_PORT) is used.
    type: int
    default: 443
  validate_certs:
    description:
      - Whether certificates are checked, for the API and for the transfer of images.
      - If not set, the value of the environment variable E(VMWARE_VALIDATE_CERTS) is used. The credential type for vCenter in AWX
        sets it, and by the default of AWX to V(false).
    type: bool
    default: true
  ca_path:
    description:
      - File with the CA certificates to trust instead of the system's.
      - If not set, the value of the environment variable E(VMWARE_CA_PATH) is used.
    type: path
  thumbprint:
    description:
      - SHA-1 or SHA-256 thumbprint of the vCenter's certificate, hexadecimal, with or without colons. The vCenter must show this very certificate;
        who signed it and which name it has does not matter then, nor does O(validate_certs).
      - An ESXi host is then trusted by the thumbprint that the vCenter names for it, unless a module has an option that says otherwise.
      - Use it where there is no CA. Renew it when the certificate is renewed.
      - If not set, the value of the environment variable E(VMWARE_THUMBPRINT) is used.
    type: str
  proxy_host:
    description:
      - Name or address of an HTTP proxy for the API of the vCenter. Images do not go through it.
      - If not set, the value of the environment variable E(VMWARE_PROXY_HOST) is used.
    type: str
  proxy_port:
    description:
      - Port of the HTTP proxy.
      - If not set, the value of the environment variable E(VMWARE_PROXY_PORT) is used.
    type: int
requirements:
  - pyVmomi >= 8.0.3.0.1
"""
