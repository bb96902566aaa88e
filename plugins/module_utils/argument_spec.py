# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared option blocks: one function for each documentation fragment of ``plugins/doc_fragments``."""

from __future__ import annotations

from ansible.module_utils.basic import env_fallback


def vcenter_argument_spec(required=True):
    """Options of the fragment ``vcenter``. Names and variables as in vmware.vmware, and ``ca_path`` and ``thumbprint``.

    :arg required: False for a module that also works without a vCenter.
    """
    return {
        "hostname": {"type": "str", "required": required, "fallback": (env_fallback, ["VMWARE_HOST"])},
        "username": {
            "type": "str", "required": required, "aliases": ["user", "admin"], "fallback": (env_fallback, ["VMWARE_USER"]),
        },
        "password": {
            "type": "str", "required": required, "aliases": ["pass", "pwd"], "no_log": True,
            "fallback": (env_fallback, ["VMWARE_PASSWORD"]),
        },
        "port": {"type": "int", "default": 443, "fallback": (env_fallback, ["VMWARE_PORT"])},
        "validate_certs": {"type": "bool", "default": True, "fallback": (env_fallback, ["VMWARE_VALIDATE_CERTS"])},
        "ca_path": {"type": "path", "fallback": (env_fallback, ["VMWARE_CA_PATH"])},
        "thumbprint": {"type": "str", "fallback": (env_fallback, ["VMWARE_THUMBPRINT"])},
        "proxy_host": {"type": "str", "fallback": (env_fallback, ["VMWARE_PROXY_HOST"])},
        "proxy_port": {"type": "int", "fallback": (env_fallback, ["VMWARE_PROXY_PORT"])},
    }  # fmt: skip


def openstack_argument_spec(required=False):
    """The option of the fragment ``openstack``: one dict, since its keys would clash with those of the vCenter."""
    return {
        "openstack": {
            "type": "dict",
            "required": required,
            "options": {
                "cloud": {"type": "str"},
                "clouds_file": {"type": "path"},
                "auth": {"type": "dict", "no_log": True},
                "auth_type": {"type": "str"},
                "region_name": {"type": "str"},
                "interface": {"type": "str", "choices": ["admin", "internal", "public"]},
                "validate_certs": {"type": "bool"},
                "ca_cert": {"type": "path"},
                "api_timeout": {"type": "int"},
            },
        }
    }


def hypervisors_argument_spec(required=False):
    """The option of the fragment ``hypervisors``."""
    return {
        "hypervisors": {
            "type": "list",
            "elements": "dict",
            "required": required,
            "options": {
                "cluster_name": {"type": "str", "required": True},
                "datastore_regex": {"type": "str"},
            },
        }
    }


def cache_argument_spec():
    """Options of the fragment ``cache``: the options of nova.conf that decide the cache folder."""
    return {
        "cache_prefix": {"type": "str"},
        "subdirectory_name": {"type": "str", "default": "_base"},
        "remove_unused_base_images": {"type": "bool", "default": True},
        "my_ip": {"type": "str"},
    }
