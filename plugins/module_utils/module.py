# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one boundary between the collection's code and Ansible."""

from __future__ import annotations

import signal
import tempfile
import traceback

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import CANCELLED_BY


class Cancelled(BaseException):
    """SIGTERM, SIGINT or SIGHUP arrived: somebody wants the job to end, or the connection over which it was started is gone."""


def run(body, argument_spec, **module_options):
    """Runs a module: parses its options, calls ``body`` and turns its outcome into the module's answer.

    :arg body: a function ``(params, check_mode) -> dict`` that raises :class:`NovaVmwareError`. The dict is the module's
        result; ``changed``, ``diff`` and ``warnings`` in it are Ansible's. A signal of :data:`CANCELLED_BY` raises :class:`Cancelled` in it.
    :arg argument_spec: AnsibleModule's.
    """
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **module_options)
    for number in CANCELLED_BY:
        signal.signal(number, _cancel)
    tempfile.tempdir = module.tmpdir  # Ansible's for this task: it has a place that the operator chose, mode 0700, and an end
    module.no_log_values.update(_secrets((module.params.get("openstack") or {}).get("auth")))
    if _is_blind(module.params):
        module.warn(
            f"validate_certs is false: the certificate of {module.params['hostname']} is not verified, so that anybody on the way can read the password. "
            "Give the certificate of its CA in ca_path, or its thumbprint."
        )
    try:
        result = body(module.params, module.check_mode)
    except NovaVmwareError as error:
        failure = error.to_result()
        module.fail_json(exception=traceback.format_exc(), **failure)
    except Cancelled:
        module.fail_json(msg="Cancelled. What was under way was removed again.", error_code="CANCELLED")
    if not module._diff:
        result.pop("diff", None)
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    module.exit_json(**result)


def _is_blind(params):
    """Tells whether a module would send a password to a vCenter that it does not verify. The playbooks have ``insecure`` in the inventory for that."""
    return bool(params.get("hostname")) and params.get("validate_certs") is False and not params.get("thumbprint")


def _cancel(_signal, _frame):
    """Ends the module by an exception, so that each step cleans up behind itself; that must not be cancelled as well."""
    for number in CANCELLED_BY:
        signal.signal(number, signal.SIG_IGN)
    raise Cancelled


def _secrets(auth):
    """Returns the values inside ``auth`` that are secret: Ansible redacts a dict option as a whole, but not what is inside it."""
    return {str(value) for name, value in (auth or {}).items() if value and any(word in name for word in ("password", "secret", "token", "passcode"))}
