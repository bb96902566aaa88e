# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to OpenStack by openstacksdk."""

from __future__ import annotations

import contextlib
import os
import traceback

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

try:
    import openstack
    from keystoneauth1 import exceptions as keystone_errors

    IMPORT_ERROR = None
except ImportError:
    openstack = keystone_errors = None
    IMPORT_ERROR = traceback.format_exc()


class OpenStackError(NovaVmwareError):
    """A call to an OpenStack service failed."""


def connect(options):
    """Returns an ``openstack.connection.Connection``; it logs in at its first call.

    :arg options: the keys of the module option ``openstack``; those that are None count as left out. With ``auth`` and without ``cloud`` nothing
        comes from elsewhere. Without both, the OS_* variables of the environment or the only cloud of clouds.yaml count, as everywhere with
        openstacksdk.
    :raises OpenStackError: ``OPENSTACK_CONFIG``, for example an unknown cloud, or a clouds.yaml that can't be read.
    """
    options = {name: value for name, value in options.items() if value is not None}
    if "validate_certs" in options:
        options["verify"] = options.pop("validate_certs")
    if "ca_cert" in options:
        options["cacert"] = options.pop("ca_cert")
    clouds_file = options.pop("clouds_file", None)
    if clouds_file:  # openstacksdk takes it from the environment only, here that of this process
        os.environ.setdefault("OS_CLIENT_CONFIG_FILE", clouds_file)
        os.environ.setdefault("OS_CLIENT_SECURE_FILE", os.path.join(os.path.dirname(clouds_file), "secure.yaml"))
    if "auth" in options and "cloud" not in options:
        # openstacksdk would fill up what is given with the only cloud of clouds.yaml, its regions and certificates.
        options["load_envvars"] = options["load_yaml_config"] = False
    try:
        return openstack.connect(**options)
    except Exception as error:  # of a wrong clouds.yaml, or keys of auth that the plugin does not know, openstacksdk lets AttributeError and others through
        raise OpenStackError(
            "OPENSTACK_CONFIG",
            f"Failed to find out how to reach OpenStack: {error}.",
            "Check the option openstack, the OS_* variables and clouds.yaml: the keys of auth must be those of the auth plugin.",
        ) from error


def account(cloud):
    """Returns ``(project id or None, names of the roles)`` of the token that a connection uses; asks Keystone for one where there is none yet."""
    with translate("log in to Keystone"):
        access = cloud.session.auth.get_access(cloud.session)
        return access.project_id, frozenset(access.role_names)


@contextlib.contextmanager
def translate(what):
    """Turns whatever openstacksdk raises into an :class:`OpenStackError`.

    :arg what: a verb phrase with the object, completes "Failed to ...".
    """
    try:
        yield
    except NovaVmwareError:
        raise
    except keystone_errors.Unauthorized as error:
        raise OpenStackError("OPENSTACK_UNAUTHORIZED", f"Failed to {what}: {error}.", "Check the credentials in the option openstack.") from error
    except keystone_errors.ConnectFailure as error:
        raise OpenStackError("OPENSTACK_UNREACHABLE", f"Failed to {what}: {error}.", "Check the endpoint and the network.") from error
    except (openstack.exceptions.SDKException, keystone_errors.ClientException) as error:
        raise OpenStackError("OPENSTACK_ERROR", f"Failed to {what}: {error}.") from error
    except ValueError as error:  # requests' JSONDecodeError: something else than the service has answered
        raise OpenStackError(
            "OPENSTACK_ANSWER_UNREADABLE", f"Failed to {what}: the answer is no JSON: {error}.",
            "Check the endpoints in Keystone's catalog, and a proxy or load balancer in front of them.",
        ) from error  # fmt: skip


def check(response):
    """Raises what openstacksdk raises for an answer whose status says that the call failed.

    :arg response: what a call of a proxy's ``get`` returned.
    """
    openstack.exceptions.raise_from_response(response)
